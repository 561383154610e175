// One agent per state directory: two would start everything twice.
import { readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";

import { isAlive, statOf } from "../runtime/process/process-table.ts";

/**
 * Takes the lock; the pid of its holder when somebody else has it. The lock of a dead process counts for nothing. It is a
 * link that leads nowhere: it is there with its holder's name from the first moment, and finds room on a disk that is full.
 */
export function takeLock(
  path: string,
): { readonly ok: true; release(): void } | { readonly ok: false; readonly pid: number } {
  const own = statOf(process.pid);
  const identity = `${process.pid} ${own?.startTime ?? ""}`;
  for (;;) {
    try {
      symlinkSync(identity, path);
      return { ok: true, release: () => rmSync(path, { force: true }) };
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const pid = lockHolder(path);
    if (pid !== null) return { ok: false, pid };
    rmSync(path, { force: true });
  }
}

/** The process that has the lock; null: none that is alive, or this one. */
export function lockHolder(path: string): number | null {
  const [pid = "", startTime = ""] = readLock(path).split(" ");
  return isHolder(Number(pid), startTime) ? Number(pid) : null;
}

/** Who holds it or held it last: the number of the process, a blank, its start time; empty when nobody did. */
export function readLock(path: string): string {
  // An earlier version wrote a file.
  for (const read of [() => readlinkSync(path), () => readFileSync(path, "utf8")]) {
    try {
      return read();
    } catch {
      // It is the other kind, or gone just now.
    }
  }
  return "";
}

function isHolder(pid: number, startTime: string): boolean {
  if (!(pid > 0) || pid === process.pid) return false;
  if (startTime !== "") return isAlive({ pid, startTime });
  // Where there is no /proc, the number alone must do.
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
