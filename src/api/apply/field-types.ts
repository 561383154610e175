// The types of a kind as server-side apply needs them, read off its JSON Schema.
// Source: kube-openapi pkg/schemaconv, where the same is read off OpenAPI.
import type { FieldType, ListType, MapType } from "../../core/apply/field-type.ts";
import type { Json } from "../../model/fields.ts";
import type { Resource } from "../../model/resource.ts";
import { definitionName, type JsonSchema, jsonSchemaOf } from "../openapi/json-schema.ts";

const compiled = new WeakMap<Resource["schema"], FieldType>();

/** The type of the objects of a resource, compiled on first use and kept. */
export function fieldTypeOf({ schema }: Pick<Resource, "schema">): FieldType {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const root = jsonSchemaOf(schema);
  const type = new Compiler(root.$defs ?? {}).compile(root);
  compiled.set(schema, type);
  return type;
}

const anything: FieldType = { kind: "any" };
const anyScalar: FieldType = { kind: "scalar", of: "any" };

/** Texts and numbers that may be written in more than one way. */
const looseGoTypes: ReadonlySet<string> = new Set([
  "v1.Time",
  "v1.MicroTime",
  "resource.Quantity",
  "intstr.IntOrString",
]);

type StructFields = Map<string, { readonly type: FieldType; readonly default: Json | undefined }>;

class Compiler {
  readonly #definitions: Readonly<Record<string, JsonSchema>>;
  readonly #known = new Map<string, FieldType>();

  constructor(definitions: Readonly<Record<string, JsonSchema>>) {
    this.#definitions = definitions;
  }

  compile(schema: JsonSchema): FieldType {
    const name = definitionName(schema);
    if (name !== undefined) return withMapType(this.#definition(name), schema);
    if (looseGoTypes.has(schema.goType ?? "") || schema["x-kubernetes-int-or-string"] === true) return anyScalar;
    // Beside a type, choices only say more of the values.
    const choices = schema.type === undefined ? (schema.anyOf ?? []).filter(({ type }) => type !== "null") : [];
    if (choices.length > 0) return choices.length === 1 ? this.compile(choices[0] ?? {}) : anything;
    switch (typeNameOf(schema)) {
      case "object":
        return this.#mapType(schema);
      case "array":
        return { kind: "list", elements: this.#part(schema.items) ?? anything, keys: keysOf(schema) };
      case "string":
        return { kind: "scalar", of: "string" };
      case "boolean":
        return { kind: "scalar", of: "boolean" };
      case "integer":
      case "number":
        return { kind: "scalar", of: "numeric" };
      default:
        return anything;
    }
  }

  #definition(name: string): FieldType {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const definition = this.#definitions[name] ?? {};
    if (typeNameOf(definition) !== "object" || definition.properties === undefined) return this.compile(definition);
    const fields: StructFields = new Map();
    const values = this.#valuesOf(definition);
    const type: MapType = { kind: "map", isAtomic: definition["x-kubernetes-map-type"] === "atomic", fields, values };
    // Known before it is filled, so that a struct that contains itself ends here.
    this.#known.set(name, type);
    this.#fill(fields, definition);
    return type;
  }

  #mapType(schema: JsonSchema): FieldType {
    if (schema.properties === undefined && schema.additionalProperties === undefined) return anything;
    const fields: StructFields = new Map();
    const values = this.#valuesOf(schema);
    this.#fill(fields, schema);
    return { kind: "map", isAtomic: schema["x-kubernetes-map-type"] === "atomic", fields, values };
  }

  #fill(fields: StructFields, schema: JsonSchema): void {
    if (schema["x-kubernetes-embedded-resource"] === true) {
      for (const name of ["apiVersion", "kind", "metadata"]) fields.set(name, { type: anything, default: undefined });
    }
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      fields.set(name, { type: this.compile(field), default: field.default ?? field.publicDefault });
    }
  }

  /** Null: the fields that are named are all there may be. */
  #valuesOf(schema: JsonSchema): FieldType | null {
    if (schema["x-kubernetes-preserve-unknown-fields"] === true) return anything;
    const { additionalProperties } = schema;
    if (additionalProperties === undefined || additionalProperties === false) return null;
    return this.#part(additionalProperties) ?? anything;
  }

  #part(schema: JsonSchema | boolean | undefined): FieldType | undefined {
    if (typeof schema !== "object") return undefined;
    return this.compile(schema);
  }
}

function typeNameOf({ type }: JsonSchema): string | undefined {
  return typeof type === "string" ? type : type?.find((name) => name !== "null");
}

function keysOf(schema: JsonSchema): ListType["keys"] {
  switch (schema["x-kubernetes-list-type"]) {
    case "map":
      return schema["x-kubernetes-list-map-keys"] ?? "atomic";
    case "set":
      return "set";
    default:
      return "atomic";
  }
}

/** A field may have one owner where others of the same struct have many, and the other way round. */
function withMapType(type: FieldType, schema: JsonSchema): FieldType {
  const mapType = schema["x-kubernetes-map-type"];
  return mapType !== undefined && type.kind === "map" ? { ...type, isAtomic: mapType === "atomic" } : type;
}
