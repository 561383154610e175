// The Node that an agent's report makes or changes.
// Source: pkg/kubelet/kubelet_node_status.go initialNode, updateDefaultLabels.
import { lifecycleTaints, reportedConditions } from "../core/node-lifecycle.ts";
import type { Taint } from "../core/tolerations.ts";
import { goTime } from "../model/instant.ts";
import { Node } from "../model/node.ts";
import {
  heldCondition,
  heldReasonAnnotation,
  heldUntilAnnotation,
  heldUntilMs,
  longestHoldMs,
} from "../model/node-hold.ts";
import type { NodeReport } from "./messages.ts";

/** What a join token gives to the nodes that join with it. */
export type Grant = {
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: NonNullable<Node["spec"]["taints"]>;
};

/** Labels an agent keeps true; all others are the users' once the Node exists. */
const agentLabels = [
  "kubernetes.io/hostname",
  "kubernetes.io/os",
  "kubernetes.io/arch",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/arch",
] as const;

/** Label prefixes that an agent may not give its own node. Source: NodeRestriction admission. */
const reservedPrefix = /^([^/]+\.)?(node-restriction\.kubernetes\.io|node-role\.kubernetes\.io)\//;

export type NewNode = {
  readonly name: string;
  readonly uid: string;
  readonly report: NodeReport;
  readonly grant: Grant;
  readonly nowMs: number;
};

export function newNode({ name, uid, report, grant, nowMs }: NewNode): Node {
  const own = Object.entries(report.labels).filter(([key]) => !reservedPrefix.test(key));
  const taints = grant.taints ?? [];
  const bare = Node.parse({
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      uid,
      creationTimestamp: goTime(nowMs),
      labels: { ...Object.fromEntries(own), ...grant.labels },
    },
    spec: { taints },
  });
  return reportedNode(bare, report, nowMs);
}

/** The Node after its agent's report; the very same one when the report says nothing new. */
export function reportedNode(node: Node, report: NodeReport, nowMs: number): Node {
  const now = goTime(nowMs);
  const { addresses, capacity, allocatable, nodeInfo } = report;
  const held = heldState(node, report, nowMs);
  const conditions = reportedConditions(held.stored, [...report.conditions, ...held.conditions], now);
  const status = { ...node.status, capacity, allocatable, conditions, addresses, nodeInfo };
  const labels = { ...node.metadata.labels };
  for (const key of agentLabels) {
    const value = report.labels[key];
    if (value !== undefined) labels[key] = value;
  }
  // The report was decoded by its own schema, whose fields are these.
  const changed = { ...node, metadata: { ...node.metadata, labels, ...held.metadata }, status } as Node;
  const tainted = withLifecycleTaints(changed, nowMs);
  return JSON.stringify(tainted) === JSON.stringify(node) ? node : tainted;
}

type Condition = NodeReport["conditions"][number];

/** Two reckonings of one hold's end may differ by the time that messages take. */
const sameEndMs = 60_000;

/** What a hold makes of a Node's conditions and annotations. One that the agent never told of is somebody else's. */
function heldState(node: Node, { hold }: NodeReport, nowMs: number) {
  const { annotations } = node.metadata;
  const conditions = node.status.conditions ?? [];
  const stored = conditions.filter(({ type }) => type !== heldCondition);
  if (hold === undefined) {
    if (stored.length === conditions.length) return { stored, conditions: [], metadata: {} };
    const { [heldUntilAnnotation]: _until, [heldReasonAnnotation]: _reason, ...others } = annotations ?? {};
    return { stored, conditions: [], metadata: { annotations: others } };
  }
  const reckonedMs = nowMs + Math.min(longestHoldMs, hold.remainingSeconds * 1000);
  const knownMs = heldUntilMs(annotations);
  const untilMs = knownMs !== undefined && Math.abs(knownMs - reckonedMs) < sameEndMs ? knownMs : reckonedMs;
  const until = goTime(untilMs);
  const condition: Condition = {
    type: heldCondition,
    status: "True",
    reason: "HeldAtNode",
    message: `nothing new is started on this node until ${until}: ${hold.reason}`,
  };
  const noted = { ...annotations, [heldUntilAnnotation]: until, [heldReasonAnnotation]: hold.reason };
  return { stored: conditions, conditions: [condition], metadata: { annotations: noted } };
}

/** The Node with the taints that its conditions and `unschedulable` call for. */
export function withLifecycleTaints(node: Node, nowMs: number): Node {
  const taints = lifecycleTaints(node, goTime(nowMs));
  if (taints === null) return node;
  const { taints: _before, ...spec } = node.spec;
  return { ...node, spec: taints.length === 0 ? spec : { ...spec, taints: taints.map(asStored) } };
}

function asStored({ key, value, effect, timeAdded }: Taint) {
  return {
    key,
    ...(value === undefined ? {} : { value }),
    effect,
    ...(timeAdded === undefined ? {} : { timeAdded }),
  };
}
