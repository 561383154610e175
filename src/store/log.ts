// The change log: one row for each write, numbered; the number is the cluster's resourceVersion.
import { definitionsResource } from "../model/custom/definition.ts";
import type { Part } from "./batch.ts";
import { rowsOf, stalePremise } from "./batch.ts";

type ChangeType = "ADDED" | "MODIFIED" | "DELETED";

/** One row of the log. */
export type Change = {
  readonly seq: number;
  readonly atMs: number;
  readonly type: ChangeType;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly bucket: number;
  readonly origin: string;
  /** JSON text of the object, without its resourceVersion; for pods of the stored row. */
  readonly body: string;
  /** What there was before, where selectors see a difference. */
  readonly previous: Previous | null;
};

/** What label and field selectors could see of an object before a change. */
export type Previous = {
  readonly labels?: Readonly<Record<string, string>>;
  readonly fields?: Readonly<Record<string, string>>;
  /** Pods only, true: by this change a pod that may have served does so no more. */
  readonly lost?: boolean;
  /** The object as it was; of a pod, those columns of its stored row that changed. */
  readonly before?: Readonly<Record<string, unknown>>;
};

/** In SQL: the number after the last one given out. */
export const nextSeq = "(SELECT max(seq) FROM log) + 1";

/** The last resourceVersion given out. */
export function readHead(db: D1Database): Part<number> {
  return {
    statements: [db.prepare("SELECT max(seq) AS seq FROM log")],
    read: ([result]) => Number(rowsOf(result)[0]?.["seq"]),
  };
}

export type LogEnds = { readonly first: number; readonly head: number };

/** The first resourceVersion that is still remembered, and the last one given out. */
export function readLogEnds(db: D1Database): Part<LogEnds> {
  return {
    statements: [db.prepare(logEndsSql)],
    read: ([result]) => {
      const [ends] = rowsOf(result);
      return { first: Number(ends?.["first"]), head: Number(ends?.["last"]) };
    },
  };
}

/** Each on its own is found at once; the two together would read the whole log. */
const logEndsSql = "SELECT (SELECT min(seq) FROM log) AS first, (SELECT max(seq) FROM log) AS last";

/** What a reader of the log has to do with. */
export type Concern =
  /** The nodes, and the pods and ControllerRevisions of a namespace. */
  | { readonly kind: "daemonSet"; readonly namespace: string }
  /**
   * Nodes and pods of a range of buckets, but for what `exceptOrigin` wrote; and what pods name. Of ConfigMaps and
   * Secrets, which may be large and of which few are named, the body is `{"sizeBytes": ...}`.
   */
  | { readonly kind: "buckets"; readonly first: number; readonly last: number; readonly exceptOrigin: string }
  | { readonly kind: "resources"; readonly resources: readonly string[] }
  /** One resource; null: all namespaces, all names. */
  | {
      readonly kind: "scope";
      readonly resource: string;
      readonly namespace: string | null;
      readonly name: string | null;
    }
  /** What may leave something to collect, or a deletion to carry out. */
  | { readonly kind: "garbage" }
  /** What may make room for a pod: nodes, and pods that go or end. */
  | { readonly kind: "room" }
  /** What may bring a pod near to others that it wants to be near to. */
  | { readonly kind: "company" }
  /** All objects of one resource, and those `within` some namespaces, but for what `exceptOrigin` wrote. */
  | {
      readonly kind: "selected";
      readonly always: string;
      readonly within: readonly string[];
      readonly namespaces: readonly string[];
      readonly exceptOrigin: string;
    };

type Condition = {
  readonly sql: string;
  readonly parameters: readonly (string | number)[];
  /** In place of the whole body. */
  readonly body?: string;
};

function conditionOf(concern: Concern): Condition {
  switch (concern.kind) {
    case "daemonSet":
      return {
        sql: "resource = 'nodes' OR (resource IN ('pods', 'controllerrevisions.apps') AND namespace = ?3)",
        parameters: [concern.namespace],
      };
    case "buckets":
      return {
        sql: "(bucket BETWEEN ?3 AND ?4 AND origin <> ?5) OR resource IN ('configmaps', 'secrets', 'serviceaccounts')",
        parameters: [concern.first, concern.last, concern.exceptOrigin],
        body: "iif(resource IN ('configmaps', 'secrets'), json_object('sizeBytes', octet_length(body)), body)",
      };
    case "resources":
      return {
        sql: "resource IN (SELECT value FROM json_each(?3))",
        parameters: [JSON.stringify(concern.resources)],
      };
    case "scope":
      return {
        sql: "resource = ?3 AND (?4 = '' OR namespace = ?4) AND (?5 = '' OR name = ?5)",
        parameters: [concern.resource, concern.namespace ?? "", concern.name ?? ""],
      };
    case "garbage":
      return { sql: garbageSql, parameters: [] };
    case "room":
      return { sql: roomSql, parameters: [] };
    case "company":
      return { sql: companySql, parameters: [] };
    case "selected":
      return {
        sql: `origin <> ?3 AND (resource = ?4 OR (resource IN (SELECT value FROM json_each(?5))
          AND namespace IN (SELECT value FROM json_each(?6))))`,
        parameters: [
          concern.exceptOrigin,
          concern.always,
          JSON.stringify(concern.within),
          JSON.stringify(concern.namespaces),
        ],
      };
  }
}

