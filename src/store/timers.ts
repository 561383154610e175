// What a node shard remembers between the lives of its object: since when nodes are silent, when pods must leave.
import type { Timers } from "../core/shard-plan.ts";

export class StoredTimers {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS timers (
         kind TEXT NOT NULL, name TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID`,
    );
  }

  read(): Timers {
    return { evictions: this.#ofKind("eviction"), goneSince: this.#ofKind("gone") };
  }

  write(before: Timers, after: Timers): void {
    this.#change("eviction", before.evictions, after.evictions);
    this.#change("gone", before.goneSince, after.goneSince);
  }

  /** When nodes lost their connection. */
  absences(): ReadonlyMap<string, number> {
    return this.#ofKind("absent");
  }

  setAbsent(node: string, sinceMs: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO timers (kind, name, at_ms) VALUES ('absent', ?, ?)", node, sinceMs);
  }

  clearAbsent(node: string): void {
    this.#sql.exec("DELETE FROM timers WHERE kind = 'absent' AND name = ?", node);
  }

  #ofKind(kind: string): ReadonlyMap<string, number> {
    const rows = [...this.#sql.exec("SELECT name, at_ms FROM timers WHERE kind = ?", kind)];
    return new Map(rows.map((row) => [String(row["name"]), Number(row["at_ms"])]));
  }

  #change(kind: string, before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): void {
    for (const [name, atMs] of after) {
      if (before.get(name) === atMs) continue;
      this.#sql.exec("INSERT OR REPLACE INTO timers (kind, name, at_ms) VALUES (?, ?, ?)", kind, name, atMs);
    }
    for (const name of before.keys()) {
      if (!after.has(name)) this.#sql.exec("DELETE FROM timers WHERE kind = ? AND name = ?", kind, name);
    }
  }
}
