// A small type with one field of each sort that server-side apply tells apart.

import { emptySet } from "../../../src/core/apply/field-set.ts";
import type { FieldType, MapType } from "../../../src/core/apply/field-type.ts";
import type { Ground } from "../../../src/core/apply/owners.ts";

const text: FieldType = { kind: "scalar", of: "string" };
const number: FieldType = { kind: "scalar", of: "numeric" };
const flag: FieldType = { kind: "scalar", of: "boolean" };
const either: FieldType = { kind: "scalar", of: "any" };

function struct(fields: Readonly<Record<string, FieldType>>, isAtomic = false): MapType {
  const entries = Object.entries(fields).map(([name, type]) => [name, { type, default: undefined }] as const);
  return { kind: "map", isAtomic, fields: new Map(entries), values: null };
}

function mapOf(values: FieldType, isAtomic = false): MapType {
  return { kind: "map", isAtomic, fields: new Map(), values };
}

const port: MapType = {
  kind: "map",
  isAtomic: false,
  fields: new Map([
    ["number", { type: number, default: undefined }],
    ["protocol", { type: text, default: "TCP" }],
    ["name", { type: text, default: undefined }],
  ]),
  values: null,
};

export const shipType: FieldType = struct({
  name: text,
  crew: number,
  sails: flag,
  draught: either,
  labels: mapOf(text),
  selector: mapOf(text, true),
  captain: struct({ name: text, age: number }),
  home: struct({ town: text, pier: number }, true),
  ports: { kind: "list", elements: port, keys: ["number", "protocol"] },
  decks: { kind: "list", elements: struct({ name: text, cabins: mapOf(number) }), keys: ["name"] },
  flags: { kind: "list", elements: text, keys: "set" },
  orders: { kind: "list", elements: text, keys: "atomic" },
  cargo: { kind: "any" },
});

export const ground: Ground = { type: shipType, apiVersion: "sea/v1", ignored: emptySet };
