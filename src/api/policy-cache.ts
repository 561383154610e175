// The roles and bindings as an isolate knows them: never older than a second, and never older than its own writes.
import type { Policy } from "../core/authorization.ts";
import { policyOf } from "../core/authorization.ts";
import { runBatch } from "../store/batch.ts";
import { readPolicyMark, readPolicyObjects } from "../store/policy.ts";

/** How long what another isolate wrote may go unnoticed. */
const freshMs = 1_000;

type Known = { readonly mark: string; readonly policy: Policy; readonly checkedMs: number };

export class PolicyCache {
  #known: Known | null = null;
  #generation = 0;

  /** Something was written: what is known, or is being read, counts no more. */
  forget(): void {
    this.#known = null;
    this.#generation += 1;
  }

  async get(db: D1Database, nowMs: number): Promise<Policy> {
    const known = this.#known;
    // A clock that was set back makes it old too.
    if (known !== null && Math.abs(nowMs - known.checkedMs) < freshMs) return known.policy;
    const generation = this.#generation;
    const read = known === null ? await readWhole(db, nowMs) : await readAgain(db, known, nowMs);
    if (generation === this.#generation) this.#known = read;
    return read.policy;
  }
}

async function readAgain(db: D1Database, known: Known, nowMs: number): Promise<Known> {
  const [mark] = await runBatch(db, [readPolicyMark(db)]);
  return mark === known.mark ? { ...known, checkedMs: nowMs } : readWhole(db, nowMs);
}

async function readWhole(db: D1Database, nowMs: number): Promise<Known> {
  const [mark, objects] = await runBatch(db, [readPolicyMark(db), readPolicyObjects(db)]);
  return { mark, policy: policyOf(objects), checkedMs: nowMs };
}
