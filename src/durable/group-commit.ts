// Many agents' reports in one D1 batch: D1 runs one query at a time, so a commit each would be a queue of thousands.
import type { ShardWrites } from "../sync/shard-writes.ts";
import { isNothing, merged } from "../sync/shard-writes.ts";

const quietWindowMs = 20;
const longestWindowMs = 500;
/** A commit that took long says that D1 is busy: the shard then waits this many times as long before the next. */
const backOffFactor = 6;

type Waiter = { readonly resolve: () => void; readonly reject: (reason: unknown) => void };

/** Collects writes and commits them together; each caller is told when its own are durable. */
export class GroupCommit {
  readonly #commit: (writes: ShardWrites) => Promise<void>;
  #pending: ShardWrites[] = [];
  #waiters: Waiter[] = [];
  /** Not before then. */
  #nextAtMs = 0;
  #scheduled = false;

  constructor(commit: (writes: ShardWrites) => Promise<void>) {
    this.#commit = commit;
  }

  /** Resolves once the writes are durable, rejects when they could not be made. */
  add(writes: ShardWrites): Promise<void> {
    if (isNothing(writes)) return Promise.resolve();
    this.#pending.push(writes);
    const done = new Promise<void>((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
    this.#schedule();
    return done;
  }

  #schedule(): void {
    if (this.#scheduled || this.#pending.length === 0) return;
    this.#scheduled = true;
    setTimeout(() => this.#flush(), Math.max(quietWindowMs, this.#nextAtMs - Date.now()));
  }

  async #flush(): Promise<void> {
    const waiters = this.#waiters;
    const writes = merged(this.#pending);
    this.#pending = [];
    this.#waiters = [];
    const startedAtMs = Date.now();
    try {
      await this.#commit(writes);
      for (const { resolve } of waiters) resolve();
    } catch (error) {
      for (const { reject } of waiters) reject(error);
    }
    const endedAtMs = Date.now();
    this.#nextAtMs = endedAtMs + Math.min(longestWindowMs, backOffFactor * (endedAtMs - startedAtMs));
    this.#scheduled = false;
    this.#schedule();
  }
}
