import { describe, expect, it } from "vitest";
import type { ConfigMap } from "../../src/model/config-map.ts";
import { configMaps } from "../../src/model/config-map.ts";
import { namespaces } from "../../src/model/namespace.ts";
import { nodes } from "../../src/model/node.ts";
import { decoded, texts } from "./objects.ts";

function configMap(metadata: object): ConfigMap {
  return decoded(configMaps, { metadata: { name: "a", namespace: "default", ...metadata } });
}

const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const namePart =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const owner = { apiVersion: "apps/v1", kind: "DaemonSet", name: "web", uid: "1" };

it.each<readonly [rule: string, metadata: object, errors: readonly string[]]>([
  ["a name of 253 letters", { name: "a".repeat(253) }, []],
  [
    "a name of 254 letters",
    { name: "a".repeat(254) },
    [`metadata.name: Invalid value: "${"a".repeat(254)}": must be no more than 253 characters`],
  ],
  ["no name", { name: "" }, ["metadata.name: Required value: name or generateName is required"]],
  ["a prefix that ends in a dash", { generateName: "a-" }, []],
  ["a prefix that is none", { generateName: "A-" }, [`metadata.generateName: Invalid value: "A-": ${subdomain}`]],
  ["no namespace", { namespace: "" }, ["metadata.namespace: Required value"]],
  ["a label of 63 letters", { labels: { ["k".repeat(63)]: "v".repeat(63) } }, []],
  [
    "a label of 64 letters",
    { labels: { ["k".repeat(64)]: "v".repeat(64) } },
    [
      `metadata.labels: Invalid value: "${"k".repeat(64)}": name part must be no more than 63 characters`,
      `metadata.labels: Invalid value: "${"v".repeat(64)}": must be no more than 63 characters`,
    ],
  ],
  ["a label with a domain", { labels: { "example.com/a": "" } }, []],
  [
    "a label with half of one",
    { labels: { "/a": "" } },
    ['metadata.labels: Invalid value: "/a": prefix part must be non-empty'],
  ],
  [
    "a label without a name",
    { labels: { "example.com/": "" } },
    [
      'metadata.labels: Invalid value: "example.com/": name part must be non-empty',
      `metadata.labels: Invalid value: "example.com/": ${namePart}`,
    ],
  ],
  ["annotations in capitals", { annotations: { "Example.COM/A": "" } }, []],
  ["annotations of 256 KiB", { annotations: { a: "x".repeat(256 * 1024 - 1) } }, []],
  [
    "annotations of a byte more",
    { annotations: { a: "x".repeat(256 * 1024) } },
    ["metadata.annotations: Too long: may not be more than 262144 bytes"],
  ],
  [
    "annotations are counted in bytes",
    { annotations: { a: "\u20ac".repeat(90_000) } },
    ["metadata.annotations: Too long: may not be more than 262144 bytes"],
  ],
  ["an owner", { ownerReferences: [owner] }, []],
  ["several owners of which one controls", { ownerReferences: [{ ...owner, controller: true }, owner] }, []],
  [
    "two that control",
    {
      ownerReferences: [
        { ...owner, controller: true },
        { ...owner, name: "db", controller: true },
      ],
    },
    [
      'metadata.ownerReferences: Invalid value: [{"apiVersion":"apps/v1","kind":"DaemonSet","name":"web","uid":"1","controller":true},{"apiVersion":"apps/v1","kind":"DaemonSet","name":"db","uid":"1","controller":true}]: Only one reference can have Controller set to true. Found "true" in references for DaemonSet/web and DaemonSet/db',
    ],
  ],
  [
    "an owner that nobody can find",
    { ownerReferences: [{}] },
    [
      'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
      'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
      'metadata.ownerReferences.name: Invalid value: "": must not be empty',
      'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
    ],
  ],
  ["a finalizer with a domain", { finalizers: ["example.com/a"] }, []],
  ["Kubernetes' own finalizers", { finalizers: ["foregroundDeletion", "kubernetes"] }, []],
  [
    "a finalizer without a domain",
    { finalizers: ["mine"] },
    [
      'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
    ],
  ],
  [
    "both ways to treat dependents",
    { finalizers: ["orphan", "foregroundDeletion"] },
    [
      'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
    ],
  ],
  [
    "managed fields of an operation that is none",
    { managedFields: [{ manager: "m", operation: "Delete", fieldsType: "FieldsV2" }] },
    [
      'metadata.managedFields[0].operation: Invalid value: "Delete": must be `Apply` or `Update`',
      'metadata.managedFields[0].fieldsType: Invalid value: "FieldsV2": must be `FieldsV1`',
    ],
  ],
])("metadata with %s", (_rule, metadata, errors) => {
  expect(texts(configMaps.validate(configMap(metadata)))).toEqual(errors);
});

describe("names by kind:", () => {
  it("a node's may have dots", () => {
    expect(texts(nodes.validate(decoded(nodes, { metadata: { name: "a.b" } })))).toEqual([]);
    expect(nodes.validateName("a.b")).toBeNull();
  });

  it("a namespace's may not", () => {
    const namespace = decoded(namespaces, { metadata: { name: "a.b" } });
    expect(texts(namespaces.validate(namespace))).toEqual([
      'metadata.name: Invalid value: "a.b": must not contain dots',
    ]);
    expect(namespaces.validateName("a.b")).toBe("must not contain dots");
  });

  it("what belongs to the cluster is in no namespace", () => {
    expect(texts(nodes.validate(decoded(nodes, { metadata: { name: "a", namespace: "b" } })))).toEqual([
      "metadata.namespace: Forbidden: not allowed on this type",
    ]);
  });
});

describe("an update", () => {
  it("may not add finalizers to what is being deleted", () => {
    const deletionTimestamp = "2026-01-01T00:00:00Z";
    const old = configMap({ deletionTimestamp, finalizers: ["a.b/c"] });
    const next = configMap({ deletionTimestamp, finalizers: ["a.b/c", "a.b/e", "a.b/d"] });
    expect(texts(configMaps.validateUpdate(next, old))).toEqual([
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.b/d", "a.b/e"}',
    ]);
  });

  it("may not count backwards", () => {
    expect(texts(configMaps.validateUpdate(configMap({ generation: 1 }), configMap({ generation: 2 })))).toEqual([
      "metadata.generation: Invalid value: 1: must not be decremented",
    ]);
  });
});
