// Where a test keeps its files: a directory that says whose it is, so that what a run that was killed has left on the machine
// is found and taken away. Run with the id of a process that has ended, it does that.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

import { removeLeftovers } from "./leftovers.ts";

const program = fileURLToPath(import.meta.url);
let isWatched = false;

/** `what` is for people who look. At the end of the process it is removed at the latest, with all that is kept by it. */
export function ownDirectory(what: string): string {
  if (!isWatched) {
    isWatched = true;
    watchOver(process.pid);
    removeWhere((pid) => !isAlive(pid));
  }
  return mkdtempSync(join(tmpdir(), `lares-${what}-${process.pid}-`));
}

/** For what a directory's owner has elsewhere: its interface, its control group. No other directory has it. */
export function nameOf(directory: string): string {
  return `lares-${basename(directory).slice(-6).toLowerCase()}`;
}

/** Runners kill those that run the tests, and a Ctrl-C ends all of them: only somebody else can clear up after that. */
function watchOver(pid: number): void {
  const script = `cat >/dev/null; for left in "$1"/lares-*-"$2"-*; do [ -e "$left" ] && exec "$3" "$4" "$2"; done`;
  const args = ["-c", script, "sh", tmpdir(), String(pid), process.execPath, program];
  const watcher = spawn("sh", args, { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  watcher.unref();
  // Ends when this process does, and must not keep it from it.
  if (watcher.stdin instanceof Socket) watcher.stdin.unref();
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

if (process.argv[1] === program) {
  const owner = Number(process.argv[2]);
  removeWhere((pid) => pid === owner);
}
