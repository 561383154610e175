// What the endpoints controller remembers of each Service: what decides over its endpoints, and the slices they stand in,
// as it wrote them. A row holds a slice, so a pod's change costs one row, and a rollout's as many as there are slices.
import type { ServiceFacts, Slice } from "../core/endpoints.ts";

/** An object as it was last written. */
export type Kept = { readonly uid: string; readonly rv: number; readonly createdMs: number };

export type KeptSlice = Slice & Kept & { readonly generation: number };

export type Tracked = {
  readonly service: ServiceFacts;
  readonly slices: readonly KeptSlice[];
  /** Null: there are none yet, as far as is known. */
  readonly endpoints: Kept | null;
};

type Key = { readonly namespace: string; readonly name: string };

export function trackedKey({ namespace, name }: Key): string {
  return `${namespace}/${name}`;
}

export class EndpointsLedger {
  readonly #sql: SqlStorage;
  readonly #tracked: Map<string, Tracked>;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec("CREATE TABLE IF NOT EXISTS services (key TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID");
    sql.exec(
      "CREATE TABLE IF NOT EXISTS slices (name TEXT NOT NULL PRIMARY KEY, service TEXT NOT NULL, body TEXT NOT NULL)",
    );
    this.#tracked = this.#read();
  }

  #read(): Map<string, Tracked> {
    const slices = new Map<string, KeptSlice[]>();
    for (const row of this.#sql.exec("SELECT service, body FROM slices ORDER BY name")) {
      const service = String(row["service"]);
      // Written by `keep`.
      slices.set(service, [...(slices.get(service) ?? []), JSON.parse(String(row["body"])) as KeptSlice]);
    }
    const tracked = new Map<string, Tracked>();
    for (const row of this.#sql.exec("SELECT key, body FROM services")) {
      const key = String(row["key"]);
      // Written by `keep`.
      const body = JSON.parse(String(row["body"])) as Omit<Tracked, "slices">;
      tracked.set(key, { ...body, slices: slices.get(key) ?? [] });
    }
    return tracked;
  }

  get(key: Key): Tracked | undefined {
    return this.#tracked.get(trackedKey(key));
  }

  all(): Iterable<Tracked> {
    return this.#tracked.values();
  }

  namespaces(): readonly string[] {
    return [...new Set([...this.#tracked.values()].map(({ service }) => service.namespace))];
  }

  /** Keeps what has changed of a Service; `changed` are the names of the slices that have. */
  keep(next: Tracked, changed: ReadonlySet<string>): void {
    const key = trackedKey(next.service);
    const before = this.#tracked.get(key);
    const { slices, ...body } = next;
    const text = JSON.stringify(body);
    if (before === undefined || JSON.stringify({ service: before.service, endpoints: before.endpoints }) !== text) {
      this.#sql.exec("INSERT OR REPLACE INTO services (key, body) VALUES (?, ?)", key, text);
    }
    const names = new Set(slices.map(({ name }) => `${key}/${name}`));
    for (const { name } of before?.slices ?? []) {
      if (!names.has(`${key}/${name}`)) this.#sql.exec("DELETE FROM slices WHERE name = ?", `${key}/${name}`);
    }
    for (const slice of slices) {
      if (!changed.has(slice.name)) continue;
      const id = `${key}/${slice.name}`;
      this.#sql.exec(
        "INSERT OR REPLACE INTO slices (name, service, body) VALUES (?, ?, ?)",
        id,
        key,
        JSON.stringify(slice),
      );
    }
    this.#tracked.set(key, next);
  }

  forget(key: Key): void {
    const text = trackedKey(key);
    if (!this.#tracked.delete(text)) return;
    this.#sql.exec("DELETE FROM slices WHERE service = ?", text);
    this.#sql.exec("DELETE FROM services WHERE key = ?", text);
  }
}
