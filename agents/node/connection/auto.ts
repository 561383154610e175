// The best connection that gets through: a socket, and held requests where sockets are blocked on the way.
import type { SyncAnswer, SyncRequest } from "../../../src/sync/messages.ts";
import type { Clock, Connection, ConnectionListener, ConnectionProblem, Log } from "../ports.ts";
import type { Credentials } from "./credentials.ts";
import type { HttpClient } from "./http-client.ts";
import { PollConnection } from "./poll.ts";
import { SocketConnection } from "./socket.ts";

const socketAgainMs = 600_000;

export type AutoOptions = {
  readonly client: HttpClient;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly log: Log;
  /** See SocketOptions. */
  readonly pingEveryMs?: number;
};

export class AutoConnection implements Connection {
  readonly #listener: ConnectionListener;
  readonly #options: AutoOptions;
  readonly #socket: SocketConnection;
  readonly #poll: PollConnection;
  /** The message on its way by socket, to be sent another way if there is no way for sockets. */
  #last: SyncRequest | undefined;
  #way: "socket" | "trying requests" | "requests" = "socket";
  #cancelTimer: (() => void) | undefined;

  constructor(listener: ConnectionListener, options: AutoOptions) {
    this.#listener = listener;
    this.#options = options;
    const { client, credentials, clock, pingEveryMs } = options;
    const blocked = (message: string) => this.#blocked(message);
    const pings = pingEveryMs === undefined ? {} : { pingEveryMs };
    this.#socket = new SocketConnection(listener, { client, credentials, clock, blocked, ...pings });
    const polled = {
      answered: (answer: SyncAnswer) => this.#polled(answer),
      failed: (problem: ConnectionProblem) => this.#pollFailed(problem),
    };
    this.#poll = new PollConnection(polled, { client, credentials, holds: true });
  }

  holdsQuestions(): boolean {
    // Back on the way of sockets there is none yet: a question opens it.
    return this.#way === "requests" || (this.#way === "socket" && !this.#socket.isOpen);
  }

  send(request: SyncRequest, hold: boolean): void {
    if (this.#way === "socket") {
      this.#last = request;
      this.#socket.send(request);
    } else this.#poll.send(request, hold);
  }

  close(): void {
    this.#cancelTimer?.();
    this.#socket.close();
    this.#poll.close();
  }

  #blocked(message: string): void {
    this.#way = "trying requests";
    this.#options.log.warn("no socket gets through; trying requests", { problem: message });
    if (this.#last !== undefined) this.#poll.send(this.#last, false);
  }

  #polled(answer: SyncAnswer): void {
    if (this.#way === "trying requests") {
      this.#way = "requests";
      this.#cancelTimer = this.#options.clock.setTimer(socketAgainMs, () => {
        this.#way = "socket";
      });
    }
    this.#listener.answered(answer);
  }

  /** Requests fare no better: it was not the sockets. */
  #pollFailed(problem: ConnectionProblem): void {
    if (this.#way === "trying requests") this.#way = "socket";
    this.#listener.failed(problem);
  }
}
