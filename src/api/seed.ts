// What every cluster has from its first moment: namespaces, their service accounts, the system's priority classes.
import { qualifiedResource } from "../model/api-error.ts";
import { goTime } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";
import { namespaces } from "../model/namespace.ts";
import { priorityClasses, systemPriorityClasses } from "../model/priority-class.ts";
import { runBatch } from "../store/batch.ts";
import type { NewObject } from "../store/objects.ts";
import { insertObjects, readObject } from "../store/objects.ts";

const firstNamespaces = ["default", "kube-node-lease", "kube-public", "kube-system"] as const;

/** Makes what is missing; once it is there, a look at one row is all. */
export async function seed(db: D1Database, nowMs: number): Promise<void> {
  const last = { resource: qualifiedResource(priorityClasses), namespace: "", name: "system-node-critical" };
  const [present] = await runBatch(db, [readObject(db, last)]);
  if (present !== null) return;
  const spaces = firstNamespaces.map((name) => named(namespaces.prepareForCreate(newNamespace(name)), nowMs));
  await runBatch(db, [
    insertObjects(
      db,
      spaces.map((object) => rowOf("namespaces", object)),
      { nowMs },
    ),
  ]);
  const accounts = firstNamespaces.map((name) => defaultServiceAccount(name, nowMs));
  const classes = systemPriorityClasses.map((object) => rowOf(last.resource, named(object, nowMs)));
  await runBatch(db, [insertObjects(db, [...accounts, ...classes], { nowMs })]);
}

function newNamespace(name: string) {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name }, spec: {}, status: {} };
}

function named(object: KubeObject, nowMs: number): KubeObject {
  const metadata = { ...object.metadata, uid: crypto.randomUUID(), creationTimestamp: goTime(nowMs) };
  return { ...object, metadata };
}

function rowOf(resource: string, object: KubeObject): NewObject {
  return { resource, namespace: object.metadata.namespace ?? "", name: object.metadata.name ?? "", object };
}

export function defaultServiceAccount(namespace: string, nowMs: number): NewObject {
  const bare = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace } };
  return rowOf("serviceaccounts", named(bare, nowMs));
}
