// A container's log file in the CRI's form, line by line, and its rotation.
// Source: kubelet logs/container_log_manager.go; CRI logging design.
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export type LogLimits = {
  readonly maxSizeBytes: number;
  /** The one being written counts. */
  readonly maxFiles: number;
};

export const defaultLogLimits: LogLimits = { maxSizeBytes: 10 * 1024 * 1024, maxFiles: 5 };

/** Longer lines are split into parts. */
const longestLineBytes = 16 * 1024;
const newline = 0x0a;

export type LogStream = "stdout" | "stderr";

export class LogWriter {
  readonly #path: string;
  readonly #limits: LogLimits;
  readonly #nowMs: () => number;
  readonly #unfinished: Record<LogStream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  #file: FileHandle | undefined;
  #sizeBytes = 0;
  /** Writes go one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(path: string, options: { readonly limits: LogLimits; readonly nowMs: () => number }) {
    this.#path = path;
    this.#limits = options.limits;
    this.#nowMs = options.nowMs;
  }

  /** Done when it is in the file. A full disk loses the lines: it must not stop the one who writes them. */
  write(stream: LogStream, chunk: Buffer): Promise<void> {
    const text = this.#format(stream, chunk);
    return this.#enqueue(() => this.#append(text));
  }

  /** What is left of an unfinished line is written as a part, to be finished by the next writer. */
  close(): Promise<void> {
    const parts = (["stdout", "stderr"] as const).map((stream) =>
      this.#line(stream, "P", this.#takeUnfinished(stream)),
    );
    return this.#enqueue(async () => {
      await this.#append(Buffer.concat(parts));
      await this.#file?.close();
      this.#file = undefined;
    });
  }

  /** The output has ended: its last line is complete without a newline. */
  end(): Promise<void> {
    const lines = (["stdout", "stderr"] as const).map((stream) =>
      this.#line(stream, "F", this.#takeUnfinished(stream)),
    );
    return this.#enqueue(async () => {
      await this.#append(Buffer.concat(lines));
      await this.#file?.close();
      this.#file = undefined;
    });
  }

  /** Goes on in a new file: somebody has moved the old one away. */
  reopen(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#file?.close();
      this.#file = undefined;
    });
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const result = this.#queue.then(work).catch(() => {});
    this.#queue = result;
    return result;
  }

  #takeUnfinished(stream: LogStream): Buffer {
    const rest = this.#unfinished[stream];
    this.#unfinished[stream] = Buffer.alloc(0);
    return rest;
  }

  #format(stream: LogStream, chunk: Buffer): Buffer {
    const lines: Buffer[] = [];
    let rest = Buffer.concat([this.#takeUnfinished(stream), chunk]);
    for (;;) {
      const end = rest.indexOf(newline);
      if (end >= 0 && end <= longestLineBytes) {
        // An empty line is a line, unlike an empty rest.
        lines.push(this.#line(stream, "F", rest.subarray(0, end), true));
        rest = rest.subarray(end + 1);
      } else if (rest.length > longestLineBytes) {
        lines.push(this.#line(stream, "P", rest.subarray(0, longestLineBytes)));
        rest = rest.subarray(longestLineBytes);
      } else break;
    }
    this.#unfinished[stream] = Buffer.from(rest);
    return Buffer.concat(lines);
  }

  #line(stream: LogStream, tag: "F" | "P", text: Buffer, evenEmpty = false): Buffer {
    if (text.length === 0 && !evenEmpty) return text;
    const time = new Date(this.#nowMs()).toISOString().replace("Z", "000000Z");
    return Buffer.concat([Buffer.from(`${time} ${stream} ${tag} `), text, Buffer.from("\n")]);
  }

  async #append(text: Buffer): Promise<void> {
    let rest = text;
    while (rest.length > 0) {
      this.#file ??= await this.#open();
      const part = rest.subarray(0, this.#fitting(rest));
      await this.#file.write(part);
      this.#sizeBytes += part.length;
      rest = rest.subarray(part.length);
      // What did not fit goes into the next file, though this one may have room for a shorter line.
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
    await this.#file?.close();
    this.#file = undefined;
    const stamp = new Date(this.#nowMs()).toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
    renameSync(this.#path, freeName(`${this.#path}.${stamp}`));
    const rotated = rotatedLogs(this.#path);
    for (const path of rotated.slice(0, Math.max(0, rotated.length - (this.#limits.maxFiles - 1)))) rmSync(path);
  }
}

/** Old parts of a log, oldest first. */
export function rotatedLogs(path: string): readonly string[] {
  const prefix = `${basename(path)}.`;
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix))
    .sort()
    .map((name) => join(dirname(path), name));
}

function freeName(path: string): string {
  const taken = new Set(readdirSync(dirname(path)));
  if (!taken.has(basename(path))) return path;
  for (let n = 1; ; n++) {
    const name = `${path}.${String(n).padStart(3, "0")}`;
    if (!taken.has(basename(name))) return name;
  }
}
