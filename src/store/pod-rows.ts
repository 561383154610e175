// The small row that a pod is kept as, and the template that holds what it shares with its siblings.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import type { PodTemplate } from "../model/pod-template.ts";

export type PodRow = {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly rv: number;
  /** Id of the template. */
  readonly template: string;
  /** Empty while the pod is bound to no node. */
  readonly node: string;
  /** -1 while the pod is bound to no node. */
  readonly bucket: number;
  /** The controller's uid. */
  readonly ownerUid: string | null;
  readonly slot: number;
  readonly createdMs: number;
  readonly deletionMs: number | null;
  readonly graceSeconds: number | null;
  readonly hasFinalizers: boolean;
  readonly phase: string;
  /** The number of the last report of its agent; below 0: it waits for room on its node. */
  readonly observation: number;
  /** JSON of the status; null: nothing was reported yet. */
  readonly status: Readonly<Record<string, unknown>> | null;
};

/** The columns of a pod as one JSON text: the body of its log rows. `table` is the alias of the pods table. */
export const podBodySql = (table: string): string => `json_object(
  'template', ${table}.template, 'node', ${table}.node, 'ownerUid', ${table}.owner_uid, 'slot', ${table}.slot,
  'createdMs', ${table}.created_ms, 'deletionMs', ${table}.deletion_ms, 'graceSeconds', ${table}.grace_seconds,
  'hasFinalizers', ${table}.has_finalizers, 'phase', ${table}.phase, 'observation', ${table}.observation,
  'status', json(${table}.status))`;

/** What a log row keeps of a pod's row: the columns of `podBodySql`, as it names them. */
export function loggedColumns(row: PodRow): Readonly<Record<string, unknown>> {
  const { template, node, ownerUid, slot, createdMs, deletionMs, graceSeconds, phase, observation, status } = row;
  const hasFinalizers = row.hasFinalizers ? 1 : 0;
  return {
    template,
    node,
    ownerUid,
    slot,
    createdMs,
    deletionMs,
    graceSeconds,
    hasFinalizers,
    phase,
    observation,
    status,
  };
}

/** A pod from its row in the table. */
export function toPodRow(row: Record<string, unknown>): PodRow {
  const status = row["status"];
  return {
    namespace: String(row["namespace"]),
    name: String(row["name"]),
    uid: String(row["uid"]),
    rv: Number(row["rv"]),
    template: String(row["template"]),
    node: String(row["node"]),
    bucket: Number(row["bucket"]),
    ownerUid: nullable(row["owner_uid"], String),
    slot: Number(row["slot"]),
    createdMs: Number(row["created_ms"]),
    deletionMs: nullable(row["deletion_ms"], Number),
    graceSeconds: nullable(row["grace_seconds"], Number),
    hasFinalizers: Number(row["has_finalizers"]) !== 0,
    phase: String(row["phase"]),
    observation: Number(row["observation"]),
    // Written by the store, which takes only decoded statuses.
    status: typeof status === "string" ? (JSON.parse(status) as PodRow["status"]) : null,
  };
}

function nullable<T>(value: unknown, convert: (value: unknown) => T): T | null {
  return value === null || value === undefined ? null : convert(value);
}

/** The parts of a log row that make up a pod. */
type LoggedPod = {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly seq: number;
  readonly bucket: number;
  readonly body: string;
};

/** A pod from a row of the log. */
export function loggedPodRow(change: LoggedPod): PodRow {
  // `podBodySql` wrote it.
  const body = JSON.parse(change.body) as Omit<
    PodRow,
    "namespace" | "name" | "uid" | "rv" | "bucket" | "hasFinalizers"
  > & {
    readonly hasFinalizers: number;
  };
  const { namespace, name, uid, seq, bucket } = change;
  return { ...body, hasFinalizers: body.hasFinalizers !== 0, namespace, name, uid, rv: seq, bucket };
}

/** The name of a template: a digest of its content, so equal templates are one and none ever changes. */
export function templateId(template: PodTemplate): string {
  const text = JSON.stringify(template);
  return bytesToHex(sha256(new TextEncoder().encode(text))).slice(0, 32);
}
