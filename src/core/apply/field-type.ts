// What server-side apply has to know of a value: what it may be, which of its parts have owners of their own, and what
// tells the elements of a list apart. Source: sigs.k8s.io/structured-merge-diff schema.
import type { Json } from "../../model/fields.ts";
import { isJsonArray, isJsonObject, type JsonObject, member } from "../json.ts";
import { keyElement, valueElement } from "./path-element.ts";

type Scalar = { readonly kind: "scalar"; readonly of: "string" | "numeric" | "boolean" | "any" };

export type MapType = {
  readonly kind: "map";
  /** True: the map has one owner. */
  readonly isAtomic: boolean;
  /** The named fields of a struct. */
  readonly fields: ReadonlyMap<string, StructField>;
  /** Of every key that is no named field; null: there may be no other. */
  readonly values: FieldType | null;
};

type StructField = {
  readonly type: FieldType;
  /** Stands for the field in the key of a list element that leaves it out. */
  readonly default: Json | undefined;
};

export type ListType = {
  readonly kind: "list";
  readonly elements: FieldType;
  /** Fields of the elements that tell them apart; "set": the elements do that themselves; "atomic": the list has one owner. */
  readonly keys: readonly string[] | "set" | "atomic";
};

/** `any`: whatever the value turns out to be, maps with an owner for each key and lists with one. */
export type FieldType = Scalar | MapType | ListType | { readonly kind: "any" };

/** A type that has been decided on. */
type KnownType = Scalar | MapType | ListType;

const anything: FieldType = { kind: "any" };
const anyScalar: Scalar = { kind: "scalar", of: "any" };
const anyMap: MapType = { kind: "map", isAtomic: false, fields: new Map(), values: anything };
const anyList: ListType = { kind: "list", elements: anything, keys: "atomic" };

/** The type of this value, where the type is open. Nulls count as maps. */
export function typeOf(type: FieldType, value: Json | undefined): KnownType {
  if (type.kind !== "any") return type;
  if (isJsonArray(value)) return anyList;
  return value === null || value === undefined || isJsonObject(value) ? anyMap : anyScalar;
}

/** The type of one field of a struct, or of one value of a map. */
export function fieldType({ fields, values }: MapType, name: string): FieldType {
  return fields.get(name)?.type ?? values ?? anything;
}

/** The map that a value is; null for anything else. */
export function asMap(value: Json | undefined): JsonObject | null {
  return isJsonObject(value) ? value : null;
}

/** The list that a value is; null for anything else. */
export function asList(value: Json | undefined): readonly Json[] | null {
  return isJsonArray(value) ? value : null;
}

export type ElementPath = { readonly element: string } | { readonly problem: string };

/** What tells an element of a list that is not atomic apart from the others, or why nothing does. */
export function elementPath({ elements, keys }: ListType, value: Json): ElementPath {
  if (keys === "atomic") return { problem: "invalid indexing of non-associative list" };
  return keys === "set" ? setElementPath(value) : keyedElementPath(elements, keys, value);
}

function setElementPath(value: Json): ElementPath {
  if (isJsonObject(value)) return { problem: "associative list without keys has an element that's a map type" };
  if (isJsonArray(value)) return { problem: "not supported: associative list with lists as elements" };
  if (value === null) return { problem: "associative list without keys has an element that's an explicit null" };
  return { element: valueElement(value) };
}

function keyedElementPath(elements: FieldType, keys: readonly string[], value: Json): ElementPath {
  if (value === null) return { problem: "associative list with keys may not have a null element" };
  if (!isJsonObject(value)) return { problem: "associative list with keys may not have non-map elements" };
  const found: [string, Json][] = [];
  for (const name of keys) {
    const given = member(value, name) ?? defaultOf(elements, name);
    if (given === undefined) {
      const quoted = JSON.stringify(name);
      return {
        problem: `associative list with keys has an element that omits key field ${quoted} (and doesn't have default value)`,
      };
    }
    found.push([name, given]);
  }
  return { element: keyElement(found) };
}

function defaultOf(type: FieldType, name: string): Json | undefined {
  return type.kind === "map" ? type.fields.get(name)?.default : undefined;
}
