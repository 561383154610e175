// Port forwarding as kubectl speaks it, over a real connection, to ends that have a pace of their own.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { WebSocket } from "ws";
import { WebSocketServer } from "ws";

import { HttpClient } from "../../agents/node/connection/http-client.ts";
import { Line } from "../../agents/node/streams/line.ts";
import { serveSpdy } from "../../agents/node/streams/ports/port-spdy.ts";
import type { Dial } from "../../agents/node/streams/ports/serve-ports.ts";
import { dataFrame, rstStream, synStream } from "../../agents/node/streams/spdy/frames.ts";
import { HeaderWriter } from "../../agents/node/streams/spdy/headers.ts";

const pieceBytes = 32 * 1024;
const pieces = 300;

let server: WebSocketServer;
let client: HttpClient;
let line: Line;
let person: WebSocket;
let headers: HeaderWriter;

beforeEach(async () => {
  server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  // A server that listens has one.
  const { port } = server.address() as AddressInfo;
  client = new HttpClient({ server: `http://127.0.0.1:${port}`, maxSockets: 1 });
  const connected = once(server, "connection");
  const opened = await Line.open(client, { path: "/", bearer: "token", signal: new AbortController().signal });
  if (opened === null) throw new Error("the server takes everybody");
  line = opened;
  [person] = await connected;
  headers = new HeaderWriter();
});

afterEach(async () => {
  person.terminate();
  await line.closed;
  headers.close();
  client.close();
  server.close();
});

/** Takes what comes, a little later than it comes; the numbers of the pieces as they came. */
class SlowEnd extends Duplex {
  readonly numbers: number[] = [];
  #rest = Buffer.alloc(0);

  constructor() {
    super({ highWaterMark: pieceBytes });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (; this.#rest.length >= pieceBytes; this.#rest = this.#rest.subarray(pieceBytes)) {
      this.numbers.push(this.#rest.readUInt32BE(0));
    }
    setTimeout(done, 1);
  }
}

async function open(id: number, streamtype: string): Promise<void> {
  person.send(synStream(id, await headers.write({ streamtype, port: "80", requestid: "0" })));
}

function sendPieces(from = 0, to = pieces): void {
  for (let number = from; number < to; number += 1) {
    const piece = Buffer.alloc(pieceBytes);
    piece.writeUInt32BE(number, 0);
    person.send(dataFrame(3, piece, { isLast: number === pieces - 1 }));
  }
}

test("what is said before the port is connected comes first, and in order, however slowly it is taken", async () => {
  const end = new SlowEnd();
  const dial: Dial = async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    return { ok: true, value: end };
  };
  void serveSpdy(line, dial);
  await open(1, "error");
  await open(3, "data");
  const taken = (count: number) =>
    vi.waitFor(() => expect(end.numbers.length).toBeGreaterThan(count), { timeout: 10_000, interval: 2 });
  sendPieces(0, 100);
  await taken(10);
  sendPieces(100, 200);
  await taken(110);
  sendPieces(200);
  await vi.waitFor(() => expect(end.writableFinished).toBe(true), { timeout: 15_000 });
  expect(end.numbers).toEqual(Array.from({ length: pieces }, (_, number) => number));
});

test("a client that is not connected yet is heard no further than a little", async () => {
  const connected = Promise.withResolvers<Awaited<ReturnType<Dial>>>();
  void serveSpdy(line, () => connected.promise);
  await open(1, "error");
  await open(3, "data");
  const before = process.memoryUsage.rss();
  sendPieces();
  await new Promise((resolve) => setTimeout(resolve, 300));
  // What was sent has not left the one who sends it, but for what lies in the sockets.
  expect(person.bufferedAmount).toBeGreaterThan(0);
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
  const end = new SlowEnd();
  connected.resolve({ ok: true, value: end });
  await vi.waitFor(() => expect(end.numbers.length).toBe(pieces), { timeout: 15_000 });
});

/** Takes one piece, and then nothing any more. */
class StuckEnd extends Duplex {
  isAsked = false;

  override _read(): void {}

  override _write(): void {
    this.isAsked = true;
  }
}

/** The connection waits to be read, and the client is not made to wait yet: what it says is still heard. */
const waiting = 32;

test.each([
  ["the client goes away", () => person.terminate()],
  ["the agent ends the session", () => line.end()],
  ["the client wants no more of it", () => person.send(rstStream(3))],
])("a connection whose first bytes nobody takes ends when %s", async (_what, leave) => {
  const connected = Promise.withResolvers<Awaited<ReturnType<Dial>>>();
  void serveSpdy(line, () => connected.promise);
  await open(1, "error");
  await open(3, "data");
  sendPieces(0, waiting);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const end = new StuckEnd();
  connected.resolve({ ok: true, value: end });
  await vi.waitFor(() => expect(end.isAsked).toBe(true));
  void leave();
  await vi.waitFor(() => expect(end.destroyed).toBe(true), { timeout: 3_000 });
});

test("a client that wants no more before it is connected is left with no connection", async () => {
  const connected = Promise.withResolvers<Awaited<ReturnType<Dial>>>();
  void serveSpdy(line, () => connected.promise);
  await open(1, "error");
  await open(3, "data");
  person.send(rstStream(3));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const end = new StuckEnd();
  connected.resolve({ ok: true, value: end });
  await vi.waitFor(() => expect(end.destroyed).toBe(true), { timeout: 3_000 });
});
