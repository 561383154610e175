// SPDY/3.1 as bytes: frames out of a stream of them, and frames as bytes. Blocks of headers are left packed.
// Source: SPDY Protocol, draft 3, section 2.2; moby/spdystream is who speaks it on the other side.

const version = 3;
const headBytes = 8;
const types = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goAway: 7, headers: 8 } as const;
const finFlag = 1;
const idMask = 0x7fff_ffff;
/** The other side sends what it read in pieces of 32 KiB. */
const longestFrameBytes = 1024 * 1024;

export type Frame =
  | { readonly type: "syn-stream"; readonly id: number; readonly isLast: boolean; readonly block: Buffer }
  | { readonly type: "headers"; readonly id: number; readonly isLast: boolean; readonly block: Buffer }
  | { readonly type: "rst-stream"; readonly id: number }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "go-away" }
  | { readonly type: "data"; readonly id: number; readonly isLast: boolean; readonly content: Buffer }
  /** Nothing that anything follows from here. */
  | { readonly type: "other" };

/** Puts frames together from pieces of any size. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Of the frame that is being waited for, head included. */
  #needed = headBytes;

  /** The frames that are complete now. Throws for what is no SPDY/3. */
  read(chunk: Buffer): readonly Frame[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const frames: Frame[] = [];
    while (this.#bytes >= this.#needed) {
      const bytes = this.#chunks.length === 1 ? (this.#chunks[0] ?? chunk) : Buffer.concat(this.#chunks);
      const length = headBytes + bytes.readUIntBE(5, 3);
      if (length > longestFrameBytes) throw new Error("a frame is too long");
      this.#chunks = [bytes];
      this.#needed = length;
      if (bytes.length < length) break;
      frames.push(parse(bytes.subarray(0, length)));
      const rest = bytes.subarray(length);
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#bytes = rest.length;
      this.#needed = headBytes;
    }
    return frames;
  }
}

function parse(frame: Buffer): Frame {
  const first = frame.readUInt32BE(0);
  const isLast = ((frame[4] ?? 0) & finFlag) !== 0;
  const content = frame.subarray(headBytes);
  if (first <= idMask) return { type: "data", id: first, isLast, content };
  if (((first >>> 16) & 0x7fff) !== version) throw new Error("this is not SPDY/3");
  const type = first & 0xffff;
  const id = content.length < 4 ? 0 : content.readUInt32BE(0) & idMask;
  switch (type) {
    case types.synStream:
      return { type: "syn-stream", id, isLast, block: content.subarray(10) };
    case types.headers:
      return { type: "headers", id, isLast, block: content.subarray(4) };
    case types.rstStream:
      return { type: "rst-stream", id };
    case types.ping:
      return { type: "ping", id: content.readUInt32BE(0) };
    case types.goAway:
      return { type: "go-away" };
    default:
      return { type: "other" };
  }
}

function control(type: number, content: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt16BE(0x8000 | version, 0);
  head.writeUInt16BE(type, 2);
  head.writeUIntBE(content.length, 5, 3);
  return Buffer.concat([head, content]);
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}

export function synReply(id: number, block: Buffer): Buffer {
  return control(types.synReply, Buffer.concat([numbers(id), block]));
}

/** As the side that opens streams writes it. */
export function synStream(id: number, block: Buffer): Buffer {
  return control(types.synStream, Buffer.concat([numbers(id, 0), Buffer.alloc(2), block]));
}

const cancelled = 5;

export function rstStream(id: number): Buffer {
  return control(types.rstStream, numbers(id, cancelled));
}

export function pingFrame(id: number): Buffer {
  return control(types.ping, numbers(id));
}

export function dataFrame(id: number, content: Buffer, { isLast }: { readonly isLast: boolean }): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(id, 0);
  head[4] = isLast ? finFlag : 0;
  head.writeUIntBE(content.length, 5, 3);
  return Buffer.concat([head, content]);
}
