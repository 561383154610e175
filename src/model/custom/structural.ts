// What a schema makes of an object before it is checked: fields it does not know are dropped, nulls that may not be are
// taken for nothing, and defaults are filled in.
// Source: apiextensions-apiserver pkg/apiserver/schema pruning, defaulting.
import type { JsonSchemaProps } from "./json-schema-props.ts";

export type Fields = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const metaFields = ["apiVersion", "kind", "metadata"];

/** The schema of the elements of a list; undefined: nothing is said of them. */
export function itemsOf(schema: JsonSchemaProps | undefined): JsonSchemaProps | undefined {
  // A list of schemas is refused when it is defined.
  return schema?.items === undefined || Array.isArray(schema.items) ? undefined : (schema.items as JsonSchemaProps);
}

/** The schema of the fields that have no name in it. */
export function additionalOf(schema: JsonSchemaProps | undefined): JsonSchemaProps | undefined {
  return typeof schema?.additionalProperties === "object" ? schema.additionalProperties : undefined;
}

/** The schema of a field of this name. */
export function propertyOf(schema: JsonSchemaProps | undefined, name: string): JsonSchemaProps | undefined {
  const { properties } = schema ?? {};
  return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

export function keepsUnknown(schema: JsonSchemaProps | undefined): boolean {
  return schema?.["x-kubernetes-preserve-unknown-fields"] === true;
}

type Pruned = { readonly value: unknown /** Paths of what was dropped. */; readonly dropped: readonly string[] };

/** What the schema knows of a value. `isObject`: it is an object of the API, with fields that need no schema. */
export function prune(value: unknown, schema: JsonSchemaProps | undefined, isObject: boolean): Pruned {
  const dropped: string[] = [];
  return { value: pruned(value, schema, { path: "", dropped, isObject }), dropped: dropped.sort() };
}

type Place = {
  readonly path: string;
  readonly dropped: string[];
  readonly isObject?: boolean;
  /** Inside of what is kept whole, down to where a schema speaks again. */
  readonly isKept?: boolean;
};

function pruned(value: unknown, schema: JsonSchemaProps | undefined, place: Place): unknown {
  const isKept = place.isKept === true || keepsUnknown(schema);
  if (isKept && schema === undefined) return value;
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    return value.map((element, index) =>
      pruned(element, items, { path: `${place.path}[${index}]`, dropped: place.dropped, isKept }),
    );
  }
  if (!isRecord(value)) return value;
  const isObject = place.isObject === true || schema?.["x-kubernetes-embedded-resource"] === true;
  const kept: [string, unknown][] = [];
  for (const [name, field] of Object.entries(value)) {
    const path = place.path === "" ? name : `${place.path}.${name}`;
    const known = propertyOf(schema, name) ?? additionalOf(schema);
    const isOpen = known === undefined && schema?.additionalProperties === true;
    if (isObject && metaFields.includes(name)) kept.push([name, field]);
    else if (known !== undefined || isOpen) kept.push([name, pruned(field, known, { path, dropped: place.dropped })]);
    else if (isKept) kept.push([name, field]);
    else place.dropped.push(path);
  }
  return Object.fromEntries(kept);
}

/** The value with defaults, and without nulls where there may be none. */
export function withDefaults(value: unknown, schema: JsonSchemaProps | undefined): unknown {
  if (schema === undefined) return value;
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    return value.map((element) => withDefaults(isNoNull(element, items) ? defaultOf(items) : element, items));
  }
  return isRecord(value) ? fieldsWithDefaults(value, schema) : value;
}

function fieldsWithDefaults(value: Fields, schema: JsonSchemaProps): Fields {
  const schemaOf = (name: string) => propertyOf(schema, name) ?? additionalOf(schema);
  const given = Object.entries(value).flatMap(([name, field]): [string, unknown][] => {
    const known = schemaOf(name);
    if (!isNoNull(field, known)) return [[name, field]];
    const preset = defaultOf(known);
    return preset === undefined ? [] : [[name, preset]];
  });
  const absent = Object.entries(schema.properties ?? {}).flatMap(([name, property]): [string, unknown][] => {
    const preset = defaultOf(property);
    return preset === undefined || Object.hasOwn(value, name) ? [] : [[name, preset]];
  });
  return Object.fromEntries([...given, ...absent].map(([name, field]) => [name, withDefaults(field, schemaOf(name))]));
}

/** A null where the schema allows none. */
function isNoNull(value: unknown, schema: JsonSchemaProps | undefined): boolean {
  return value === null && schema !== undefined && schema.nullable !== true;
}

/** A copy of the default. */
function defaultOf(schema: JsonSchemaProps | undefined): unknown {
  const preset = schema?.default;
  return preset === undefined || preset === null ? undefined : JSON.parse(JSON.stringify(preset));
}
