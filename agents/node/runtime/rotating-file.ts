// A log file of whole lines, which is moved aside when it is full: by the kubelet's names, and no more of them than wanted.
// Source: kubelet logs/container_log_manager.go.
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export type LogLimits = {
  readonly maxSizeBytes: number;
  /** The one being written counts. */
  readonly maxFiles: number;
};

export const defaultLogLimits: LogLimits = { maxSizeBytes: 10 * 1024 * 1024, maxFiles: 5 };

export type RotatingFileOptions = { readonly limits: LogLimits; readonly nowMs: () => number };

const newline = 0x0a;

/** Calls must not overlap. */
export class RotatingFile {
  readonly #path: string;
  readonly #options: RotatingFileOptions;
  #file: FileHandle | undefined;
  #sizeBytes = 0;

  constructor(path: string, options: RotatingFileOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Whole lines; they are in the file when it is done. */
  async append(text: Buffer): Promise<void> {
    let rest = text;
    while (rest.length > 0) {
      this.#file ??= await this.#open();
      const part = rest.subarray(0, this.#fitting(rest));
      await this.#file.write(part);
      this.#sizeBytes += part.length;
      rest = rest.subarray(part.length);
      // What did not fit goes into the next file, though this one may have room for a shorter line.
      if (rest.length > 0 || this.#sizeBytes >= this.#options.limits.maxSizeBytes) await this.#rotate();
    }
  }

  /** What is appended after it goes to the file that has the name then. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** How many bytes of whole lines the file still takes; at least one line when it is empty. */
  #fitting(text: Buffer): number {
    const room = this.#options.limits.maxSizeBytes - this.#sizeBytes;
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
    await this.close();
    await rotateLog(this.#path, this.#options);
  }
}

/** Moves the log aside, and removes the oldest of those that were. Throws when it cannot. */
export async function rotateLog(path: string, { limits, nowMs }: RotatingFileOptions): Promise<void> {
  const stamp = new Date(nowMs()).toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
  await rename(path, freeName(`${path}.${stamp}`));
  const old = rotatedLogs(path);
  for (const one of old.slice(0, Math.max(0, old.length - (limits.maxFiles - 1)))) rmSync(one, { force: true });
}

/** Old parts of a log, oldest first; none where the directory is gone. */
export function rotatedLogs(path: string): readonly string[] {
  const prefix = `${basename(path)}.`;
  return namesIn(dirname(path))
    .filter((name) => name.startsWith(prefix))
    .sort()
    .map((name) => join(dirname(path), name));
}

/** Several parts may be moved aside in one second. */
function freeName(path: string): string {
  const taken = new Set(namesIn(dirname(path)));
  if (!taken.has(basename(path))) return path;
  for (let n = 1; ; n++) {
    const name = `${path}.${String(n).padStart(3, "0")}`;
    if (!taken.has(basename(name))) return name;
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
