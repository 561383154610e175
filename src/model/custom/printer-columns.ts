// The columns of a custom kind's table.
// Source: apiextensions-apiserver pkg/registry/customresource/tableconvertor.
import { parseTimeMs } from "../instant.ts";
import type { KubeObject } from "../meta.ts";
import { humanDuration, nameColumn } from "../printing.ts";
import type { Cell, Column } from "../resource.ts";
import type { PrinterColumn } from "./definition.ts";
import type { JsonPath } from "./json-path.ts";
import { parseJsonPath, valueAt } from "./json-path.ts";

const defaultColumns: readonly PrinterColumn[] = [
  {
    name: "Age",
    type: "date",
    description: "How long ago the object was created.",
    jsonPath: ".metadata.creationTimestamp",
  },
];

/** The name, and what the definition says; from the first path on that is none there are no more columns. */
export function printerColumns(given: readonly PrinterColumn[] | undefined): readonly Column<KubeObject>[] {
  const columns: Column<KubeObject>[] = [nameColumn];
  for (const column of given === undefined || given.length === 0 ? defaultColumns : given) {
    const path = parseJsonPath(column.jsonPath);
    if (path === null) break;
    columns.push(columnOf(column, path));
  }
  return columns;
}

function columnOf({ name, type, format, description, priority, jsonPath }: PrinterColumn, path: JsonPath) {
  return {
    name,
    // What else it may be called is refused when it is defined.
    type: type as Column<KubeObject>["type"],
    ...(format === undefined ? {} : { format }),
    ...(priority === undefined ? {} : { priority }),
    description: description ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    cell: (object: KubeObject, nowMs: number) => cellOf(type, valueAt(object, path), nowMs),
  };
}

function cellOf(type: string, value: unknown, nowMs: number): Cell {
  if (value === undefined || value === null) return null;
  switch (type) {
    case "integer":
      return typeof value === "number" ? Math.trunc(value) : null;
    case "number":
      return typeof value === "number" ? value : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "date":
      return typeof value === "string" ? ageOf(value, nowMs) : null;
    default:
      return typeof value === "object" ? sortedJson(value) : String(value);
  }
}

function ageOf(time: string, nowMs: number): string {
  const atMs = parseTimeMs(time);
  return atMs === null ? "<invalid>" : humanDuration(nowMs - atMs);
}

/** JSON with the keys in order, as Go writes maps. */
export function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
