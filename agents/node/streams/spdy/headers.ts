// Blocks of headers, which are compressed as one stream for each direction of a connection.
// Source: SPDY Protocol, draft 3, section 2.6.10.
import type { Transform } from "node:stream";
import type { Deflate, Inflate } from "node:zlib";
import { constants, createDeflate, createInflate } from "node:zlib";

import { headerDictionary } from "./dictionary.ts";

export type Headers = Readonly<Record<string, string>>;

/** A few short headers are all that is expected; what unpacks to more is no honest block. */
const longestBlockBytes = 64 * 1024;

export class HeaderReader {
  readonly #inflate: Inflate = quiet(createInflate({ dictionary: headerDictionary }));

  /** Blocks must be given in their order. Throws for what is none. */
  async read(block: Buffer): Promise<Headers> {
    const bytes = await passed(this.#inflate, block);
    const headers: Record<string, string> = {};
    let at = 0;
    const next = (): string => {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) throw new Error("a block of headers ends too soon");
      const text = bytes.toString("utf8", at + 4, end);
      at = end;
      return text;
    };
    const count = bytes.readUInt32BE(at);
    at += 4;
    for (let index = 0; index < count; index += 1) {
      const name = next().toLowerCase();
      headers[name] = next();
    }
    return headers;
  }

  close(): void {
    this.#inflate.destroy();
  }
}

export class HeaderWriter {
  /** A small window will do: the blocks are tiny. */
  readonly #deflate: Deflate = quiet(createDeflate({ dictionary: headerDictionary, windowBits: 11, memLevel: 1 }));

  async write(headers: Headers): Promise<Buffer> {
    const parts = [uint32(Object.keys(headers).length)];
    for (const text of Object.entries(headers).flat()) {
      const bytes = Buffer.from(text, "utf8");
      parts.push(uint32(bytes.length), bytes);
    }
    return passed(this.#deflate, Buffer.concat(parts));
  }

  close(): void {
    this.#deflate.destroy();
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** What comes out of the stream for what goes in, with all that it held back. */
function passed(stream: Transform & Pick<Inflate, "flush">, input: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const output: Buffer[] = [];
    let bytes = 0;
    const take = (chunk: Buffer) => {
      output.push(chunk);
      bytes += chunk.length;
      if (bytes > longestBlockBytes) stream.destroy();
    };
    const settle = () => {
      for (const event of ["close", "error"]) stream.off(event, settle);
      stream.off("data", take);
      if (bytes > longestBlockBytes) reject(new Error("a block of headers is too long"));
      else if (stream.destroyed) reject(new Error("a block of headers cannot be unpacked"));
      else resolve(Buffer.concat(output));
    };
    for (const event of ["close", "error"]) stream.once(event, settle);
    stream.on("data", take);
    stream.write(input);
    stream.flush(constants.Z_SYNC_FLUSH, settle);
  });
}

/** An error that comes when nobody waits any more is no reason to fall. */
function quiet<T extends Transform>(stream: T): T {
  stream.on("error", () => {});
  return stream;
}
