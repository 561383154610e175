import { expect, it } from "vitest";
import * as z from "zod";
import { applyPatch } from "../../src/api/patch/patch.ts";
import { elementSchema, fieldSchema, type PatchSchema, patchSchemaOf } from "../../src/api/patch/patch-schema.ts";
import { daemonSets } from "../../src/model/daemonset.ts";
import { apps, list, struct, text } from "../../src/model/fields.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import { nodes } from "../../src/model/node.ts";
import { pods } from "../../src/model/pod.ts";
import type { Resource } from "../../src/model/resource.ts";
import { serviceAccounts } from "../../src/model/service-account.ts";
import { ships } from "./small-resources.ts";

/** The rules at a path; `*` steps into the elements of a list. */
function schemaAt(resource: Pick<Resource, "schema">, path: string): PatchSchema {
  const steps = path.split(".");
  return steps.reduce(
    (at, step) => (step === "*" ? elementSchema(at) : fieldSchema(at, step)),
    patchSchemaOf(resource),
  );
}

const root = patchSchemaOf(ships);
const spec = fieldSchema(root, "spec");

it.each([
  ["merged lists", "containers", "merge", "name"],
  ["merged lists that retain keys", "volumes", "merge", "name"],
  ["merged lists of plain values", "flags", "merge", undefined],
  ["lists without rules", "tolerations", undefined, undefined],
  ["maps", "nodeSelector", undefined, undefined],
  ["structs that are replaced", "ballast", "replace", undefined],
  ["unknown fields", "pets", undefined, undefined],
])("patchSchemaOf knows %s", (_sort, field, strategy, mergeKey) => {
  expect(fieldSchema(spec, field)).toMatchObject({ strategy, mergeKey });
});

it("patchSchemaOf follows structs, lists and maps down", () => {
  const container = elementSchema(fieldSchema(spec, "containers"));
  expect(fieldSchema(container, "ports").mergeKey).toBe("containerPort");
  const rigged = fieldSchema(fieldSchema(spec, "rigging"), "fore");
  expect(fieldSchema(rigged, "env").mergeKey).toBe("name");
  expect(fieldSchema(fieldSchema(root, "metadata"), "ownerReferences").mergeKey).toBe("uid");
});

const podSpec = (field: string) => `spec.template.spec.${field}`;
const container = (field: string) => `spec.template.spec.containers.*.${field}`;

it.each([
  [daemonSets, "metadata.ownerReferences", "uid"],
  [daemonSets, podSpec("containers"), "name"],
  [daemonSets, podSpec("initContainers"), "name"],
  [daemonSets, podSpec("volumes"), "name"],
  [daemonSets, podSpec("imagePullSecrets"), "name"],
  [daemonSets, podSpec("hostAliases"), "ip"],
  [daemonSets, podSpec("topologySpreadConstraints"), "topologyKey"],
  [daemonSets, container("env"), "name"],
  [daemonSets, container("ports"), "containerPort"],
  [daemonSets, container("volumeMounts"), "mountPath"],
  [daemonSets, container("volumeDevices"), "devicePath"],
  [daemonSets, "status.conditions", "type"],
  [pods, "spec.ephemeralContainers", "name"],
  [pods, "status.conditions", "type"],
  [pods, "status.podIPs", "ip"],
  [nodes, "status.conditions", "type"],
  [nodes, "status.addresses", "type"],
  [serviceAccounts, "secrets", "name"],
])("patchSchemaOf $kind: %s merges by %s", (resource, path, mergeKey) => {
  expect(schemaAt(resource, path)).toMatchObject({ strategy: "merge", mergeKey });
});

it.each([
  [daemonSets, "metadata.finalizers"],
  [nodes, "spec.podCIDRs"],
])("patchSchemaOf $kind: %s merges as a set", (resource, path) => {
  expect(schemaAt(resource, path)).toMatchObject({ strategy: "merge", mergeKey: undefined });
});

it.each([
  [daemonSets, podSpec("tolerations")],
  [daemonSets, container("args")],
  [daemonSets, container("command")],
  [daemonSets, container("envFrom")],
  [daemonSets, "spec.selector.matchExpressions"],
  [nodes, "spec.taints"],
  [pods, "status.containerStatuses"],
])("patchSchemaOf $kind: %s is replaced", (resource, path) => {
  expect(schemaAt(resource, path).strategy).toBeUndefined();
});

it("patchSchemaOf compiles a resource once", () => {
  expect(patchSchemaOf({ schema: ships.schema })).toBe(root);
});

it("patchSchemaOf follows structs that contain themselves", () => {
  const Node: z.ZodType = z.lazy(() =>
    struct(
      apps("TreeNode"),
      { name: text, children: list(Node, { mergeKey: "name" }) },
      { about: "A node.", name: "Its name.", children: "What is below it." },
    ),
  );
  const cached = struct(apps("Tree"), { root: Node }, { about: "A tree.", root: "Its root." });
  // Typed stub: only the shape of the schema is looked at.
  const schema = patchSchemaOf({ schema: cached as unknown as z.ZodType<KubeObject> });
  const child = elementSchema(fieldSchema(fieldSchema(schema, "root"), "children"));
  expect(fieldSchema(child, "children").mergeKey).toBe("name");
});

it.each([
  ["application/json-patch+json", [{ op: "replace", path: "/spec/flags", value: ["y"] }], ["y"]],
  ["application/merge-patch+json", { spec: { flags: ["y"] } }, ["y"]],
  ["application/strategic-merge-patch+json", { spec: { flags: ["y"] } }, ["y", "x"]],
] as const)("applyPatch applies %s", (mediaType, patch, flags) => {
  const document = { spec: { flags: ["x"] } };
  expect(applyPatch({ mediaType, document, patch, resource: ships })).toEqual({ spec: { flags } });
});
