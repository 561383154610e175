// Whatever people write into schemas, objects and paths: it is read, judged and printed, and nothing breaks.
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { acceptNames, takenNames } from "../../src/model/custom/accepted-names.ts";
import { customResource } from "../../src/model/custom/custom-resource.ts";
import type { CustomResourceDefinition } from "../../src/model/custom/definition.ts";
import { customResourceDefinitions } from "../../src/model/custom/definition.ts";
import { parseJsonPath, valuesAt } from "../../src/model/custom/json-path.ts";
import { patternMatches, patternProblem } from "../../src/model/custom/pattern.ts";
import { decodeObject } from "../../src/model/decode.ts";

function definitionOf(schema: unknown): CustomResourceDefinition | null {
  const decoded = decodeObject(customResourceDefinitions, {
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  });
  if (!decoded.ok) return null;
  return acceptNames(customResourceDefinitions.prepareForCreate(decoded.object), takenNames([]), 0);
}

const names = fc.constantFrom("a", "b", "spec", "status", "metadata", "__proto__", "constructor");
// As they come off the wire: there is no -0 in JSON.
const values = fc.jsonValue({ maxDepth: 3 }).map((value): unknown => JSON.parse(JSON.stringify(value)));
const numbers = fc.constantFrom(0, 1, -1, 2.5, 1e30);

/** Schemas as people write them, and as they should not. */
const { schema: schemas } = fc.letrec<{ schema: object; node: object }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.constantFrom({ type: "string" }, { type: "integer" }, { type: "object" }, {}),
    tie("node"),
  ),
  node: fc.record(
    {
      type: fc.constantFrom("object", "array", "string", "integer", "number", "boolean", "text"),
      format: fc.constantFrom("date-time", "int32", "ipv4", "uri", "duration", "none"),
      pattern: fc.constantFrom("^a+$", "(a|a)*b", "[", "(?i)x", String.raw`\d{2,}`),
      enum: fc.array(values, { maxLength: 3 }),
      default: values,
      nullable: fc.boolean(),
      minimum: numbers,
      maximum: numbers,
      multipleOf: numbers,
      minLength: fc.nat(3),
      maxItems: fc.nat(3),
      required: fc.array(names, { maxLength: 2 }),
      properties: fc.dictionary(names, tie("schema"), { maxKeys: 3, noNullPrototype: true }),
      additionalProperties: fc.oneof(fc.boolean(), tie("schema")),
      items: tie("schema"),
      anyOf: fc.array(tie("schema"), { maxLength: 2 }),
      oneOf: fc.array(tie("schema"), { maxLength: 2 }),
      allOf: fc.array(tie("schema"), { maxLength: 2 }),
      not: tie("schema"),
      "x-kubernetes-preserve-unknown-fields": fc.constant(true),
      "x-kubernetes-int-or-string": fc.constant(true),
      "x-kubernetes-embedded-resource": fc.constant(true),
      "x-kubernetes-list-type": fc.constantFrom("atomic", "set", "map", "other"),
      "x-kubernetes-list-map-keys": fc.array(names, { maxLength: 2 }),
    },
    { requiredKeys: [] },
  ),
}));

describe("any schema", () => {
  it("is judged, and whatever it says of an object, reading that again gives the same", () => {
    fc.assert(
      fc.property(schemas, values, values, (schema, spec, status) => {
        const definition = definitionOf(schema);
        fc.pre(definition !== null);
        customResourceDefinitions.validate(definition);
        const resource = customResource(definition, "v1");
        const decoded =
          resource === undefined ? null : decodeObject(resource, { metadata: { name: "a" }, spec, status });
        if (resource === undefined || decoded?.ok !== true) return;
        const { object } = decoded;
        const again = decodeObject(resource, JSON.parse(JSON.stringify(object)));
        expect(again).toEqual({ ok: true, object, unknownFields: [] });
        expect(resource.fromStorage(object)).toEqual(object);
        for (const error of [...resource.validate(object), ...resource.validateCreate(object)]) {
          expect(error.body.length).toBeGreaterThan(0);
        }
        expect(resource.prepareForUpdate(object, object)).toEqual(
          expect.objectContaining({
            metadata: expect.objectContaining({ generation: object.metadata.generation ?? 0 }),
          }),
        );
      }),
      { numRuns: 300 },
    );
  });

  it("that is accepted accepts the defaults that it fills in", () => {
    fc.assert(
      fc.property(schemas, (field) => {
        const definition = definitionOf({
          type: "object",
          properties: { spec: { type: "object", properties: { a: field } } },
        });
        fc.pre(definition !== null && customResourceDefinitions.validate(definition).length === 0);
        const resource = definition === null ? undefined : customResource(definition, "v1");
        if (resource === undefined) return;
        const decoded = decodeObject(resource, { metadata: { name: "a", namespace: "b" }, spec: {} });
        const object = decoded.ok ? decoded.object : null;
        const spec = Object(object?.["spec"]);
        if (object === null || !("a" in spec)) return;
        expect(resource.validate(object).filter((error) => error.field.startsWith("spec.a"))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

it("any text is a path or none, and leads somewhere or nowhere", () => {
  const piece = fc.constantFrom(
    ".",
    "..",
    "a",
    "b",
    "[",
    "]",
    "*",
    "[*]",
    "0",
    "-1",
    ":",
    "?(",
    "@",
    "==",
    "'a'",
    ")]",
    "\\",
    " ",
  );
  const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(text, values, (path, value) => {
      const parsed = parseJsonPath(path);
      if (parsed !== null) expect([...valuesAt(value, parsed)].length).toBeLessThanOrEqual(10_000);
    }),
    { numRuns: 2_000 },
  );
});

it("a path that leads everywhere, again and again, comes to an end", () => {
  const value = Array.from({ length: 300 }, () => Array.from({ length: 300 }, () => ({ a: {} })));
  const before = performance.now();
  expect([...valuesAt(value, parseJsonPath("..*..*..*..*..none") ?? [])]).toEqual([]);
  expect(performance.now() - before).toBeLessThan(20_000);
});

it("any text is a pattern or none, and matches in time", () => {
  const piece = fc.constantFrom(
    "a",
    "(",
    ")",
    "[",
    "]",
    "^",
    "-",
    "*",
    "+",
    "?",
    "{2}",
    "{1,}",
    "|",
    "\\",
    "d",
    ".",
    "$",
    "(?i)",
    "(?:",
    "\\Q",
  );
  const text = fc.array(piece, { maxLength: 15 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(text, fc.string({ maxLength: 30 }), (pattern, given) => {
      const matches = patternMatches(pattern, given, { steps: 1_000_000 });
      if (patternProblem(pattern) !== null) expect(matches).toBe(false);
      else expect(typeof matches).toBe("boolean");
    }),
    { numRuns: 3_000 },
  );
});
