// Which programs the host has.
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

export const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Where a program is; null when it is nowhere on the agent's path. */
export function findProgram(name: string): string | null {
  const directories = (process.env["PATH"] ?? defaultPath).split(delimiter);
  return directories.map((directory) => join(directory, name)).find(isExecutable) ?? null;
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
