// Time and turns: one event after the other, each with everything that follows from it at once, then the next.
import { Actor } from "./actor.ts";
import type { Timed } from "./heap.ts";
import { Heap } from "./heap.ts";
import { Trace } from "./trace.ts";

type Event = Timed & { readonly label: string; readonly actor: Actor; run: (() => void) | null };

export type Cancel = () => void;

export type Happening = {
  /** Who it happens to; the dead miss it. */
  readonly actor: Actor;
  /** For the trace; empty: not worth a line. */
  readonly label: string;
};

/** Taken before anybody puts other clocks in place. */
const nextTurn = setImmediate;

const startMs = Date.UTC(2026, 0, 1);

export class Kernel {
  readonly trace: Trace;
  /** Things that happen to nobody in particular. */
  readonly nobody = new Actor("world", "world");
  readonly #events = new Heap<Event>();
  readonly #turnEnds: (() => void)[] = [];
  #nowMs = startMs;
  #order = 0;
  #turns = 0;
  #current: Actor = this.nobody;
  #isStopped = false;
  #thrown: ((error: unknown) => void) | null = null;

  constructor(print: ((line: string) => void) | null = null) {
    this.trace = new Trace(print);
  }

  /** Milliseconds since 1970, with fractions. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Whose turn it is. */
  get current(): Actor {
    return this.#current;
  }

  get turns(): number {
    return this.#turns;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Ends `runUntil` after this turn. */
  stop(): void {
    this.#isStopped = true;
  }

  note(text: string): void {
    this.trace.add(this.#nowMs, text);
  }

  schedule(delayMs: number, { actor, label }: Happening, run: () => void): Cancel {
    this.#order += 1;
    const event: Event = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, label, actor, run };
    this.#events.push(event);
    return () => {
      event.run = null;
    };
  }

  /** Resolves after `delayMs`, in a turn of `actor`. */
  sleep(delayMs: number, actor: Actor): Promise<void> {
    return new Promise((resolve) => this.schedule(delayMs, { actor, label: "" }, resolve));
  }

  /** Is told of errors that nobody caught; without it they end the process. */
  onThrow(listen: (error: unknown) => void): void {
    this.#thrown = listen;
  }

  #run(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (this.#thrown === null) throw error;
      this.#thrown(error);
    }
  }

  /** Is called when whatever followed from an event is done. */
  onTurnEnd(run: () => void): void {
    this.#turnEnds.push(run);
  }

  /** Makes the rest of this turn that of `actor`: what it starts now goes on as its own. */
  become(actor: Actor): void {
    this.#current = actor;
  }

  /** Lets time pass up to `untilMs`, or until `stop`. */
  async runUntil(untilMs: number): Promise<void> {
    while (!this.#isStopped) {
      const next = this.#events.peek();
      if (next === undefined || next.atMs > untilMs) break;
      this.#events.pop();
      if (next.run === null || !next.actor.isAlive) continue;
      await this.#turn(next, next.run);
    }
    if (!this.#isStopped) this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  async #turn({ atMs, label, actor }: Event, run: () => void): Promise<void> {
    this.#nowMs = atMs;
    this.#turns += 1;
    this.#current = actor;
    if (label !== "") this.note(label);
    this.#run(run);
    // All that waits for nothing but its turn runs before this comes back.
    await new Promise<void>((resolve) => nextTurn(resolve));
    for (const end of this.#turnEnds) end();
    this.#current = this.nobody;
  }
}
