import { describe, expect, it } from "vitest";
import { acceptNames, takenNames } from "../../src/model/custom/accepted-names.ts";
import { customResource } from "../../src/model/custom/custom-resource.ts";
import type { CustomResourceDefinition } from "../../src/model/custom/definition.ts";
import { customResourceDefinitions } from "../../src/model/custom/definition.ts";
import { decodeObject } from "../../src/model/decode.ts";
import { fieldErrorText } from "../../src/model/field-error.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import type { Resource } from "../../src/model/resource.ts";

const nowMs = Date.parse("2026-01-01T00:00:00Z");

/** A definition with one version, decoded and served. */
function defined(schema: object, version: object = {}): CustomResourceDefinition {
  const decoded = decodeObject(customResourceDefinitions, {
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema }, ...version }],
    },
  });
  if (!decoded.ok) throw new Error(decoded.message);
  return acceptNames(customResourceDefinitions.prepareForCreate(decoded.object), takenNames([]), nowMs);
}

function served(schema: object, version: object = {}): Resource {
  const resource = customResource(defined(schema, version), "v1");
  if (resource === undefined) throw new Error("not served");
  return resource;
}

const withSpec = (spec: object) => ({ type: "object", properties: { spec } });

function read(resource: Resource, fields: object) {
  const decoded = decodeObject(resource, { metadata: { name: "a", namespace: "default" }, ...fields });
  if (!decoded.ok) throw new Error(decoded.message);
  return decoded;
}

/** What is wrong with an object whose spec is `spec`. */
function problems(schema: object, spec: unknown): readonly string[] {
  const resource = served(withSpec(schema));
  const object: KubeObject = { ...read(resource, {}).object, spec };
  return [...resource.validate(object), ...resource.validateCreate(object)].map(fieldErrorText);
}

describe("a custom object is decoded", () => {
  const preserve = { "x-kubernetes-preserve-unknown-fields": true };
  const text = { type: "string" };

  it.each<[string, object, object, object, string[]]>([
    ["fields nobody knows are dropped", { type: "object" }, { b: 1 }, {}, ["spec.b"]],
    [
      "in lists too",
      { type: "object", properties: { list: { type: "array", items: { type: "object", properties: { a: text } } } } },
      { list: [{ a: "x", b: 1 }, { c: 2 }] },
      { list: [{ a: "x" }, {}] },
      ["spec.list[0].b", "spec.list[1].c"],
    ],
    [
      "and in maps",
      { type: "object", additionalProperties: { type: "object", properties: { a: text } } },
      { one: { a: "x", b: 1 } },
      { one: { a: "x" } },
      ["spec.one.b"],
    ],
    [
      "unless they are to be kept",
      { type: "object", ...preserve },
      { b: { c: [1, null] } },
      { b: { c: [1, null] } },
      [],
    ],
    [
      "where a schema speaks again, it is obeyed again",
      { type: "object", ...preserve, properties: { a: { type: "object" } } },
      { a: { b: 1 }, c: { d: 2 } },
      { a: {}, c: { d: 2 } },
      ["spec.a.b"],
    ],
    [
      "an object inside keeps what every object has",
      { type: "object", "x-kubernetes-embedded-resource": true, properties: { data: text } },
      { apiVersion: "v1", kind: "Any", metadata: { name: "x" }, data: "d", other: 1 },
      { apiVersion: "v1", kind: "Any", metadata: { name: "x" }, data: "d" },
      ["spec.other"],
    ],
    ["defaults are filled in", { type: "object", properties: { a: { ...text, default: "x" } } }, {}, { a: "x" }, []],
    [
      "also below defaults",
      {
        type: "object",
        properties: { a: { type: "object", default: {}, properties: { b: { type: "integer", default: 0 } } } },
      },
      {},
      { a: { b: 0 } },
      [],
    ],
    [
      "a null is no value",
      { type: "object", properties: { a: text, b: { ...text, default: "x" } } },
      { a: null, b: null },
      { b: "x" },
      [],
    ],
    [
      "but where it may be",
      { type: "object", properties: { a: { ...text, nullable: true } } },
      { a: null },
      { a: null },
      [],
    ],
    [
      "keys that mean something to the engine are keys",
      { type: "object", additionalProperties: text },
      JSON.parse('{"__proto__": "x", "constructor": "y"}'),
      JSON.parse('{"__proto__": "x", "constructor": "y"}'),
      [],
    ],
  ])("%s", (_rule, schema, given, expected, unknownFields) => {
    const decoded = read(served(withSpec(schema)), { spec: given });
    expect(decoded.object["spec"]).toEqual(expected);
    expect(Object.keys(Object(decoded.object["spec"]))).toEqual(Object.keys(expected));
    expect(decoded.unknownFields).toEqual(unknownFields);
    // What is stored reads as the same.
    const resource = served(withSpec(schema));
    expect(resource.fromStorage(decoded.object)).toEqual(decoded.object);
  });

  it("with its metadata read as everywhere, and unknown fields of the root told", () => {
    const resource = served(withSpec({ type: "object" }));
    const { object, unknownFields } = read(resource, { spec: {}, other: 1 });
    expect(object).toEqual({
      apiVersion: "example.com/v1",
      kind: "Widget",
      metadata: { name: "a", namespace: "default", creationTimestamp: null },
      spec: {},
    });
    expect(unknownFields).toEqual(["other"]);
    expect(decodeObject(resource, { metadata: { labels: 3 } })).toMatchObject({ ok: false });
  });
});

