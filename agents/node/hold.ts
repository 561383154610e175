// "Not now", said at the node: while it holds, no pod starts for the first time, and none that runs is ended or replaced.
// It ends by itself, without a network, over restarts, and whatever is done to the clock.

/** A point in time as a machine can tell it. */
export type Moment = {
  /** Names the boot; `bootMs` means nothing in another one. */
  readonly bootId: string;
  /** Since the boot, with the time that the machine slept. */
  readonly bootMs: number;
  /** Milliseconds since 1970. It may be set at any time. */
  readonly wallMs: number;
};

export type StoredHold = {
  readonly reason: string;
  /** What was left of it at `at`. */
  readonly remainingMs: number;
  readonly at: Moment;
};

/** What a hold needs of its machine. */
export type HoldStore = {
  now(): Moment;
  /** Undefined: there is none, or none that can be read. */
  read(): StoredHold | undefined;
  /** Undefined: there is to be none. On disk when it returns. */
  write(hold: StoredHold | undefined): void;
};

/** What is left of a hold. Within a boot only the time since the boot counts; over a boot there is but the clock. */
export function remainingMs({ remainingMs: left, at }: StoredHold, now: Moment): number {
  const isSameBoot = at.bootId === now.bootId && now.bootMs >= at.bootMs;
  // A clock that was set back says nothing of how long the machine was off.
  const passedMs = isSameBoot ? now.bootMs - at.bootMs : Math.max(0, now.wallMs - at.wallMs);
  return Math.max(0, left - passedMs);
}

/** The same hold as of now, to be kept; undefined when it is over. */
function renewed(hold: StoredHold, now: Moment): StoredHold | undefined {
  const leftMs = remainingMs(hold, now);
  return leftMs === 0 ? undefined : { reason: hold.reason, remainingMs: leftMs, at: now };
}

export type HoldView = { readonly reason: string; readonly remainingMs: number };

/** Of a machine whose clock is wrong after each boot, a boot costs no more than this. */
const keepEveryMs = 600_000;

type Timers = { setTimer(delayMs: number, run: () => void): () => void };

export class Hold {
  readonly #store: HoldStore;
  readonly #timers: Timers;
  readonly #listeners = new Set<() => void>();
  #hold: StoredHold | undefined;
  #changes = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(store: HoldStore, timers: Timers) {
    this.#store = store;
    this.#timers = timers;
    const stored = store.read();
    this.#hold = stored === undefined ? undefined : renewed(stored, store.now());
    if (stored !== undefined) this.#write(this.#hold);
    this.#wait();
  }

  /** Undefined while nobody holds the node. */
  current(): HoldView | undefined {
    if (this.#hold === undefined) return undefined;
    const leftMs = remainingMs(this.#hold, this.#store.now());
    return leftMs === 0 ? undefined : { reason: this.#hold.reason, remainingMs: leftMs };
  }

  /** Rises with each begin and end. */
  get changes(): number {
    return this.#changes;
  }

  /** Begins a hold, in the place of one that there may be. Throws when it cannot be kept: it would end with the agent. */
  begin(reason: string, forMs: number): void {
    this.#set({ reason, remainingMs: forMs, at: this.#store.now() });
  }

  release(): void {
    this.#set(undefined);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#cancelTimer?.();
  }

  #set(hold: StoredHold | undefined): void {
    this.#store.write(hold);
    this.#hold = hold;
    this.#wait();
    this.#changed();
  }

  #changed(): void {
    this.#changes += 1;
    for (const listener of this.#listeners) listener();
  }

  #wait(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#hold === undefined) return;
    const leftMs = remainingMs(this.#hold, this.#store.now());
    this.#cancelTimer = this.#timers.setTimer(Math.min(keepEveryMs, leftMs), () => this.#keep());
  }

  #keep(): void {
    if (this.#hold === undefined) return;
    const kept = renewed(this.#hold, this.#store.now());
    this.#write(kept);
    const isOver = kept === undefined;
    this.#hold = kept;
    this.#wait();
    if (isOver) this.#changed();
  }

  #write(hold: StoredHold | undefined): void {
    try {
      this.#store.write(hold);
    } catch {
      // A full disk: what is on it ends no later.
    }
  }
}
