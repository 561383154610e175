// Takes an engine's streams apart: frames of several outputs on one connection, and lines of JSON.
import type { Readable } from "node:stream";

export type Frame = { readonly stream: "stdout" | "stderr"; readonly content: Buffer };

const headerBytes = 8;

/**
 * Puts together what comes in pieces. Source: the engine's ContainerAttach, stream format: a byte that names the output,
 * three of nothing, and the length of what follows.
 */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  take(chunk: Buffer): readonly Frame[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    let at = 0;
    while (at + headerBytes <= bytes.length) {
      const end = at + headerBytes + bytes.readUInt32BE(at + 4);
      if (end > bytes.length) break;
      frames.push({ stream: bytes[at] === 2 ? "stderr" : "stdout", content: bytes.subarray(at + headerBytes, end) });
      at = end;
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
    return frames;
  }
}

/** Each line of a stream, as JSON. Lines that are none are passed over. */
export async function* jsonLines<T>(stream: Readable): AsyncGenerator<T> {
  stream.setEncoding("utf8");
  let rest = "";
  for await (const chunk of stream) {
    rest += chunk;
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const value = parse<T>(line);
      if (value !== undefined) yield value;
    }
  }
  const last = parse<T>(rest);
  if (last !== undefined) yield last;
}

function parse<T>(line: string): T | undefined {
  if (line.trim() === "") return undefined;
  try {
    // The caller's type names the part of the engine's answer that is used.
    return JSON.parse(line) as T;
  } catch {
    return undefined;
  }
}
