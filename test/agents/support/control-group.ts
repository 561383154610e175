// Control groups of this machine's that a test makes by itself.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = "/sys/fs/cgroup";
const isUnified = existsSync(join(root, "cgroup.controllers"));
/** Where the controller of processors is. */
const hierarchy = join(root, isUnified ? "" : "cpu");

/** Of what a group has of the processors, in the words of the kernel and of systemd. */
export const cpuWeight = isUnified
  ? ({ file: "cpu.weight", property: "CPUWeight" } as const)
  : ({ file: "cpu.shares", property: "CPUShares" } as const);

/** A path below the root of control groups. With `weight` those above let it have one. */
export function makeControlGroup(path: string, weight?: number): string {
  const names = path.split("/");
  for (const [index] of names.entries()) {
    const above = join(hierarchy, ...names.slice(0, index));
    if (isUnified && weight !== undefined) writeFileSync(join(above, "cgroup.subtree_control"), "+cpu");
    mkdirSync(join(above, names[index] ?? ""), { recursive: true });
  }
  const group = join(hierarchy, path);
  if (weight !== undefined) writeFileSync(join(group, cpuWeight.file), String(weight));
  return group;
}
