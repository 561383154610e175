// A container's log in the CRI's form, made line by line from what it says.
// Source: CRI logging design.
import type { RotatingFileOptions } from "../rotating-file.ts";
import { RotatingFile } from "../rotating-file.ts";

/** Longer lines are split into parts. */
const longestLineBytes = 16 * 1024;
const newline = 0x0a;

export type LogStream = "stdout" | "stderr";

export class LogWriter {
  readonly #nowMs: () => number;
  readonly #unfinished: Record<LogStream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  readonly #file: RotatingFile;
  /** Writes go one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(path: string, options: RotatingFileOptions) {
    this.#nowMs = options.nowMs;
    this.#file = new RotatingFile(path, options);
  }

  /** Done when it is in the file. A full disk loses the lines: it must not stop the one who writes them. */
  write(stream: LogStream, chunk: Buffer): Promise<void> {
    const text = this.#format(stream, chunk);
    return this.#enqueue(() => this.#file.append(text));
  }

  /** What is left of an unfinished line is written as a part, to be finished by the next writer. */
  close(): Promise<void> {
    return this.#finish("P");
  }

  /** The output has ended: its last line is complete without a newline. */
  end(): Promise<void> {
    return this.#finish("F");
  }

  /** Goes on in a new file: somebody has moved the old one away. */
  reopen(): Promise<void> {
    return this.#enqueue(() => this.#file.close());
  }

  #finish(tag: "F" | "P"): Promise<void> {
    const lines = (["stdout", "stderr"] as const).map((stream) =>
      this.#line(stream, tag, this.#takeUnfinished(stream)),
    );
    return this.#enqueue(async () => {
      await this.#file.append(Buffer.concat(lines));
      await this.#file.close();
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
}
