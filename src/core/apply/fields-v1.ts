// Sets of fields as managedFields keep them: JSON whose keys are the steps, with `.` where the place itself is meant.
// Source: sigs.k8s.io/structured-merge-diff fieldpath, serialize.go.

import type { Json } from "../../model/fields.ts";
import type { JsonObject } from "../json.ts";
import { type FieldSet, isEmptySet } from "./field-set.ts";
import { asMap } from "./field-type.ts";
import { compareElements, parseElement } from "./path-element.ts";

const self = ".";

export function encodeFields(set: FieldSet): JsonObject {
  return encode(set, false);
}

function encode({ members, children }: FieldSet, isMember: boolean): JsonObject {
  const elements = [...new Set([...members, ...children.keys()])].toSorted(compareElements);
  const entries = elements.map((element): [string, JsonObject] => {
    const below = children.get(element);
    return [element, below === undefined ? {} : encode(below, members.has(element))];
  });
  return Object.fromEntries(isMember ? [[self, {}], ...entries] : entries);
}

/** Null for what is no such set. */
export function decodeFields(json: Json | undefined): FieldSet | null {
  try {
    return decode(json ?? {}).set;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function decode(json: Json): { readonly set: FieldSet; readonly isMember: boolean } {
  const fields = asMap(json);
  if (fields === null) throw new SyntaxError("a set of fields is an object");
  const members = new Set<string>();
  const children = new Map<string, FieldSet>();
  for (const [text, value] of Object.entries(fields)) {
    if (text === self) continue;
    const element = parseElement(text);
    if (element === null) throw new SyntaxError(`no field is called ${text}`);
    const below = decode(value);
    if (below.isMember) members.add(element);
    if (!isEmptySet(below.set)) children.set(element, below.set);
  }
  return { set: { members, children }, isMember: Object.hasOwn(fields, self) || children.size + members.size === 0 };
}
