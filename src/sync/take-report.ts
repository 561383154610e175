// What a message from an agent changes, given what is known of its node. Taking the same message twice changes nothing.

import { bucketOf } from "../core/buckets.ts";
import type { Happening } from "../core/event-correlator.ts";
import { conditionStatus } from "../core/node-lifecycle.ts";
import { isReadyStatus, reportedPodStatus } from "../core/pod-conditions.ts";
import { goTime } from "../model/instant.ts";
import type { Node } from "../model/node.ts";
import { PodStatus } from "../model/pod-status.ts";
import type { PodRow } from "../store/pod-rows.ts";
import type { EventReport, PodReport, SyncRequest } from "./messages.ts";
import type { Grant } from "./node-object.ts";
import { newNode, reportedNode } from "./node-object.ts";
import type { ShardWrites } from "./shard-writes.ts";
import { changedNode } from "./shard-writes.ts";

/** What is known of the node when its agent speaks. */
export type KnownNode = {
  readonly name: string;
  /** Null: there is no such Node. */
  readonly object: Node | null;
  readonly pods: ReadonlyMap<string, PodRow>;
};

export type Taking = {
  readonly known: KnownNode;
  readonly grant: Grant;
  readonly nowMs: number;
  /** For a Node that has to be made. */
  readonly newUid: () => string;
};

export function takeReport(request: SyncRequest, taking: Taking): ShardWrites {
  const { known, nowMs } = taking;
  const reports = (request.pods ?? []).flatMap((report) => {
    const row = known.pods.get(report.uid);
    return row === undefined ? [] : [{ report, row }];
  });
  return {
    ...takeNodeReport(request, taking),
    statuses: reports.flatMap(({ report, row }) => takeStatus(report, row, nowMs)),
    disruptions: [],
    removals: reports
      .filter(({ report, row }) => isOver(report, row))
      .map(({ row }) => ({ ...podKey(row), graceSeconds: 0 })),
    events: [],
  };
}

/** A pod is over when its agent says so, and was asked to end it. */
function isOver(report: PodReport, row: PodRow): boolean {
  return report.ended === true && row.deletionMs !== null && !(row.hasFinalizers && row.graceSeconds === 0);
}

function podKey({ namespace, name, uid, node }: PodRow) {
  return { namespace, name, uid, node };
}

function takeStatus(report: PodReport, row: PodRow, nowMs: number): ShardWrites["statuses"] {
  if (report.status === undefined || report.observation <= row.observation) return [];
  // A pod that goes now needs no last word, unless a finalizer keeps it.
  if (isOver(report, row) && !row.hasFinalizers) return [];
  const decoded = PodStatus.safeParse(report.status);
  if (!decoded.success) return [];
  const status = reportedPodStatus(row.status, decoded.data, goTime(nowMs));
  // An agent that has just started tells everything again.
  if (JSON.stringify(status) === JSON.stringify(row.status)) return [];
  const lost = isReadyStatus(row.status) && !isReadyStatus(status);
  return [{ ...podKey(row), phase: status.phase ?? "Pending", status, lost, observation: report.observation }];
}

type NodeWrites = Pick<ShardWrites, "newNodes" | "changedNodes">;

function takeNodeReport(request: SyncRequest, { known, grant, nowMs, newUid }: Taking): NodeWrites {
  const { nodeReport: report } = request;
  if (report === undefined) return { newNodes: [], changedNodes: [] };
  if (known.object === null) {
    if (request.register !== true) return { newNodes: [], changedNodes: [] };
    const object = newNode({ name: known.name, uid: newUid(), report, grant, nowMs });
    const key = { resource: "nodes", namespace: "", name: known.name, bucket: bucketOf(known.name) };
    return { newNodes: [{ ...key, object }], changedNodes: [] };
  }
  const object = reportedNode(known.object, report, nowMs);
  if (object === known.object) return { newNodes: [], changedNodes: [] };
  return { newNodes: [], changedNodes: [changedNode(known.object, object)] };
}

/**
 * Whether the agent must say everything again: the node counted as lost when the message came, and the message does not
 * undo all that was then written of it and its pods.
 */
export function mustResend({ nodeReport, pods = [] }: SyncRequest, { object, pods: known }: KnownNode): boolean {
  if (object === null || conditionStatus(object, "Ready") !== "Unknown") return false;
  const told = new Set(pods.map(({ uid }) => uid));
  return (
    nodeReport === undefined || [...known.values()].some(({ uid, observation }) => observation > 0 && !told.has(uid))
  );
}

/** An agent's event as a happening: about one of the node's own pods, or about the node. Null: about neither. */
export function takeEvent(event: EventReport, { name, object, pods }: KnownNode): Happening | null {
  const { type, reason, message, fieldPath } = event;
  if (event.podUid === undefined) {
    if (object === null) return null;
    const subject = { kind: "Node", namespace: "", name, uid: object.metadata.uid ?? "", apiVersion: "v1" };
    return { subject, type, reason, message };
  }
  const pod = pods.get(event.podUid);
  if (pod === undefined) return null;
  const place = { kind: "Pod", namespace: pod.namespace, name: pod.name, uid: pod.uid, apiVersion: "v1" };
  return { subject: { ...place, ...(fieldPath === undefined ? {} : { fieldPath }) }, type, reason, message };
}
