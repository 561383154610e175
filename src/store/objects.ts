// Every kind of object but pods: read, listed and written, always together with the log.
import { qualifiedResource } from "../model/api-error.ts";
import { definitionsResource } from "../model/custom/definition.ts";
import type { KubeObject } from "../model/meta.ts";
import { resources } from "../model/resources.ts";
import type { Part } from "./batch.ts";
import { jsonChunks, rowsOf, stalePremise } from "./batch.ts";
import type { Previous } from "./log.ts";
import { nextSeq } from "./log.ts";

/** Names one object. `resource` is the plural with its group; `namespace` is empty for cluster-scoped kinds. */
export type ObjectKey = { readonly resource: string; readonly namespace: string; readonly name: string };

export type NewObject = ObjectKey & {
  readonly object: KubeObject;
  /** Nodes only. */
  readonly bucket?: number;
  readonly expiresMs?: number;
};

export type ChangedObject = NewObject & {
  /** The write happens only if the stored object has this resourceVersion; null: whichever it has. */
  readonly expectRv: number | null;
  readonly previous: Previous | null;
};

export type RemovedObject = ObjectKey & {
  readonly uid: string;
  /** Null: whatever its resourceVersion. */
  readonly expectRv: number | null;
};

export type WriteContext = {
  readonly nowMs: number;
  /** Marks the log rows of writers that pass over their own. */
  readonly origin?: string;
};

/** The writes that took place: name of the object (`namespace/name`) to its new resourceVersion. */
export type Written = ReadonlyMap<string, number>;

