import { describe, expect, it } from "vitest";
import * as z from "zod";

import { entityTag, isUnchanged, openApiDocument, openApiIndex } from "../../src/api/openapi.ts";
import type { Resource } from "../../src/model/resource.ts";
import { resources as served } from "../../src/model/resources.ts";
import { harbours, ships } from "./small-resources.ts";

const resources: readonly Resource[] = [harbours, ships];

const Operation = z.looseObject({
  operationId: z.string(),
  tags: z.array(z.string()),
  parameters: z.array(z.looseObject({ name: z.string() })).default([]),
  requestBody: z.looseObject({ content: z.record(z.string(), z.unknown()) }).optional(),
});
const PathItem = z.looseObject({
  get: Operation.optional(),
  post: Operation.optional(),
  put: Operation.optional(),
  patch: Operation.optional(),
  delete: Operation.optional(),
});
const Schema = z.looseObject({ properties: z.record(z.string(), z.looseObject({})).default({}) });
const Kind = z.object({ group: z.string(), version: z.string(), kind: z.string() });
const Document = z.looseObject({
  paths: z.record(z.string(), PathItem),
  components: z.looseObject({ schemas: z.record(z.string(), Schema) }),
});
type Document = z.infer<typeof Document>;

function documentAt(path: string, table = resources): Document {
  return Document.parse(JSON.parse(openApiDocument(table, path)?.text ?? "null"));
}

const apps = documentAt("apis/apps/v1");
const core = documentAt("api/v1");
const servedPaths = Object.keys(JSON.parse(openApiIndex(served).text).paths);

function schemaIn(document: Document, name: string): z.infer<typeof Schema> {
  const schema = document.components.schemas[name];
  if (schema === undefined) throw new Error(`no schema ${name}`);
  return schema;
}

const field = (name: string, property: string) => schemaIn(apps, name).properties[property];

/** Every object in a document, however deep. */
function objectsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== "object" || value === null) return [];
  const below = Object.values(value).flatMap(objectsIn);
  return Array.isArray(value) ? below : [Object.fromEntries(Object.entries(value)), ...below];
}

const isSentence = (value: unknown) => typeof value === "string" && /^[A-Z$].*[.:]$/.test(value);
const nameOf = (reference: unknown) => String(reference).replace("#/components/schemas/", "");
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";

describe("the index", () => {
  it("leads to a document per group and version, by a hash of its content", () => {
    const index = JSON.parse(openApiIndex(resources).text);
    expect(Object.keys(index.paths)).toEqual(["api/v1", "apis/apps/v1"]);
    const { hash } = openApiDocument(resources, "apis/apps/v1") ?? { hash: "" };
    expect(hash).toMatch(/^[0-9A-F]{16}$/);
    expect(index.paths["apis/apps/v1"]).toEqual({ serverRelativeURL: `/openapi/v3/apis/apps/v1?hash=${hash}` });
  });

  it("knows no document where nothing is served", () => {
    expect(openApiDocument(resources, "apis/apps/v2")).toBeUndefined();
    expect(openApiDocument(resources, "")).toBeUndefined();
  });

  it("has the same hashes for the same table, and others for another", () => {
    const again = openApiIndex([...resources]);
    expect(again).not.toBe(openApiIndex(resources));
    expect(again.hash).toBe(openApiIndex(resources).hash);
    const other = openApiIndex([harbours, { ...ships, plural: "boats" }]);
    expect(other.hash).not.toBe(again.hash);
  });

  it("is written once", () => {
    expect(openApiIndex(resources)).toBe(openApiIndex(resources));
    expect(openApiDocument(resources, "api/v1")).toBe(openApiDocument(resources, "api/v1"));
  });

  it.each([
    ["no header", null, false],
    ["another tag", '"x"', false],
    ["the tag", entityTag(openApiIndex(resources)), true],
    ["the tag among others, weak", `"x", W/${entityTag(openApiIndex(resources))}`, true],
    ["anything", "*", true],
  ])("isUnchanged: %s", (_case, ifNoneMatch, unchanged) => {
    expect(isUnchanged(ifNoneMatch, openApiIndex(resources))).toBe(unchanged);
  });
});

