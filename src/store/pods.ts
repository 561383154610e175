// Pods: read, listed and written in bulk, always together with the log.
import type { PodTemplate } from "../model/pod-template.ts";
import { unscheduledObservation } from "../model/pod-template.ts";
import type { Part } from "./batch.ts";
import { chunks, jsonChunks, rowsOf } from "./batch.ts";
import type { Previous } from "./log.ts";
import { nextSeq } from "./log.ts";
import type { WriteContext, Written } from "./objects.ts";
import type { PodRow } from "./pod-rows.ts";
import { podBodySql, toPodRow } from "./pod-rows.ts";

export type NewPod = Omit<PodRow, "rv" | "status" | "observation" | "deletionMs" | "graceSeconds"> & {
  readonly status?: PodRow["status"];
  /** Default: 0. */
  readonly observation?: PodRow["observation"];
};

const samePod = (table: string, row: string): string =>
  `${table}.namespace = ${row}->>'$.namespace' AND ${table}.name = ${row}->>'$.name' AND ${table}.uid = ${row}->>'$.uid'`;

/** Logs the pods just written: the only ones whose number is above the last logged one. */
const logPodsSql = `
  INSERT INTO log (seq, at_ms, type, resource, namespace, name, uid, bucket, origin, body, previous)
  SELECT p.rv, ?2, ?3, 'pods', p.namespace, p.name, p.uid, p.bucket, ?4, ${podBodySql("p")}, p.previous
  FROM json_each(?1) AS j JOIN pods AS p ON ${samePod("p", "j.value")}
  WHERE p.rv > (SELECT max(seq) FROM log) ORDER BY p.rv`;

function logPods(db: D1Database, pods: readonly PodKey[], type: "ADDED" | "MODIFIED", context: WriteContext) {
  const keys = JSON.stringify(pods.map(({ namespace, name, uid }) => ({ namespace, name, uid })));
  return db.prepare(logPodsSql).bind(keys, context.nowMs, type, context.origin ?? "");
}

/** ?2 to ?4: namespace, name and uid of the owner that must exist and not be going, or empty for none. */
const insertPodsSql = `
  INSERT INTO pods (namespace, name, uid, rv, template, node, bucket, owner_uid, slot, created_ms, has_finalizers,
                    phase, observation, status)
  SELECT j.value->>'$.namespace', j.value->>'$.name', j.value->>'$.uid', ${nextSeq} + j.key, j.value->>'$.template',
         j.value->>'$.node', j.value->>'$.bucket', j.value->>'$.ownerUid', j.value->>'$.slot',
         j.value->>'$.createdMs', j.value->>'$.hasFinalizers', j.value->>'$.phase', ifnull(j.value->>'$.observation', 0),
         j.value->'$.status'
  FROM json_each(?1) AS j
  WHERE EXISTS (SELECT 1 FROM objects AS n WHERE n.resource = 'namespaces' AND n.namespace = ''
                AND n.name = j.value->>'$.namespace' AND n.body->>'$.status.phase' IS NOT 'Terminating')
    AND (?4 = '' OR EXISTS (SELECT 1 FROM objects AS d WHERE d.resource = 'daemonsets.apps' AND d.namespace = ?2
         AND d.name = ?3 AND d.uid = ?4 AND d.body->>'$.metadata.deletionTimestamp' IS NULL))
    AND (?4 = '' OR EXISTS (SELECT 1 FROM objects AS h WHERE h.resource = 'nodes' AND h.namespace = ''
         AND h.name = j.value->>'$.node'))
  ON CONFLICT DO NOTHING RETURNING namespace, name, rv`;

export type Owner = { readonly namespace: string; readonly name: string; readonly uid: string };

/**
 * Creates those whose name and slot are free and whose namespace takes objects. With an owner, only while that
 * DaemonSet exists and is not being deleted, and only on nodes that exist.
 */
export function insertPods(
  db: D1Database,
  pods: readonly NewPod[],
  owner: Owner | null,
  context: WriteContext,
): Part<Written> {
  const rows = pods.map((pod) => ({ ...pod, hasFinalizers: pod.hasFinalizers ? 1 : 0 }));
  const ofOwner = [owner?.namespace ?? "", owner?.name ?? "", owner?.uid ?? ""];
  const statements = chunks(rows).flatMap((chunk) => [
    db.prepare(insertPodsSql).bind(chunk.json, ...ofOwner),
    logPods(db, chunk.rows, "ADDED", context),
  ]);
  return { statements, read: readWritten };
}

