// A call from one actor to somewhere else: the way there, what is done, the way back, and what can go wrong on each.
import type { Actor } from "./actor.ts";
import type { Effect, Faults, Strike } from "./faults.ts";
import type { Kernel } from "./kernel.ts";
import type { Random } from "./random.ts";

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

export type Call<T> = {
  readonly port: string;
  readonly caller: Actor;
  readonly allows: readonly Effect[];
  /** One way, in milliseconds. */
  readonly latencyMs: readonly [number, number];
  /** Longest extra wait that a delay may bring; absent: as long as delays are. */
  readonly longestDelayMs?: number;
  /** Does it at the other end; `settle` sends the answer back. */
  perform(settle: (outcome: Outcome<T>) => void): void;
  /** What becomes of an answer that its caller never gets. */
  discard?(value: T): void;
  /** What the caller is told when the call does not get through; the same whether it was done or not. */
  lost(): unknown;
};

export class Crossings {
  readonly #kernel: Kernel;
  readonly #faults: Faults;
  readonly #random: Random;

  constructor(kernel: Kernel, faults: Faults, random: Random) {
    this.#kernel = kernel;
    this.#faults = faults;
    this.#random = random;
  }

  /** Resolves and rejects in a turn of the caller; never, once the caller is dead. */
  call<T>(call: Call<T>): Promise<T> {
    const { caller, port, allows } = call;
    if (!caller.isAlive) return new Promise(() => {});
    const strike = this.#faults.strike({ name: port, caller, allows });
    if (strike !== null) this.#kernel.note(`FAULT ${strike} ${port} of ${caller.name}`);
    if (strike === "crash-before") {
      caller.die(`crashed before ${port}`);
      return new Promise(() => {});
    }
    caller.flush();
    return new Promise((resolve, reject) => this.#send(call, strike, { resolve, reject }));
  }

  #send<T>(call: Call<T>, strike: Strike, waiting: Waiting<T>): void {
    const { caller, port } = call;
    const answer = (run: () => void) =>
      void this.#kernel.schedule(this.#latency(call), { actor: caller, label: "" }, run);
    const lose = () => answer(() => waiting.reject(call.lost()));
    if (strike === "before") {
      lose();
      return;
    }
    const extraMs = strike === "delay" ? Math.min(this.#faults.delayMs(), call.longestDelayMs ?? Infinity) : 0;
    const arrive = (run: () => void, waitMs: number) =>
      void this.#kernel.schedule(waitMs, { actor: this.#kernel.nobody, label: `${port} of ${caller.name}` }, run);
    arrive(() => {
      call.perform((outcome) => {
        if (outcome.ok && (strike === "crash-after" || strike === "lost")) call.discard?.(outcome.value);
        if (strike === "crash-after") caller.die(`crashed after ${port}`);
        else if (strike === "lost") lose();
        else answer(() => (outcome.ok ? waiting.resolve(outcome.value) : waiting.reject(outcome.error)));
      });
    }, this.#latency(call) + extraMs);
    if (strike === "duplicate") arrive(() => call.perform(() => {}), this.#latency(call) + this.#faults.delayMs());
  }

  #latency({ latencyMs: [low, high] }: { readonly latencyMs: readonly [number, number] }): number {
    return this.#random.between(low, high);
  }
}

type Waiting<T> = { resolve(value: T): void; reject(error: unknown): void };
