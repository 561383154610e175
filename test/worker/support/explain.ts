// How the database goes about a statement.
import { env } from "cloudflare:workers";

import type { Part } from "../../../src/store/batch.ts";

/** A database that explains what it is asked instead of doing it. */
// Typed stub: parts only prepare their statements.
const explaining = { prepare: (sql: string) => env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`) } as D1Database;

/** The steps of each statement of the part. */
export async function explained(partOf: (db: D1Database) => Part<unknown>): Promise<readonly string[]> {
  const results = await env.DB.batch<{ detail: string }>([...partOf(explaining).statements]);
  return results.flatMap((result) => result.results.map(({ detail }) => detail));
}

/** Steps that read every row of a table. What is handed in as JSON is read whole, and so is what a step before found. */
export function scansOf(steps: readonly string[]): readonly string[] {
  return steps.filter((step) => /^SCAN (?!CONSTANT|found\b|\()/.test(step) && !step.includes("VIRTUAL TABLE"));
}
