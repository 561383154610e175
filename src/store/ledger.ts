// What one DaemonSet's Durable Object remembers between passes: an entry for each node that matters to it, and sums.
// The entries are read and written one by one, so a pass costs the number of changes and not the size of the fleet.
import { bucketOf } from "../core/buckets.ts";
import type { DaemonSetFacts } from "../core/daemon-pods.ts";
import type { FailureBackoff } from "../core/failure-backoff.ts";
import type { NodeCounts, NodeDecision, NodeEntry, RolloutClass } from "../core/node-decision.ts";
import type { Placement } from "../core/placement.ts";

/** What the entries were decided with. */
export type DecidedWith = { readonly facts: DaemonSetFacts; readonly placement: Placement };

/** What is remembered beside the entries. */
export type LedgerState = {
  /** The last row of the change log that the entries include. */
  readonly cursor: number;
  readonly decidedWith: DecidedWith;
  /** Some entries were placed by other rules than `decidedWith`: a pass that was to place all of them was cut short. */
  readonly isPlacing?: true;
  readonly totals: NodeCounts;
  /** How many pods carry each revision hash. */
  readonly hashes: Readonly<Record<string, number>>;
  readonly recountedAtMs: number;
};

const countNames = [
  "desired",
  "current",
  "misscheduled",
  "ready",
  "available",
  "updated",
  "unavailable",
  "serving",
  "surging",
] as const satisfies readonly (keyof NodeCounts)[];

export const noCounts: NodeCounts = {
  desired: 0,
  current: 0,
  misscheduled: 0,
  ready: 0,
  available: 0,
  updated: 0,
  unavailable: 0,
  serving: 0,
  surging: 0,
};

/** A pod that is to be adopted or released, as soon as there is a pass to do it. */
export type PendingClaim = {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly action: "adopt" | "release";
};

type StoredEntry = { readonly entry: NodeEntry; readonly counts: NodeCounts; readonly row: readonly unknown[] };

