// Opens a path within a volume that a container may be rearranging at the same moment. Every step is taken from an open
// directory and follows no link, so that what is opened in the end is within the volume whatever happens meanwhile.
// Source of the idea: kubelet pkg/volume/util/subpath, SafeMakeDir and doBindSubPath.

import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { chmod, mkdir, open, realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";

/** Linux's: a place in the file system, without the right to read or write it. Node has no name for it. */
const placeOnly = 0o10000000;
const step = placeOnly | constants.O_NOFOLLOW;

/** The open file or directory, to be closed by the caller. Directories that are missing are made with the volume's mode. */
export async function openWithin(volume: string, subPath: string): Promise<FileHandle> {
  const root = await realpath(volume);
  const names = await resolvedNames(root, subPath);
  let handle = await open(root, placeOnly | constants.O_DIRECTORY);
  const mode = (await handle.stat()).mode & 0o7777;
  for (const name of names) {
    const parent = handle;
    try {
      handle = await openStep(parent, name, mode);
    } finally {
      await parent.close();
    }
  }
  return handle;
}

/** The names from the root on, with the links that there are now followed; they must not lead out. */
async function resolvedNames(root: string, subPath: string): Promise<readonly string[]> {
  const names = subPath.split(sep).filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw new Error(`subpath ${JSON.stringify(subPath)} must not contain '..'`);
  for (let count = names.length; count > 0; count--) {
    const real = await realpath(join(root, ...names.slice(0, count))).catch(missingOnly);
    if (real === undefined) continue;
    if (real !== root && !real.startsWith(root === sep ? sep : `${root}${sep}`)) {
      throw new Error(`subpath ${JSON.stringify(subPath)} is not within the volume path`);
    }
    const existing = relative(root, real)
      .split(sep)
      .filter((name) => name !== "");
    return [...existing, ...names.slice(count)];
  }
  return names;
}

async function openStep(parent: FileHandle, name: string, mode: number): Promise<FileHandle> {
  const path = `/proc/self/fd/${parent.fd}/${name}`;
  const handle = (await open(path, step).catch(missingOnly)) ?? (await make(path, mode));
  if ((await handle.stat()).isSymbolicLink()) {
    await handle.close();
    throw new Error(`${JSON.stringify(name)} has become a symbolic link`);
  }
  return handle;
}

async function make(path: string, mode: number): Promise<FileHandle> {
  await mkdir(path, { mode });
  const handle = await open(path, step | constants.O_DIRECTORY);
  await chmod(`/proc/self/fd/${handle.fd}`, mode);
  return handle;
}

function missingOnly(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
