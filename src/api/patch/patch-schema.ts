// How the fields of a kind take part in strategic merge patches: which lists merge, and by which key.
import type { Resource } from "../../model/resource.ts";
import { definitionName, type JsonSchema, jsonSchemaOf } from "../openapi/json-schema.ts";

export type PatchSchema = {
  /** Fields with rules of their own, or with such fields somewhere below. */
  readonly fields: ReadonlyMap<string, PatchSchema>;
  /** Of every value of a map. */
  readonly values: PatchSchema | undefined;
  /** Of every element of a list. */
  readonly elements: PatchSchema | undefined;
  /** Lists without a strategy are replaced, maps without one merge. */
  readonly strategy: "merge" | "replace" | undefined;
  /** The field that tells the elements of a merged list apart; none for lists of plain values. */
  readonly mergeKey: string | undefined;
};

/** Of anything without rules: maps merge, everything else is replaced. */
const plain: PatchSchema = {
  fields: new Map(),
  values: undefined,
  elements: undefined,
  strategy: undefined,
  mergeKey: undefined,
};

const compiled = new WeakMap<Resource["schema"], PatchSchema>();

/** The patch rules of a resource, compiled on first use and kept. */
export function patchSchemaOf(resource: Pick<Resource, "schema">): PatchSchema {
  const known = compiled.get(resource.schema);
  if (known !== undefined) return known;
  const root = jsonSchemaOf(resource.schema);
  const schema = new Compiler(root.$defs ?? {}).compile(root);
  compiled.set(resource.schema, schema);
  return schema;
}

/** The rules of one field of an object. */
export function fieldSchema(schema: PatchSchema, field: string): PatchSchema {
  return schema.fields.get(field) ?? schema.values ?? plain;
}

/** The rules of every element of a list. */
export function elementSchema(schema: PatchSchema): PatchSchema {
  return schema.elements ?? plain;
}

class Compiler {
  readonly #definitions: Readonly<Record<string, JsonSchema>>;
  readonly #known = new Map<string, PatchSchema>();

  constructor(definitions: Readonly<Record<string, JsonSchema>>) {
    this.#definitions = definitions;
  }

  compile(schema: JsonSchema): PatchSchema {
    const name = definitionName(schema);
    const shape = name === undefined ? this.#shape(schema, new Map()) : this.#definition(name);
    const strategies = schema["x-kubernetes-patch-strategy"]?.split(",") ?? [];
    if (strategies.length === 0) return shape;
    const strategy = strategies.includes("merge") ? "merge" : strategies.includes("replace") ? "replace" : undefined;
    return { ...shape, strategy, mergeKey: schema["x-kubernetes-patch-merge-key"] };
  }

  #definition(name: string): PatchSchema {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const definition = this.#definitions[name] ?? {};
    if (definition.$ref !== undefined) return this.compile(definition);
    const fields = new Map<string, PatchSchema>();
    // Known before it is filled, so that a struct that contains itself ends here.
    this.#known.set(name, { ...plain, fields });
    const schema = this.#shape(definition, fields);
    this.#known.set(name, schema);
    return schema;
  }

  #shape(schema: JsonSchema, fields: Map<string, PatchSchema>): PatchSchema {
    for (const [field, value] of Object.entries(schema.properties ?? {})) {
      const compiledField = this.compile(value);
      if (compiledField !== plain) fields.set(field, compiledField);
    }
    const values = this.#part(schema.additionalProperties);
    const elements = this.#part(schema.items);
    if (fields.size === 0 && values === undefined && elements === undefined) return plain;
    return { ...plain, fields, values, elements };
  }

  #part(schema: JsonSchema | boolean | undefined): PatchSchema | undefined {
    if (typeof schema !== "object") return undefined;
    const part = this.compile(schema);
    return part === plain ? undefined : part;
  }
}