export type PodKey = { readonly namespace: string; readonly name: string; readonly uid: string };

/** What field selectors could see of a pod's status before a report. */
const seenBefore = `json_object('status.phase', phase,
  'status.podIP', ifnull(ifnull(status->>'$.podIPs[0].ip', status->>'$.podIP'), ''),
  'status.podIPs', ifnull((SELECT group_concat(address.value->>'$.ip') FROM json_each(status, '$.podIPs') AS address), ''))`;

/** As `seenBefore`, of a pod that is given to its node or begins to wait for it, so that its node comes or goes. */
const boundBefore = `json_patch(${seenBefore}, json_object('spec.nodeName', iif(observation < 0, '', node),
  'status.nominatedNodeName', ifnull(status->>'$.nominatedNodeName', '')))`;

const updateStatusesSql = `
  UPDATE pods SET rv = ${nextSeq} + j.key,
    previous = CASE WHEN observation < 0 OR j.value->>'$.observation' < 0 THEN json_object('fields', ${boundBefore},
        'lost', json(iif(j.value->>'$.lost' = 1, 'true', 'false')),
        'before', json_object('status', json(status), 'observation', observation))
      WHEN phase IS NOT j.value->>'$.phase' OR status->'$.podIPs' IS NOT j.value->'$.status.podIPs'
      OR j.value->>'$.lost' = 1 THEN json_object('fields', ${seenBefore},
        'lost', json(iif(j.value->>'$.lost' = 1, 'true', 'false')),
        'before', json_object('status', json(status))) END,
    phase = j.value->>'$.phase', status = j.value->'$.status', observation = j.value->>'$.observation'
  FROM json_each(?1) AS j WHERE ${samePod("pods", "j.value")}
    AND (pods.observation < j.value->>'$.observation' OR j.value->>'$.expectRv' = pods.rv)
  RETURNING namespace, name, rv`;

export type StatusUpdate = PodKey & {
  readonly phase: string;
  readonly status: NonNullable<PodRow["status"]>;
  /** True: the pod was ready before, and is no more. */
  readonly lost: boolean;
  /** Taken only if it is above the stored one ... */
  readonly observation: number;
  /** ... or if the pod still has this resourceVersion: a write of the control plane's own. */
  readonly expectRv?: number;
};

/** Takes the statuses of pods that exist and whose stored status is older. */
export function updatePodStatuses(
  db: D1Database,
  updates: readonly StatusUpdate[],
  context: WriteContext,
): Part<Written> {
  const statements = chunks(updates).flatMap(({ rows, json }) => [
    db.prepare(updateStatusesSql).bind(json),
    logPods(db, rows, "MODIFIED", context),
  ]);
  return { statements, read: readWritten };
}

const updatePodsSql = `
  UPDATE OR IGNORE pods SET rv = ${nextSeq} + j.key, previous = j.value->'$.previous', template = j.value->>'$.template',
    node = j.value->>'$.node', bucket = j.value->>'$.bucket', owner_uid = j.value->>'$.ownerUid',
    slot = j.value->>'$.slot', deletion_ms = j.value->>'$.deletionMs', grace_seconds = j.value->>'$.graceSeconds',
    has_finalizers = j.value->>'$.hasFinalizers', phase = j.value->>'$.phase', status = j.value->'$.status'
  FROM json_each(?1) AS j WHERE ${samePod("pods", "j.value")} AND pods.rv = j.value->>'$.rv'
  RETURNING namespace, name, rv`;

export type ChangedPod = PodRow & { readonly previous: Previous | null };

/** Replaces those that still have the `rv` of their row and whose slot is free. */
export function updatePods(db: D1Database, rows: readonly ChangedPod[], context: WriteContext): Part<Written> {
  const stored = rows.map((row) => ({ ...row, hasFinalizers: row.hasFinalizers ? 1 : 0 }));
  const statements = chunks(stored).flatMap(({ rows, json }) => [
    db.prepare(updatePodsSql).bind(json),
    logPods(db, rows, "MODIFIED", context),
  ]);
  return { statements, read: readWritten };
}

/** What the log says of a change by which a pod that may have served does so no more. */
const lostText = JSON.stringify({ lost: true } satisfies Previous);

