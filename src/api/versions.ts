// What a client's resourceVersion asks of an answer: to be no older, to be exactly that, or to go on where a page ended.
// Source: apiserver pkg/storage errors.go, pkg/storage/etcd3 store.go and errors.go.
import { ApiError } from "../model/api-error.ts";
import { storedResource } from "../model/resource.ts";
import { runBatch } from "../store/batch.ts";
import { readHead, readLog, readLogEnds } from "../store/log.ts";
import type { RequestContext } from "./context.ts";
import type { Continuation } from "./list-options.ts";
import { continuationToken } from "./list-options.ts";

const waitsMs = 3_000;
const looksEveryMs = 500;

/** Waits until the cluster has come as far as `rv`. Throws Timeout when it does not within three seconds. */
export async function awaitVersion(db: D1Database, rv: number): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += looksEveryMs) {
    const [head] = await runBatch(db, [readHead(db)]);
    if (head >= rv) return;
    if (waitedMs >= waitsMs) throw tooLarge(rv, head);
    await new Promise((resolve) => setTimeout(resolve, looksEveryMs));
  }
}

function tooLarge(rv: number, head: number): ApiError {
  const message = `Timeout: Too large resource version: ${BigInt(rv)}, current: ${head}`;
  return new ApiError("Timeout", message, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}

/**
 * Throws Expired unless the collection is, at this moment, as it was at `rv`: of what it was like before it changed, not
 * enough is kept.
 */
export async function requireUnchangedSince({ env, target }: RequestContext, rv: number): Promise<void> {
  const { resource, namespace } = target;
  const scope = { kind: "scope", resource: storedResource(resource), namespace, name: null } as const;
  const [page] = await runBatch(env.DB, [readLog(env.DB, { cursor: rv, limit: 1, concern: scope })]);
  if (!page.hasGap && page.changes.length === 0) return;
  throw new ApiError("Expired", "The resourceVersion for the provided list is too old.");
}

const tooOldToContinue =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
  "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
  "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or " +
  "deleted between the time the first chunk was returned and now may show up in the list.";

/**
 * Throws Expired, with a token to go on nevertheless, when a watch could not begin at the list's first page any more: by
 * such a watch whoever reads page by page comes to know what has changed since.
 */
export async function requireRemembered(db: D1Database, at: Continuation): Promise<void> {
  if (at.rv === null) return;
  const [{ first }] = await runBatch(db, [readLogEnds(db)]);
  if (first <= at.rv + 1) return;
  throw new ApiError("Expired", tooOldToContinue, undefined, {
    continue: continuationToken({ ...at, rv: null, remaining: null }),
  });
}
