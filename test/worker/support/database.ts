// A database between a Durable Object and the real one, at whose batches a test can do things.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";

import type { Env } from "../../../src/env.ts";

/** What becomes of a batch; `sql` are its statements, `proceed` runs it. */
export type Intervention = (sql: readonly string[], proceed: () => Promise<D1Result[]>) => Promise<D1Result[]>;

export function interposed(intervene: Intervention): D1Database {
  const database = {
    prepare: (sql: string) => env.DB.prepare(sql),
    batch: (statements: D1PreparedStatement[]) =>
      intervene(
        statements.map((statement) => String(Reflect.get(statement, "statement"))),
        () => env.DB.batch(statements),
      ),
  };
  // Typed stub: the store only prepares and batches.
  return database as D1Database;
}

/** Gives a Durable Object, before its first use, another database. */
export async function useDatabase(stub: DurableObjectStub<undefined>, DB: D1Database): Promise<void> {
  await runInDurableObject(stub, (object) => {
    const changed: Env = { ...env, DB };
    if (!Reflect.set(object, "env", changed)) throw new Error("the object takes another environment");
  });
}

/** Does something once, before the first batch with a statement that matches. */
export function onceBefore(pattern: RegExp, work: () => Promise<unknown>): Intervention {
  let isDone = false;
  return async (sql, proceed) => {
    if (!isDone && sql.some((statement) => pattern.test(statement))) {
      isDone = true;
      await work();
    }
    return proceed();
  };
}

/** The first batch with a statement that matches is carried out, but its answer is lost. */
export function losingAnswerOf(pattern: RegExp): Intervention {
  let isLost = false;
  return async (sql, proceed) => {
    const results = await proceed();
    if (isLost || !sql.some((statement) => pattern.test(statement))) return results;
    isLost = true;
    throw new Error("D1_ERROR: Network connection lost.");
  };
}

/** The first batch with a statement that matches is never carried out. */
export function failingAt(pattern: RegExp): Intervention {
  let hasFailed = false;
  return async (sql, proceed) => {
    if (hasFailed || !sql.some((statement) => pattern.test(statement))) return proceed();
    hasFailed = true;
    throw new Error("D1_ERROR: Internal error.");
  };
}

export type Meter = { rowsRead: number; rowsWritten: number };

/** Adds what batches cost to the meter. */
export function metering(meter: Meter): Intervention {
  return async (_sql, proceed) => {
    const results = await proceed();
    for (const { meta } of results) {
      meter.rowsRead += meta.rows_read ?? 0;
      meter.rowsWritten += meta.rows_written ?? 0;
    }
    return results;
  };
}

/** What a Durable Object asks of its own tables from now on, until mocks are restored. */
export async function meteredStorage(stub: DurableObjectStub<undefined>): Promise<() => Meter> {
  const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
  await runInDurableObject(stub, (_object, { storage: { sql } }) => {
    const exec: SqlStorage["exec"] = sql.exec.bind(sql);
    vi.spyOn(sql, "exec").mockImplementation((query, ...bindings) => {
      const cursor = exec(query, ...bindings);
      cursors.push(cursor);
      return cursor;
    });
  });
  const sum = (name: "rowsRead" | "rowsWritten") => cursors.reduce((total, cursor) => total + cursor[name], 0);
  return () => ({ rowsRead: sum("rowsRead"), rowsWritten: sum("rowsWritten") });
}