const garbageSql = `
  (type = 'DELETED' AND (resource = '${definitionsResource}'
    OR EXISTS (SELECT 1 FROM owner_references AS r WHERE r.owner_uid = log.uid)))
  OR (type <> 'DELETED' AND resource NOT IN ('pods', 'events', 'nodes') AND (
    body->>'$.metadata.deletionTimestamp' IS NOT NULL
    OR (type = 'ADDED' AND body->'$.metadata.ownerReferences' IS NOT NULL)))`;

const roomSql = `
  resource = 'nodes' OR (resource = 'pods' AND bucket >= 0
    AND (type = 'DELETED' OR body->>'$.phase' IN ('Failed', 'Succeeded')))`;

/** A pod that waits for its node is company for nobody. */
const companySql = `
  resource IN ('nodes', 'namespaces') OR (resource = 'pods' AND bucket >= 0
    AND (type = 'DELETED' OR body->>'$.observation' >= 0))`;

export type LogReading = { readonly cursor: number; readonly limit: number; readonly concern: Concern };

/** Some of the log after a cursor. */
export type LogPage = {
  readonly changes: readonly Change[];
  /** True: rows after the cursor were forgotten already, and `changes` are not all there were. */
  readonly hasGap: boolean;
  /** True: there is more to read after `reached`. */
  readonly hasMore: boolean;
  /** Everything of concern up to here is in `changes`. */
  readonly reached: number;
  /** The last resourceVersion given out. */
  readonly head: number;
  /** The first that is still remembered. */
  readonly first: number;
};

/** Reads on from a cursor. */
export function readLog(db: D1Database, { cursor, limit, concern }: LogReading): Part<LogPage> {
  const { sql, parameters, body = "body" } = conditionOf(concern);
  const statements = [
    db.prepare(logEndsSql),
    db
      .prepare(
        `SELECT seq, at_ms, type, resource, namespace, name, uid, bucket, origin, ${body} AS body, previous FROM log
         WHERE seq > ?1 AND (${sql}) ORDER BY seq LIMIT ?2`,
      )
      .bind(cursor, limit, ...parameters),
  ];
  return {
    statements,
    read: ([ends, rows]) => {
      const [end] = rowsOf(ends);
      const changes = rowsOf(rows).map(toChange);
      const head = Number(end?.["last"]);
      const hasMore = changes.length === limit;
      const reached = hasMore ? (changes.at(-1)?.seq ?? head) : head;
      const first = Number(end?.["first"]);
      return { changes, hasGap: first > cursor + 1, hasMore, reached, head, first };
    },
  };
}

function toChange(row: Record<string, unknown>): Change {
  const previous = row["previous"];
  return {
    seq: Number(row["seq"]),
    atMs: Number(row["at_ms"]),
    // The column's CHECK holds the type to these; BEGIN is never read, for its seq is below every cursor.
    type: String(row["type"]) as ChangeType,
    resource: String(row["resource"]),
    namespace: String(row["namespace"]),
    name: String(row["name"]),
    uid: String(row["uid"]),
    bucket: Number(row["bucket"]),
    origin: String(row["origin"]),
    body: String(row["body"]),
    // Written by the store itself.
    previous: typeof previous === "string" ? (JSON.parse(previous) as Previous) : null,
  };
}

type OwnerKey = { readonly namespace: string; readonly uid: string };

/**
 * Fails the batch if, after `seq` (null: no such demand), a node changed or a pod of this owner was lost: a plan that
 * keeps to a budget is only safe if no more pods are missing than when it was made. Pods that came or got better do not
 * count, for in a large rollout some do at every moment.
 */
export function requireNothingLostSince(db: D1Database, seq: number | null, { namespace, uid }: OwnerKey): Part<null> {
  const statement = db
    .prepare(
      `SELECT json(CASE WHEN EXISTS (
         SELECT 1 FROM log WHERE seq > ?1 AND (resource = 'nodes'
           OR (resource = 'pods' AND namespace = ?2 AND previous->>'$.lost' = 1 AND body->>'$.ownerUid' = ?3)))
       THEN '${stalePremise}' ELSE 'null' END)`,
    )
    .bind(seq, namespace, uid);
  return { statements: seq === null ? [] : [statement], read: () => null };
}

/**
 * Forgets rows that are older than `beforeMs` and not among the last `keep`. The newest row always stays, for it holds
 * the sequence.
 */
export function trimLog(db: D1Database, { beforeMs, keep, limit }: TrimLimits): Part<number> {
  const statement = db
    .prepare(
      `DELETE FROM log WHERE seq IN (
         SELECT seq FROM log WHERE at_ms < ?1 AND seq < (SELECT max(seq) FROM log) - ?2 ORDER BY seq LIMIT ?3)`,
    )
    .bind(beforeMs, keep, limit);
  return { statements: [statement], read: ([result]) => result?.meta.changes ?? 0 };
}

type TrimLimits = { readonly beforeMs: number; readonly keep: number; readonly limit: number };
