// The Node that an agent's report makes or changes.
// Source: pkg/kubelet/kubelet_node_status.go initialNode, updateDefaultLabels.
import { lifecycleTaints, reportedConditions } from "../core/node-lifecycle.ts";
import type { Taint } from "../core/tolerations.ts";
import { goTime } from "../model/instant.ts";
import { Node } from "../model/node.ts";
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
  const conditions = reportedConditions(node.status.conditions ?? [], report.conditions, now);
  const status = { ...node.status, capacity, allocatable, conditions, addresses, nodeInfo };
  const labels = { ...node.metadata.labels };
  for (const key of agentLabels) {
    const value = report.labels[key];
    if (value !== undefined) labels[key] = value;
  }
  // The report was decoded by its own schema, whose fields are these.
  const changed = { ...node, metadata: { ...node.metadata, labels }, status } as Node;
  const tainted = withLifecycleTaints(changed, nowMs);
  return JSON.stringify(tainted) === JSON.stringify(node) ? node : tainted;
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
