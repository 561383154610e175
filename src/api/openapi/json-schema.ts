// The JSON Schema of what a client may send, as zod writes it: the source of patch rules and of OpenAPI alike.
import * as z from "zod";

import { docsOf, type Json, scalarGoTypes } from "../../model/fields.ts";

/** The keywords zod writes that something here reads. */
export type JsonSchema = {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly default?: Json;
  readonly enum?: readonly Json[];
  readonly const?: Json;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema | boolean;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly "x-kubernetes-patch-merge-key"?: string;
  readonly "x-kubernetes-patch-strategy"?: string;
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: string;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
  /** What each property is for. Ours, not part of any standard. */
  readonly words?: Readonly<Record<string, string>>;
  /** Of a field that has to be given. Ours, not part of any standard. */
  readonly isMandatory?: boolean;
  /** Of a field that is transformed, where `default` cannot be said. Ours, not part of any standard. */
  readonly publicDefault?: Json;
  /** The Go type that reads this text or number, where that says more than the type. Ours, not part of any standard. */
  readonly goType?: string;
};

const definitionPrefix = "#/$defs/";

/** By zod's core type, which is what conversions hand out. */
const goTypes: ReadonlyMap<z.core.$ZodType, string> = scalarGoTypes;

const written = new WeakMap<z.ZodType, JsonSchema>();

/** The schema as JSON Schema; structs are definitions under `$defs`, by their upstream names. Written once and kept. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const known = written.get(schema);
  if (known !== undefined) return known;
  const jsonSchema = writeJsonSchema(schema);
  written.set(schema, jsonSchema);
  return jsonSchema;
}

function writeJsonSchema(schema: z.ZodType): JsonSchema {
  const jsonSchema = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema: target }) => {
      const goType = goTypes.get(zodSchema);
      if (goType !== undefined) target["goType"] = goType;
      describe(zodSchema, target);
    },
  });
  // Typed stub: zod types the keywords it writes more loosely than they are read here.
  return jsonSchema as JsonSchema;
}

/** Puts the words for a struct and its fields beside what zod writes for them. */
function describe(schema: z.core.$ZodType, target: z.core.JSONSchema.BaseSchema): void {
  const docs = docsOf(schema);
  if (docs === undefined) return;
  const { about, ...words } = docs;
  if (about !== undefined) target.description = about;
  // Not into the fields themselves: fields of one sort share what zod writes for them.
  target["words"] = words;
}

/** The name of the definition that a schema refers to, or undefined when it refers to none. */
export function definitionName(schema: JsonSchema): string | undefined {
  return schema.$ref?.startsWith(definitionPrefix) ? schema.$ref.slice(definitionPrefix.length) : undefined;
}
