// I2, I4, I9: a controller deletes a pod only for a reason, and an available one only within the budget.
import type { Rule, Step } from "../history.ts";
import { eligibility, hashLabel, isAvailable, isCurrent, isLive, isTerminal, selects, usesSurge } from "../oracle.ts";
import type { DaemonSetBody, PodState } from "../state.ts";
import {
  controlledBy,
  currentHash,
  everHeld,
  podsOn,
  podsSince,
  recentHashes,
  recentNodes,
  recentPods,
  recentSets,
  servingWithout,
  wasGone,
} from "./daemon-pods.ts";

type Removal = { readonly pod: PodState; readonly set: DaemonSetBody };

/** The pod that a row begins to delete, as it was. */
function removalIn({ entry, before, state }: Step): Removal | null {
  const controller = controlledBy(entry);
  if (controller === null || before?.subject.kind !== "pod" || entry.subject.kind !== "pod") return null;
  const { pod } = before.subject;
  const begins = entry.type === "DELETED" || entry.subject.pod.deletionMs !== null;
  const set = state.set(controller);
  return begins && pod.deletionMs === null && set !== null ? { pod, set } : null;
}

export const ownPodsOnly: Rule = {
  id: "I9",
  name: "owner of a pod that is deleted",
  check: (step) => {
    const removal = removalIn(step);
    if (removal === null) return undefined;
    const { pod, set } = removal;
    if (pod.ownerUid !== set.metadata.uid) return `the pod is owned by ${pod.ownerUid ?? "nobody"}`;
    if (set.metadata.deletionTimestamp !== undefined) return null;
    const recent = recentPods(step.state, pod, step.entry.committedMs);
    const wasOwn = recent.some(({ labels }) => selects(set.spec.selector, labels));
    return wasOwn ? null : "the pod's labels do not match the selector";
  },
};

type Reason = "must leave" | "ended" | "surplus" | "rollout" | "none";

function reasonFor(step: Step, { pod, set }: Removal): Reason {
  const { state, entry } = step;
  if (isTerminal(pod)) return "ended";
  const sets = recentSets(state, set, entry.committedMs);
  const nodes = recentNodes(state, pod.node, entry.committedMs);
  // Nobody runs it, and the node that it is for is gone: the pods of such a node that run are collected by the shard.
  if (pod.isWaiting && wasGone(state, pod.node, entry.committedMs)) return "must leave";
  if (everHeld(sets, nodes, ({ stay }) => !stay)) return "must leave";
  const others = podsOn(state, set.metadata.uid, pod.node).filter((other) => other.uid !== pod.uid);
  // Somebody may have asked for the end of the other one meanwhile.
  const beside = others.filter((other) => recentPods(state, other, entry.committedMs).some(isLive));
  if (beside.length > 0) return "surplus";
  const hashes = recentHashes(state, set.metadata.uid, entry.committedMs);
  const rolls = ({ spec }: DaemonSetBody) => spec.updateStrategy.type === "RollingUpdate";
  return sets.some((one) => rolls(one) && hashes.some((hash) => !isCurrent(pod, one, hash))) ? "rollout" : "none";
}

export const reasonToDelete: Rule = {
  id: "I4",
  name: "reason for a deletion",
  check: (step) => {
    const removal = removalIn(step);
    if (removal === null) return undefined;
    if (reasonFor(step, removal) !== "none") return null;
    const { pod, set } = removal;
    return `nothing asks for the end of this pod: ${set.spec.updateStrategy.type}, hash ${pod.labels[hashLabel]}, node ${pod.node}`;
  },
};

export const unavailableBudget: Rule = {
  id: "I2",
  name: "budget for the deletion of an available pod",
  check: (step) => {
    const removal = removalIn(step);
    if (removal === null) return undefined;
    const { pod, set } = removal;
    const { state, entry } = step;
    const node = state.node(pod.node);
    if (node === null || !eligibility(set.spec.template.spec, node).run) return undefined;
    // It may have become available after its end was decided on.
    const known = podsSince(state, pod, entry.atMs);
    if (!known.every((version) => isAvailable(version, set, entry.atMs))) return undefined;
    const reason = reasonFor(step, removal);
    const beside = podsOn(state, set.metadata.uid, pod.node).filter((other) => other.uid !== pod.uid);
    if (reason === "surplus") return surplus(step, { pod, set, beside });
    if (reason !== "rollout") return undefined;
    const excess = overBudget(step, removal);
    const isPremiseOld = () =>
      recentSets(state, set, entry.committedMs).some((earlier) => overBudget(step, { pod, set: earlier }) === null);
    return excess === null || isPremiseOld() ? null : excess;
  },
};

function overBudget({ state, entry }: Step, { pod, set }: Removal): string | null {
  const { unavailable, budget } = servingWithout(state, set, pod.uid, entry.atMs);
  if (usesSurge(set)) return "an available pod goes before its successor is available";
  if (unavailable <= budget.unavailable) return null;
  return `${unavailable} nodes are without an available pod, and ${budget.unavailable} may be`;
}

type Crowd = Removal & { readonly beside: readonly PodState[] };

/** With surge an old pod stays until a current one is available; of two old ones, or two current ones, one is enough. */
function surplus({ state, entry }: Step, { pod, set, beside }: Crowd): string | null {
  const hash = currentHash(state, set.metadata.uid);
  const isNew = ({ labels }: PodState) => labels[hashLabel] === hash;
  const isTwin = beside.some((other) => isLive(other) && isNew(other) === isNew(pod));
  if (!usesSurge(set) || isTwin) return null;
  // Its end may have been asked for meanwhile.
  const known = beside.flatMap((other) => podsSince(state, other, entry.atMs));
  return known.some((other) => isLive(other) && isAvailable(other, set, entry.atMs))
    ? null
    : "an available pod goes though the one beside it is not available yet";
}
