// A container's log in the CRI's form, copied from the engine, which stamps the lines: where the copy ends, and how it
// goes on, without a gap and without a line twice.
import { closeSync, fstatSync, openSync, readSync, truncateSync } from "node:fs";

import type { RotatingFileOptions } from "../rotating-file.ts";
import { RotatingFile, rotatedLogs } from "../rotating-file.ts";

const newline = 0x0a;
/** How much of the end of a log is looked at for what is there already. */
const tailBytes = 256 * 1024;
/** Two outputs may be stamped in another order than they are kept. */
const overlapMs = 200;

/** From when on to ask the engine, and which of the lines that it will say are in the file. */
export type ResumePoint = { readonly sinceMs: number; readonly known: Map<string, number> };

export class LogFile {
  readonly #path: string;
  readonly #file: RotatingFile;
  /** Writes go one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(path: string, options: RotatingFileOptions) {
    this.#path = path;
    this.#file = new RotatingFile(path, options);
  }

  /** What an agent that has died meanwhile left: a line that was cut off is taken away, to be written again. */
  resumePoint(): ResumePoint {
    const current = readTail(this.#path);
    if (current.cutBytes > 0) truncateSync(this.#path, current.sizeBytes - current.cutBytes);
    // It may just have been begun.
    const before = current.sizeBytes < tailBytes ? readTail(rotatedLogs(this.#path).at(-1) ?? "").lines : [];
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
    return this.#enqueue(() => this.#file.append(text));
  }

  /** Goes on in a new file: somebody has moved the old one away. */
  reopen(): Promise<void> {
    return this.#enqueue(() => this.#file.close());
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
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
