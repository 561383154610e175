// What asking for an object's deletion does to it: it goes at once, or it is marked and waits for its finalizers.
// Source: apiserver pkg/registry/generic/registry/store.go Delete, deletionFinalizersForGarbageCollection.
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
export function planDeletion(object: KubeObject, policy: PropagationPolicy | null, nowMs: number): Deletion {
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

/** A Namespace is held by the finalizers of its spec until it is empty. */
function isHeldBySpec(object: KubeObject): boolean {
  // Namespaces are decoded before they are stored.
  const spec = object["spec"] as { readonly finalizers?: readonly string[] } | undefined;
  return object.kind === "Namespace" && (spec?.finalizers ?? []).length > 0;
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
    ...(object.kind === "Namespace" ? {} : { deletionGracePeriodSeconds: 0 }),
    ...(generation === undefined ? {} : { generation: generation + 1 }),
  };
  if (object.kind !== "Namespace") return { ...held, metadata };
  return { ...held, metadata, status: { ...Object(object["status"]), phase: "Terminating" } };
}
