// What a node shard does of its own accord: counts silent nodes as lost, evicts pods that a taint drives away, and
// collects those whose node is gone. What is to be done is decided in core/shard-plan.ts.
import { conditionStatus, podStatusOnLostNode, unknownConditions } from "../core/node-lifecycle.ts";
import type { ShardPlan, TendedNode } from "../core/shard-plan.ts";
import { goTime } from "../model/instant.ts";
import type { Node } from "../model/node.ts";
import type { Told } from "../store/event-recorder.ts";
import type { PodRow } from "../store/pod-rows.ts";
import type { TemplateCache } from "../store/template-cache.ts";
import { withLifecycleTaints } from "../sync/node-object.ts";
import type { ShardWrites } from "../sync/shard-writes.ts";
import { changedNode, noWrites } from "../sync/shard-writes.ts";
import type { ImageNode, ShardImage } from "./shard-image.ts";

/** How the shard hears of a node. */
export type Hearing = { readonly lastSeenMs: number; readonly connected: boolean };

/** The nodes as the plan reads them. The templates of all pods must be loaded. */
export function tendedNodes(
  image: ShardImage,
  templates: TemplateCache,
  hearing: (node: string) => Hearing,
): readonly TendedNode[] {
  return [...image.nodes.values()].map(({ name, object, pods }) => ({
    name,
    exists: object !== null,
    ready: (object === null ? undefined : conditionStatus(object, "Ready")) ?? null,
    ...hearing(name),
    taints: object?.spec.taints ?? [],
    pods: [...pods.values()].map(({ uid, deletionMs, template }) => ({
      uid,
      deleting: deletionMs !== null,
      tolerations: templates.get(template).spec.tolerations ?? [],
    })),
  }));
}

/** What the plan asks to be written. */
export function tendingWrites(plan: ShardPlan, image: ShardImage, nowMs: number): ShardWrites {
  const nodes = [...image.nodes.values()];
  const lost = nodes.filter(({ name }) => plan.lost.includes(name));
  const evicted = nodes.flatMap(({ pods }) => [...pods.values()]).filter(({ uid }) => plan.evict.includes(uid));
  const collected = nodes
    .filter(({ name }) => plan.collect.includes(name))
    .flatMap(({ pods }) => [...pods.values()])
    .filter((pod) => !isCollected(pod));
  return {
    ...noWrites,
    changedNodes: lost.flatMap(({ object }) => (object === null ? [] : [changedNode(object, lostNode(object, nowMs))])),
    statuses: lost.flatMap((node) => lostPodStatuses(node, nowMs)),
    disruptions: [
      ...evicted.map((pod) => disruption(pod, nowMs, evictionReason)),
      ...collected.map((pod) => disruption(pod, nowMs, collectionReason, "Failed")),
    ],
    removals: [...evicted.map((pod) => removal(pod, null)), ...collected.map((pod) => removal(pod, 0))],
    events: [...lost.flatMap(lostEvents), ...evicted.map(evictionEvent)],
  };
}

/** Nothing is left to do but to wait for whoever holds it. */
function isCollected({ phase, deletionMs, graceSeconds }: PodRow): boolean {
  return phase === "Failed" && deletionMs !== null && graceSeconds === 0;
}

function lostNode(node: Node, nowMs: number): Node {
  const conditions = unknownConditions(node.status.conditions ?? [], goTime(nowMs));
  // The conditions keep their fields; only states, reasons and times are others.
  const status = { ...node.status, conditions } as Node["status"];
  return withLifecycleTaints({ ...node, status }, nowMs);
}

function lostPodStatuses({ pods }: ImageNode, nowMs: number): ShardWrites["statuses"] {
  return [...pods.values()].flatMap((row) => {
    const status = row.status === null ? null : podStatusOnLostNode(row.status, goTime(nowMs));
    return status === null ? [] : [{ ...statusKey(row), phase: row.phase, status, lost: true }];
  });
}

function statusKey({ namespace, name, uid, node, observation, rv }: PodRow) {
  return { namespace, name, uid, node, observation, expectRv: rv };
}

type Reason = { readonly reason: string; readonly message: string };

const evictionReason: Reason = {
  reason: "DeletionByTaintManager",
  message: "Taint manager: deleting due to NoExecute taint",
};
const collectionReason: Reason = { reason: "DeletionByPodGC", message: "PodGC: node no longer exists" };

/** `phase`: that it has from now on; null: the one it has. */
export function disruption(
  { namespace, name, uid, node }: PodRow,
  nowMs: number,
  why: Reason,
  phase: string | null = null,
): ShardWrites["disruptions"][number] {
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    ...why,
    lastProbeTime: null,
    lastTransitionTime: goTime(nowMs),
  };
  return { namespace, name, uid, node, condition, phase };
}

export function removal(
  { namespace, name, uid, node }: PodRow,
  graceSeconds: number | null,
): ShardWrites["removals"][number] {
  return { namespace, name, uid, node, graceSeconds };
}

function lostEvents({ name, object }: ImageNode): readonly Told[] {
  if (object === null) return [];
  const subject = { kind: "Node", namespace: "", name, uid: object.metadata.uid ?? "", apiVersion: "v1" };
  const message = `Node ${name} status is now: NodeNotReady`;
  return [
    {
      happening: { subject, type: "Normal", reason: "NodeNotReady", message },
      source: { component: "node-controller" },
    },
  ];
}

function evictionEvent({ namespace, name, uid }: PodRow): Told {
  const subject = { kind: "Pod", namespace, name, uid, apiVersion: "v1" };
  const message = `Marking for deletion Pod ${namespace}/${name}`;
  const source = { component: "taint-eviction-controller" };
  return { happening: { subject, type: "Normal", reason: "TaintManagerEviction", message }, source };
}
