// The directory that a local cluster lives in: made private, and held by one process at a time.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { UserError } from "./options.ts";

export type StateDir = {
  readonly path: string;
  /** Lets others have the directory. */
  release(): void;
};

/** Throws UserError when another process has it, or when it cannot be written. */
export function holdStateDir(given: string): StateDir {
  const path = resolve(given);
  const lock = join(path, "lock");
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new UserError(`the state directory ${path} cannot be made: ${messageOf(error)}`);
  }
  const holder = holderOf(lock);
  if (holder !== null)
    throw new UserError(
      `the state directory ${path} is in use by process ${holder}; stop that one first, or use --state`,
    );
  try {
    writeFileSync(lock, `${process.pid} ${startTimeOf(process.pid) ?? ""}\n`, { mode: 0o600 });
  } catch (error) {
    throw new UserError(`the state directory ${path} cannot be written: ${messageOf(error)}`);
  }
  return { path, release: () => rmSync(lock, { force: true }) };
}

/** The process that holds the lock and still lives; null: nobody does. */
function holderOf(lock: string): number | null {
  let text: string;
  try {
    text = readFileSync(lock, "utf8");
  } catch {
    return null;
  }
  const [pid, startTime] = text.trim().split(" ");
  const holder = Number(pid);
  if (!Number.isInteger(holder) || holder <= 0 || !isAlive(holder)) return null;
  const actual = startTimeOf(holder);
  // A number may have passed to another process since.
  return actual === null || startTime === undefined || actual === startTime ? holder : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** When a process started, in the kernel's ticks; null where there is no /proc. */
function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
