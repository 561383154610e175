// The connection by WebSocket: messages both ways as they come, and a ping that costs the control plane nothing.
import type { RawData } from "ws";
import { WebSocket } from "ws";

import type { SyncRequest } from "../../../src/sync/messages.ts";
import type { Clock, Connection, ConnectionListener, ConnectionProblem } from "../ports.ts";
import type { Credentials } from "./credentials.ts";
import { statusProblem } from "./credentials.ts";
import type { HttpClient } from "./http-client.ts";
import { errorText, longestAnswerBytes } from "./http-client.ts";
import type { ReadAnswer } from "./poll.ts";
import { paths, ping, pong, readAnswer } from "./protocol.ts";

const defaultPingEveryMs = 10_000;
const deadAfterMs = 30_000;
const handshakeTimeoutMs = 15_000;
/** Close codes by which the control plane says that it does not want this agent. */
const refusingCodes: readonly number[] = [1008, 4401, 4403];

export type SocketOptions = {
  readonly client: HttpClient;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly read?: ReadAnswer;
  /** Told when something between here and there lets requests pass and sockets not. */
  readonly blocked?: (message: string) => void;
  /** How long the line may be silent before it is tried; default: 10 s. Longer costs less, and a dead line is noticed later. */
  readonly pingEveryMs?: number;
  /** Waits for a turn to connect; the answer gives the turn back. */
  readonly turn?: () => Promise<() => void>;
};

export class SocketConnection implements Connection {
  readonly #listener: ConnectionListener;
  readonly #options: SocketOptions;
  #socket: WebSocket | undefined;
  /** What to send once the socket is open. */
  #waiting: string | undefined;
  #isClosed = false;
  #heardAtMs = 0;
  #pingedAtMs = 0;
  #cancelPing: (() => void) | undefined;

  constructor(listener: ConnectionListener, options: SocketOptions) {
    this.#listener = listener;
    this.#options = options;
  }

  /** The control plane can speak by itself: there is nothing to ask for. */
  holdsQuestions(): boolean {
    return false;
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  send(request: SyncRequest): void {
    const text = JSON.stringify(request);
    if (this.isOpen) {
      this.#socket?.send(text);
      return;
    }
    const isConnecting = this.#waiting !== undefined || this.#socket !== undefined;
    this.#waiting = text;
    if (!isConnecting) void this.#connect();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelPing?.();
    this.#socket?.close(1000);
  }

  async #connect(): Promise<void> {
    const { client, credentials, turn } = this.#options;
    const leave = await turn?.();
    const credential = await credentials.get();
    if (this.#isClosed || !credential.ok) {
      leave?.();
      if (!credential.ok) this.#lost(undefined, credential.problem);
      return;
    }
    const url = client.url(paths.socket);
    if (this.#pingEveryMs !== defaultPingEveryMs) url.searchParams.set("ping", String(this.#pingEveryMs / 1000));
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${credential.credential}` },
      ...client.tls,
      handshakeTimeout: handshakeTimeoutMs,
      maxPayload: longestAnswerBytes,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    if (leave !== undefined) {
      socket.once("open", leave);
      socket.once("close", leave);
    }
    this.#listen(socket);
  }

  #listen(socket: WebSocket): void {
    socket.on("open", () => this.#opened(socket));
    socket.on("message", (data) => this.#heard(socket, data));
    socket.on("close", (code, reason) => {
      const kind = refusingCodes.includes(code) ? "refused" : "unreachable";
      if (kind === "refused") this.#options.credentials.refused();
      this.#lost(socket, { kind, message: `the socket was closed (${code} ${reason.toString()})`.replace(" )", ")") });
    });
    socket.on("error", (error) => {
      // Of a handshake that gets no answer at all, it cannot be known who swallows it.
      if (error.message.includes("handshake has timed out")) this.#block(socket, errorText(error));
      else this.#lost(socket, { kind: "unreachable", message: errorText(error) });
    });
    socket.on("unexpected-response", (_request, response) => {
      const status = response.statusCode ?? 0;
      response.destroy();
      const problem = statusProblem(status, "") ?? { kind: "unreachable", message: "status 200 for a socket" };
      if (problem.kind === "refused") this.#options.credentials.refused();
      const isBlocked = problem.kind === "unreachable" && status < 500;
      if (isBlocked) this.#block(socket, problem.message);
      else this.#lost(socket, problem);
    });
  }

  #opened(socket: WebSocket): void {
    this.#pingedAtMs = 0;
    const text = this.#waiting;
    this.#waiting = undefined;
    this.#heardAtMs = this.#options.clock.monotonicMs();
    if (text !== undefined) socket.send(text);
    this.#pingLater(socket, this.#pingEveryMs);
  }

  get #pingEveryMs(): number {
    return this.#options.pingEveryMs ?? defaultPingEveryMs;
  }

  #pingLater(socket: WebSocket, delayMs: number): void {
    this.#cancelPing = this.#options.clock.setTimer(delayMs, () => this.#ping(socket));
  }

  #ping(socket: WebSocket): void {
    const { clock } = this.#options;
    if (socket !== this.#socket) return;
    const nowMs = clock.monotonicMs();
    const isQuiet = this.#pingEveryMs > deadAfterMs;
    const isUnanswered = isQuiet ? this.#heardAtMs < this.#pingedAtMs : nowMs - this.#heardAtMs > deadAfterMs;
    if (isUnanswered) {
      this.#lost(socket, { kind: "unreachable", message: `nothing was heard for ${deadAfterMs / 1000} s` });
      socket.terminate();
      return;
    }
    // On a line that is mostly silent, the answer to a ping is waited for by itself.
    const isAnswerDue = isQuiet && nowMs - this.#pingedAtMs < this.#pingEveryMs && this.#pingedAtMs > 0;
    if (isAnswerDue) {
      this.#pingLater(socket, this.#pingedAtMs + this.#pingEveryMs - nowMs);
      return;
    }
    this.#pingedAtMs = nowMs;
    socket.send(ping);
    this.#pingLater(socket, isQuiet ? deadAfterMs : this.#pingEveryMs);
  }

  #heard(socket: WebSocket, data: RawData): void {
    if (socket !== this.#socket || this.#isClosed) return;
    this.#heardAtMs = this.#options.clock.monotonicMs();
    const text = data.toString();
    if (text === pong) return;
    const answer = (this.#options.read ?? readAnswer)(text);
    if (answer !== null) {
      this.#listener.answered(answer);
      return;
    }
    this.#lost(socket, { kind: "unreachable", message: "the answer is none of Lares" });
    socket.terminate();
  }

  #block(socket: WebSocket, message: string): void {
    const { blocked } = this.#options;
    if (blocked === undefined || socket !== this.#socket) this.#lost(socket, { kind: "unreachable", message });
    else {
      this.#drop();
      blocked(message);
    }
  }

  /** Only the first to say so about a socket is heard. */
  #lost(socket: WebSocket | undefined, problem: ConnectionProblem): void {
    if (socket !== this.#socket) return;
    this.#drop();
    if (!this.#isClosed) this.#listener.failed(problem);
  }

  #drop(): void {
    this.#socket = undefined;
    this.#waiting = undefined;
    this.#cancelPing?.();
  }
}
