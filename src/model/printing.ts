// How the cells of tables are worded.
// Source: apimachinery pkg/util/duration HumanDuration, pkg/printers/internalversion.
import { parseTimeMs } from "./instant.ts";
import type { KubeObject } from "./meta.ts";
import type { Column } from "./resource.ts";

const secondMs = 1000;
const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

/** How long something took, as roughly as a person would say it: `5m10s`, `3h`, `2y40d`. */
export function humanDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / secondMs);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 2 * minute) return `${seconds}s`;
  if (seconds < 10 * minute) return inTwoUnits(seconds, [minute, "m"], [1, "s"]);
  if (seconds < 3 * hour) return inOneUnit(seconds, minute, "m");
  if (seconds < 8 * hour) return inTwoUnits(seconds, [hour, "h"], [minute, "m"]);
  if (seconds < 48 * hour) return inOneUnit(seconds, hour, "h");
  if (seconds < 8 * day) return inTwoUnits(seconds, [day, "d"], [hour, "h"]);
  if (seconds < 2 * year) return inOneUnit(seconds, day, "d");
  if (seconds < 8 * year) return inTwoUnits(seconds, [year, "y"], [day, "d"]);
  return inOneUnit(seconds, year, "y");
}

type Unit = readonly [seconds: number, name: string];

function inOneUnit(seconds: number, unit: number, name: string): string {
  return `${Math.floor(seconds / unit)}${name}`;
}

function inTwoUnits(seconds: number, [large, largeName]: Unit, [small, smallName]: Unit): string {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)}${largeName}${rest === 0 ? "" : `${rest}${smallName}`}`;
}

/** How long ago `time` was; `<unknown>` when it is not set. */
export function age(time: string | null | undefined, nowMs: number): string {
  const atMs = parseTimeMs(time);
  return atMs === null ? "<unknown>" : humanDuration(nowMs - atMs);
}

/** The text, or `<none>` for none. */
export function orNone(value: string | undefined): string {
  return value === undefined || value === "" ? "<none>" : value;
}

export const nameColumn: Column<KubeObject> = {
  name: "Name",
  type: "string",
  format: "name",
  description: "The object's name, unique among its kind in its namespace.",
  cell: ({ metadata }) => metadata.name ?? "",
};

/** The time as it is; clients make an age of it. */
export const createdAtColumn: Column<KubeObject> = {
  name: "Created At",
  type: "date",
  description: "When the object was created.",
  cell: ({ metadata }) => metadata.creationTimestamp ?? null,
};

export const ageColumn: Column<KubeObject> = {
  name: "Age",
  type: "string",
  description: "How long ago the object was created.",
  cell: ({ metadata }, nowMs) => age(metadata.creationTimestamp, nowMs),
};
