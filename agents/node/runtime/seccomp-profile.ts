// Profiles of system calls that are kept on the node, for pods to name.
import { existsSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";

export type SeccompProfile = { readonly path: string; readonly text: string };

/** Throws when there is none of that name below the directories. */
export function readSeccompProfile(directories: readonly string[], name: string): SeccompProfile {
  const path = seccompProfilePath(directories, name);
  return { path, text: readFileSync(path, "utf8") };
}

/** Where the profile is: in the first of the directories that has it. When none does, where it is missed. */
export function seccompProfilePath(directories: readonly string[], name: string): string {
  const paths = directories.map((directory) => join(directory, normalize(`/${name}`)));
  return paths.find((path) => existsSync(path)) ?? paths[0] ?? name;
}
