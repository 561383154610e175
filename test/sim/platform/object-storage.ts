// The storage of one Durable Object: SQLite, keys and values, and an alarm. What one turn writes becomes durable as a
// whole, before anything leaves the object or when the turn ends; a crash before that leaves nothing of it.
import type { Row } from "./sqlite.ts";
import { Sqlite } from "./sqlite.ts";

const keyTable = "_cf_kv";

export type AlarmListener = (atMs: number | null) => void;

export class ObjectStorage {
  #db = this.#open();
  #isDirty = false;
  #alarmAtMs: number | null = null;
  #committedAlarmAtMs: number | null = null;
  #rowsWritten = 0;
  readonly #onAlarm: AlarmListener;

  constructor(onAlarm: AlarmListener) {
    this.#onAlarm = onAlarm;
  }

  #open(): Sqlite {
    const db = new Sqlite();
    db.script(`CREATE TABLE ${keyTable} (key TEXT PRIMARY KEY, value TEXT NOT NULL)`);
    return db;
  }

  /** Rows written and committed, alarms counted as one. */
  get rowsWritten(): number {
    return this.#rowsWritten;
  }

  get alarmAtMs(): number | null {
    return this.#alarmAtMs;
  }

  exec(sql: string, parameters: readonly unknown[]): Row[] {
    this.#begin();
    return this.#db.all(sql, parameters);
  }

  #begin(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#db.script("BEGIN");
  }

  commit(): void {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    this.#db.script("COMMIT");
    this.#rowsWritten = this.#db.totalChanges + this.#alarmWrites;
    if (this.#alarmAtMs === this.#committedAlarmAtMs) return;
    this.#alarmWrites += 1;
    this.#committedAlarmAtMs = this.#alarmAtMs;
    this.#onAlarm(this.#alarmAtMs);
  }

  #alarmWrites = 0;

  /** What was not committed never was. */
  rollback(): void {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    this.#db.script("ROLLBACK");
    // A table may have gone with it.
    this.#db.forgetStatements();
    this.#alarmAtMs = this.#committedAlarmAtMs;
  }

  transaction<T>(run: () => T): T {
    this.#begin();
    this.#db.script("SAVEPOINT inner");
    try {
      const value = run();
      this.#db.script("RELEASE inner");
      return value;
    } catch (error) {
      this.#db.script("ROLLBACK TO inner; RELEASE inner");
      throw error;
    }
  }

  get(key: string): unknown {
    const row = this.exec(`SELECT value FROM ${keyTable} WHERE key = ?`, [key])[0];
    return row === undefined ? undefined : JSON.parse(String(row["value"]));
  }

  put(key: string, value: unknown): void {
    this.exec(`INSERT OR REPLACE INTO ${keyTable} (key, value) VALUES (?, ?)`, [key, JSON.stringify(value)]);
  }

  delete(key: string): void {
    this.exec(`DELETE FROM ${keyTable} WHERE key = ?`, [key]);
  }

  setAlarm(atMs: number | null): void {
    this.#begin();
    this.#alarmAtMs = atMs;
  }

  /** The alarm goes off, and is set no more. */
  takeAlarm(): void {
    this.#alarmAtMs = null;
    this.#committedAlarmAtMs = null;
  }

  /** Everything, the alarm too. */
  deleteAll(): void {
    this.commit();
    this.#db.close();
    this.#db = this.#open();
    this.setAlarm(null);
    this.commit();
  }

  /** For those who look in from outside; an object that was never written to has no tables. */
  inspect(sql: string): readonly Row[] {
    try {
      return this.#db.all(sql);
    } catch {
      return [];
    }
  }
}

/** The storage as the code of the object sees it. `check` throws when this life has lost the storage to another. */
export function storageApi(storage: ObjectStorage, check: () => void) {
  const checked = <Arguments extends unknown[], Result>(run: (...given: Arguments) => Result) => {
    return (...given: Arguments): Result => {
      check();
      return run(...given);
    };
  };
  return {
    sql: { exec: checked((sql: string, ...parameters: unknown[]) => cursorOf(storage.exec(sql, parameters))) },
    kv: {
      get: checked((key: string) => storage.get(key)),
      put: checked((key: string, value: unknown) => storage.put(key, value)),
      delete: checked((key: string) => storage.delete(key)),
    },
    transactionSync: checked((run: () => unknown) => storage.transaction(run)),
    getAlarm: checked(async () => storage.alarmAtMs),
    setAlarm: checked(async (at: number | Date) => storage.setAlarm(Number(at))),
    deleteAlarm: checked(async () => storage.setAlarm(null)),
    deleteAll: checked(async () => storage.deleteAll()),
    sync: checked(async () => storage.commit()),
  };
}

function cursorOf(rows: readonly Row[]) {
  return {
    [Symbol.iterator]: () => rows[Symbol.iterator](),
    toArray: () => [...rows],
    one: () => {
      const [row] = rows;
      if (row === undefined || rows.length > 1) throw new Error("expected exactly one result from SQL query");
      return row;
    },
  };
}
