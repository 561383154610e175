// A SQLite database in memory, with its statements kept prepared.
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";

export type Row = Record<string, unknown>;

export class Sqlite {
  readonly #db = new DatabaseSync(":memory:");
  readonly #statements = new Map<string, StatementSync>();

  script(sql: string): void {
    this.#db.exec(sql);
  }

  all(sql: string, parameters: readonly unknown[] = []): Row[] {
    // Rows have no prototype and one value per column.
    return this.#statement(sql).all(...parameters.map(bindable)) as Row[];
  }

  /** Rows written so far, by whatever statement. */
  get totalChanges(): number {
    return Number(this.all("SELECT total_changes() AS n")[0]?.["n"]);
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** A statement that was prepared for another schema is of no use. */
  forgetStatements(): void {
    this.#statements.clear();
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }
}

function bindable(value: unknown): SQLInputValue {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value === null || typeof value === "number" || typeof value === "string" || typeof value === "bigint")
    return value;
  if (value instanceof Uint8Array) return value;
  throw new Error(`Type '${typeof value}' not supported for value '${String(value)}'`);
}
