// The way to the person of a session: a WebSocket whose reader holds up its writer, both ways.
import type { RawData } from "ws";
import { WebSocket } from "ws";

import type { HttpClient } from "../connection/http-client.ts";

const handshakeTimeoutMs = 15_000;
const pingEveryMs = 15_000;
const deadAfterMs = 40_000;
/**
 * The person's end may be long gone where nobody on the way has noticed. Source: the kubelet's default for
 * streamingConnectionIdleTimeout.
 */
const idleAfterMs = 4 * 3_600_000;
/** Clients send what they read in pieces of 32 KiB. */
const longestMessageBytes = 4 * 1024 * 1024;
/** What the other side is given to say goodbye. */
const closingMs = 5_000;

export type LineOptions = { readonly path: string; readonly bearer: string; readonly signal: AbortSignal };

/** Takes one message; while it is at it, no other one comes. */
export type Receive = (message: Buffer, isText: boolean) => void | Promise<void>;

export class Line {
  readonly #socket: WebSocket;
  /** Resolves when the connection is over, for whatever reason. */
  readonly closed: Promise<void>;
  #receive: Receive | null = null;
  #busy: Promise<unknown> = Promise.resolve();
  #pending = 0;
  #heardAtMs = performance.now();
  /** When a message last went either way. */
  #usedAtMs = performance.now();

  private constructor(socket: WebSocket, signal: AbortSignal) {
    this.#socket = socket;
    const ping = setInterval(() => this.#ping(), pingEveryMs);
    const abort = () => socket.close(1001, "the agent ends");
    signal.addEventListener("abort", abort);
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        clearInterval(ping);
        signal.removeEventListener("abort", abort);
        resolve();
      });
    });
    socket.on("error", () => socket.terminate());
    socket.on("pong", () => {
      this.#heardAtMs = performance.now();
    });
    socket.on("message", (data, isBinary) => this.#take(toBuffer(data), !isBinary));
    // Until somebody receives, nothing is read.
    socket.pause();
  }

  /** Null: the control plane does not want it any more. Throws when it cannot be reached. */
  static open(client: HttpClient, { path, bearer, signal }: LineOptions): Promise<Line | null> {
    const url = client.url(path);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${bearer}` },
      ...client.tls,
      handshakeTimeout: handshakeTimeoutMs,
      maxPayload: longestMessageBytes,
      perMessageDeflate: false,
    });
    return new Promise((resolve, reject) => {
      socket.once("unexpected-response", (_request, response) => {
        response.destroy();
        resolve(null);
      });
      socket.once("error", reject);
      socket.once("open", () => {
        socket.removeListener("error", reject);
        resolve(new Line(socket, signal));
      });
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** From now on messages come. */
  receive(receive: Receive): void {
    this.#receive = receive;
    this.#socket.resume();
  }

  /** Resolves when the message is out of this process, or the connection is over. */
  send(message: Buffer | string): Promise<void> {
    if (!this.isOpen) return Promise.resolve();
    this.#usedAtMs = performance.now();
    return new Promise((resolve) => this.#socket.send(message, () => resolve()));
  }

  /** Ends the connection, in good order unless the other side does not answer. */
  async end(code = 1000, reason = ""): Promise<void> {
    this.#socket.resume();
    if (this.isOpen) this.#socket.close(code, reason);
    const timer = setTimeout(() => this.#socket.terminate(), closingMs);
    await this.closed;
    clearTimeout(timer);
  }

  #take(message: Buffer, isText: boolean): void {
    const receive = this.#receive;
    if (receive === null) return;
    this.#usedAtMs = performance.now();
    this.#pending += 1;
    this.#socket.pause();
    this.#busy = this.#busy
      .then(() => receive(message, isText))
      .catch(() => this.#socket.terminate())
      .finally(() => {
        this.#pending -= 1;
        if (this.#pending === 0) this.#socket.resume();
      });
  }

  #ping(): void {
    // While nothing is read, nothing is heard.
    if (this.#socket.isPaused) this.#heardAtMs = performance.now();
    if (performance.now() - this.#heardAtMs > deadAfterMs) this.#socket.terminate();
    else if (performance.now() - this.#usedAtMs > idleAfterMs) void this.end(1001, "nothing was said for hours");
    else if (this.isOpen) this.#socket.ping();
  }
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
