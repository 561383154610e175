// What a directory takes of its disk.
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

import type { DiskUse } from "../runtime/runtime.ts";

const blockBytes = 512;

/** As du counts it: what is mounted below is not counted, and no file twice. Null when there is nothing. */
export async function diskUseOf(root: string): Promise<DiskUse | null> {
  const own = await lstat(root).catch(() => undefined);
  if (own === undefined) return null;
  const seen = new Set<number>();
  const use = { bytes: 0, inodes: 0 };
  const count = async (path: string): Promise<void> => {
    // Files come and go while they are counted.
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined || found.dev !== own.dev || seen.has(found.ino)) return;
    if (found.nlink > 1) seen.add(found.ino);
    use.bytes += found.blocks * blockBytes;
    use.inodes += 1;
    if (!found.isDirectory()) return;
    for (const name of await readdir(path).catch(() => [])) await count(join(path, name));
  };
  await count(root);
  return use;
}
