// Reads a container's log from its files, on and on if that is wanted, across rotations.
import { watch } from "node:fs";
import { dirname } from "node:path";
import type { LogFile } from "./log-files.ts";
import { logPaths, nextLog, openLog, tailStart } from "./log-files.ts";
import type { LogRecord } from "./record.ts";
import { parseRecord } from "./record.ts";

export type ReadLogOptions = {
  /** The file that is being written, or was when the container ended. */
  readonly path: string;
  /** Absent: from the beginning. */
  readonly tailLines?: number;
  readonly follow: boolean;
  /** Whether more may come. */
  isRunning(): Promise<boolean>;
  readonly signal: AbortSignal;
};

const blockBytes = 64 * 1024;
const newlineByte = 0x0a;
/** How often it is asked whether the container runs, and looked at the file, when nothing seems to happen. */
const lookEveryMs = 2_000;

/** Records in batches, as they are found. Ends when there is no more, and, if it follows, when the container has ended. */
export async function* readLog(options: ReadLogOptions): AsyncGenerator<readonly LogRecord[]> {
  const { tailLines, follow } = options;
  let left = tailLines === undefined || follow ? Number.POSITIVE_INFINITY : tailLines;
  if (left <= 0) return;
  for await (const records of readOn(options)) {
    // The log may have grown since its end was looked for; more lines than were asked for are nobody's wish.
    const upTo = records.findIndex(({ isPartial }) => !isPartial && --left === 0);
    yield upTo < 0 ? records : records.slice(0, upTo + 1);
    if (upTo >= 0) return;
  }
}

async function* readOn(options: ReadLogOptions): AsyncGenerator<readonly LogRecord[]> {
  const news = options.follow ? new News(options) : null;
  const first = await firstLog(options);
  let position = first?.offset ?? 0;
  let file = first?.file ?? null;
  let unfinished: Buffer = Buffer.alloc(0);
  try {
    while (!options.signal.aborted) {
      // Asked first: what is written before the end is found after it.
      const mayGrow = news !== null && (await options.isRunning());
      if (file === null) {
        file = await nextLog(-1n, options.path);
        if (file === null) {
          if (!mayGrow) return;
          await news?.next();
          continue;
        }
        position = 0;
      }
      const { lines, rest, bytes } = await readBlock(file, position, unfinished);
      position += bytes;
      unfinished = rest;
      if (lines.length > 0) yield lines;
      if (bytes > 0) continue;
      const next = await nextLog(file.inode, options.path);
      if (next !== null) {
        // What was written between the last look and the move.
        const last = await readBlock(file, position, unfinished);
        if (last.bytes > 0) {
          await next.handle.close();
          position += last.bytes;
          unfinished = last.rest;
          if (last.lines.length > 0) yield last.lines;
          continue;
        }
        await file.handle.close();
        file = next;
        position = 0;
        unfinished = Buffer.alloc(0);
      } else if (mayGrow) await news?.next();
      else return;
    }
  } finally {
    news?.close();
    await file?.handle.close();
  }
}

async function readBlock({ handle }: LogFile, position: number, unfinished: Buffer) {
  const block = Buffer.alloc(blockBytes);
  const { bytesRead } = await handle.read(block, 0, blockBytes, position);
  const text = Buffer.concat([unfinished, block.subarray(0, bytesRead)]);
  const lines: LogRecord[] = [];
  let start = 0;
  for (let end = text.indexOf(newlineByte); end >= 0; end = text.indexOf(newlineByte, start)) {
    const record = parseRecord(text.subarray(start, end));
    if (record !== null) lines.push(record);
    start = end + 1;
  }
  return { lines, rest: text.subarray(start), bytes: bytesRead };
}

/** Null: there is no file yet. */
async function firstLog({ path, tailLines }: ReadLogOptions): Promise<{ file: LogFile; offset: number } | null> {
  const paths = await logPaths(path);
  if (tailLines === undefined) {
    for (const one of paths) {
      const file = await openLog(one, path);
      if (file !== null) return { file, offset: 0 };
    }
    return null;
  }
  let wanted = tailLines;
  let found: { file: LogFile; offset: number } | null = null;
  for (const one of paths.toReversed()) {
    const file = await openLog(one, path);
    if (file === null) break;
    const { offset, lines, isNothing } = await tailStart(file.handle, wanted);
    if (found !== null && isNothing) {
      await file.handle.close();
      break;
    }
    await found?.file.handle.close();
    found = { file, offset };
    wanted -= lines;
    // A line may have begun in the file before.
    if (offset > 0) break;
  }
  return found;
}

/** Says when it may be worth looking at a log again. */
class News {
  readonly #watcher: { close(): void } | null;
  readonly #signal: AbortSignal;
  #wake: (() => void) | null = null;
  #isDue = false;
  readonly #onAbort = () => this.#come();

  constructor({ path, signal }: ReadLogOptions) {
    this.#signal = signal;
    this.#watcher = watchDirectory(dirname(path), () => this.#come());
    signal.addEventListener("abort", this.#onAbort);
  }

  #come(): void {
    this.#isDue = true;
    this.#wake?.();
  }

  async next(): Promise<void> {
    if (!this.#isDue) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, lookEveryMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = null;
    this.#isDue = false;
  }

  close(): void {
    this.#watcher?.close();
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}

/** Null where the kernel has no watch left, or there is no directory: looking now and then has to do. */
function watchDirectory(directory: string, listener: () => void): { close(): void } | null {
  try {
    const watcher = watch(directory, { persistent: false }, listener);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}
