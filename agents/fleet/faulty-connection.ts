// A connection with a network's faults: it is slow, loses answers, and breaks.
import type { SyncAnswer, SyncRequest } from "../../src/sync/messages.ts";
import type { Clock, Connection, ConnectionListener, ConnectionProblem, Random } from "../node/ports.ts";

export type NetworkFaults = {
  /** Each way. */
  readonly latencyMs: number;
  /** On top of it, from nothing up to this. */
  readonly jitterMs: number;
  /** Of all answers, how many get lost. */
  readonly lostAnswers: number;
  /** Of all connections, how many break in each minute. */
  readonly breaksPerMinute: number;
};

export const noFaults: NetworkFaults = { latencyMs: 0, jitterMs: 0, lostAnswers: 0, breaksPerMinute: 0 };

export type FaultyOptions = {
  readonly faults: NetworkFaults;
  readonly clock: Clock;
  readonly random: Random;
  readonly connect: (listener: ConnectionListener) => Connection;
};

const minuteMs = 60_000;

export class FaultyConnection implements Connection, ConnectionListener {
  readonly #listener: ConnectionListener;
  readonly #options: FaultyOptions;
  #inner: Connection;
  #cancelBreak: (() => void) | undefined;
  #isClosed = false;

  constructor(listener: ConnectionListener, options: FaultyOptions) {
    this.#listener = listener;
    this.#options = options;
    this.#inner = options.connect(this);
    this.#breakLater();
  }

  holdsQuestions(): boolean {
    return this.#inner.holdsQuestions();
  }

  send(request: SyncRequest, hold: boolean): void {
    this.#later(() => this.#inner.send(request, hold));
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelBreak?.();
    this.#inner.close();
  }

  answered(answer: SyncAnswer): void {
    const { faults, random } = this.#options;
    if (faults.lostAnswers > 0 && random.next() < faults.lostAnswers) return;
    this.#later(() => this.#listener.answered(answer));
  }

  failed(problem: ConnectionProblem): void {
    this.#later(() => this.#listener.failed(problem));
  }

  #later(run: () => void): void {
    const { faults, clock, random } = this.#options;
    const delayMs = faults.latencyMs + (faults.jitterMs > 0 ? random.next() * faults.jitterMs : 0);
    const runUnlessClosed = () => {
      if (!this.#isClosed) run();
    };
    if (delayMs === 0) runUnlessClosed();
    else clock.setTimer(delayMs, runUnlessClosed);
  }

  #breakLater(): void {
    const { faults, clock, random } = this.#options;
    if (faults.breaksPerMinute <= 0) return;
    const delayMs = (-Math.log(1 - random.next()) / faults.breaksPerMinute) * minuteMs;
    this.#cancelBreak = clock.setTimer(delayMs, () => {
      this.#inner.close();
      this.#inner = this.#options.connect(this);
      this.failed({ kind: "unreachable", message: "the connection broke, as it was told to" });
      this.#breakLater();
    });
  }
}
