// The fields that an object names: what somebody who applies it lays claim to.
// Source: sigs.k8s.io/structured-merge-diff typed, tofieldset.go.
import type { Json } from "../../model/fields.ts";
import { isJsonObject, member } from "../json.ts";
import { type FieldSet, FieldSetBuilder } from "./field-set.ts";
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

export function fieldsOf(type: FieldType, value: Json): FieldSet {
  const set = new FieldSetBuilder();
  collect(type, value, { set, path: [] });
  return set;
}

/** `path` leads to the value and is put back as it was. */
type Place = { readonly set: FieldSetBuilder; readonly path: string[] };

function collect(type: FieldType, value: Json, place: Place): void {
  const known = typeOf(type, value);
  switch (known.kind) {
    case "scalar":
      place.set.insert(place.path);
      return;
    case "list":
      collectElements(known, value, place);
      return;
    case "map":
      collectFields(known, value, place);
  }
}

function collectElements(type: ListType, value: Json, place: Place): void {
  if (type.keys === "atomic") place.set.insert(place.path);
  else {
    for (const child of asList(value) ?? []) {
      const found = elementPath(type, child);
      if ("problem" in found) continue;
      place.path.push(found.element);
      collect(type.elements, child, place);
      place.set.insert(place.path);
      place.path.pop();
    }
  }
}

function collectFields(type: MapType, value: Json, place: Place): void {
  if (type.isAtomic) {
    place.set.insert(place.path);
    return;
  }
  const map = asMap(value) ?? {};
  for (const name of Object.keys(map)) {
    const child = member(map, name) ?? null;
    place.path.push(fieldElement(name));
    collect(fieldType(type, name), child, place);
    // Structs are there because of their fields; only what has none, or is no struct's, is claimed itself.
    if (isEmptyMap(child) || !type.fields.has(name)) place.set.insert(place.path);
    place.path.pop();
  }
}

function isEmptyMap(value: Json): boolean {
  return value === null || (isJsonObject(value) && Object.keys(value).length === 0);
}