export function writtenKey({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

const samePlace = (table: string, row: string): string =>
  `${table}.resource = ${row}->>'$.resource' AND ${table}.namespace = ${row}->>'$.namespace' AND ${table}.name = ${row}->>'$.name'`;

const namespaceTakesObjects = `(j.value->>'$.namespace' = '' OR EXISTS (
  SELECT 1 FROM objects AS n WHERE n.resource = 'namespaces' AND n.namespace = '' AND n.name = j.value->>'$.namespace'
    AND n.body->>'$.status.phase' IS NOT 'Terminating'))`;

const insertObjectsSql = `
  INSERT INTO objects (resource, namespace, name, uid, rv, body, bucket, expires_ms)
  SELECT j.value->>'$.resource', j.value->>'$.namespace', j.value->>'$.name', j.value->>'$.uid', ${nextSeq} + j.key,
         j.value->'$.body', j.value->>'$.bucket', j.value->>'$.expiresMs'
  FROM json_each(?1) AS j WHERE ${namespaceTakesObjects}
  ON CONFLICT DO NOTHING RETURNING namespace, name, rv`;

const updateObjectsSql = `
  UPDATE objects SET rv = ${nextSeq} + j.key, body = j.value->'$.body', expires_ms = j.value->>'$.expiresMs'
  FROM json_each(?1) AS j
  WHERE ${samePlace("objects", "j.value")} AND objects.uid = j.value->>'$.uid'
    AND (j.value->>'$.expectRv' IS NULL OR objects.rv = j.value->>'$.expectRv')
  RETURNING namespace, name, rv`;

/** Logs the objects just written: the only ones whose number is above the last logged one. */
const logObjectsSql = `
  INSERT INTO log (seq, at_ms, type, resource, namespace, name, uid, bucket, origin, body, previous)
  SELECT o.rv, ?2, ?3, o.resource, o.namespace, o.name, o.uid, ifnull(o.bucket, -1), ?4, o.body, j.value->'$.previous'
  FROM json_each(?1) AS j JOIN objects AS o ON ${samePlace("o", "j.value")}
  WHERE o.rv > (SELECT max(seq) FROM log) ORDER BY o.rv`;

/** Of the objects as they are now: a write that did not take place leaves no reference behind. */
const insertOwnersSql = `
  INSERT OR IGNORE INTO owner_references (owner_uid, resource, namespace, name)
  SELECT r.value->>'$.uid', o.resource, o.namespace, o.name
  FROM json_each(?1) AS j JOIN objects AS o ON ${samePlace("o", "j.value")},
    json_each(o.body, '$.metadata.ownerReferences') AS r`;

const stillTheOne = `${samePlace("o", "j.value")} AND o.uid = j.value->>'$.uid'
  AND (j.value->>'$.expectRv' IS NULL OR o.rv = j.value->>'$.expectRv')`;

const logRemovedSql = `
  INSERT INTO log (seq, at_ms, type, resource, namespace, name, uid, bucket, origin, body)
  SELECT ${nextSeq} + j.key, ?2, 'DELETED', o.resource, o.namespace, o.name, o.uid, ifnull(o.bucket, -1), ?3, o.body
  FROM json_each(?1) AS j JOIN objects AS o ON ${stillTheOne} ORDER BY j.key
  RETURNING namespace, name, seq AS rv`;

const removeObjectsSql = `
  DELETE FROM objects WHERE rowid IN (SELECT o.rowid FROM json_each(?1) AS j JOIN objects AS o ON ${stillTheOne})`;

const removeOwnersSql = `
  DELETE FROM owner_references WHERE (owner_uid, resource, namespace, name) IN (
    SELECT r.owner_uid, r.resource, r.namespace, r.name FROM json_each(?1) AS j, json_each(j.value->'$.owners') AS u
    JOIN owner_references AS r ON r.owner_uid = u.value AND ${samePlace("r", "j.value")}
    WHERE NOT EXISTS (SELECT 1 FROM objects AS o WHERE ${samePlace("o", "j.value")}))`;

/** The object as it is kept: the resourceVersion is a column. */
function bodyOf(object: KubeObject): KubeObject {
  const { resourceVersion: _column, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function hasOwners(rows: readonly NewObject[]): boolean {
  return rows.some(({ object }) => (object.metadata.ownerReferences ?? []).length > 0);
}

function toInsert({ object, ...row }: NewObject): unknown {
  return { ...row, uid: object.metadata.uid, body: bodyOf(object) };
}

function readWritten(results: readonly D1Result<Record<string, unknown>>[]): Written {
  return new Map(
    results.flatMap((result) =>
      rowsOf(result)
        .filter((row) => row["rv"] !== undefined)
        .map((row) => [`${row["namespace"]}/${row["name"]}`, Number(row["rv"])] as const),
    ),
  );
}

/** Creates those whose name is free and whose namespace takes objects; the others are left out of the answer. */
export function insertObjects(db: D1Database, rows: readonly NewObject[], context: WriteContext): Part<Written> {
  const statements = jsonChunks(rows.map(toInsert)).flatMap((chunk) => [
    db.prepare(insertObjectsSql).bind(chunk),
    db.prepare(logObjectsSql).bind(chunk, context.nowMs, "ADDED", context.origin ?? ""),
    ...(hasOwners(rows) ? [db.prepare(insertOwnersSql).bind(chunk)] : []),
  ]);
  return { statements, read: readWritten };
}

/** Replaces those whose resourceVersion is the expected one; the others are left out of the answer. */
export function updateObjects(db: D1Database, rows: readonly ChangedObject[], context: WriteContext): Part<Written> {
  const statements = jsonChunks(rows.map(toInsert)).flatMap((chunk) => [
    db.prepare(updateObjectsSql).bind(chunk),
    db.prepare(logObjectsSql).bind(chunk, context.nowMs, "MODIFIED", context.origin ?? ""),
    ...(hasOwners(rows) ? [db.prepare(insertOwnersSql).bind(chunk)] : []),
  ]);
  return { statements, read: readWritten };
}

/** Removes those that are still the ones meant; `owners` are the uids in their owner references. */
export function removeObjects(
  db: D1Database,
  rows: readonly (RemovedObject & { readonly owners: readonly string[] })[],
  context: WriteContext,
): Part<Written> {
  const owned = rows.some(({ owners }) => owners.length > 0);
  const statements = jsonChunks(rows).flatMap((chunk) => [
    db.prepare(logRemovedSql).bind(chunk, context.nowMs, context.origin ?? ""),
    db.prepare(removeObjectsSql).bind(chunk),
    ...(owned ? [db.prepare(removeOwnersSql).bind(chunk)] : []),
  ]);
  return { statements, read: readWritten };
}

/** The object of a row, with its resourceVersion. */
function toObject(row: Record<string, unknown>): KubeObject {
  return withResourceVersion(String(row["body"]), Number(row["rv"]));
}

/** An object from its stored text. */
export function withResourceVersion(body: string, rv: number): KubeObject {
  // Only decoded objects are ever stored.
  const object = JSON.parse(body) as KubeObject;
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(rv) } };
}

export function readObject(db: D1Database, { resource, namespace, name }: ObjectKey): Part<KubeObject | null> {
  const statement = db
    .prepare("SELECT rv, body FROM objects WHERE resource = ?1 AND namespace = ?2 AND name = ?3")
    .bind(resource, namespace, name);
  return {
    statements: [statement],
    read: ([result]) => {
      const row = rowsOf(result)[0];
      return row === undefined ? null : toObject(row);
    },
  };
}

/** Fails the batch unless the object has this resourceVersion. */
export function requireRv(db: D1Database, { resource, namespace, name }: ObjectKey, rv: number): Part<null> {
  const statement = db
    .prepare(
      `SELECT json(CASE WHEN EXISTS (
         SELECT 1 FROM objects WHERE resource = ?1 AND namespace = ?2 AND name = ?3 AND rv = ?4)
       THEN 'null' ELSE '${stalePremise}' END)`,
    )
    .bind(resource, namespace, name, rv);
  return { statements: [statement], read: () => null };
}

export type ListQuery = {
  readonly resource: string;
  /** Null: all namespaces. */
  readonly namespace: string | null;
  /** Only objects after this one, in the order of namespace and name. */
  readonly after: { readonly namespace: string; readonly name: string } | null;
  readonly limit: number;
};

/** Objects in the order of namespace and name. */
export function readObjects(db: D1Database, query: ListQuery): Part<readonly KubeObject[]> {
  const { resource, namespace, after, limit } = query;
  const statement =
    namespace === null
      ? db
          .prepare(
            `SELECT rv, body FROM objects WHERE resource = ?1 AND (namespace, name) > (?2, ?3)
             ORDER BY namespace, name LIMIT ?4`,
          )
          .bind(resource, after?.namespace ?? "", after?.name ?? "", limit)
      : db
          .prepare(
            `SELECT rv, body FROM objects WHERE resource = ?1 AND namespace = ?2 AND name > ?3
             ORDER BY name LIMIT ?4`,
          )
          .bind(resource, namespace, after?.namespace === namespace ? after.name : "", limit);
  return { statements: [statement], read: ([result]) => rowsOf(result).map(toObject) };
}

/** How many objects `readObjects` would find. */
export function countObjects(db: D1Database, { resource, namespace, after, limit }: ListQuery): Part<number> {
  const statement =
    namespace === null
      ? db
          .prepare(
            `SELECT count(*) AS count FROM (SELECT 1 FROM objects WHERE resource = ?1 AND (namespace, name) > (?2, ?3)
             LIMIT ?4)`,
          )
          .bind(resource, after?.namespace ?? "", after?.name ?? "", limit)
      : db
          .prepare(
            `SELECT count(*) AS count FROM (SELECT 1 FROM objects WHERE resource = ?1 AND namespace = ?2 AND name > ?3
             LIMIT ?4)`,
          )
          .bind(resource, namespace, after?.namespace === namespace ? after.name : "", limit);
  return { statements: [statement], read: ([result]) => Number(rowsOf(result)[0]?.["count"]) };
}

/** The nodes of a range of buckets, both ends included. */
export function readObjectsOfBuckets(db: D1Database, first: number, last: number): Part<readonly KubeObject[]> {
  const statement = db
    .prepare("SELECT rv, body FROM objects WHERE bucket IS NOT NULL AND bucket BETWEEN ?1 AND ?2")
    .bind(first, last);
  return { statements: [statement], read: ([result]) => rowsOf(result).map(toObject) };
}

/** Those of the objects that exist, of whatever kinds. */
export function readObjectsByKey(db: D1Database, keys: readonly ObjectKey[]): Part<readonly KeyedObject[]> {
  const statements = jsonChunks(keys).map((chunk) =>
    db.prepare(`SELECT o.* FROM json_each(?1) AS j JOIN objects AS o ON ${samePlace("o", "j.value")}`).bind(chunk),
  );
  return { statements, read: (results) => results.flatMap((result) => rowsOf(result).map(toKeyedObject)) };
}

export type KeyedObject = { readonly key: ObjectKey; readonly object: KubeObject };

function toKeyedObject(row: Record<string, unknown>): KeyedObject {
  const key = { resource: String(row["resource"]), namespace: String(row["namespace"]), name: String(row["name"]) };
  return { key, object: toObject(row) };
}

/** The resources that are in namespaces: the index by resource and namespace is of use only if both are given. */
const namespacedResources = JSON.stringify(
  resources.filter(({ namespaced, keptAs }) => namespaced && keptAs === null).map(qualifiedResource),
);

const resourcesInNamespaces = `(
  SELECT value FROM json_each(?1) UNION ALL
  SELECT name FROM objects WHERE resource = '${definitionsResource}' AND namespace = '')`;

/** Objects of a namespace, of whatever kinds. Definitions are named as the resources that they add. */
export function readObjectsOfNamespace(db: D1Database, namespace: string, limit: number): Part<readonly KeyedObject[]> {
  const statement = db
    .prepare(`SELECT * FROM objects WHERE resource IN ${resourcesInNamespaces} AND namespace = ?2 LIMIT ?3`)
    .bind(namespacedResources, namespace, limit);
  return { statements: [statement], read: ([result]) => rowsOf(result).map(toKeyedObject) };
}

/** Objects that are marked for deletion, of whatever kinds. Reads them all: for a start, not for every pass. */
export function readDeletingObjects(db: D1Database): Part<readonly KeyedObject[]> {
  const statement = db.prepare("SELECT * FROM objects WHERE body->>'$.metadata.deletionTimestamp' IS NOT NULL");
  return { statements: [statement], read: ([result]) => rowsOf(result).map(toKeyedObject) };
}

/** The objects whose owner references name one of `ownerUids`; rows of objects that no longer do may be among them. */
export function readOwnedKeys(db: D1Database, ownerUids: readonly string[]): Part<readonly ObjectKey[]> {
  const statement = db
    .prepare(
      `SELECT DISTINCT resource, namespace, name FROM owner_references
       WHERE owner_uid IN (SELECT value FROM json_each(?1)) AND resource <> 'pod_templates'`,
    )
    .bind(JSON.stringify(ownerUids));
  return {
    statements: [statement],
    read: ([result]) =>
      rowsOf(result).map((row) => ({
        resource: String(row["resource"]),
        namespace: String(row["namespace"]),
        name: String(row["name"]),
      })),
  };
}

const logExpiredSql = `
  INSERT INTO log (seq, at_ms, type, resource, namespace, name, uid, body)
  SELECT ${nextSeq} + row_number() OVER (ORDER BY found.expires_ms, found.rowid) - 1, ?1, 'DELETED', found.resource,
         found.namespace, found.name, found.uid, found.body
  FROM (SELECT rowid, * FROM objects WHERE expires_ms IS NOT NULL AND expires_ms <= ?1
        ORDER BY expires_ms, rowid LIMIT ?2) AS found`;

const removeExpiredSql = `
  DELETE FROM objects WHERE rowid IN (
    SELECT rowid FROM objects WHERE expires_ms IS NOT NULL AND expires_ms <= ?1 ORDER BY expires_ms, rowid LIMIT ?2)`;

/** Removes objects whose time is over, the longest over first. */
export function removeExpired(db: D1Database, nowMs: number, limit: number): Part<number> {
  const statements = [db.prepare(logExpiredSql).bind(nowMs, limit), db.prepare(removeExpiredSql).bind(nowMs, limit)];
  return { statements, read: ([, removed]) => removed?.meta.changes ?? 0 };
}
