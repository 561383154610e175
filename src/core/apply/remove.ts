// An object without some of its fields. Source: sigs.k8s.io/structured-merge-diff typed, remove.go.
import type { Json } from "../../model/fields.ts";
import { member } from "../json.ts";
import { below, type FieldSet, isEmptySet } from "./field-set.ts";
import {
  asList,
  asMap,
  elementPath,
  type FieldType,
  fieldType,
  type ListType,
  type MapType,
  typeOf,
} from "./field-type.ts";
import { fieldElement } from "./path-element.ts";

/** Null when nothing is left of the value. */
export function withoutFields(type: FieldType, value: Json, fields: FieldSet): Json {
  const known = typeOf(type, value);
  switch (known.kind) {
    case "scalar":
      return value;
    case "list":
      return withoutElements(known, asList(value) ?? [], fields);
    case "map":
      return withoutNames(known, value, fields);
  }
}

function withoutElements(type: ListType, list: readonly Json[], fields: FieldSet): Json {
  if (type.keys === "atomic") return null;
  const kept = list.flatMap((value) => {
    const path = elementPath(type, value);
    if ("problem" in path) return [value];
    return withoutField({ type: type.elements, value, fields, element: path.element });
  });
  return kept.length === 0 ? null : kept;
}

function withoutNames(type: MapType, value: Json, fields: FieldSet): Json {
  const map = asMap(value) ?? {};
  if (type.isAtomic) return null;
  const kept = Object.keys(map).flatMap((name) => {
    const child = { type: fieldType(type, name), value: member(map, name) ?? null };
    return withoutField({ ...child, fields, element: fieldElement(name) }).map((left): [string, Json] => [name, left]);
  });
  return kept.length === 0 ? null : Object.fromEntries(kept);
}

type Child = {
  readonly type: FieldType;
  readonly value: Json;
  readonly fields: FieldSet;
  readonly element: string;
};

/** What is left of one field or element: a value, or none. */
function withoutField({ type, value, fields, element }: Child): readonly Json[] {
  if (fields.members.has(element)) return [];
  const rest = below(fields, element);
  return [isEmptySet(rest) ? value : withoutFields(type, value, rest)];
}
