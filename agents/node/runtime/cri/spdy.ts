// Streams over one connection, by as much of SPDY as the runtimes' streaming servers speak. They all do, for the kubelet
// takes no other way to them; and unlike their WebSockets it can tell the end of an input.
// Source: SPDY Protocol, Draft 3.1; github.com/moby/spdystream, which knows no flow control but the connection's own.
import { Duplex } from "node:stream";
import { constants, deflateRawSync, deflateSync } from "node:zlib";

const version = 3;
const types = { synStream: 1, rstStream: 3, ping: 6 } as const;
const headBytes = 8;
const fin = 1;
const longestDataBytes = 0xff_ffff;

export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #streams = new Map<number, SpdyStream>();
  #pending: Buffer = Buffer.alloc(0);
  /** A client's streams have odd numbers. */
  #nextId = 1;

  /** `head`: what came with the answer to the upgrade. */
  constructor(socket: Duplex, head: Buffer) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    // What is lost shows in the streams.
    socket.on("error", () => {});
    socket.on("close", () => {
      for (const stream of this.#streams.values()) stream.receiveEnd();
      this.#streams.clear();
    });
    if (head.length > 0) this.#read(head);
  }

  open(headers: Readonly<Record<string, string>>): SpdyStream {
    const id = this.#nextId;
    this.#nextId += 2;
    const ids = Buffer.alloc(10);
    ids.writeUInt32BE(id);
    this.#control(types.synStream, Buffer.concat([ids, this.#headerBlock(id, headers)]));
    const stream = new SpdyStream({
      write: (chunk, done) => this.#send(id, chunk, done),
      end: (done) => this.#socket.write(dataHead(id, fin, 0), () => done()),
      resume: () => this.#socket.resume(),
      gone: () => this.#streams.delete(id),
    });
    this.#streams.set(id, stream);
    return stream;
  }

  close(): void {
    this.#socket.destroy();
  }

  /**
   * The blocks of all streams are one stream of zlib, each flushed. It goes without the dictionary of SPDY, which a reader
   * then does not ask for, and later blocks refer to nothing before them.
   */
  #headerBlock(id: number, headers: Readonly<Record<string, string>>): Buffer {
    const entries = Object.entries(headers);
    const plain = Buffer.concat([number(entries.length), ...entries.flat().flatMap(counted)]);
    const deflate = id === 1 ? deflateSync : deflateRawSync;
    return deflate(plain, { finishFlush: constants.Z_SYNC_FLUSH });
  }

  #control(type: number, payload: Buffer): void {
    const head = Buffer.alloc(headBytes);
    head.writeUInt16BE(0x8000 + version);
    head.writeUInt16BE(type, 2);
    head.writeUInt32BE(payload.length, 4);
    this.#socket.write(Buffer.concat([head, payload]));
  }

  #send(id: number, chunk: Buffer, done: () => void): void {
    for (let at = 0; at < chunk.length; at += longestDataBytes) {
      const part = chunk.subarray(at, at + longestDataBytes);
      const isLast = at + longestDataBytes >= chunk.length;
      this.#socket.write(dataHead(id, 0, part.length));
      this.#socket.write(part, isLast ? () => done() : undefined);
    }
    if (chunk.length === 0) done();
  }

  #read(chunk: Buffer): void {
    let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (rest.length >= headBytes) {
      const end = headBytes + rest.readUIntBE(5, 3);
      if (rest.length < end) break;
      this.#take(rest.subarray(0, headBytes), rest.subarray(headBytes, end));
      rest = rest.subarray(end);
    }
    this.#pending = rest;
  }

  #take(head: Buffer, payload: Buffer): void {
    const first = head.readUInt32BE();
    if (first < 2 ** 31) {
      const stream = this.#streams.get(first);
      // Kept from reading on as long as nobody takes what has come.
      if (payload.length > 0 && stream?.receive(payload) === false) this.#socket.pause();
      if (((head[4] ?? 0) & fin) !== 0) stream?.receiveEnd();
      return;
    }
    const type = first & 0xffff;
    if (type === types.rstStream) this.#streams.get(payload.readUInt32BE() & 0x7fff_ffff)?.receiveEnd();
    // Even numbers are those of the server's questions; odd ones would be answers.
    if (type === types.ping && payload.readUInt32BE() % 2 === 0) this.#control(types.ping, payload);
  }
}

type StreamEnds = {
  write(chunk: Buffer, done: () => void): void;
  end(done: () => void): void;
  resume(): void;
  gone(): void;
};

export class SpdyStream extends Duplex {
  readonly #ends: StreamEnds;
  #isEnded = false;
  #beforeEnd: Promise<void> = Promise.resolve();

  constructor(ends: StreamEnds) {
    super({ allowHalfOpen: true });
    this.#ends = ends;
  }

  /** False: enough for now. */
  receive(chunk: Buffer): boolean {
    // Nobody waits for what comes to a stream that was let go, and nothing may wait for it.
    return this.#isEnded || this.destroyed || this.push(chunk);
  }

  receiveEnd(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    void this.#beforeEnd.then(() => {
      if (!this.destroyed) this.push(null);
    });
  }

  /** Its reader is not told of its end before that: it may turn out to have been a failure. */
  holdEnd(until: Promise<void>): void {
    this.#beforeEnd = until;
  }

  override _read(): void {
    this.#ends.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#ends.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#ends.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#ends.gone();
    this.#ends.resume();
    done(error);
  }
}

function dataHead(id: number, flags: number, length: number): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(id);
  head.writeUInt32BE(flags * 2 ** 24 + length, 4);
  return head;
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function counted(text: string): readonly Buffer[] {
  const bytes = Buffer.from(text);
  return [number(bytes.length), bytes];
}
