// The components of an OpenAPI document: the schemas of its kinds, brought from zod's JSON Schema into the form that
// clients of Kubernetes know.
import type * as z from "zod";

import { isJsonObject, type JsonObject, member } from "../../core/json.ts";
import type { JsonSchemaProps } from "../../model/custom/json-schema-props.ts";
import type { Json } from "../../model/fields.ts";
import type { Resource } from "../../model/resource.ts";
import { definitionName, type JsonSchema, jsonSchemaOf } from "./json-schema.ts";
import {
  commonDescriptions,
  described,
  refTo,
  scalarSchemas,
  schemaNames,
  sharedSchemas,
  sharedStructs,
} from "./standard-schemas.ts";

type Kind = Pick<Resource, "group" | "version" | "kind" | "schema" | "verbs" | "custom">;
type GroupVersion = Pick<Resource, "group" | "version">;

/** What subresources take and answer with that is no resource of its own. */
export type PartOfApi = GroupVersion & { readonly kind: string; readonly schema: z.ZodType };

/**
 * Every schema that a document about `kinds` refers to, by name and in order of names. `deletable`: the groups and
 * versions whose objects can be deleted with DeleteOptions of their own.
 */
export function componentSchemas(
  kinds: readonly Kind[],
  others: readonly PartOfApi[],
  deletable: readonly GroupVersion[],
): JsonObject {
  const components = new Map<string, Json>(Object.entries(sharedSchemas));
  for (const struct of sharedStructs) addStruct(components, struct);
  for (const kind of kinds) {
    addStruct(components, kind.schema);
    const name = kindSchemaName(kind);
    components.set(
      name,
      kind.custom === null ? fixedSchema(components, kind) : customSchema(kind, kind.custom.openApi),
    );
    if (kind.verbs.includes("list")) components.set(`${name}List`, listSchema(kind));
  }
  for (const part of others) {
    addStruct(components, part.schema);
    addKinds(components, kindSchemaName(part), part.kind, [part]);
  }
  const core = { group: "", version: "v1" };
  addKinds(components, schemaNames.deleteOptions, "DeleteOptions", [core, ...deletable]);
  addKinds(components, schemaNames.watchEvent, "WatchEvent", [core, ...deletable]);
  addKinds(components, schemaNames.status, "Status", [core]);
  return Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Says of a schema which kinds it is of. */
function addKinds(components: Map<string, Json>, name: string, kind: string, of: readonly GroupVersion[]): void {
  const schema = components.get(name);
  const versions = new Map(of.map(({ group, version }) => [`${group}/${version}`, { group, kind, version }]));
  if (isJsonObject(schema)) components.set(name, { ...schema, [kindsKeyword]: [...versions.values()] });
}

/** The name of a kind's schema: the one the schema declares, which is upstream's; of a custom kind its group backwards. */
export function kindSchemaName({ group, version, kind, schema }: PartOfApi): string {
  const declared = definitionName(jsonSchemaOf(schema));
  return declared ?? [...group.split(".").reverse(), version, kind].filter((part) => part !== "").join(".");
}

function fixedSchema(components: ReadonlyMap<string, Json>, kind: Kind): JsonObject {
  const schema = components.get(kindSchemaName(kind));
  return kindSchema(kind, isJsonObject(schema) ? schema : toOpenApi(jsonSchemaOf(kind.schema)));
}

/** As the definition has it, with the fields that every object has. */
function customSchema(kind: Kind, { properties = {}, ...schema }: JsonSchemaProps): JsonObject {
  const metadata = described(refTo(schemaNames.objectMeta), commonDescriptions.metadata);
  const text = { type: "string" };
  const common = { apiVersion: text, kind: text, metadata };
  // Schemas are kept as JSON.
  return kindSchema(kind, { type: "object", ...schema, properties: { ...properties, ...common } } as JsonObject);
}

function addStruct(components: Map<string, Json>, schema: z.ZodType): void {
  for (const [name, definition] of Object.entries(jsonSchemaOf(schema).$defs ?? {})) {
    if (components.has(name)) continue;
    const struct = toOpenApi(definition);
    components.set(name, isObject(definition) ? withCommonDescriptions(struct) : struct);
  }
}

/** Kinds that bring no words of their own for the fields that all have get the usual ones. */
function kindSchema(kind: Kind, schema: JsonObject): JsonObject {
  return { ...withCommonDescriptions(schema), ...groupVersionKinds(kind, kind.kind) };
}

/** What every kind has is described here; what it has beside that, where it is defined. */
function withCommonDescriptions(schema: JsonObject): JsonObject {
  const properties = member(schema, "properties");
  const fields = isJsonObject(properties) ? properties : {};
  const describedFields = Object.entries(fields).map(([name, field]): [string, Json] => {
    const description = isCommonField(name) ? commonDescriptions[name] : undefined;
    const isDescribed = !isJsonObject(field) || "description" in field || description === undefined;
    return [name, isDescribed ? field : described(field, description)];
  });
  return { ...schema, properties: Object.fromEntries(describedFields) };
}

/** Of a whole object, such as may stand within another. */
function isObject(definition: JsonSchema): boolean {
  return definition.properties?.["apiVersion"] !== undefined && definition.properties["metadata"] !== undefined;
}

function isCommonField(name: string): name is keyof typeof commonDescriptions {
  return Object.hasOwn(commonDescriptions, name);
}

function listSchema(kind: Kind): JsonObject {
  const items = { type: "array", items: refTo(kindSchemaName(kind)), description: commonDescriptions.items };
  const metadata = described(refTo(schemaNames.listMeta), "The version of the list, and where the rest of it begins.");
  return {
    type: "object",
    description: `A list of objects of kind ${kind.kind}.`,
    properties: {
      apiVersion: { type: "string", description: commonDescriptions.apiVersion },
      items,
      kind: { type: "string", description: commonDescriptions.kind },
      metadata,
    },
    required: ["items"],
    ...groupVersionKinds(kind, `${kind.kind}List`),
  };
}

const kindsKeyword = "x-kubernetes-group-version-kind";

function groupVersionKinds({ group, version }: GroupVersion, kind: string): JsonObject {
  return { [kindsKeyword]: [{ group, kind, version }] };
}

const keptKeywords = [
  "description",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-map-type",
  "x-kubernetes-patch-merge-key",
  "x-kubernetes-patch-strategy",
] as const;

/** One schema as OpenAPI 3.0 has it: without bounds, without null, references wrapped where something stands beside. */
function toOpenApi(schema: JsonSchema): JsonObject {
  const shape = shapeOf(schema);
  const beside: [string, Json][] = [];
  for (const keyword of keptKeywords) {
    const value = schema[keyword];
    if (value !== undefined) beside.push([keyword, value]);
  }
  if (schema.type === "array" && schema["x-kubernetes-list-type"] === undefined) {
    beside.push(["x-kubernetes-list-type", "atomic"]);
  }
  const value = schema.default ?? schema.publicDefault ?? null;
  if (value !== null) beside.push(["default", value]);
  if (beside.length === 0) return shape;
  return { ...("$ref" in shape ? { allOf: [shape] } : shape), ...Object.fromEntries(beside) };
}

function shapeOf(schema: JsonSchema): JsonObject {
  const name = definitionName(schema);
  if (name !== undefined) return refTo(name);
  const scalar = schema.goType === undefined ? undefined : scalarSchemas.get(schema.goType);
  if (scalar !== undefined) return scalar;
  if (schema.anyOf !== undefined) return unionOf(schema.anyOf);
  const choices = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  switch (schema.type) {
    case "object":
      return objectOf(schema);
    case "array":
      return { type: "array", items: partOf(schema.items) ?? {} };
    case "number":
      return { type: "number", format: "double" };
    case "string":
    case "boolean":
    case "integer":
      return { type: schema.type, ...(choices === undefined ? {} : { enum: choices }) };
    default:
      // Any JSON; the API holds objects in such fields.
      return { type: "object" };
  }
}

function unionOf(members: readonly JsonSchema[]): JsonObject {
  const choices = members.filter(({ type }) => type !== "null").map(toOpenApi);
  const [only] = choices;
  return only !== undefined && choices.length === 1 ? only : { oneOf: choices };
}

function objectOf(schema: JsonSchema): JsonObject {
  const fields = Object.entries(schema.properties ?? {});
  const properties = fields.map(([name, field]) => {
    const description = wordsFor(name, schema);
    return [name, toOpenApi(description === undefined ? field : { ...field, description })] as const;
  });
  const mandatory = fields.flatMap(([name, { isMandatory }]) => (isMandatory === true ? [name] : []));
  const required = [...new Set([...(schema.required ?? []), ...mandatory])];
  const values = partOf(schema.additionalProperties);
  return {
    type: "object",
    ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
    ...(required.length === 0 ? {} : { required }),
    ...(values === undefined ? {} : { additionalProperties: values }),
  };
}

function wordsFor(field: string, { words }: JsonSchema): string | undefined {
  if (words === undefined) return undefined;
  return words[field] ?? (field === "apiVersion" || field === "kind" ? commonDescriptions[field] : undefined);
}

/** What lists and maps hold, or undefined where that is anything. */
function partOf(schema: JsonSchema | boolean | undefined): JsonObject | undefined {
  if (typeof schema !== "object" || Object.keys(schema).length === 0) return undefined;
  return toOpenApi(schema);
}
