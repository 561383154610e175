// Container engines: those that are installed, and those of a newer release of Debian, which `npm run engines` puts beside.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

import { cacheDir } from "./cache-dir.ts";

/** Whose programs daemons are made of. */
export type Engines = {
  /** What a program is started by. Throws when it is not there. */
  readonly program: (name: string) => string;
  /** Where one program finds the others. */
  readonly path: string;
};

const machinePath = process.env["PATH"] ?? "";

export const installedEngines: Engines = { program: (name) => name, path: machinePath };

/** Of Debian: the stable one for everybody, or another one for whom wants to try it. */
export const newerRelease = process.env["LARES_ENGINES"] ?? "trixie";

export function enginesDir(release: string): string {
  return cacheDir(`engines-${release}`);
}

/** Where programs are in it. */
export const programFolders: readonly string[] = ["usr/sbin", "usr/bin", "usr/lib/podman"];

export function newerEngines(release = newerRelease): Engines {
  const folders = programFolders.map((folder) => join(enginesDir(release), folder));
  const program = (name: string) => {
    const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
    if (found === undefined) throw new Error(`there is no ${name} of ${release}: npm run engines`);
    return found;
  };
  return { program, path: [...folders, machinePath].join(delimiter) };
}

/** As a program tells it of itself. */
export function versionOf(engines: Engines, name: string): string {
  const told = execFileSync(engines.program(name), ["--version"], { encoding: "utf8" });
  const [version] = /\d+\.\d+\.\d+/.exec(told) ?? [];
  if (version === undefined) throw new Error(`${name} tells no version: ${told}`);
  return version;
}
