// A container's log in the CRI's form, copied from the engine, which stamps the lines: where the copy ends, and how it
// goes on, without a gap and without a line twice.
import { closeSync, fstatSync, mkdirSync, openSync, readSync, rmSync, truncateSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

import type { LogLimits } from "../process/log-writer.ts";
import { rotatedLogs } from "../process/log-writer.ts";

const newline = 0x0a;
/** How much of the end of a log is looked at for what is there already. */
const tailBytes = 256 * 1024;
/** Two outputs may be stamped in another order than they are kept. */
const overlapMs = 200;

/** From when on to ask the engine, and which of the lines that it will say are in the file. */
export type ResumePoint = { readonly sinceMs: number; readonly known: Map<string, number> };

export class LogFile {
  readonly #path: string;
  readonly #limits: LogLimits;
  readonly #nowMs: () => number;
  #file: FileHandle | undefined;
  #sizeBytes = 0;
  /** Writes go one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(path: string, options: { readonly limits: LogLimits; readonly nowMs: () => number }) {
    this.#path = path;
    this.#limits = options.limits;
    this.#nowMs = options.nowMs;
  }

  /** What an agent that has died meanwhile left: a line that was cut off is taken away, to be written again. */
  resumePoint(): ResumePoint {
    const current = readTail(this.#path);
    if (current.cutBytes > 0) truncateSync(this.#path, current.sizeBytes - current.cutBytes);
    // It may just have been begun.
    const before = current.sizeBytes < tailBytes ? readTail(rotated(this.#path).at(-1) ?? "").lines : [];
    const lines = [...before, ...current.lines];
    const last = lines.at(-1);
    if (last === undefined) return { sinceMs: 0, known: new Map() };
    const sinceMs = timeMsOf(last) - overlapMs;
    const known = new Map<string, number>();
    for (const line of lines) if (timeMsOf(line) >= sinceMs) known.set(line, (known.get(line) ?? 0) + 1);
    return { sinceMs, known };
  }

  /** Whole lines. Done when they are in the file. */
  append(text: Buffer): Promise<void> {
    return this.#enqueue(() => this.#append(text));
  }

  /** Goes on in a new file: somebody has moved the old one away. */
  reopen(): Promise<void> {
    return this.#enqueue(() => this.#close());
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #append(text: Buffer): Promise<void> {
    let rest = text;
    while (rest.length > 0) {
      this.#file ??= await this.#open();
      const part = rest.subarray(0, this.#fitting(rest));
      await this.#file.write(part);
      this.#sizeBytes += part.length;
      rest = rest.subarray(part.length);
      if (rest.length > 0 || this.#sizeBytes >= this.#limits.maxSizeBytes) await this.#rotate();
    }
  }

  /** How many bytes of whole lines the file still takes; at least one line when it is empty. */
  #fitting(text: Buffer): number {
    const room = this.#limits.maxSizeBytes - this.#sizeBytes;
    if (text.length <= room) return text.length;
    const lastEnd = room > 0 ? text.lastIndexOf(newline, room - 1) : -1;
    return lastEnd < 0 && this.#sizeBytes === 0 ? text.indexOf(newline) + 1 : lastEnd + 1;
  }

  async #open(): Promise<FileHandle> {
    mkdirSync(dirname(this.#path), { recursive: true });
    const file = await open(this.#path, "a", 0o640);
    this.#sizeBytes = (await file.stat()).size;
    return file;
  }

  async #rotate(): Promise<void> {
    await this.#close();
    await rename(this.#path, rotatedName(this.#path, this.#nowMs()));
    removeOldest(this.#path, this.#limits);
  }
}

/** Names sort by their time. */
function rotatedName(path: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:]/g, "").replace("T", "-").replace("Z", "");
  return `${path}.${stamp}`;
}

function removeOldest(path: string, { maxFiles }: LogLimits): void {
  const old = rotated(path);
  for (const name of old.slice(0, Math.max(0, old.length - (maxFiles - 1)))) rmSync(name, { force: true });
}

/** Old parts of a log, oldest first; none where the directory is gone. */
function rotated(path: string): readonly string[] {
  try {
    return rotatedLogs(path);
  } catch {
    return [];
  }
}

function timeMsOf(line: string): number {
  return Date.parse(line.slice(0, line.indexOf(" ")));
}

type Tail = {
  /** Whole ones, without their ends. */
  readonly lines: readonly string[];
  /** Of a line without an end. */
  readonly cutBytes: number;
  readonly sizeBytes: number;
};

function readTail(path: string): Tail {
  try {
    const fd = openSync(path, "r");
    const sizeBytes = fstatSync(fd).size;
    const buffer = Buffer.alloc(Math.min(sizeBytes, tailBytes));
    readSync(fd, buffer, 0, buffer.length, sizeBytes - buffer.length);
    closeSync(fd);
    const end = buffer.lastIndexOf(newline) + 1;
    const text = buffer.subarray(0, end).toString("latin1");
    const lines = text.split("\n").slice(sizeBytes > buffer.length ? 1 : 0, -1);
    return { lines, cutBytes: buffer.length - end, sizeBytes };
  } catch {
    return { lines: [], cutBytes: 0, sizeBytes: 0 };
  }
}
