// The ConfigMaps, Secrets and ServiceAccounts that pods name: how they stand, and which shards of the nodes want to know.
import type { Part } from "./batch.ts";
import { jsonChunks, rowsOf } from "./batch.ts";
import type { ObjectKey } from "./objects.ts";

export type Standing = {
  readonly key: ObjectKey;
  /** Its resourceVersion. */
  readonly version: number;
  readonly sizeBytes: number;
  /** The stored text, of a ServiceAccount; of the others, which may be large, it is null. */
  readonly body: string | null;
};

const samePlace =
  "o.resource = j.value->>'$.resource' AND o.namespace = j.value->>'$.namespace' AND o.name = j.value->>'$.name'";

/** How those of the objects that exist stand. From then on the shard is woken when one of them changes, or comes. */
export function followObjects(db: D1Database, keys: readonly ObjectKey[], shard: number): Part<readonly Standing[]> {
  const rows = keys.map(({ resource, namespace, name }) => ({ resource, namespace, name }));
  const statements = jsonChunks(rows).flatMap((chunk) => [
    db
      .prepare(
        `INSERT OR IGNORE INTO object_readers (resource, namespace, name, shard)
         SELECT j.value->>'$.resource', j.value->>'$.namespace', j.value->>'$.name', ?2 FROM json_each(?1) AS j`,
      )
      .bind(chunk, shard),
    db
      .prepare(
        `SELECT o.resource, o.namespace, o.name, o.rv, octet_length(o.body) AS size,
                iif(o.resource = 'serviceaccounts', o.body, NULL) AS body
         FROM json_each(?1) AS j JOIN objects AS o ON ${samePlace}`,
      )
      .bind(chunk),
  ]);
  return { statements, read: (results) => results.flatMap((result) => rowsOf(result).map(toStanding)) };
}

function toStanding(row: Record<string, unknown>): Standing {
  const body = row["body"];
  return {
    key: { resource: String(row["resource"]), namespace: String(row["namespace"]), name: String(row["name"]) },
    version: Number(row["rv"]),
    sizeBytes: Number(row["size"]),
    body: typeof body === "string" ? body : null,
  };
}

/** The shard is woken for these no more. */
export function unfollowObjects(db: D1Database, keys: readonly ObjectKey[], shard: number): Part<null> {
  const rows = keys.map(({ resource, namespace, name }) => ({ resource, namespace, name }));
  const statements = jsonChunks(rows).map((chunk) =>
    db
      .prepare(
        `DELETE FROM object_readers WHERE (resource, namespace, name, shard) IN (
           SELECT o.resource, o.namespace, o.name, o.shard FROM json_each(?1) AS j
           JOIN object_readers AS o ON ${samePlace} AND o.shard = ?2)`,
      )
      .bind(chunk, shard),
  );
  return { statements, read: () => null };
}

/** The shards that want to know of a change of one of the objects. */
export function readFollowers(db: D1Database, keys: readonly ObjectKey[]): Part<readonly number[]> {
  const rows = keys.map(({ resource, namespace, name }) => ({ resource, namespace, name }));
  const statements = jsonChunks(rows).map((chunk) =>
    db.prepare(`SELECT DISTINCT o.shard FROM json_each(?1) AS j JOIN object_readers AS o ON ${samePlace}`).bind(chunk),
  );
  return {
    statements,
    read: (results) => [...new Set(results.flatMap((result) => rowsOf(result).map((row) => Number(row["shard"]))))],
  };
}
