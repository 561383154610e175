// Deletes a directory without leaving its file system: what is mounted or linked in it is not ours to delete.
import { lstat, readdir, rm, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";

/** Harmless when it is gone. Fails on a mount point, having deleted what is beside it. */
export async function removeTree(path: string): Promise<void> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found === undefined) return;
  if (!found.isDirectory()) await rm(path, { force: true });
  else await removeDirectory(path, found.dev);
}

async function removeDirectory(path: string, device: number): Promise<void> {
  for (const name of await readdir(path)) {
    const child = join(path, name);
    const found = await lstat(child).catch(ignoreMissing);
    if (found === undefined) continue;
    if (found.dev !== device) throw new Error(`${child} is a mount point and is not deleted`);
    if (found.isDirectory()) await removeDirectory(child, device);
    else await unlink(child);
  }
  await rmdir(path);
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