describe("a custom object is checked", () => {
  const field = (schema: object) => ({ type: "object", properties: { a: schema } });

  it.each<[object, unknown, string[]]>([
    [{ type: "object" }, "x", ['spec: Invalid value: "string": spec in body must be of type object: "string"']],
    [
      field({ type: "integer" }),
      { a: 1.5 },
      ['spec.a: Invalid value: "number": spec.a in body must be of type integer: "number"'],
    ],
    [field({ type: "integer" }), { a: 2.0 }, []],
    [field({ type: "number" }), { a: 2 }, []],
    [
      field({ type: "string" }),
      { a: null },
      ['spec.a: Invalid value: "null": spec.a in body must be of type string: "null"'],
    ],
    [field({ type: "string", nullable: true }), { a: null }, []],
    [field({ "x-kubernetes-int-or-string": true }), { a: "25%" }, []],
    [
      field({ "x-kubernetes-int-or-string": true }),
      { a: true },
      ['spec.a: Invalid value: "boolean": spec.a in body must be of type integer,string: "boolean"'],
    ],
    [{ type: "object", required: ["a", "b"] }, { a: 1 }, ["spec.b: Required value"]],
    [
      field({ type: "string", enum: ["x", "y"] }),
      { a: "z" },
      ['spec.a: Unsupported value: "z": supported values: "x", "y"'],
    ],
    [field({ type: "integer", enum: [1, 2] }), { a: 3 }, ['spec.a: Unsupported value: 3: supported values: "1", "2"']],
    [
      field({ type: "string", pattern: "^a+$" }),
      { a: "b" },
      [`spec.a: Invalid value: "b": spec.a in body should match '^a+$'`],
    ],
    [
      field({ type: "string", minLength: 2 }),
      { a: "x" },
      ['spec.a: Invalid value: "x": spec.a in body should be at least 2 chars long'],
    ],
    [field({ type: "string", maxLength: 2 }), { a: "\u{1F600}\u{1F600}" }, []],
    [field({ type: "string", maxLength: 2 }), { a: "xxx" }, ["spec.a: Too long: may not be more than 2 bytes"]],
    [
      field({ type: "integer", minimum: 1 }),
      { a: 0 },
      ["spec.a: Invalid value: 0: spec.a in body should be greater than or equal to 1"],
    ],
    [
      field({ type: "integer", maximum: 9, exclusiveMaximum: true }),
      { a: 9 },
      ["spec.a: Invalid value: 9: spec.a in body should be less than 9"],
    ],
    [field({ type: "number", multipleOf: 0.1 }), { a: 0.3 }, []],
    [
      field({ type: "integer", multipleOf: 5 }),
      { a: 7 },
      ["spec.a: Invalid value: 7: spec.a in body should be a multiple of 5"],
    ],
    [
      field({ type: "array", items: { type: "string" }, minItems: 2 }),
      { a: ["x"] },
      ["spec.a: Invalid value: 1: spec.a in body should have at least 2 items"],
    ],
    [
      field({ type: "array", items: { type: "string" }, maxItems: 1 }),
      { a: ["x", "y"] },
      ["spec.a: Too many: 2: must have at most 1 item"],
    ],
    [
      field({ type: "array", items: { type: "string" } }),
      { a: [1] },
      ['spec.a[0]: Invalid value: "integer": spec.a[0] in body must be of type string: "integer"'],
    ],
    [
      { type: "object", additionalProperties: { type: "integer" } },
      { k: "v" },
      ['spec.k: Invalid value: "string": spec.k in body must be of type integer: "string"'],
    ],
    [
      { type: "object", additionalProperties: { type: "integer" }, maxProperties: 1 },
      { k: 1, l: 2 },
      ["spec: Too many: 2: must have at most 1 item"],
    ],
    [
      { type: "object", additionalProperties: { type: "integer" }, minProperties: 1 },
      {},
      ["spec: Invalid value: 0: spec in body should have at least 1 properties"],
    ],
    [field({ type: "string", format: "date-time" }), { a: "2026-01-01T00:00:00Z" }, []],
    [
      field({ type: "string", format: "date-time" }),
      { a: "now" },
      ['spec.a: Invalid value: "now": spec.a in body must be of type date-time: "now"'],
    ],
    [
      field({ type: "string", format: "ipv4" }),
      { a: "::1" },
      ['spec.a: Invalid value: "::1": spec.a in body must be of type ipv4: "::1"'],
    ],
    [field({ type: "string", format: "made-up" }), { a: "x" }, []],
    [
      { ...field({ type: "integer" }), anyOf: [{ required: ["a"] }, { required: ["b"] }] },
      {},
      ['<nil>: Invalid value: "": "spec" must validate at least one schema (anyOf)', "spec.a: Required value"],
    ],
    [
      { ...field({ type: "integer" }), oneOf: [{ required: ["a"] }, { required: ["a"] }] },
      { a: 1 },
      ['<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
    ],
    [
      { ...field({ type: "integer" }), allOf: [{ required: ["a"] }, { properties: { a: { minimum: 3 } } }] },
      { a: 1 },
      [
        "spec.a: Invalid value: 1: spec.a in body should be greater than or equal to 3",
        '<nil>: Invalid value: "": "spec" must validate all the schemas (allOf)',
      ],
    ],
    [
      { ...field({ type: "integer" }), not: { required: ["a"] } },
      { a: 1 },
      ['<nil>: Invalid value: "": "spec" must not validate the schema (not)'],
    ],
    [
      field({ type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" }),
      { a: ["x", "y", "x", "x"] },
      ['spec.a[2]: Duplicate value: "x"'],
    ],
    [
      field({
        type: "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
        items: { type: "object", required: ["k"], properties: { k: { type: "string" }, v: { type: "string" } } },
      }),
      {
        a: [
          { k: "x", v: "1" },
          { k: "x", v: "2" },
        ],
      },
      ['spec.a[1]: Duplicate value: {"k":"x"}'],
    ],
    [
      field({ type: "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true }),
      { a: { kind: "Some Kind", metadata: { labels: { "-": "x" } } } },
      [
        "spec.a.apiVersion: Required value",
        expect.stringContaining(
          'spec.a.kind: Invalid value: "Some Kind": may have mixed case, but should otherwise match',
        ),
        expect.stringContaining('spec.a.metadata.labels: Invalid value: "-"'),
      ],
    ],
  ])("by %j: %j", (schema, spec, expected) => {
    expect(problems(schema, spec)).toEqual(expected);
  });

  it("in the numbers that it is scaled by", () => {
    const scale = { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" };
    const resource = served(
      { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      { subresources: { scale } },
    );
    const { object } = read(resource, { spec: { replicas: -1 }, status: { replicas: "x" } });
    expect(resource.validate(object).map(fieldErrorText)).toEqual([
      ".spec.replicas: Invalid value: -1: should be a non-negative integer",
      expect.stringContaining(".status.replicas: Invalid value: 0: .status.replicas accessor error"),
    ]);
  });

  it("in bounded time, however much a schema multiplies what there is", () => {
    const choice = { properties: { m: { additionalProperties: false } } };
    const schema = {
      type: "object",
      properties: { m: { type: "array", items: { type: "object", "x-kubernetes-preserve-unknown-fields": true } } },
      anyOf: Array.from({ length: 500 }, (_, index) => ({ properties: { m: { items: { required: [`f${index}`] } } } })),
      not: choice,
    };
    const spec = { m: Array.from({ length: 20_000 }, () => ({})) };
    const before = performance.now();
    expect(problems(schema, spec)).toEqual(['<nil>: Invalid value: "": the schema takes too long to be checked']);
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  it("with an answer that can be read, however much is wrong", () => {
    const wrong = Array.from({ length: 5_000 }, () => 1);
    expect(problems(field({ type: "array", items: { type: "string" } }), { a: wrong })).toHaveLength(200);
  });
});

describe("status and generation", () => {
  const withStatus = { subresources: { status: {} } };
  const schema = {
    type: "object",
    properties: {
      spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    },
  };
  const object = (spec: object, status: object, generation = 1): KubeObject => ({
    apiVersion: "example.com/v1",
    kind: "Widget",
    metadata: { name: "a", generation },
    spec,
    status,
  });

  it("with the subresource, status is written there alone and counts for nothing", () => {
    const resource = served(schema, withStatus);
    expect(resource.statusSubresource).toBe(true);
    expect(resource.prepareForCreate(object({}, { a: 1 }))).not.toHaveProperty("status");
    const updated = resource.prepareForUpdate(object({ x: 1 }, { a: 2 }), object({}, { a: 1 }));
    expect(updated).toMatchObject({ spec: { x: 1 }, status: { a: 1 }, metadata: { generation: 2 } });
    const reported = resource.prepareForStatusUpdate(object({ x: 1 }, { a: 2 }), object({}, { a: 1 }));
    expect(reported).toMatchObject({ spec: {}, status: { a: 2 }, metadata: { generation: 1 } });
  });

  it("without it, status is a field like any other", () => {
    const resource = served(schema);
    expect(resource.prepareForCreate(object({}, { a: 1 }))).toMatchObject({ status: { a: 1 } });
    const updated = resource.prepareForUpdate(object({}, { a: 2 }), object({}, { a: 1 }));
    expect(updated).toMatchObject({ status: { a: 2 }, metadata: { generation: 2 } });
  });

  it("a change of metadata is none of content", () => {
    const resource = served(schema);
    const old = object({ x: 1 }, {});
    const labelled = { ...old, metadata: { ...old.metadata, labels: { a: "b" } } };
    expect(resource.prepareForUpdate(labelled, old).metadata.generation).toBe(1);
  });
});

describe("the table", () => {
  const column = (type: string, jsonPath: string, more: object = {}) => ({ name: "C", type, jsonPath, ...more });
  const object: KubeObject = {
    apiVersion: "example.com/v1",
    kind: "Widget",
    metadata: { name: "a", creationTimestamp: "2025-12-31T23:55:00Z" },
    spec: {
      text: "x",
      count: 3,
      part: 1.5,
      on: true,
      list: ["b", { z: 1, a: 2 }],
      none: null,
      at: "2025-12-31T22:00:00Z",
    },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  };

  it.each([
    ["string", ".spec.text", "x"],
    ["string", ".spec.count", "3"],
    ["string", ".spec.on", "true"],
    ["string", ".spec.list", '["b",{"a":2,"z":1}]'],
    ["string", '.status.conditions[?(@.type=="Ready")].status', "True"],
    ["string", ".spec.absent", null],
    ["string", ".spec.none", null],
    ["integer", ".spec.count", 3],
    ["integer", ".spec.part", 1],
    ["integer", ".spec.text", null],
    ["number", ".spec.part", 1.5],
    ["boolean", ".spec.on", true],
    ["date", ".spec.at", "120m"],
    ["date", ".spec.text", "<invalid>"],
    ["date", ".metadata.creationTimestamp", "5m"],
  ])("shows %s %s as %j", (type, jsonPath, expected) => {
    const { columns } = served({ type: "object" }, { additionalPrinterColumns: [column(type, jsonPath)] });
    expect(columns.map((one) => one.cell(object, nowMs))).toEqual(["a", expected]);
  });

  it("shows the age when nothing else is asked for", () => {
    const { columns } = served({ type: "object" });
    expect(columns.map(({ name, type }) => [name, type])).toEqual([
      ["Name", "string"],
      ["Age", "date"],
    ]);
    expect(columns.map((one) => one.cell(object, nowMs))).toEqual(["a", "5m"]);
  });

  it("keeps priority, format and description", () => {
    const more = { priority: 1, format: "int32", description: "How many." };
    const { columns } = served(
      { type: "object" },
      { additionalPrinterColumns: [column("integer", ".spec.count", more)] },
    );
    expect(columns[1]).toMatchObject(more);
  });
});

describe("a version", () => {
  const schema = { schema: { openAPIV3Schema: { type: "object" } } };
  const versions = (...list: object[]): CustomResourceDefinition => {
    const definition = defined({ type: "object" });
    const decoded = decodeObject(customResourceDefinitions, {
      ...definition,
      spec: {
        ...definition.spec,
        versions: list.map((version) => ({ ...schema, served: true, storage: false, ...version })),
      },
    });
    if (!decoded.ok) throw new Error(decoded.message);
    return decoded.object;
  };

  it("that is not served is none", () => {
    const definition = versions({ name: "v1", storage: true, served: false });
    expect(customResource(definition, "v1")).toBeUndefined();
    expect(customResource(definition, "v2")).toBeUndefined();
  });

  it("shows what is stored in another as its own", () => {
    const resource = customResource(versions({ name: "v1", storage: true }, { name: "v1beta1" }), "v1beta1");
    const stored = { apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "a" } };
    expect(resource?.fromStorage(stored).apiVersion).toBe("example.com/v1beta1");
  });

  it("that is on its way out says so, and what to use instead", () => {
    const old = { name: "v1beta1", deprecated: true };
    expect(customResource(versions({ name: "v1", storage: true }, old), "v1beta1")?.deprecation).toBe(
      "example.com/v1beta1 Widget is deprecated; use example.com/v1 Widget",
    );
    expect(customResource(versions({ ...old, storage: true }), "v1beta1")?.deprecation).toBe(
      "example.com/v1beta1 Widget is deprecated",
    );
    const said = { ...old, storage: true, deprecationWarning: "move on" };
    expect(customResource(versions(said), "v1beta1")?.deprecation).toBe("move on");
  });

  it("that only a webhook can make of another is refused", () => {
    const definition = versions({ name: "v1", storage: true }, { name: "v2" });
    const webhook = { ...definition, spec: { ...definition.spec, conversion: { strategy: "Webhook" } } };
    expect(customResource(webhook, "v1")).toBeDefined();
    expect(() => customResource(webhook, "v2")).toThrow("webhooks are not called");
  });
});

it("fields can be selected by", () => {
  const resource = served(withSpec({ type: "object", properties: { color: { type: "string" } } }), {
    selectableFields: [{ jsonPath: ".spec.color" }],
  });
  expect(resource.selectableFieldNames).toEqual(["spec.color"]);
  expect(resource.selectableFields(read(resource, { spec: { color: "red" } }).object)).toEqual({ "spec.color": "red" });
  expect(resource.selectableFields(read(resource, {}).object)).toEqual({ "spec.color": "" });
});
