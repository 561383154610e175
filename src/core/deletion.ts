// What asking for an object's deletion does to it: it goes at once, or it is marked and waits for its finalizers.
// Source: apiserver pkg/registry/generic/registry/store.go Delete, deletionFinalizersForGarbageCollection.
import { withCondition } from "../model/custom/accepted-names.ts";
import type { CustomResourceDefinition } from "../model/custom/definition.ts";
import { cleanupFinalizer } from "../model/custom/definition.ts";
import { goTime } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";

export type PropagationPolicy = "Background" | "Foreground" | "Orphan";

export const orphanFinalizer = "orphan";
export const foregroundFinalizer = "foregroundDeletion";

export type Deletion =
  /** Nothing holds the object. */
  | { readonly do: "remove" }
  | { readonly do: "mark"; readonly object: KubeObject }
  /** It is marked already, and nothing changes. */
  | { readonly do: "wait" };

/** `policy` null: what the object's finalizers say, else background. */
export function planDeletion(given: KubeObject, policy: PropagationPolicy | null, nowMs: number): Deletion {
  const object = isDefinition(given) ? beforeCleanup(given, nowMs) : given;
  const finalizers = finalizersFor(object, policy);
  const isMarked = object.metadata.deletionTimestamp !== undefined;
  if (finalizers.length === 0 && !isHeldBySpec(object)) return { do: "remove" };
  if (isMarked && sameList(finalizers, object.metadata.finalizers ?? [])) return { do: "wait" };
  return { do: "mark", object: isMarked ? withFinalizers(object, finalizers) : marked(object, finalizers, nowMs) };
}

function finalizersFor({ metadata }: KubeObject, policy: PropagationPolicy | null): readonly string[] {
  const given = metadata.finalizers ?? [];
  const own = given.filter((finalizer) => finalizer !== orphanFinalizer && finalizer !== foregroundFinalizer);
  switch (policy) {
    case "Orphan":
      return [...own, orphanFinalizer];
    case "Foreground":
      return [...own, foregroundFinalizer];
    case "Background":
      return own;
    case null:
      return given;
  }
}

/** A CustomResourceDefinition is held until the objects of its kind are gone. */
function beforeCleanup(definition: CustomResourceDefinition, nowMs: number): KubeObject {
  if (definition.metadata.deletionTimestamp !== undefined) return definition;
  const { finalizers = [] } = definition.metadata;
  const held = withFinalizers(definition, [
    ...finalizers.filter((name) => name !== cleanupFinalizer),
    cleanupFinalizer,
  ]);
  const pending = {
    type: "Terminating",
    status: "True",
    reason: "InstanceDeletionPending",
    message: "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
  };
  const conditions = withCondition(definition.status.conditions ?? [], pending, nowMs);
  return { ...held, status: { ...definition.status, conditions } };
}

function isDefinition(object: KubeObject): object is CustomResourceDefinition {
  return object.kind === "CustomResourceDefinition" && object.apiVersion === "apiextensions.k8s.io/v1";
}

function isNamespace({ kind, apiVersion }: KubeObject): boolean {
  return kind === "Namespace" && apiVersion === "v1";
}

/** A Namespace is held by the finalizers of its spec until it is empty. */
function isHeldBySpec(object: KubeObject): boolean {
  // Namespaces are decoded before they are stored.
  const spec = object["spec"] as { readonly finalizers?: readonly string[] } | undefined;
  return isNamespace(object) && (spec?.finalizers ?? []).length > 0;
}

/** Whether an object that was marked for deletion is held by nothing any more. */
export function isReleased(object: KubeObject): boolean {
  const held = (object.metadata.finalizers ?? []).length > 0 || isHeldBySpec(object);
  return object.metadata.deletionTimestamp !== undefined && !held;
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

export function withFinalizers(object: KubeObject, finalizers: readonly string[]): KubeObject {
  const { finalizers: _before, ...metadata } = object.metadata;
  return { ...object, metadata: finalizers.length === 0 ? metadata : { ...metadata, finalizers: [...finalizers] } };
}

function marked(object: KubeObject, finalizers: readonly string[], nowMs: number): KubeObject {
  const { generation } = object.metadata;
  const held = withFinalizers(object, finalizers);
  const metadata = {
    ...held.metadata,
    deletionTimestamp: goTime(nowMs),
    ...(isNamespace(object) ? {} : { deletionGracePeriodSeconds: 0 }),
    ...(generation === undefined ? {} : { generation: generation + 1 }),
  };
  if (!isNamespace(object)) return { ...held, metadata };
  return { ...held, metadata, status: { ...Object(object["status"]), phase: "Terminating" } };
}
