// From the engine's log stream to lines in the CRI's form.
// Source: the engine's ContainerLogs with timestamps: one message, with its time before it, in a frame; a message that
// does not end with a newline is part of a longer line. With a terminal there are no frames.
import type { Frame } from "./byte-reader.ts";
import { FrameReader } from "./byte-reader.ts";

/** `2026-11-21T22:44:47.123838502Z` and a blank. */
const stampBytes = 31;
/** Longer lines come in parts of this size. */
const partBytes = 16 * 1024;
const newline = 0x0a;
const space = Buffer.from(" ");
const end = Buffer.from("\n");

export interface LogLines {
  /** Each a whole line of the CRI's, with its end. */
  take(chunk: Buffer): readonly Buffer[];
}

export function logLines(isTty: boolean): LogLines {
  return isTty ? new TerminalLines() : new FramedLines();
}

class FramedLines implements LogLines {
  readonly #frames = new FrameReader();

  take(chunk: Buffer): readonly Buffer[] {
    return this.#frames.take(chunk).map(({ stream, content }) => line(stream, content));
  }
}

/** What a terminal shows is one output. Parts are told by their size alone. */
class TerminalLines implements LogLines {
  #rest: Buffer = Buffer.alloc(0);

  take(chunk: Buffer): readonly Buffer[] {
    let rest: Buffer = Buffer.concat([this.#rest, chunk]);
    const lines: Buffer[] = [];
    for (;;) {
      const at = rest.indexOf(newline, stampBytes);
      const isPart = at < 0 ? rest.length > stampBytes + partBytes : at > stampBytes + partBytes;
      if (at < 0 && !isPart) break;
      const length = isPart ? stampBytes + partBytes : at + 1;
      lines.push(line("stdout", rest.subarray(0, length)));
      rest = rest.subarray(length);
    }
    this.#rest = Buffer.from(rest);
    return lines;
  }
}

function line(stream: Frame["stream"], message: Buffer): Buffer {
  const isWhole = message.at(-1) === newline;
  const text = message.subarray(stampBytes, isWhole ? message.length - 1 : undefined);
  const time = message.subarray(0, stampBytes - 1);
  return Buffer.concat([time, space, Buffer.from(`${stream} ${isWhole ? "F" : "P"}`), space, text, end]);
}
