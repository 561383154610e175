// Port forwarding as kubectl speaks it: two SPDY streams for each connection, one for its bytes and one for errors.
// Source: kubelet pkg/cri/streaming/portforward/httpstream.go, subprotocol portforward.k8s.io.
import type { Duplex } from "node:stream";

import type { Line } from "../line.ts";
import type { Frame } from "../spdy/frames.ts";
import { dataFrame, FrameReader, pingFrame, rstStream, synReply } from "../spdy/frames.ts";
import { HeaderReader, HeaderWriter } from "../spdy/headers.ts";
import type { Dial } from "./serve-ports.ts";
import { writeTo } from "./serve-ports.ts";

const pieceBytes = 32 * 1024;
/** A client that says more before it is connected is made to wait, and with it all that comes over its session. */
const mostEarlyBytes = 1024 * 1024;
/** Connections at once, over one session. */
const mostForwards = 256;

/** One connection, of which the client opens the parts one after the other. */
type Forward = {
  readonly requestId: string;
  readonly port: number;
  errorStream: number | undefined;
  dataStream: number | undefined;
  /** From when it is dialled, so that it can be ended while its first bytes wait. */
  connection: Duplex | undefined;
  /** What came before the connection was there, and is to be written to it before anything else. */
  readonly early: Buffer[];
  earlyBytes: number;
  /** The connection has taken what came before, or never will. */
  readonly settled: Settled;
  isInputOver: boolean;
  /** The client wants no more of it. */
  isReset: boolean;
};

class Settled {
  isReached = false;
  reach: () => void = () => {};
  readonly reached = new Promise<void>((resolve) => {
    this.reach = () => {
      this.isReached = true;
      resolve();
    };
  });
}

export async function serveSpdy(line: Line, dial: Dial): Promise<void> {
  const forwarding = new Forwarding(line, dial);
  line.receive((message) => forwarding.take(message));
  await line.closed;
  forwarding.close();
}

class Forwarding {
  readonly #line: Line;
  readonly #dial: Dial;
  readonly #frames = new FrameReader();
  readonly #reader = new HeaderReader();
  readonly #writer = new HeaderWriter();
  readonly #byRequest = new Map<string, Forward>();
  readonly #byData = new Map<number, Forward>();

  constructor(line: Line, dial: Dial) {
    this.#line = line;
    this.#dial = dial;
  }

  async take(message: Buffer): Promise<void> {
    for (const frame of this.#frames.read(message)) await this.#handle(frame);
  }

  close(): void {
    this.#reader.close();
    this.#writer.close();
    for (const { connection } of this.#byRequest.values()) connection?.destroy();
  }

  async #handle(frame: Frame): Promise<void> {
    switch (frame.type) {
      case "syn-stream":
        return this.#open(frame.id, frame.block);
      case "headers":
        // Nothing is done with them, but what is packed after them depends on them.
        await this.#reader.read(frame.block);
        return;
      case "data":
        return this.#data(frame);
      case "rst-stream":
        this.#reset(frame.id);
        return;
      case "ping":
        // Those of the client have odd numbers; the others are answers.
        if (frame.id % 2 === 1) await this.#line.send(pingFrame(frame.id));
        return;
      case "go-away":
      case "other":
        return;
      default:
        frame satisfies never;
    }
  }

  async #open(id: number, block: Buffer): Promise<void> {
    const headers = await this.#reader.read(block);
    const { streamtype: type, port: portText = "", requestid: requestId = "" } = headers;
    const port = Number(portText);
    const isWanted = type === "error" || type === "data";
    const isPort = Number.isInteger(port) && port > 0 && port < 65_536;
    const forward = this.#byRequest.get(requestId) ?? newForward(requestId, port);
    const isOneTooMany = !this.#byRequest.has(requestId) && this.#byRequest.size >= mostForwards;
    if (!isWanted || !isPort || isOneTooMany) {
      await this.#line.send(rstStream(id));
      return;
    }
    this.#byRequest.set(requestId, forward);
    await this.#line.send(synReply(id, await this.#writer.write({})));
    if (type === "error") forward.errorStream = id;
    else {
      forward.dataStream = id;
      this.#byData.set(id, forward);
    }
    if (forward.errorStream !== undefined && forward.dataStream !== undefined) {
      void this.#forward(forward, { errorStream: forward.errorStream, dataStream: forward.dataStream });
    }
  }

  #reset(id: number): void {
    const forward = this.#byData.get(id);
    if (forward === undefined) return;
    forward.isReset = true;
    forward.connection?.destroy();
  }

  async #data({ id, content, isLast }: Extract<Frame, { type: "data" }>): Promise<void> {
    const forward = this.#byData.get(id);
    if (forward === undefined) return;
    const { connection, settled } = forward;
    if (isLast) forward.isInputOver = true;
    if (connection !== undefined && settled.isReached) {
      await writeTo(connection, Buffer.from(content));
      if (isLast) connection.end();
      return;
    }
    forward.early.push(Buffer.from(content));
    forward.earlyBytes += content.length;
    if (forward.earlyBytes > mostEarlyBytes) await Promise.race([settled.reached, this.#line.closed]);
  }

  async #forward(forward: Forward, streams: { readonly errorStream: number; readonly dataStream: number }) {
    const { errorStream, dataStream } = streams;
    const dialled = await this.#dial(forward.port).catch(
      (error: unknown) => ({ ok: false, message: String(error) }) as const,
    );
    if (!dialled.ok) {
      const text = Buffer.from(`error forwarding port ${forward.port} to pod: ${dialled.message}`);
      await this.#line.send(dataFrame(errorStream, text, { isLast: true }));
    } else if (!this.#line.isOpen || forward.isReset) dialled.value.destroy();
    else await this.#pipe(forward, dialled.value, dataStream);
    forward.settled.reach();
    this.#byRequest.delete(forward.requestId);
    this.#byData.delete(dataStream);
    await this.#line.send(dataFrame(dataStream, Buffer.alloc(0), { isLast: true }));
    if (dialled.ok) await this.#line.send(dataFrame(errorStream, Buffer.alloc(0), { isLast: true }));
  }

  /** Until the other end has said all, or the client wants no more. */
  async #pipe(forward: Forward, connection: Duplex, dataStream: number): Promise<void> {
    forward.connection = connection;
    // More may come while this waits for the connection: what is written by itself only follows on the last of it.
    for (let early = forward.early.shift(); early !== undefined; early = forward.early.shift()) {
      await writeTo(connection, early);
    }
    forward.settled.reach();
    if (forward.isInputOver) connection.end();
    try {
      for await (const chunk of connection as AsyncIterable<Buffer>) {
        for (let at = 0; at < chunk.length; at += pieceBytes) {
          const piece = chunk.subarray(at, at + pieceBytes);
          await this.#line.send(dataFrame(dataStream, piece, { isLast: false }));
        }
      }
    } catch {
      // It broke off: the client sees its end.
    }
    connection.destroy();
  }
}

function newForward(requestId: string, port: number): Forward {
  return {
    requestId,
    port,
    errorStream: undefined,
    dataStream: undefined,
    connection: undefined,
    early: [],
    earlyBytes: 0,
    settled: new Settled(),
    isInputOver: false,
    isReset: false,
  };
}
