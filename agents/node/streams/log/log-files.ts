// The files that a container's log is in: the one being written, and older ones that were moved aside.
import type { FileHandle } from "node:fs/promises";
import { open, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export type LogFile = { readonly handle: FileHandle; readonly inode: bigint; readonly isLive: boolean };

/** Paths, oldest first. Older parts are named after when they were moved; packed ones are left out. */
export async function logPaths(path: string): Promise<readonly string[]> {
  const name = basename(path);
  const names = await readdir(dirname(path)).catch((): string[] => []);
  const older = names.filter(
    (one) => one.startsWith(`${name}.`) && /^\d{8}-\d{6}(\.\d+)?$/.test(one.slice(name.length + 1)),
  );
  const isThere = names.includes(name);
  return [...older.sort().map((one) => join(dirname(path), one)), ...(isThere ? [path] : [])];
}

/** Null when it is gone. */
export async function openLog(path: string, live: string): Promise<LogFile | null> {
  try {
    const handle = await open(path, "r");
    const { ino } = await handle.stat({ bigint: true });
    return { handle, inode: ino, isLive: path === live };
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** The file that continues the one with this inode; null: none yet. One that was removed is continued by the oldest left. */
export async function nextLog(inode: bigint, live: string): Promise<LogFile | null> {
  for (;;) {
    const paths = await logPaths(live);
    const files = await openAll(paths, live);
    const after = await logPaths(live);
    // One that was moved aside meanwhile may have been opened under no name, or under two.
    if (after.join() === paths.join()) return keepNext(files, inode);
    for (const { handle } of files) await handle.close();
  }
}

async function openAll(paths: readonly string[], live: string): Promise<readonly LogFile[]> {
  const files: LogFile[] = [];
  for (const path of paths) {
    const file = await openLog(path, live);
    if (file !== null) files.push(file);
  }
  return files;
}

async function keepNext(files: readonly LogFile[], inode: bigint): Promise<LogFile | null> {
  let next: LogFile | null = null;
  try {
    const at = files.findIndex((file) => file.inode === inode);
    next = files[at + 1] ?? null;
    return next;
  } finally {
    for (const file of files) if (file !== next) await file.handle.close();
  }
}

export type TailStart = {
  readonly offset: number;
  readonly lines: number;
  /** Nothing of the file is wanted. */
  readonly isNothing: boolean;
};

const blockBytes = 64 * 1024;
const newlineByte = 0x0a;

/**
 * Where the last `lines` lines of the file begin, and how many lines there are from there; parts of a line count as one.
 * Reads from the end, no more than it takes.
 */
export async function tailStart(handle: FileHandle, lines: number): Promise<TailStart> {
  const size = Number((await handle.stat()).size);
  let position = size;
  /** Of the block behind this one: the beginning of a line whose own beginning is further ahead. */
  let rest: Buffer = Buffer.alloc(0);
  let found = 0;
  /** Where the records begin that are known to belong to lines wanted. */
  let offset = position;
  while (position > 0) {
    const length = Math.min(blockBytes, position);
    const block = Buffer.alloc(length);
    await handle.read(block, 0, length, position - length);
    position -= length;
    let text = Buffer.concat([block, rest]);
    for (;;) {
      // The newline at the very end of a record belongs to it.
      const start = text.lastIndexOf(newlineByte, Math.max(0, text.length - 2));
      if (start < 0 || text.length < 2) break;
      const record = text.subarray(start + 1);
      if (endsLine(record)) {
        if (found === lines) return { offset, lines: found, isNothing: offset === size };
        found += 1;
      }
      offset = position + start + 1;
      text = text.subarray(0, start + 1);
    }
    rest = Buffer.from(text);
  }
  if (rest.length > 0 && endsLine(rest)) {
    if (found === lines) return { offset, lines: found, isNothing: offset === size };
    found += 1;
  }
  return { offset: 0, lines: found, isNothing: size === 0 };
}

/** Whether a record is the last one of its line; one that is still being written is none. */
function endsLine(record: Buffer): boolean {
  if (record.at(-1) !== newlineByte) return false;
  const stream = record.indexOf(0x20);
  const tag = record.indexOf(0x20, stream + 1) + 1;
  return record[tag] === "F".charCodeAt(0);
}
