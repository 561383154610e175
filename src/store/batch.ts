// How statements reach D1: parts of one batch, each knowing how to read its own results. A batch is one transaction.

import { count } from "./meter.ts";

/** Some statements of a batch and what their results mean. */
export type Part<Result> = {
  readonly statements: readonly D1PreparedStatement[];
  read(results: readonly D1Result<Record<string, unknown>>[]): Result;
};

type Results<Parts extends readonly Part<unknown>[]> = {
  -readonly [Index in keyof Parts]: Parts[Index] extends Part<infer Result> ? Result : never;
};

/** A part of the batch found that what it was planned on holds no more; nothing was written. */
export class StalePremise extends Error {}

/** Text that is no JSON: SQL that hands it to json() fails, and with it the whole batch. */
export const stalePremise = "stale premise";

async function run(db: D1Database, statements: readonly D1PreparedStatement[]) {
  try {
    const results = await db.batch<Record<string, unknown>>([...statements]);
    count(results);
    return results;
  } catch (error) {
    // The one way in which our own statements fail over JSON; all that is bound as JSON was written by us.
    if (String(error).includes("malformed JSON")) throw new StalePremise(stalePremise, { cause: error });
    throw error;
  }
}

/**
 * Runs the parts as one transaction, in order. Throws StalePremise when a part refuses, and when the database fails;
 * after a refusal nothing was written.
 */
export async function runBatch<const Parts extends readonly Part<unknown>[]>(
  db: D1Database,
  parts: Parts,
): Promise<Results<Parts>> {
  const statements = parts.flatMap((part) => part.statements);
  const results = statements.length === 0 ? [] : await run(db, statements);
  let offset = 0;
  const values = parts.map((part) => {
    const own = results.slice(offset, offset + part.statements.length);
    offset += part.statements.length;
    return part.read(own);
  });
  // The map keeps order and length; the compiler does not follow a mapped tuple through it.
  return values as Results<Parts>;
}

/** Bound texts above about 2.2 MB are refused; rows go in as JSON texts of at most this many characters. */
const chunkCharacters = 700_000;

type Chunk<Row> = { readonly rows: readonly Row[]; readonly json: string };

/** Rows in groups, each with its JSON array, small enough for one bound parameter. */
export function chunks<Row>(rows: readonly Row[]): readonly Chunk<Row>[] {
  const texts = rows.map((row) => JSON.stringify(row));
  const found: Chunk<Row>[] = [];
  let start = 0;
  let size = 0;
  const close = (end: number) => {
    if (end > start) found.push({ rows: rows.slice(start, end), json: `[${texts.slice(start, end).join(",")}]` });
    start = end;
    size = 0;
  };
  texts.forEach((text, index) => {
    if (size + text.length > chunkCharacters) close(index);
    size += text.length + 1;
  });
  close(rows.length);
  return found;
}

/** Rows as JSON arrays, each small enough for one bound parameter. */
export function jsonChunks(rows: readonly unknown[]): readonly string[] {
  return chunks(rows).map(({ json }) => json);
}

/** The rows a statement returned. */
export function rowsOf(result: D1Result<Record<string, unknown>> | undefined): readonly Record<string, unknown>[] {
  return result?.results ?? [];
}
