import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { answerVersionTwo } from "../../src/api/openapi/answer-version-two.ts";
import { documentBytes } from "../../src/api/openapi/document-bytes.ts";
import { openApiDocument, openApiIndex, openApiVersionTwo } from "../../src/api/openapi.ts";
import { ApiError } from "../../src/model/api-error.ts";
import { resources } from "../../src/model/resources.ts";

const Schema = z.looseObject({ properties: z.record(z.string(), z.looseObject({})).default({}) });
const Operation = z.looseObject({
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })).default([]),
});
const Document = z.looseObject({
  paths: z.record(z.string(), z.object({ patch: Operation.optional(), delete: Operation.optional() })),
  definitions: z.record(z.string(), Schema),
});
const { text } = openApiVersionTwo(resources);
const document = Document.parse(JSON.parse(text));

const ofVersionThree = Object.keys(JSON.parse(openApiIndex(resources).text).paths).map((path) =>
  z
    .looseObject({
      paths: z.record(z.string(), z.unknown()),
      components: z.object({ schemas: z.record(z.string(), Schema) }),
    })
    .parse(JSON.parse(openApiDocument(resources, path)?.text ?? "null")),
);

/** Every object in a document, however deep. */
function objectsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== "object" || value === null) return [];
  const below = Object.values(value).flatMap(objectsIn);
  return Array.isArray(value) ? below : [Object.fromEntries(Object.entries(value)), ...below];
}

const schemaProps = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";
const container = document.definitions["io.k8s.api.core.v1.Container"]?.properties ?? {};

it("has all paths and schemas of version 3", () => {
  const paths = ofVersionThree.flatMap((one) => Object.keys(one.paths));
  const schemas = new Set(ofVersionThree.flatMap(({ components }) => Object.keys(components.schemas)));
  expect(Object.keys(document.paths)).toEqual(paths);
  expect(new Set(Object.keys(document.definitions))).toEqual(schemas);
});

it("refers to nothing that is not there, and knows no keyword of version 3", () => {
  // The one struct that has fields of these names.
  const { [schemaProps]: _, ...definitions } = document.definitions;
  for (const object of objectsIn({ ...document, definitions })) {
    const reference = object["$ref"];
    if (typeof reference === "string") {
      expect(Object.keys(document.definitions)).toContain(reference.replace("#/definitions/", ""));
    }
    for (const keyword of ["oneOf", "allOf", "requestBody", "content", "components"]) {
      expect(object).not.toHaveProperty(keyword);
    }
  }
});

it("says the same of every list as version 3: how patches merge it, and who owns its elements", () => {
  const keywords = /^x-kubernetes-(patch|list|map)/;
  const rules = (schemas: Readonly<Record<string, z.infer<typeof Schema>>>) =>
    Object.entries(schemas).flatMap(([name, { properties }]) =>
      Object.entries(properties).map(([property, field]) => [
        `${name} ${property}`,
        Object.entries(field).filter(([keyword]) => keywords.test(keyword)),
      ]),
    );
  const mine = Object.fromEntries(rules(document.definitions));
  for (const { components } of ofVersionThree)
    expect(mine).toMatchObject(Object.fromEntries(rules(components.schemas)));
  expect(container["env"]).toMatchObject({ "x-kubernetes-patch-merge-key": "name" });
});

it.each([
  ["a text", container["image"], { type: "string" }],
  ["a reference with words beside it", container["lifecycle"], { $ref: "#/definitions/io.k8s.api.core.v1.Lifecycle" }],
  [
    "a number or text",
    document.definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"],
    { type: "string", format: "int-or-string" },
  ],
  ["an amount", document.definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"], { type: "string" }],
])("%s", (_what, schema, expected) => {
  expect(schema).toMatchObject(expected);
});

it("every PATCH says that it validates fields, and every DELETE has a body", () => {
  for (const { patch, delete: remove } of Object.values(document.paths)) {
    if (patch !== undefined) expect(patch.parameters.map(({ name }) => name)).toContain("fieldValidation");
    if (remove !== undefined) expect(remove.parameters.map((parameter) => parameter.in)).toContain("body");
  }
});

/** The fields of a message: numbers, and texts or messages as bytes. */
function fieldsOf(bytes: Uint8Array): readonly { readonly field: number; readonly bytes: Uint8Array }[] {
  const reader = new BinaryReader(bytes);
  const fields: { field: number; bytes: Uint8Array }[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited) fields.push({ field, bytes: reader.bytes() });
    else reader.skip(type, field);
  }
  return fields;
}

function within(bytes: Uint8Array, ...path: readonly number[]): readonly Uint8Array[] {
  const [first, ...rest] = path;
  if (first === undefined) return [bytes];
  const inside = fieldsOf(bytes).filter(({ field }) => field === first);
  return inside.flatMap((found) => within(found.bytes, ...rest));
}

const textOf = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

describe("as Protocol Buffers", () => {
  const bytes = documentBytes(JSON.parse(text));
  const definition = (name: string) =>
    within(bytes, 9, 1).find((entry) => textOf(within(entry, 1)[0]) === name) ?? new Uint8Array();

  it("has every definition and every path", () => {
    expect(within(bytes, 9, 1, 1).map(textOf)).toEqual(Object.keys(document.definitions));
    expect(within(bytes, 8, 2, 1).map(textOf)).toEqual(Object.keys(document.paths));
  });

  it("has the properties of a definition, what they are for and how lists of them are merged", () => {
    const properties = within(definition("io.k8s.api.core.v1.Container"), 2, 25, 1);
    expect(properties.map((property) => textOf(within(property, 1)[0]))).toEqual(Object.keys(container));
    const env = properties.find((property) => textOf(within(property, 1)[0]) === "env") ?? new Uint8Array();
    expect(textOf(within(env, 2, 4)[0])).toBe(container["env"]?.["description"]);
    const extensions = within(env, 2, 31).map((entry) => [textOf(within(entry, 1)[0]), textOf(within(entry, 2, 2)[0])]);
    expect(Object.fromEntries(extensions)).toMatchObject({ "x-kubernetes-patch-merge-key": '"name"\n' });
  });

  it("names each parameter of an operation", () => {
    const patches = within(bytes, 8, 2, 2, 8);
    for (const patch of patches) {
      expect(within(patch, 8, 1, 2, 3, 4).map(textOf)).toContain("fieldValidation");
      expect(within(patch, 8, 1, 1, 2).map(textOf)).toEqual(["body"]);
    }
    expect(patches.length).toBeGreaterThan(10);
  });
});

const binary = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
const ask = (headers: Record<string, string>) =>
  answerVersionTwo(resources, new Request("https://lares/openapi/v2", { headers }));

it.each([
  ["application/json", "application/json"],
  ["*/*", "application/json"],
  [binary, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"],
  [`${binary}, application/json`, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"],
])("Accept %s is answered with %s", (accept, type) => {
  expect(ask({ accept }).headers.get("content-type")).toBe(type);
});

it("a form that is not there is refused", () => {
  expect(() => ask({ accept: "application/xml" })).toThrow(ApiError);
});

it("who has a form of it already is told so, of that form alone", () => {
  const tag = ask({ accept: binary }).headers.get("etag") ?? "";
  expect(ask({ accept: binary, "if-none-match": tag }).status).toBe(304);
  expect(ask({ accept: "application/json", "if-none-match": tag }).status).toBe(200);
});
