// Profiles of system calls that are kept on the node, for pods to name.
import { readFileSync } from "node:fs";
import { join, normalize } from "node:path";

export type SeccompProfile = { readonly path: string; readonly text: string };

/** Throws when there is none of that name below the directory. */
export function readSeccompProfile(directory: string, name: string): SeccompProfile {
  const path = join(directory, normalize(`/${name}`));
  return { path, text: readFileSync(path, "utf8") };
}
