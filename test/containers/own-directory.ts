// Where a test keeps its files: a directory that says whose it is, so that what a run that was killed has left is found and
// taken away by the next.
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { removeLeftovers } from "./leftovers.ts";

let hasLooked = false;

/** `what` is for people who look. It is removed at the end of the process at the latest, with all that is kept by it. */
export function ownDirectory(what: string): string {
  if (!hasLooked) {
    hasLooked = true;
    process.once("exit", () => removeWhere((pid) => pid === process.pid));
    removeWhere((pid) => !isAlive(pid));
  }
  return mkdtempSync(join(tmpdir(), `lares-${what}-${process.pid}-`));
}

/** For what a directory's owner has elsewhere: its interface, its control group. No other directory has it. */
export function nameOf(directory: string): string {
  return `lares-${basename(directory).slice(-6).toLowerCase()}`;
}

function removeWhere(isMeant: (pid: number) => boolean): void {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = /^lares-[a-z0-9-]+-(\d+)-[A-Za-z0-9]{6}$/.exec(name) ?? [];
    if (pid === undefined || !isMeant(Number(pid))) continue;
    const directory = join(tmpdir(), name);
    removeLeftovers({ directory, name: nameOf(directory) });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
