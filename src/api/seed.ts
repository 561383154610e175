// What every cluster has from its first moment: namespaces, their service accounts, the system's priority classes, and
// the Service of the API itself, and the default roles.
import { effectiveRules } from "../core/role-aggregation.ts";
import type { ResourceName } from "../model/api-error.ts";
import { qualifiedResource } from "../model/api-error.ts";
import { defaultClusterRoleBindings, defaultClusterRoles } from "../model/default-roles.ts";
import { goTime } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";
import { namespaces } from "../model/namespace.ts";
import { priorityClasses, systemPriorityClasses } from "../model/priority-class.ts";
import { clusterRoleBindings, clusterRoles } from "../model/rbac.ts";
import { Service, services } from "../model/service.ts";
import { apiServiceAddress } from "../model/service-addresses.ts";
import { runBatch } from "../store/batch.ts";
import type { NewObject } from "../store/objects.ts";
import { insertObjects, readObject } from "../store/objects.ts";

/** How programs in pods find the API by convention. Nobody looks after its endpoints: the API has no address here. */
const apiService = Service.parse({
  apiVersion: "v1",
  kind: "Service",
  metadata: {
    name: "kubernetes",
    namespace: "default",
    labels: { component: "apiserver", provider: "kubernetes" },
  },
  spec: { clusterIP: apiServiceAddress, ports: [{ name: "https", port: 443, targetPort: 6443 }] },
});

const firstNamespaces = ["default", "kube-node-lease", "kube-public", "kube-system"] as const;

/** Makes what is missing; once it is there, a look at one row is all. */
export async function seed(db: D1Database, nowMs: number): Promise<void> {
  const last = { resource: qualifiedResource(services), namespace: "default", name: "kubernetes" };
  const lastBinding = { resource: qualifiedResource(clusterRoleBindings), namespace: "", name: "system:node" };
  const [present, bindings] = await runBatch(db, [readObject(db, last), readObject(db, lastBinding)]);
  if (bindings === null) await seedRoles(db, nowMs);
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
  const classes = systemPriorityClasses.map((object) =>
    rowOf(qualifiedResource(priorityClasses), named(object, nowMs)),
  );
  const api = rowOf(last.resource, named(services.prepareForCreate(apiService), nowMs));
  await runBatch(db, [insertObjects(db, [...accounts, ...classes, api], { nowMs })]);
}

/** Those that are there already, changed by somebody or not, stay as they are. */
async function seedRoles(db: D1Database, nowMs: number): Promise<void> {
  const rows = (resource: ResourceName, objects: readonly KubeObject[]) =>
    objects.map((object) => rowOf(qualifiedResource(resource), named(object, nowMs)));
  const seeded = defaultClusterRoles.map((role) => ({
    ...role,
    rules: [...effectiveRules(role, defaultClusterRoles)],
  }));
  await runBatch(db, [
    insertObjects(db, [...rows(clusterRoles, seeded), ...rows(clusterRoleBindings, defaultClusterRoleBindings)], {
      nowMs,
    }),
  ]);
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
