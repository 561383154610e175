// D1 to D3: what users were told, against the log: the order of writes is the order of time, reads are of their time, and
// of two writes on the same premise one fails.
import type { Operation } from "../world/recorder.ts";
import type { Breach } from "./history.ts";
import type { Checked, InvariantId } from "./invariants.ts";
import type { ClusterState, Entry } from "./state.ts";
import { keyOf } from "./state.ts";

export type Record = {
  readonly entries: readonly Entry[];
  readonly state: ClusterState;
  /** The last row that was there at a time. */
  seqAt(atMs: number): number;
};

type Meta = {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
};

type Done = {
  readonly operation: Operation;
  readonly invokedMs: number;
  readonly returnedMs: number;
  readonly status: number;
  readonly meta: Meta;
  readonly rv: number;
};

/** Operations that were answered with one object. */
function done(operations: readonly Operation[]): readonly Done[] {
  return operations.flatMap((operation) => {
    const { answer, invokedMs, returnedMs } = operation;
    if (answer?.outcome !== "answered" || returnedMs === null || answer.status >= 300) return [];
    // Objects and lists of the API have metadata.
    const meta = answer.body["metadata"] as Meta | undefined;
    if (meta?.uid === undefined || meta.resourceVersion === undefined) return [];
    return [{ operation, invokedMs, returnedMs, status: answer.status, meta, rv: Number(meta.resourceVersion) }];
  });
}

function entryAt(entries: readonly Entry[], rv: number): Entry | undefined {
  // By halves: rows are in the order of their numbers.
  let [low, high] = [0, entries.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const entry = entries[middle];
    if (entry === undefined || entry.seq === rv) return entry;
    if (entry.seq < rv) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

/** What was answered is a version that there was, at a time between question and answer. */
function versionBreach(one: Done, { entries, state }: Record): string | null {
  const entry = entryAt(entries, one.rv);
  const what = `${one.operation.request.method} ${one.operation.request.path}`;
  if (entry === undefined || entry.uid !== one.meta.uid)
    return `${what} was answered with a version that never was: ${one.rv}`;
  if (entry.committedMs > one.returnedMs) return `${what} was answered before version ${one.rv} was written`;
  const versions = state.history(entry);
  const next = versions[versions.indexOf(entry) + 1];
  const wasOver = next !== undefined && next.committedMs < one.invokedMs;
  return wasOver
    ? `${what} was answered with version ${one.rv} of ${keyOf(entry)}, which ${next.seq} had replaced`
    : null;
}

function isWrite({ operation }: Done): boolean {
  return operation.request.method !== "GET" && operation.request.method !== "DELETE";
}

/** Of writes that were one after the other the later has the higher number. */
function orderBreach(writes: readonly Done[], { entries }: Record): string | null {
  // Some change nothing, and are answered with what there was.
  const own = writes.filter(({ rv, invokedMs }) => (entryAt(entries, rv)?.committedMs ?? 0) >= invokedMs);
  for (const a of own) {
    for (const b of own) {
      if (a.returnedMs < b.invokedMs && a.rv >= b.rv) return `write ${a.rv} was over before write ${b.rv} began`;
    }
  }
  return null;
}

function expectedRv({ operation }: Done): number | null {
  const { method, body } = operation.request;
  if (method !== "PUT") return null;
  // A whole object.
  const version = (body as { readonly metadata?: Meta }).metadata?.resourceVersion;
  return version === undefined ? null : Number(version);
}

/** Nobody wrote between what a locked write was based on and that write. */
function lockBreach(write: Done, { entries, state }: Record): string | null {
  const premise = expectedRv(write);
  const entry = entryAt(entries, write.rv);
  if (premise === null || entry === undefined || write.rv === premise) return null;
  const between = state.history(entry).find(({ seq }) => seq > premise && seq < write.rv);
  return between === undefined ? null : `a write based on ${premise} replaced ${between.seq} unseen`;
}

function isDeletion({ request, answer }: Operation): boolean {
  return request.method === "DELETE" && answer?.outcome === "answered" && answer.status < 300;
}

/** What was deleted with an answer is gone, or on its way. */
function deletionBreach(operation: Operation, { state }: Record): string | null {
  const { request, answer } = operation;
  if (!isDeletion(operation) || answer?.outcome !== "answered") return null;
  const details = answer.body["details"] as { readonly uid?: string } | undefined;
  const meta = answer.body["metadata"] as Meta | undefined;
  const uid = details?.uid ?? meta?.uid;
  const standing = [...state.latest.values()].find((entry) => entry.uid === uid);
  if (standing === undefined) return null;
  const { subject } = standing;
  const isGoing =
    subject.kind === "pod" ? subject.pod.deletionMs !== null : subject.body.metadata.deletionTimestamp !== undefined;
  return isGoing ? null : `DELETE ${request.path} was answered, and nothing came of it`;
}

export function orderBreaches(operations: readonly Operation[], record: Record, checked: Checked): readonly Breach[] {
  const all = done(operations);
  const writes = all.filter(isWrite);
  checked({ id: "D1", name: "answers are of their time" }, all.length);
  checked({ id: "D1", name: "deletions that were answered" }, operations.filter(isDeletion).length);
  checked({ id: "D2", name: "order of writes" }, writes.length);
  checked({ id: "D3", name: "locked writes" }, writes.filter((write) => expectedRv(write) !== null).length);
  const found = (rule: InvariantId, what: string | null): readonly Breach[] => (what === null ? [] : [{ rule, what }]);
  return [
    ...all.flatMap((one) => found("D1", versionBreach(one, record))),
    ...found("D2", orderBreach(writes, record)),
    ...writes.flatMap((write) => found("D3", lockBreach(write, record))),
    ...operations.flatMap((operation) => found("D1", deletionBreach(operation, record))),
  ];
}
