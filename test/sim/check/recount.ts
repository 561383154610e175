// The counters of a DaemonSet's status, counted anew from nodes and pods.
import { eligibility, isAvailable, isCurrent, isTerminal } from "./oracle.ts";
import type { DaemonSetBody, NodeBody, PodState } from "./state.ts";

export type Counters = Readonly<Record<(typeof counterNames)[number], number>>;

const counterNames = [
  "desiredNumberScheduled",
  "currentNumberScheduled",
  "numberMisscheduled",
  "numberReady",
  "numberAvailable",
  "numberUnavailable",
  "updatedNumberScheduled",
] as const;

export type CountInput = {
  readonly set: DaemonSetBody;
  /** Of the current revision. */
  readonly hash: string;
  readonly nodes: Iterable<NodeBody>;
  /** Those of the set. */
  readonly pods: Iterable<PodState>;
  readonly atMs: number;
};

/** The pod by which a node is counted: one that its node has room for, the oldest, by name among those of one age. */
function firstPod(pods: readonly PodState[]): PodState | undefined {
  return [...pods].sort(
    (a, b) => Number(a.isWaiting) - Number(b.isWaiting) || a.createdMs - b.createdMs || (a.name < b.name ? -1 : 1),
  )[0];
}

export function recount({ set, hash, nodes, pods, atMs }: CountInput): Counters {
  const counted = [...pods].filter((pod) => !(isTerminal(pod) && pod.deletionMs !== null));
  const byNode = Map.groupBy(counted, ({ node }) => node);
  let [desired, current, misscheduled, ready, available, updated] = [0, 0, 0, 0, 0, 0];
  for (const node of nodes) {
    const first = firstPod(byNode.get(node.metadata.name) ?? []);
    if (!eligibility(set.spec.template.spec, node).run) {
      if (first !== undefined) misscheduled += 1;
      continue;
    }
    desired += 1;
    if (first === undefined) continue;
    current += 1;
    if (first.readySinceMs !== null) ready += 1;
    if (isAvailable(first, set, atMs)) available += 1;
    if (isCurrent(first, set, hash)) updated += 1;
  }
  return {
    desiredNumberScheduled: desired,
    currentNumberScheduled: current,
    numberMisscheduled: misscheduled,
    numberReady: ready,
    numberAvailable: available,
    numberUnavailable: desired - available,
    updatedNumberScheduled: updated,
  };
}

/** Names of counters that differ, with what they are and what they should be. */
export function differences(status: Readonly<Record<string, number>>, counted: Counters): string {
  return counterNames
    .filter((name) => (status[name] ?? 0) !== counted[name])
    .map((name) => `${name} is ${status[name] ?? 0} and should be ${counted[name]}`)
    .join(", ");
}