const tables = [
  "CREATE TABLE IF NOT EXISTS sums (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL)",
  `CREATE TABLE IF NOT EXISTS entries (
     name TEXT NOT NULL PRIMARY KEY, bucket INTEGER NOT NULL, entry TEXT NOT NULL, counts INTEGER NOT NULL,
     acts INTEGER NOT NULL, rollout TEXT NOT NULL, wake_ms INTEGER) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS entries_that_act ON entries (bucket, name) WHERE acts = 1",
  "CREATE INDEX IF NOT EXISTS entries_by_rollout ON entries (rollout, name) WHERE rollout <> 'none'",
  "CREATE INDEX IF NOT EXISTS entries_by_wake ON entries (wake_ms) WHERE wake_ms IS NOT NULL",
  "CREATE TABLE IF NOT EXISTS claims (uid TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID",
] as const;

/** Entries remembered beside the table, so that a busy rollout does not read and parse the same ones again and again. */
const mostRemembered = 20_000;

export class Ledger {
  readonly #sql: SqlStorage;
  readonly #remembered = new Map<string, StoredEntry | null>();
  #state: LedgerState | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    for (const statement of tables) sql.exec(statement);
    const row = [...sql.exec("SELECT body FROM sums")][0];
    // Written by `setState`.
    if (row !== undefined) this.#state = JSON.parse(String(row["body"])) as LedgerState;
  }

  /** Null: nothing was read from the log yet. */
  get state(): LedgerState | null {
    return this.#state;
  }

  /** Keeps the state; the sums of `save` and `remove` are part of it and are kept with it. */
  setState(state: LedgerState): void {
    this.#state = state;
    this.#sql.exec("INSERT OR REPLACE INTO sums (id, body) VALUES (1, ?)", JSON.stringify(state));
  }

  clear(): void {
    this.#sql.exec("DELETE FROM entries");
    this.#sql.exec("DELETE FROM claims");
    this.#sql.exec("DELETE FROM sums");
    this.#remembered.clear();
    this.#state = null;
  }

  entry(name: string): NodeEntry | null {
    return this.#stored(name)?.entry ?? null;
  }

  #stored(name: string): StoredEntry | null {
    const remembered = this.#remembered.get(name);
    if (remembered !== undefined) return remembered;
    const row = [
      ...this.#sql.exec("SELECT entry, counts, acts, rollout, wake_ms FROM entries WHERE name = ?", name),
    ][0];
    if (row === undefined) return this.#remember(name, null);
    // Written by `save`.
    const entry = JSON.parse(String(row["entry"])) as NodeEntry;
    return this.#remember(name, { entry, counts: unpack(Number(row["counts"])), row: Object.values(row) });
  }

  #remember(name: string, stored: StoredEntry | null): StoredEntry | null {
    if (this.#remembered.size >= mostRemembered) this.#remembered.clear();
    this.#remembered.set(name, stored);
    return stored;
  }

  /** Keeps an entry with what was decided for it, and returns the state with the sums as they are now. */
  save(state: LedgerState, entry: NodeEntry, decision: NodeDecision): LedgerState {
    const before = this.#stored(entry.name);
    const acts = decision.create || decision.remove.length > 0 ? 1 : 0;
    const row = [JSON.stringify(entry), pack(decision.counts), acts, decision.rollout, decision.lookAgainAtMs] as const;
    if (before !== null && row.every((value, index) => value === before.row[index])) return state;
    this.#sql.exec(
      `INSERT OR REPLACE INTO entries (name, bucket, entry, counts, acts, rollout, wake_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      entry.name,
      bucketOf(entry.name),
      ...row,
    );
    this.#remember(entry.name, { entry, counts: decision.counts, row });
    return summed(state, before, { entry, counts: decision.counts });
  }

  remove(state: LedgerState, name: string): LedgerState {
    const before = this.#stored(name);
    if (before === null) return state;
    this.#sql.exec("DELETE FROM entries WHERE name = ?", name);
    this.#remember(name, null);
    return summed(state, before, null);
  }

  /** Changes a node's record of failures, if it has an entry; what was decided for it stays until it is decided anew. */
  changeBackoff(name: string, change: (backoff: FailureBackoff | null) => FailureBackoff): void {
    const entry = this.entry(name);
    if (entry === null) return;
    const changed = { ...entry, backoff: change(entry.backoff) };
    this.#sql.exec("UPDATE entries SET entry = ? WHERE name = ?", JSON.stringify(changed), name);
    this.#remembered.delete(name);
  }

  /** Entries whose decision asks for pods to be made or deleted: shard by shard, so that few have to be told at once. */
  acting(limit: number): readonly NodeEntry[] {
    return this.#entries("SELECT entry FROM entries WHERE acts = 1 ORDER BY bucket, name LIMIT ?", limit);
  }

  /** Entries that play this part in a rolling update, by name. */
  ofRollout(rollout: RolloutClass, limit: number): readonly NodeEntry[] {
    if (limit <= 0) return [];
    // Spelled out, because the index leaves those out, and a bound value alone does not tell that it may be used.
    const query = "SELECT entry FROM entries WHERE rollout = ? AND rollout <> 'none' ORDER BY name LIMIT ?";
    return this.#entries(query, rollout, limit);
  }

  /** Entries whose decision time has changed. */
  due(nowMs: number, limit: number): readonly NodeEntry[] {
    return this.#entries("SELECT entry FROM entries WHERE wake_ms <= ? ORDER BY wake_ms LIMIT ?", nowMs, limit);
  }

  /** Entries after `name`, by name. */
  page(afterName: string, limit: number): readonly NodeEntry[] {
    return this.#entries("SELECT entry FROM entries WHERE name > ? ORDER BY name LIMIT ?", afterName, limit);
  }

  /** When time will next change a decision; null: never. */
  nextWakeMs(): number | null {
    const wake = [...this.#sql.exec("SELECT min(wake_ms) AS wake FROM entries WHERE wake_ms IS NOT NULL")][0]?.["wake"];
    return typeof wake === "number" ? wake : null;
  }

  claims(limit: number): readonly PendingClaim[] {
    const rows = [...this.#sql.exec("SELECT body FROM claims ORDER BY uid LIMIT ?", limit)];
    // Written by `addClaim`.
    return rows.map((row) => JSON.parse(String(row["body"])) as PendingClaim);
  }

  addClaim(claim: PendingClaim): void {
    this.#sql.exec("INSERT OR REPLACE INTO claims (uid, body) VALUES (?, ?)", claim.uid, JSON.stringify(claim));
  }

  dropClaim(uid: string): void {
    this.#sql.exec("DELETE FROM claims WHERE uid = ?", uid);
  }

  #entries(query: string, ...parameters: (string | number)[]): readonly NodeEntry[] {
    // Written by `save`.
    return [...this.#sql.exec(query, ...parameters)].map((row) => JSON.parse(String(row["entry"])) as NodeEntry);
  }
}

/** The counters of one node, each 0 or 1, in the bits of one number. */
function pack(counts: NodeCounts): number {
  return countNames.reduce((bits, name, index) => bits | (counts[name] << index), 0);
}

function unpack(bits: number): NodeCounts {
  const counts = { ...noCounts };
  countNames.forEach((name, index) => {
    counts[name] = (bits >> index) & 1;
  });
  return counts;
}

type Counted = Pick<StoredEntry, "entry" | "counts">;

function summed(state: LedgerState, before: Counted | null, after: Counted | null): LedgerState {
  const totals = { ...state.totals };
  for (const name of countNames) totals[name] += (after?.counts[name] ?? 0) - (before?.counts[name] ?? 0);
  return { ...state, totals, hashes: summedHashes(state.hashes, before, after) };
}

function summedHashes(
  hashes: LedgerState["hashes"],
  before: Counted | null,
  after: Counted | null,
): LedgerState["hashes"] {
  const gone = before?.entry.pods ?? [];
  const come = after?.entry.pods ?? [];
  if (gone.length === come.length && gone.every((pod, index) => pod.hash === come[index]?.hash)) return hashes;
  const sums: Record<string, number> = { ...hashes };
  for (const { hash } of gone) sums[hash] = (sums[hash] ?? 0) - 1;
  for (const { hash } of come) sums[hash] = (sums[hash] ?? 0) + 1;
  for (const { hash } of gone) if ((sums[hash] ?? 0) <= 0) delete sums[hash];
  return sums;
}
