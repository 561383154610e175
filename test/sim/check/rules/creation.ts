// I1, I3: a controller makes a pod only where one is missing, and only where one ought to be.
import type { Rule, Step } from "../history.ts";
import { hashLabel, isAvailable, isLive, isTerminal, usesSurge } from "../oracle.ts";
import type { DaemonSetBody, PodState } from "../state.ts";
import { controlledBy, everHeld, podsOn, recentNodes, recentSets, servingWithout } from "./daemon-pods.ts";

type Creation = { readonly pod: PodState; readonly set: DaemonSetBody; readonly others: readonly PodState[] };

function creationIn({ entry, state }: Step): Creation | null {
  const controller = controlledBy(entry);
  if (controller === null || entry.type !== "ADDED" || entry.subject.kind !== "pod") return null;
  const { pod } = entry.subject;
  const set = state.set(controller);
  if (set === null) return null;
  const others = podsOn(state, controller, pod.node).filter(
    (other) => !(isTerminal(other) && other.deletionMs !== null),
  );
  return { pod, set, others };
}

export const creationForNobody: Rule = {
  id: "I9",
  name: "owner of a new pod",
  check: ({ entry, state }) => {
    const controller = controlledBy(entry);
    if (controller === null || entry.type !== "ADDED" || entry.subject.kind !== "pod") return undefined;
    if (entry.subject.pod.ownerUid !== controller) return "the pod is made for another owner";
    const set = state.set(controller);
    if (set === null) return "a pod is made for a set that is gone";
    return set.metadata.deletionTimestamp === undefined ? null : "a pod is made for a set that is going";
  },
};

export const onePod: Rule = {
  id: "I1",
  name: "a new pod's node",
  check: (step) => {
    const creation = creationIn(step);
    if (creation === null) return undefined;
    const { pod, set, others } = creation;
    const alive = others.filter(isLive);
    const twin = alive.find(({ labels }) => labels[hashLabel] === pod.labels[hashLabel]);
    if (twin !== undefined) return `pod ${twin.name} of the same revision is on node ${pod.node} already`;
    const surges = recentSets(step.state, set, step.entry.committedMs).some(usesSurge);
    if (!surges && others.length > 0)
      return `node ${pod.node} has pod ${others[0]?.name} already, and there is no surge`;
    return alive.length > 1 ? `node ${pod.node} gets a third pod` : null;
  },
};

/** Nodes that have an available old pod and beside it a new one that is not available yet. */
function surgingNodes({ state }: Step, set: DaemonSetBody, atMs: number): number {
  const alive = Map.groupBy([...state.podsOf(set.metadata.uid)].filter(isLive), ({ node }) => node);
  return [...alive.values()].filter((pods) => {
    const available = pods.filter((pod) => isAvailable(pod, set, atMs));
    return pods.length > 1 && available.length > 0 && available.length < pods.length;
  }).length;
}

export const surgeBudget: Rule = {
  id: "I1",
  name: "nodes that surge",
  check: (step) => {
    const creation = creationIn(step);
    if (creation === null) return undefined;
    const { set, others } = creation;
    const { atMs } = step.entry;
    const beside = others.some((other) => isLive(other) && isAvailable(other, set, atMs));
    if (!beside || !usesSurge(set)) return undefined;
    const surging = surgingNodes(step, set, atMs) + 1;
    const mayOf = (one: DaemonSetBody) => servingWithout(step.state, one, "", atMs).budget.surge;
    const may = mayOf(set);
    if (surging <= may) return null;
    // It may have been more when it was decided on.
    const isPremiseOld = recentSets(step.state, set, step.entry.committedMs).some((one) => surging <= mayOf(one));
    return isPremiseOld ? null : `${surging} nodes surge, and ${may} may`;
  },
};

export const eligibleNode: Rule = {
  id: "I3",
  name: "eligibility of a new pod's node",
  check: (step) => {
    const creation = creationIn(step);
    if (creation === null) return undefined;
    const { pod, set } = creation;
    if (step.state.node(pod.node) === null) return `there is no node ${pod.node}`;
    const { committedMs } = step.entry;
    const sets = recentSets(step.state, set, committedMs);
    const nodes = recentNodes(step.state, pod.node, committedMs);
    return everHeld(sets, nodes, ({ run }) => run) ? null : `node ${pod.node} is not one for these pods`;
  },
};
