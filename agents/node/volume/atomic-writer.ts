// A directory of files that change all at once: names in it lead through `..data`, which is swapped by a rename.
// Source of the layout: kubelet pkg/volume/util/atomic_writer.go.
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";

import type { VolumeFile } from "./content.ts";

const dataLink = "..data";
const newDataLink = "..data_tmp";

export type Files = ReadonlyMap<string, VolumeFile>;

/** `finish` is given the directory of the new files before anybody sees them. Does nothing when they are there already. */
export async function writeAtomically(
  directory: string,
  files: Files,
  finish: (path: string) => Promise<void>,
): Promise<void> {
  const before = await readlink(join(directory, dataLink)).catch(() => null);
  if (before !== null && (await holds(join(directory, before), files))) {
    await linkNames(directory, files);
    return;
  }
  const fresh = await mkdtemp(join(directory, `..${timestamp()}.`));
  await chmod(fresh, 0o755);
  for (const [path, file] of files) await writeOne(join(fresh, path), file);
  await finish(fresh);
  await rm(join(directory, newDataLink), { force: true });
  await symlink(fresh.slice(directory.length + 1), join(directory, newDataLink));
  await rename(join(directory, newDataLink), join(directory, dataLink));
  await linkNames(directory, files);
  await removeOld(directory, fresh.slice(directory.length + 1));
}

/** True when something has been written to the directory before. */
export async function isWritten(directory: string): Promise<boolean> {
  return (await readlink(join(directory, dataLink)).catch(() => null)) !== null;
}

function timestamp(): string {
  return new Date().toISOString().replaceAll(/[-T:]/g, "_").slice(0, 19);
}

async function writeOne(path: string, { bytes, mode, uid }: VolumeFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeFile(path, bytes, { mode: 0o600 });
  await chmod(path, mode);
  if (uid !== undefined) await chown(path, uid, -1);
}

async function holds(directory: string, files: Files): Promise<boolean> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const present = entries.filter((entry) => !entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name));
  if (present.length !== files.size) return false;
  for (const [path, { bytes }] of files) {
    const found = await readFile(join(directory, path)).catch(() => null);
    if (found === null || !found.equals(bytes)) return false;
  }
  return true;
}

/** The names that containers see; those of files that are no more go. */
async function linkNames(directory: string, files: Files): Promise<void> {
  const wanted = new Set([...files.keys()].map((path) => path.split("/")[0] ?? path));
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (!entry.isSymbolicLink() || entry.name.startsWith("..")) continue;
    if (!wanted.delete(entry.name)) await rm(join(directory, entry.name), { force: true });
  }
  for (const name of wanted) await symlink(join(dataLink, name), join(directory, name));
}

async function removeOld(directory: string, current: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const isOld = name.startsWith("..") && name !== current && name !== dataLink;
    if (isOld) await rm(join(directory, name), { recursive: true, force: true });
  }
}
