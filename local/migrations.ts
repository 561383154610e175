// Brings the local database up to date with migrations/, as `wrangler d1 migrations apply` does for a remote one.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The parts of a D1 database that this needs. */
type Database = {
  prepare(sql: string): {
    bind(...values: unknown[]): { run(): Promise<unknown> };
    run(): Promise<unknown>;
    all(): Promise<{ results: Record<string, unknown>[] }>;
  };
};

const ledger = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`;

/** Applies what has not been applied yet, in the order of the file names; returns those names. */
export async function applyMigrations(db: Database, dir: string): Promise<readonly string[]> {
  await db.prepare(ledger).run();
  const { results } = await db.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set(results.map((row) => String(row["name"])));
  const pending = readdirSync(dir)
    .filter((name) => name.endsWith(".sql") && !applied.has(name))
    .sort();
  for (const name of pending) {
    for (const statement of statementsOf(readFileSync(join(dir, name), "utf8"))) await db.prepare(statement).run();
    await db.prepare("INSERT INTO d1_migrations (name) VALUES (?1)").bind(name).run();
  }
  return pending;
}

/** The statements of a migration: each ends with a semicolon at the end of a line. */
function statementsOf(sql: string): readonly string[] {
  const withoutComments = sql.replace(/^\s*--.*$/gm, "");
  return withoutComments
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}