/** How long a pod is given to end: as asked, else as its own template says. */
const graceOf = (table: string): string => `ifnull(j.value->>'$.graceSeconds', ifnull(
  (SELECT t.body->>'$.spec.terminationGracePeriodSeconds' FROM pod_templates AS t WHERE t.id = ${table}.template), 30))`;

/** A pod that runs nowhere, or runs no more, needs no time to end. */
const endsAtOnce = (table: string): string =>
  `(${graceOf(table)} = 0 OR ${table}.node = '' OR ${table}.observation < 0 OR ${table}.phase IN ('Failed', 'Succeeded'))`;

const markDeletedSql = `
  UPDATE pods SET rv = ${nextSeq} + j.key, previous = iif(deletion_ms IS NULL, '${lostText}', NULL),
    grace_seconds = CASE WHEN ${endsAtOnce("pods")} THEN 0 ELSE ${graceOf("pods")} END,
    deletion_ms = ?2 + 1000 * CASE WHEN ${endsAtOnce("pods")} THEN 0 ELSE ${graceOf("pods")} END
  FROM json_each(?1) AS j WHERE ${samePod("pods", "j.value")}
    AND (pods.grace_seconds IS NULL OR pods.grace_seconds > ${graceOf("pods")})
  RETURNING namespace, name, rv, grace_seconds, deletion_ms`;

/** The pods that go now: no finalizer holds them and they need no time to end. */
const isOver = `${samePod("p", "j.value")} AND p.has_finalizers = 0 AND ${endsAtOnce("p")}`;

const logEndedSql = `
  INSERT INTO log (seq, at_ms, type, resource, namespace, name, uid, bucket, origin, body, previous)
  SELECT ${nextSeq} + j.key, ?2, 'DELETED', 'pods', p.namespace, p.name, p.uid, p.bucket, ?3, ${podBodySql("p")},
         iif(p.deletion_ms IS NULL, '${lostText}', NULL)
  FROM json_each(?1) AS j JOIN pods AS p ON ${isOver} ORDER BY j.key
  RETURNING namespace, name, seq AS rv`;

const removeEndedSql = `
  DELETE FROM pods WHERE rowid IN (SELECT p.rowid FROM json_each(?1) AS j JOIN pods AS p ON ${isOver})`;

/** `graceSeconds` null: as long as the pod itself says. */
export type PodDeletion = PodKey & { readonly graceSeconds: number | null };

/**
 * Asks for the end of pods: each is given `graceSeconds` (which a later call can only shorten), and those that need no
 * time are gone at once unless a finalizer holds them. Source: pkg/registry/core/pod strategy CheckGracefulDelete.
 */
export function deletePods(db: D1Database, keys: readonly PodDeletion[], context: WriteContext): Part<DeletedPods> {
  const statements = chunks(keys).flatMap(({ rows, json }) => [
    db.prepare(logEndedSql).bind(json, context.nowMs, context.origin ?? ""),
    db.prepare(removeEndedSql).bind(json),
    db.prepare(markDeletedSql).bind(json, context.nowMs),
    logPods(db, rows, "MODIFIED", context),
  ]);
  return {
    statements,
    read: (results) =>
      new Map(results.flatMap(rowsOf).map((row) => [`${row["namespace"]}/${row["name"]}`, toDeletedPod(row)] as const)),
  };
}

/** Pods whose deletion took place (`namespace/name`): gone at once, or marked with the time they have. */
export type DeletedPods = ReadonlyMap<string, DeletedPod>;
type DeletedPod = {
  readonly rv: number;
  /** Null: the pod is gone. */
  readonly marked: { readonly graceSeconds: number; readonly deletionMs: number } | null;
};

function toDeletedPod(row: Record<string, unknown>): DeletedPod {
  const rv = Number(row["rv"]);
  const isGone = row["deletion_ms"] === undefined;
  const marked = { graceSeconds: Number(row["grace_seconds"]), deletionMs: Number(row["deletion_ms"]) };
  return { rv, marked: isGone ? null : marked };
}

function readWritten(results: readonly D1Result<Record<string, unknown>>[]): Written {
  return new Map(
    results.flatMap((result) =>
      rowsOf(result).map((row) => [`${row["namespace"]}/${row["name"]}`, Number(row["rv"])] as const),
    ),
  );
}