describe.each<[string, Document]>([
  ["small apps/v1", apps],
  ["small core/v1", core],
  ...servedPaths.map((path): [string, Document] => [path, documentAt(path, served)]),
])("the document of %s", (_path, document) => {
  const items = Object.values(document.paths);
  const patches = items.flatMap(({ patch }) => (patch === undefined ? [] : [patch]));
  const operations = items.flatMap(({ get, post, put, patch, delete: remove }) =>
    [get, post, put, patch, remove].filter((operation) => operation !== undefined),
  );

  it("refers to nothing that is not there", () => {
    const references = objectsIn(document).flatMap(({ $ref }) => (typeof $ref === "string" ? [$ref] : []));
    expect(references.length).toBeGreaterThan(10);
    expect(references.filter((reference) => !(nameOf(reference) in document.components.schemas))).toEqual([]);
  });

  it("has nothing beside a reference, and nothing that OpenAPI 3.0 or kubectl do not know", () => {
    for (const object of objectsIn(document)) {
      if (typeof object["$ref"] === "string") expect(Object.keys(object)).toEqual(["$ref"]);
      expect(object).not.toHaveProperty("$defs");
      expect(object).not.toHaveProperty("goType");
      for (const own of ["publicDefault", "isMandatory", "words"]) expect(object).not.toHaveProperty(own);
      expect(object).not.toHaveProperty("propertyNames");
      expect(object["additionalProperties"]).not.toBe(false);
      expect(object["type"]).not.toBe("null");
    }
  });

  it("names a field of the elements as merge key of each list that has one", () => {
    for (const list of objectsIn(document)) {
      const mergeKey = list["x-kubernetes-patch-merge-key"];
      if (mergeKey === undefined) continue;
      expect(list["x-kubernetes-patch-strategy"]).toMatch(/^merge/);
      const [element] = objectsIn(list["items"]);
      const item = schemaIn(document, nameOf(element?.["$ref"]));
      expect(Object.keys(item.properties)).toContain(mergeKey);
    }
  });

  it("says of each PATCH what it patches, with which patches, and that it validates fields", () => {
    for (const operation of patches) {
      expect(Object.keys(Kind.parse(operation["x-kubernetes-group-version-kind"]))).toHaveLength(3);
      expect(operation["x-kubernetes-action"]).toBe("patch");
      const names = operation.parameters.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(["dryRun", "fieldManager", "fieldValidation", "force"]));
      expect(Object.keys(operation.requestBody?.content ?? {})).toEqual([
        "application/apply-patch+yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
      ]);
    }
  });

  it("says of every operation and parameter what it is for", () => {
    const parameters = items.flatMap(({ parameters: ofPath }) => z.array(z.looseObject({})).parse(ofPath));
    for (const described of [
      ...operations,
      ...operations.flatMap((operation) => operation.parameters),
      ...parameters,
    ]) {
      expect(described["description"]).toSatisfy(isSentence);
    }
  });

  it("gives every operation an id of its own", () => {
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

it("every kind that is served has a schema, and every PATCH is of such a kind", () => {
  for (const { group, version, kind, verbs } of served) {
    const document = documentAt(group === "" ? `api/${version}` : `apis/${group}/${version}`, served);
    const groupVersionKind = { group, version, kind };
    const schemas = Object.values(document.components.schemas);
    const own = schemas.filter((schema) => {
      const kinds = z.array(Kind).safeParse(schema["x-kubernetes-group-version-kind"]);
      return kinds.success && kinds.data.some((other) => other.kind === kind && other.group === group);
    });
    expect(own).toHaveLength(1);
    const patched = Object.values(document.paths).map(({ patch }) => patch?.["x-kubernetes-group-version-kind"]);
    if (verbs.includes("patch")) expect(patched).toContainEqual(groupVersionKind);
  }
});

it("every field of every served kind is described", () => {
  const silent = servedPaths.flatMap((path) =>
    Object.entries(documentAt(path, served).components.schemas).flatMap(([name, { description, properties }]) => [
      ...(isSentence(description) ? [] : [name]),
      ...Object.entries(properties).flatMap(([property, schema]) =>
        isSentence(schema["description"]) ? [] : [`${name} ${property}`],
      ),
    ]),
  );
  expect(servedPaths.length).toBeGreaterThan(4);
  expect(silent).toEqual([]);
});

it("the paths are those of the resource's verbs and scope", () => {
  const methods = (document: Document) =>
    Object.entries(document.paths).map(([path, item]) => [
      path,
      ...Object.keys(item).filter((key) => key !== "parameters"),
    ]);
  expect(methods(apps)).toEqual([
    ["/apis/apps/v1/namespaces/{namespace}/ships", "get", "post", "delete"],
    ["/apis/apps/v1/namespaces/{namespace}/ships/{name}", "get", "put", "patch", "delete"],
    ["/apis/apps/v1/namespaces/{namespace}/ships/{name}/status", "get", "put", "patch"],
    ["/apis/apps/v1/ships", "get"],
    ["/apis/apps/v1/watch/namespaces/{namespace}/ships", "get"],
    ["/apis/apps/v1/watch/namespaces/{namespace}/ships/{name}", "get"],
    ["/apis/apps/v1/watch/ships", "get"],
  ]);
  expect(methods(core)).toEqual([
    ["/api/v1/harbours", "get", "post"],
    ["/api/v1/harbours/{name}", "get"],
  ]);
});

it("operations are named as upstream names them", () => {
  const ship = "/apis/apps/v1/namespaces/{namespace}/ships/{name}";
  expect(apps.paths["/apis/apps/v1/ships"]?.get?.operationId).toBe("listAppsV1ShipForAllNamespaces");
  expect(apps.paths[ship]?.get?.operationId).toBe("readAppsV1NamespacedShip");
  expect(apps.paths[`${ship}/status`]?.put?.operationId).toBe("replaceAppsV1NamespacedShipStatus");
  expect(apps.paths["/apis/apps/v1/watch/ships"]?.get?.operationId).toBe("watchAppsV1ShipListForAllNamespaces");
  expect(core.paths["/api/v1/harbours"]?.post?.operationId).toBe("createCoreV1Harbour");
  expect(apps.paths[ship]?.get?.tags).toEqual(["apps_v1"]);
});

describe("schemas", () => {
  const spec = schemaIn(apps, "io.k8s.api.apps.v1.ShipSpec").properties;

  it.each([
    ["a time with microseconds", spec["leftAt"], ref(`${meta}.MicroTime`)],
    ["a time that may be null", field(`${meta}.ObjectMeta`, "creationTimestamp"), ref(`${meta}.Time`)],
    ["a number or text", spec["crew"], ref("io.k8s.apimachinery.pkg.util.intstr.IntOrString")],
    ["bytes", spec["seal"], { type: "string", format: "byte" }],
    ["int64", field("io.k8s.api.core.v1.Toleration", "seconds"), { type: "integer", format: "int64" }],
    ["int32", field("io.k8s.api.core.v1.ContainerPort", "containerPort"), { type: "integer", format: "int32" }],
    ["a map of texts", spec["nodeSelector"], { type: "object", additionalProperties: { type: "string" } }],
    [
      "a map of amounts",
      field("io.k8s.api.core.v1.Container", "limits"),
      { type: "object", additionalProperties: ref("io.k8s.apimachinery.pkg.api.resource.Quantity") },
    ],
    [
      "a map of structs",
      spec["rigging"],
      { type: "object", additionalProperties: ref("io.k8s.api.core.v1.Container") },
    ],
    ["a list of anything", spec["cargo"], { type: "array", items: {}, "x-kubernetes-list-type": "atomic" }],
    [
      "a list that is replaced",
      spec["tolerations"],
      { type: "array", items: ref("io.k8s.api.core.v1.Toleration"), "x-kubernetes-list-type": "atomic" },
    ],
    [
      "a list that merges",
      spec["volumes"],
      {
        type: "array",
        items: ref("io.k8s.api.core.v1.Volume"),
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-patch-merge-key": "name",
        "x-kubernetes-patch-strategy": "merge,retainKeys",
      },
    ],
    [
      "texts that merge",
      spec["flags"],
      {
        type: "array",
        items: { type: "string" },
        "x-kubernetes-list-type": "set",
        "x-kubernetes-patch-strategy": "merge",
      },
    ],
  ])("%s", (_what, schema, expected) => {
    const { description, allOf, ...rest } = schema ?? {};
    expect(description).toMatch(/\.$/);
    expect(Array.isArray(allOf) ? allOf[0] : rest).toEqual(expected);
  });

  it("scalars with a form of their own are as upstream", () => {
    expect(schemaIn(apps, "io.k8s.apimachinery.pkg.util.intstr.IntOrString")).toMatchObject({
      format: "int-or-string",
      oneOf: [{ type: "integer" }, { type: "string" }],
    });
    expect(schemaIn(apps, "io.k8s.apimachinery.pkg.api.resource.Quantity")).toMatchObject({
      oneOf: [{ type: "string" }, { type: "number" }],
    });
  });

  it("kinds and their lists carry group, version and kind", () => {
    const gvk = (kind: string) => [{ group: "apps", kind, version: "v1" }];
    expect(schemaIn(apps, "io.k8s.api.apps.v1.Ship")["x-kubernetes-group-version-kind"]).toEqual(gvk("Ship"));
    const list = schemaIn(apps, "io.k8s.api.apps.v1.ShipList");
    expect(list["x-kubernetes-group-version-kind"]).toEqual(gvk("ShipList"));
    expect(list["required"]).toEqual(["items"]);
    expect(list.properties["items"]?.["items"]).toEqual(ref("io.k8s.api.apps.v1.Ship"));
    expect(schemaIn(core, "io.k8s.api.core.v1.Harbour")["x-kubernetes-group-version-kind"]).toEqual([
      { group: "", kind: "Harbour", version: "v1" },
    ]);
  });

  it("DeleteOptions and Status belong to every document", () => {
    const versions = schemaIn(apps, `${meta}.DeleteOptions`)["x-kubernetes-group-version-kind"];
    expect(versions).toEqual([
      { group: "", kind: "DeleteOptions", version: "v1" },
      { group: "apps", kind: "DeleteOptions", version: "v1" },
    ]);
    expect(schemaIn(apps, `${meta}.Status`)["x-kubernetes-group-version-kind"]).toEqual([
      { group: "", kind: "Status", version: "v1" },
    ]);
  });

  it("fields of one sort are each described by their own words", () => {
    expect(field("io.k8s.api.core.v1.EnvVar", "name")?.["description"]).toBe("Its name.");
    expect(field("io.k8s.api.core.v1.EnvVar", "value")?.["description"]).toBe("Its value.");
    expect(field("io.k8s.api.core.v1.Container", "image")?.["description"]).toBe("Its image.");
  });

  it("the fields every object has are described", () => {
    const { properties } = schemaIn(apps, "io.k8s.api.apps.v1.Ship");
    for (const name of ["apiVersion", "kind", "metadata", "spec"])
      expect(properties[name]?.["description"]).toMatch(/\.$/);
    expect(properties["metadata"]?.["allOf"]).toEqual([ref(`${meta}.ObjectMeta`)]);
  });
});
