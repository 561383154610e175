// Notices what becomes of containers by itself: by events where the runtime has them, else by looking again and again.
import type { Clock } from "../../ports.ts";
import type { GrpcError } from "./grpc.ts";
import { grpcCodes } from "./grpc.ts";

/** What is known of a container or sandbox. */
export type Seen = { readonly podUid: string; readonly state: string };

/** Tells ids of what has just ended; null: it did end by itself. */
export type EventSource = (told: (id: string) => void, ended: (problem: GrpcError | null) => void) => () => void;

export type ChangesOptions = {
  readonly clock: Clock;
  /** All that is this agent's. */
  readonly look: () => Promise<ReadonlyMap<string, Seen>>;
  /** The best first; one that the runtime does not have is left out from then on. */
  readonly sources: readonly EventSource[];
};

const pollMs = 1000;
const idlePollMs = 10_000;
/** Events may be lost, and are not worth much then. */
const besideEventsMs = 60_000;
const firstReconnectMs = 250;
const longestReconnectMs = 5000;
/** The runtime tells of an end before it has noted it down itself. */
const firstSettleMs = 10;
const settleTries = 8;

type Entry = Seen & { readonly sinceLook: number };
const running = "running";

/** As far as the runtime has noted down. */
function isOver(seen: Seen | undefined): boolean {
  return seen === undefined || !["created", running, "ready"].includes(seen.state);
}

export class Changes {
  readonly #options: ChangesOptions;
  readonly #listeners = new Set<(podUid: string) => void>();
  readonly #seen = new Map<string, Entry>();
  readonly #sources: EventSource[];
  readonly #ending = new Set<string>();
  #looks = 0;
  #isLooking = false;
  #wantsLook = false;
  #cancelTimer: (() => void) | undefined;
  #cancelSettle: (() => void) | undefined;
  #leaveSource: (() => void) | undefined;
  #reconnectMs = firstReconnectMs;
  #isActive = false;
  /** Connected since the last look: what happened in between was told by nobody. */
  #isFresh = false;

  constructor(options: ChangesOptions) {
    this.#options = options;
    this.#sources = [...options.sources];
  }

  listen(listener: (podUid: string) => void): () => void {
    this.#listeners.add(listener);
    if (!this.#isActive) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  /** The agent's own doing: it needs no telling. */
  made(id: string, seen: Seen): void {
    this.#seen.set(id, { ...seen, sinceLook: this.#looks });
    if (this.#isActive && this.#leaveSource === undefined && seen.state === running) this.#lookIn(pollMs);
  }

  podUidOf(id: string): string | undefined {
    return this.#seen.get(id)?.podUid;
  }

  removed(id: string): void {
    this.#seen.delete(id);
  }

  close(): void {
    this.#isActive = false;
    this.#listeners.clear();
    this.#cancelTimer?.();
    this.#cancelSettle?.();
    this.#leaveSource?.();
    this.#leaveSource = undefined;
    this.#ending.clear();
  }

  #start(): void {
    this.#isActive = true;
    this.#connect();
    void this.#look();
  }

  #connect(): void {
    const [source] = this.#sources;
    if (source === undefined) return;
    this.#isFresh = true;
    this.#leaveSource = source(
      (id) => this.#ended(id),
      (problem) => this.#lost(problem),
    );
  }

  #lost(problem: GrpcError | null): void {
    this.#leaveSource = undefined;
    if (!this.#isActive) return;
    // CRI-O ends at once, and in good order, what it is not set up to tell.
    const isNotHad = problem === null ? this.#isFresh : problem.code === grpcCodes.unimplemented;
    if (isNotHad) {
      this.#sources.shift();
      this.#connect();
      void this.#look();
      return;
    }
    // The look finds out whether the runtime is back, and what has changed while it was away.
    this.#lookIn(this.#reconnectMs);
    this.#reconnectMs = Math.min(longestReconnectMs, 2 * this.#reconnectMs);
  }

  /** What is not known is somebody else's. */
  #ended(id: string): void {
    if (!this.#seen.has(id)) return;
    this.#ending.add(id);
    this.#settle(firstSettleMs, settleTries);
  }

  #settle(delayMs: number, tries: number): void {
    this.#cancelSettle?.();
    this.#cancelSettle = this.#options.clock.setTimer(delayMs, () => {
      void this.#look().then(() => {
        for (const id of this.#ending) if (isOver(this.#seen.get(id))) this.#ending.delete(id);
        if (this.#ending.size > 0 && tries > 1 && this.#isActive) this.#settle(2 * delayMs, tries - 1);
        else this.#ending.clear();
      });
    });
  }

  async #look(): Promise<void> {
    if (this.#isLooking) {
      this.#wantsLook = true;
      return;
    }
    this.#isLooking = true;
    try {
      const look = ++this.#looks;
      const found = await this.#options.look();
      if (!this.#isActive) return;
      this.#compare(found, look);
      if (this.#leaveSource === undefined) this.#connect();
      this.#lookIn(this.#delayMs());
    } catch {
      // Whoever asks the runtime for something is told; here it is only waited for.
      if (this.#isActive) this.#lookIn(Math.max(pollMs, this.#reconnectMs));
    } finally {
      this.#isLooking = false;
      if (this.#wantsLook) {
        this.#wantsLook = false;
        if (this.#isActive) await this.#look();
      }
    }
  }

  #delayMs(): number {
    if (this.#isFresh && this.#leaveSource !== undefined) {
      this.#isFresh = false;
      return firstReconnectMs;
    }
    if (this.#leaveSource !== undefined) {
      this.#reconnectMs = firstReconnectMs;
      return besideEventsMs;
    }
    for (const { state } of this.#seen.values()) if (state === running) return pollMs;
    return idlePollMs;
  }

  #lookIn(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.setTimer(delayMs, () => void this.#look());
  }

  #compare(found: ReadonlyMap<string, Seen>, look: number): void {
    const changed = new Set<string>();
    for (const [id, seen] of found) {
      const known = this.#seen.get(id);
      if (known?.state === seen.state || (known !== undefined && known.sinceLook >= look)) continue;
      this.#seen.set(id, { ...seen, sinceLook: 0 });
      changed.add(seen.podUid);
    }
    for (const [id, { podUid, sinceLook }] of this.#seen) {
      if (found.has(id) || sinceLook >= look) continue;
      this.#seen.delete(id);
      changed.add(podUid);
    }
    for (const podUid of changed) for (const listener of this.#listeners) listener(podUid);
  }
}
