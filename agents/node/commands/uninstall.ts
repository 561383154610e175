// Takes from a machine what install and join have written, and what the agent has left.
import { execFileSync } from "node:child_process";
import { existsSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { nodeLocal } from "../local-api/node-local.ts";
import { removeGroup } from "../runtime/cri/group-files.ts";
import { say } from "./output.ts";
import type { Places } from "./places.ts";
import { readSettings } from "./settings.ts";
import * as systemd from "./systemd.ts";

/** Once no agent runs and its pods are gone. */
export async function uninstall(places: Places): Promise<void> {
  const { root, unit, rollbackUnit, command, releases, settings, state, log } = places;
  const options = readSettings(places)?.options ?? [];
  for (const path of [unit, rollbackUnit, command, releases, settings, state]) {
    if (!existsSync(path)) continue;
    rmSync(path, { recursive: true, force: true });
    say(`removed ${path}`);
  }
  if (systemd.hasSystemd(places)) systemd.forget();
  // Theirs who made it, if anything else is in it.
  for (const name of ["pods", "containers"]) removeEmpty(join(log, name));
  if (root !== "/") return;
  const at = options.indexOf("--cgroup");
  const group = (at < 0 ? undefined : options[at + 1]) ?? "lares";
  if (systemd.hasSystemd(places)) await systemd.forgetSlice(group);
  removeGroup(group);
  if (!options.includes("--local-api-address")) removeAddress();
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // It was never there, or it is somebody else's too.
  }
}

function removeAddress(): void {
  try {
    execFileSync("ip", ["address", "delete", `${nodeLocal}/32`, "dev", "lo"], { stdio: "ignore" });
  } catch {
    // No pod here ever had a network of its own.
  }
}