export function readPod(db: D1Database, namespace: string, name: string): Part<PodRow | null> {
  const statement = db.prepare("SELECT * FROM pods WHERE namespace = ?1 AND name = ?2").bind(namespace, name);
  return {
    statements: [statement],
    read: ([result]) => {
      const row = rowsOf(result)[0];
      return row === undefined ? null : toPodRow(row);
    },
  };
}

export type PodQuery = {
  /** Null: all namespaces. */
  readonly namespace: string | null;
  readonly after: { readonly namespace: string; readonly name: string } | null;
  readonly limit: number;
};

/** Pods in the order of namespace and name. */
export function readPods(db: D1Database, { namespace, after, limit }: PodQuery): Part<readonly PodRow[]> {
  const statement =
    namespace === null
      ? db
          .prepare("SELECT * FROM pods WHERE (namespace, name) > (?1, ?2) ORDER BY namespace, name LIMIT ?3")
          .bind(after?.namespace ?? "", after?.name ?? "", limit)
      : db
          .prepare("SELECT * FROM pods WHERE namespace = ?1 AND name > ?2 ORDER BY name LIMIT ?3")
          .bind(namespace, after?.namespace === namespace ? after.name : "", limit);
  return { statements: [statement], read: ([result]) => rowsOf(result).map(toPodRow) };
}

/** How many pods `readPods` would find. */
export function countPods(db: D1Database, { namespace, after, limit }: PodQuery): Part<number> {
  const statement =
    namespace === null
      ? db
          .prepare("SELECT count(*) AS count FROM (SELECT 1 FROM pods WHERE (namespace, name) > (?1, ?2) LIMIT ?3)")
          .bind(after?.namespace ?? "", after?.name ?? "", limit)
      : db
          .prepare("SELECT count(*) AS count FROM (SELECT 1 FROM pods WHERE namespace = ?1 AND name > ?2 LIMIT ?3)")
          .bind(namespace, after?.namespace === namespace ? after.name : "", limit);
  return { statements: [statement], read: ([result]) => Number(rowsOf(result)[0]?.["count"]) };
}

/** Those of the pods that exist and are still the ones meant. */
export function readPodsByKey(db: D1Database, keys: readonly PodKey[]): Part<readonly PodRow[]> {
  const statements = jsonChunks(keys).map((chunk) =>
    db.prepare(`SELECT p.* FROM json_each(?1) AS j JOIN pods AS p ON ${samePod("p", "j.value")}`).bind(chunk),
  );
  return { statements, read: (results) => results.flatMap((result) => rowsOf(result).map(toPodRow)) };
}

/** The pods of one node, in the order of namespace and name. */
export function readPodsOfNode(db: D1Database, bucket: number, node: string): Part<readonly PodRow[]> {
  const statement = db
    .prepare("SELECT * FROM pods WHERE bucket = ?1 AND node = ?2 ORDER BY namespace, name")
    .bind(bucket, node);
  return { statements: [statement], read: ([result]) => rowsOf(result).map(toPodRow) };
}

/** The pods of a range of buckets, both ends included. */
export function readPodsOfBuckets(db: D1Database, first: number, last: number): Part<readonly PodRow[]> {
  const statement = db.prepare("SELECT * FROM pods WHERE bucket BETWEEN ?1 AND ?2").bind(first, last);
  return { statements: [statement], read: ([result]) => rowsOf(result).map(toPodRow) };
}

/** Pods that are bound to no node, and daemon pods that the scheduler has to look at; `limit` of either. */
export function readUnscheduledPods(db: D1Database, limit: number): Part<readonly PodRow[]> {
  const statements = [
    db.prepare("SELECT * FROM pods WHERE bucket = -1 LIMIT ?1").bind(limit),
    // The number stands in the index too, which is used only where it is the same.
    db.prepare(`SELECT * FROM pods WHERE observation = ${unscheduledObservation} LIMIT ?1`).bind(limit),
  ];
  return { statements, read: (results) => results.flatMap((result) => rowsOf(result).map(toPodRow)) };
}

/** The templates of pods that others may not be near to. */
export function readKeepingAway(db: D1Database): Part<readonly PodTemplate[]> {
  const statement = db.prepare(
    "SELECT body FROM pod_templates WHERE id > '' AND body->'$.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution' IS NOT NULL",
  );
  // Templates are decoded before they are stored.
  return {
    statements: [statement],
    read: ([result]) => rowsOf(result).map(({ body }) => JSON.parse(String(body)) as PodTemplate),
  };
}

