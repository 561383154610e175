// One agent per state directory: two would start everything twice.
import { readFileSync, rmSync, writeFileSync } from "node:fs";

import { isAlive, statOf } from "../runtime/process/process-table.ts";

/** Takes the lock; the pid of its holder when somebody else has it. The lock of a dead process counts for nothing. */
export function takeLock(
  path: string,
): { readonly ok: true; release(): void } | { readonly ok: false; readonly pid: number } {
  const own = statOf(process.pid);
  const identity = `${process.pid} ${own?.startTime ?? ""}`;
  for (;;) {
    try {
      writeFileSync(path, identity, { flag: "wx", mode: 0o600 });
      return { ok: true, release: () => rmSync(path, { force: true }) };
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const [pid = "", startTime = ""] = readLock(path).split(" ");
    if (isHolder(Number(pid), startTime)) return { ok: false, pid: Number(pid) };
    rmSync(path, { force: true });
  }
}

function readLock(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
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
