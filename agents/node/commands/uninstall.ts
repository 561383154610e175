// Takes from a machine what install and join have written, and what the agent has left.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { nodeLocal } from "../local-api/node-local.ts";
import { say } from "./output.ts";
import type { Places } from "./places.ts";
import { readSettings } from "./settings.ts";
import * as systemd from "./systemd.ts";

const controlGroups = "/sys/fs/cgroup";

/** Once no agent runs and its pods are gone. */
export function uninstall(places: Places): void {
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
  if (systemd.hasSystemd(places)) systemd.forgetSlice(group);
  removeControlGroup(group);
  if (!options.includes("--local-api-address")) removeAddress();
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // It was never there, or it is somebody else's too.
  }
}

/** Groups without processes can be removed, and no others. */
function removeControlGroup(name: string): void {
  const hierarchies = existsSync(join(controlGroups, "cgroup.controllers")) ? [""] : foldersIn(controlGroups);
  for (const hierarchy of hierarchies) removeTree(join(controlGroups, hierarchy, name));
}

function removeTree(group: string): void {
  for (const name of foldersIn(group)) removeTree(join(group, name));
  removeEmpty(group);
}

function foldersIn(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((it) => (it.isDirectory() ? [it.name] : []));
}

function removeAddress(): void {
  try {
    execFileSync("ip", ["address", "delete", `${nodeLocal}/32`, "dev", "lo"], { stdio: "ignore" });
  } catch {
    // No pod here ever had a network of its own.
  }
}