/** Under which resource templates stand in the index of owners. */
const templateResource = "pod_templates";

/** Keeps templates and, in the index of owners, who owns their pods; one that is there already costs nothing. */
export function insertTemplates(db: D1Database, templates: ReadonlyMap<string, PodTemplate>): Part<null> {
  const rows = [...templates].map(([id, template]) => ({ id, template }));
  const statements = jsonChunks(rows).flatMap((chunk) => [
    db
      .prepare(
        `INSERT INTO pod_templates (id, body) SELECT j.value->>'$.id', j.value->'$.template' FROM json_each(?1) AS j
         WHERE true ON CONFLICT DO NOTHING`,
      )
      .bind(chunk),
    db
      .prepare(
        `INSERT OR IGNORE INTO owner_references (owner_uid, resource, namespace, name)
         SELECT r.value->>'$.uid', '${templateResource}', '', j.value->>'$.id'
         FROM json_each(?1) AS j, json_each(j.value->'$.template', '$.metadata.ownerReferences') AS r`,
      )
      .bind(chunk),
  ]);
  return { statements, read: () => null };
}

const lostOwnersSql = `
  WITH present AS (SELECT uid FROM objects UNION ALL SELECT uid FROM pods)
  SELECT owner_uid, namespace FROM owner_references
  WHERE resource <> '${templateResource}' AND owner_uid NOT IN (SELECT uid FROM present)
  UNION
  SELECT r.owner_uid, p.namespace FROM owner_references AS r JOIN pods AS p ON p.template = r.name
  WHERE r.resource = '${templateResource}' AND r.owner_uid NOT IN (SELECT uid FROM present)`;

export type LostOwner = { readonly uid: string; readonly namespace: string };

/** Owners that something names and that are not there, each with the namespace of what names it. Reads everything. */
export function readLostOwners(db: D1Database): Part<readonly LostOwner[]> {
  return {
    statements: [db.prepare(lostOwnersSql)],
    read: ([result]) =>
      rowsOf(result).map((row) => ({ uid: String(row["owner_uid"]), namespace: String(row["namespace"]) })),
  };
}

/**
 * The pods that name the owner, in one namespace or (empty) in all. One statement, for a pod that is given another
 * template between two would be found by neither. Where no template names the owner, no pod is read.
 */
export function readPodsOfOwner(db: D1Database, ownerUid: string, namespace: string): Part<readonly PodRow[]> {
  const templates = `SELECT name FROM owner_references WHERE owner_uid = ?1 AND resource = '${templateResource}'`;
  const statement = db
    .prepare(
      `SELECT pods.* FROM (${templates} LIMIT 1) CROSS JOIN pods
        WHERE template IN (${templates}) AND (?2 = '' OR namespace = ?2)`,
    )
    .bind(ownerUid, namespace);
  return { statements: [statement], read: ([result]) => rowsOf(result).map(toPodRow) };
}

export function readTemplates(db: D1Database, ids: readonly string[]): Part<ReadonlyMap<string, PodTemplate>> {
  const statement = db
    .prepare("SELECT id, body FROM pod_templates WHERE id IN (SELECT value FROM json_each(?1))")
    .bind(JSON.stringify(ids));
  return {
    statements: ids.length === 0 ? [] : [statement],
    // Written by `insertTemplates`.
    read: ([result]) =>
      new Map(rowsOf(result).map((row) => [String(row["id"]), JSON.parse(String(row["body"])) as PodTemplate])),
  };
}

/** Forgets templates that no pod and no row of the log names any more. */
export function removeUnusedTemplates(db: D1Database): Part<number> {
  const statements = [
    db.prepare(
      `DELETE FROM pod_templates WHERE id NOT IN (SELECT template FROM pods)
         AND id NOT IN (SELECT body->>'$.template' FROM log WHERE resource = 'pods')
         AND id NOT IN (SELECT previous->>'$.before.template' FROM log
                        WHERE resource = 'pods' AND previous->>'$.before.template' IS NOT NULL)`,
    ),
    db.prepare(
      `DELETE FROM owner_references WHERE resource = '${templateResource}' AND name NOT IN (SELECT id FROM pod_templates)`,
    ),
  ];
  return { statements, read: ([result]) => result?.meta.changes ?? 0 };
}
