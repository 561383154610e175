// D1 over SQLite in memory: one query at a time, a batch is one transaction, and a call may fail before it is done or
// after.
import type { Actor } from "../engine/actor.ts";
import type { Crossings } from "../engine/crossing.ts";
import type { Effect } from "../engine/faults.ts";
import type { Row } from "./sqlite.ts";
import { Sqlite } from "./sqlite.ts";

export type D1Result = {
  readonly success: true;
  readonly results: Row[];
  readonly meta: {
    readonly changes: number;
    readonly rows_written: number;
    readonly rows_read: number;
    readonly changed_db: boolean;
    readonly last_row_id: number;
    readonly duration: number;
  };
};

type Statement = { readonly sql: string; readonly parameters: readonly unknown[]; readonly asArrays: boolean };

const mostParameters = 100;
const largestStatement = 100_000;
const largestValue = 2_000_000;

export class D1Store {
  readonly #db = new Sqlite();
  #onWrite: (writer: Actor) => void = () => {};
  #rowsWritten = 0;
  #batches = 0;

  constructor(migrations: readonly string[]) {
    for (const sql of migrations) this.#db.script(sql);
  }

  /** Is called after each transaction that wrote, before anything else happens. */
  onWrite(listen: (writer: Actor) => void): void {
    this.#onWrite = listen;
  }

  get rowsWritten(): number {
    return this.#rowsWritten;
  }

  get batches(): number {
    return this.#batches;
  }

  /** Reads from outside the simulation. */
  inspect(sql: string, parameters: readonly unknown[] = []): readonly Row[] {
    return this.#db.all(sql, parameters);
  }

  /** All or nothing. Throws what D1 throws. */
  transact(statements: readonly Statement[], writer: Actor): D1Result[] {
    this.#batches += 1;
    const before = this.#db.totalChanges;
    this.#db.script("BEGIN");
    let results: D1Result[];
    try {
      results = statements.map((statement) => this.#run(statement));
      this.#db.script("COMMIT");
    } catch (error) {
      this.#db.script("ROLLBACK");
      throw d1Error(error);
    }
    const written = this.#db.totalChanges - before;
    this.#rowsWritten += written;
    if (written > 0) this.#onWrite(writer);
    return results;
  }

  #run({ sql, parameters, asArrays }: Statement): D1Result {
    checkLimits(sql, parameters);
    const before = this.#db.totalChanges;
    const rows = this.#db.all(sql, parameters);
    const changes = this.#db.totalChanges - before;
    // Arrays are what `raw` gives; the type of a result does not know of them.
    const results = asArrays
      ? (rows.map((row) => Object.values(row)) as unknown as Row[])
      : rows.map((row) => ({ ...row }));
    const meta = {
      changes,
      rows_written: changes,
      rows_read: rows.length,
      changed_db: changes > 0,
      last_row_id: 0,
      duration: 0,
    };
    return { success: true, results, meta };
  }
}

function checkLimits(sql: string, parameters: readonly unknown[]): void {
  if (parameters.length > mostParameters) throw new Error(`too many SQL variables: ${parameters.length}`);
  if (sql.length > largestStatement) throw new Error("statement too long");
  for (const value of parameters) {
    if (typeof value === "string" && value.length > largestValue) throw new Error("string or blob too big");
  }
}

function d1Error(error: unknown): Error {
  const text = error instanceof Error ? error.message : String(error);
  return new Error(`D1_ERROR: ${text}: SQLITE_ERROR`, { cause: error });
}

const allows: readonly Effect[] = ["crash-before", "before", "crash-after", "lost", "delay"];

export type D1Options = {
  readonly store: D1Store;
  readonly crossings: Crossings;
  readonly caller: Actor;
  /** Slower or failing altogether, as the service may be for a while. */
  readonly weather: () => { readonly latencyMs: readonly [number, number]; readonly isDown: boolean };
};

/** The binding as one actor holds it. */
export class D1Database {
  readonly #options: D1Options;

  constructor(options: D1Options) {
    this.#options = options;
  }

  prepare(sql: string): D1PreparedStatement {
    return new D1PreparedStatement(this, sql, []);
  }

  batch(statements: readonly D1PreparedStatement[]): Promise<D1Result[]> {
    return this.send(statements.map((statement) => statement.as(false)));
  }

  send(statements: readonly Statement[]): Promise<D1Result[]> {
    const { crossings, caller, store, weather } = this.#options;
    const { latencyMs, isDown } = weather();
    return crossings.call<D1Result[]>({
      port: "d1",
      caller,
      allows,
      latencyMs,
      longestDelayMs: 8_000,
      lost: () => new Error("D1_ERROR: Network connection lost."),
      perform: (settle) => {
        if (isDown)
          return settle({ ok: false, error: new Error("D1_ERROR: D1 DB is overloaded. Too many requests queued.") });
        try {
          settle({ ok: true, value: store.transact(statements, caller) });
        } catch (error) {
          settle({ ok: false, error });
        }
      },
    });
  }
}

export class D1PreparedStatement {
  readonly #db: D1Database;
  readonly #sql: string;
  readonly #parameters: readonly unknown[];

  constructor(db: D1Database, sql: string, parameters: readonly unknown[]) {
    this.#db = db;
    this.#sql = sql;
    this.#parameters = parameters;
  }

  bind(...parameters: unknown[]): D1PreparedStatement {
    for (const value of parameters) {
      if (value === undefined) throw new Error("D1_TYPE_ERROR: Type 'undefined' not supported for value 'undefined'");
    }
    return new D1PreparedStatement(this.#db, this.#sql, parameters);
  }

  as(asArrays: boolean): Statement {
    return { sql: this.#sql, parameters: this.#parameters, asArrays };
  }

  async all(): Promise<D1Result> {
    const [result] = await this.#db.send([this.as(false)]);
    if (result === undefined) throw new Error("D1_ERROR: no result");
    return result;
  }

  run(): Promise<D1Result> {
    return this.all();
  }

  async first(column?: string): Promise<unknown> {
    const [row] = (await this.all()).results;
    if (row === undefined) return null;
    return column === undefined ? row : (row[column] ?? null);
  }

  async raw(): Promise<Row[]> {
    const [result] = await this.#db.send([this.as(true)]);
    return result?.results ?? [];
  }
}
