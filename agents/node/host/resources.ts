// What this machine has left of memory and of process ids.
import { readFileSync } from "node:fs";
import { freemem, totalmem } from "node:os";

import type { Reading } from "../upkeep/thresholds.ts";

/** What could be had, caches included. */
export function memoryReading(): Reading {
  const kibibytes = /^MemAvailable:\s*(\d+) kB$/m.exec(readText("/proc/meminfo"))?.[1];
  return { available: kibibytes === undefined ? freemem() : Number(kibibytes) * 1024, capacity: totalmem() };
}

/** Undefined where nobody counts them. */
export function pidReading(): Reading | undefined {
  const capacity = Number(readText("/proc/sys/kernel/pid_max"));
  const used = Number(readText("/proc/loadavg").split(" ")[3]?.split("/")[1]);
  if (!(capacity > 0) || !(used > 0)) return undefined;
  return { available: Math.max(0, capacity - used), capacity };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
