// Control groups as the kernel shows them, which is by directories, in either version.
// Source: cgroups(7); systemd.slice(5) for where a slice is.
import { existsSync, readdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";

export const groupsRoot = "/sys/fs/cgroup";

/** All controllers are in one tree. */
export function hasUnifiedGroups(): boolean {
  return existsSync(join(groupsRoot, "cgroup.controllers"));
}

/** A dash in a slice's name leads one level down. */
export function directoryOf(slice: string): string {
  const words = slice.replace(/\.slice$/, "").split("-");
  return words.map((_, index) => `${words.slice(0, index + 1).join("-")}.slice`).join("/");
}

/** In whatever hierarchy it is. */
export function hasProcesses(group: string): boolean {
  return directoriesOf(group).some(holdsProcesses);
}

/** With all below it, but for what processes are in. Harmless when it is gone. */
export function removeGroup(group: string): void {
  for (const directory of directoriesOf(group)) removeTree(directory);
}

export function directoriesIn(path: string): readonly string[] {
  try {
    return readdirSync(path).filter((name) => statSync(join(path, name), { throwIfNoEntry: false })?.isDirectory());
  } catch {
    return [];
  }
}

function directoriesOf(group: string): readonly string[] {
  const hierarchies = hasUnifiedGroups() ? [""] : directoriesIn(groupsRoot);
  return hierarchies.map((hierarchy) => join(groupsRoot, hierarchy, group));
}

function holdsProcesses(directory: string): boolean {
  return hasOwnProcesses(directory) || directoriesIn(directory).some((name) => holdsProcesses(join(directory, name)));
}

function hasOwnProcesses(directory: string): boolean {
  try {
    return readFileSync(join(directory, "cgroup.procs"), "utf8") !== "";
  } catch {
    // It is gone, or one of threads alone, whose processes are in the one above.
    return false;
  }
}

function removeTree(path: string): void {
  for (const name of directoriesIn(path)) removeTree(join(path, name));
  try {
    rmdirSync(path);
  } catch {
    // It is not there, or something is on its way out of it; an empty group does no harm.
  }
}
