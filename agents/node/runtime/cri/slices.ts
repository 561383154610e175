// Slices of systemd: it forgets what anybody else writes into their control groups, and keeps them until they are stopped.
// Source: systemctl(1), systemd.resource-control(5).
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const runFile = promisify(execFile);
const timeoutMs = 30_000;
/** Where systemd puts what it is told to remember until the next boot. */
const remembered = "/run/systemd/system.control";

/** A property such as `CPUWeight=39`, until the next boot. False: there is no systemd to be told. */
export async function setProperty(slice: string, property: string): Promise<boolean> {
  return isDone("set-property", "--runtime", slice, property);
}

/** Ends what is in the slice. */
export async function stopSlice(slice: string): Promise<void> {
  await isDone("stop", slice);
  await rm(join(remembered, `${slice}.d`), { recursive: true, force: true }).catch(() => {});
}

async function isDone(...args: readonly string[]): Promise<boolean> {
  try {
    await runFile("systemctl", ["--quiet", ...args], { timeout: timeoutMs });
    return true;
  } catch {
    return false;
  }
}
