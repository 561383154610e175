// What one DaemonSet wants of one node, and what that node adds to its status and its rolling update.
// Everything is a function of the node's entry, so a change of one node costs the same in a fleet of any size.
// Source: pkg/controller/daemon podsShouldBeOnNode, rollingUpdate, updateDaemonSetStatus.
import type { DaemonSetFacts, PodFacts } from "./daemon-pods.ts";
import {
  availableAtMs,
  comparePods,
  countedPods,
  isPodAvailable,
  isPodReady,
  isPodUpdated,
  isTerminal,
} from "./daemon-pods.ts";
import type { FailureBackoff } from "./failure-backoff.ts";
import { failureBackoffUntilMs } from "./failure-backoff.ts";

/** What a DaemonSet's ledger holds about one node. */
export type NodeEntry = {
  readonly name: string;
  /** False: there is no such Node any more, but pods bound to it. */
  readonly exists: boolean;
  readonly shouldRun: boolean;
  readonly shouldContinueRunning: boolean;
  /** All claimed pods meant for the node, whatever their state. */
  readonly pods: readonly PodFacts[];
  readonly backoff: FailureBackoff | null;
  /** Somebody at the node has said "not now", and until when. */
  readonly heldUntilMs?: number;
};

/** The part a node plays in a rolling update. */
export type RolloutClass =
  /** None, or the manage step comes first. */
  | "none"
  /** Its old pod is not available: replaced whatever the budget. */
  | "replaceNow"
  /** Its old pod is available: replaced (or surged beside) as the budget allows. */
  | "candidate"
  /** Surge: its old pod is not available, so a new one is made beside it whatever the budget. */
  | "surgeNow"
  /** Surge: its old pod is no longer needed. */
  | "removeOld"
  /** Surge: its old, available pod must go because the node is not eligible, once enough others are available. */
  | "removeLater";

/** What one node adds to the sums; each 0 or 1. */
export type NodeCounts = {
  readonly desired: number;
  readonly current: number;
  readonly misscheduled: number;
  readonly ready: number;
  readonly available: number;
  readonly updated: number;
  /** Rolling update: unavailable without surge. */
  readonly unavailable: number;
  /** Rolling update with surge: has an available pod. */
  readonly serving: number;
  /** Rolling update with surge: takes part of the surge budget. */
  readonly surging: number;
};

export type PodRemoval = { readonly pod: PodFacts; readonly why: "excess" | "failed" | "succeeded" };

export type NodeDecision = {
  readonly create: boolean;
  readonly remove: readonly PodRemoval[];
  readonly counts: NodeCounts;
  readonly rollout: RolloutClass;
  /** When time alone changes this decision; null: never. */
  readonly lookAgainAtMs: number | null;
};

export type DecisionInput = {
  readonly set: DaemonSetFacts;
  /** Whether the rolling update works by surge for this DaemonSet at its present size. */
  readonly surge: boolean;
  readonly entry: NodeEntry;
  readonly nowMs: number;
};

export function decideNode(input: DecisionInput): NodeDecision {
  const { heldUntilMs } = input.entry;
  if (heldUntilMs === undefined || heldUntilMs <= input.nowMs) return decideFree(input);
  const decision = decideFree(input);
  return {
    create: false,
    // What may not be there goes all the same; what would be replaced stays, for its successor would not start.
    remove: decision.remove.filter(({ why }) => why === "excess"),
    // It is no part of any rollout: it takes nobody's turn, and what it lacks is no reason for others to wait.
    counts: { ...decision.counts, ...takesNoPart.counts },
    rollout: takesNoPart.rollout,
    lookAgainAtMs: earliest([decision.lookAgainAtMs, heldUntilMs]),
  };
}

function decideFree(input: DecisionInput): NodeDecision {
  const pods = countedPods(input.entry.pods);
  const manage = planManage(input, pods);
  const rollout = classifyForRollout(input, pods);
  return {
    create: manage.create,
    remove: manage.remove,
    counts: { ...countForStatus(input, pods), ...rollout.counts },
    rollout: rollout.rollout,
    lookAgainAtMs: earliest([manage.lookAgainAtMs, ...pods.map((pod) => becomesAvailableAtMs(input, pod))]),
  };
}

type ManagePlan = Pick<NodeDecision, "create" | "remove" | "lookAgainAtMs">;

const nothing: ManagePlan = { create: false, remove: [], lookAgainAtMs: null };

function planManage(input: DecisionInput, pods: readonly PodFacts[]): ManagePlan {
  const { shouldRun, shouldContinueRunning, exists } = input.entry;
  // A pod bound to a node that is gone is the node lifecycle's; only one that was never bound is ours to delete.
  if (!exists) return { ...nothing, remove: excess(pods.filter((pod) => !pod.bound && !pod.deleting)) };
  if (!shouldContinueRunning) return { ...nothing, remove: excess(pods.filter((pod) => !pod.deleting)) };
  if (pods.length === 0) return { ...nothing, create: shouldRun };
  return planStaying(input, pods);
}

function planStaying(input: DecisionInput, pods: readonly PodFacts[]): ManagePlan {
  const { entry, set, surge, nowMs } = input;
  const ended = planEnded(input, pods);
  const running = pods.filter((pod) => !pod.deleting && !isTerminal(pod));
  if (!surge) return { ...ended, create: false, remove: [...ended.remove, ...excess(running.slice(1))] };
  if (running.length === 0) return { ...ended, create: entry.shouldRun };
  return { ...ended, create: false, remove: [...ended.remove, ...excess(surplusWithSurge(running, set, nowMs))] };
}

/** Failed pods go one back-off at a time, succeeded ones at once. */
function planEnded({ entry, set, nowMs }: DecisionInput, pods: readonly PodFacts[]): ManagePlan {
  const remove: PodRemoval[] = [];
  let lookAgainAtMs: number | null = null;
  for (const pod of pods) {
    if (pod.deleting || !isTerminal(pod)) continue;
    // Deleting one starts the wait for the next; its deletion is what brings the node up again.
    if (pod.phase === "Failed" && remove.some(({ why }) => why === "failed")) continue;
    const untilMs = pod.phase === "Failed" ? failureBackoffUntilMs(entry.backoff, set.observedGeneration, nowMs) : null;
    if (untilMs === null) remove.push({ pod, why: pod.phase === "Failed" ? "failed" : "succeeded" });
    else lookAgainAtMs = untilMs;
  }
  return { create: false, remove, lookAgainAtMs };
}

/** With surge a node keeps the oldest current pod and the oldest old one, and the old one only while it is needed. */
function surplusWithSurge(running: readonly PodFacts[], set: DaemonSetFacts, nowMs: number): readonly PodFacts[] {
  if (running.length < 2) return [];
  // By hash alone, unlike everywhere else, as upstream's manage step does.
  const current = running.find((pod) => pod.hash === set.hash);
  const old = running.find((pod) => pod.hash !== set.hash);
  const surplus = running.filter((pod) => pod !== current && pod !== old);
  if (current === undefined || old === undefined) return surplus;
  const oldIsNeeded = isPodReady(old) && !isPodAvailable(current, set.minReadySeconds, nowMs);
  return oldIsNeeded ? surplus : [...surplus, old];
}

function excess(pods: readonly PodFacts[]): readonly PodRemoval[] {
  return pods.map((pod) => ({ pod, why: "excess" }));
}

type StatusCounts = Pick<NodeCounts, "desired" | "current" | "misscheduled" | "ready" | "available" | "updated">;

function countForStatus({ entry, set, nowMs }: DecisionInput, pods: readonly PodFacts[]): StatusCounts {
  const first = pods[0];
  const none = { desired: 0, current: 0, misscheduled: 0, ready: 0, available: 0, updated: 0 };
  if (!entry.exists) return none;
  if (!entry.shouldRun) return { ...none, misscheduled: first === undefined ? 0 : 1 };
  if (first === undefined) return { ...none, desired: 1 };
  return {
    desired: 1,
    current: 1,
    misscheduled: 0,
    ready: isPodReady(first) ? 1 : 0,
    available: isPodAvailable(first, set.minReadySeconds, nowMs) ? 1 : 0,
    updated: isPodUpdated(first, set) ? 1 : 0,
  };
}

type RolloutCounts = Pick<NodeCounts, "unavailable" | "serving" | "surging">;
type RolloutPart = { readonly rollout: RolloutClass; readonly counts: RolloutCounts };

const takesNoPart: RolloutPart = { rollout: "none", counts: { unavailable: 0, serving: 0, surging: 0 } };

function part(rollout: RolloutClass, counts: Partial<RolloutCounts>): RolloutPart {
  return { rollout, counts: { ...takesNoPart.counts, ...counts } };
}

/** Nodes without a pod take part only if they should have one; all nodes with one do. */
function classifyForRollout(input: DecisionInput, pods: readonly PodFacts[]): RolloutPart {
  if (pods.length === 0 && !input.entry.shouldRun) return takesNoPart;
  const alive = pods.filter((pod) => !pod.deleting).sort(comparePods);
  const current = alive.filter((pod) => isPodUpdated(pod, input.set));
  const old = alive.filter((pod) => !isPodUpdated(pod, input.set));
  if (current.length > 1 || old.length > 1) return part("none", input.surge ? { surging: 1 } : { unavailable: 1 });
  return input.surge ? classifyWithSurge(input, old[0], current[0]) : classify(input, old[0], current[0]);
}

function classify(input: DecisionInput, old: PodFacts | undefined, current: PodFacts | undefined): RolloutPart {
  const isAvailable = (pod: PodFacts) => isPodAvailable(pod, input.set.minReadySeconds, input.nowMs);
  if ((old === undefined) === (current === undefined)) return part("none", { unavailable: 1 });
  if (current !== undefined) return part("none", { unavailable: isAvailable(current) ? 0 : 1 });
  if (old !== undefined && isAvailable(old)) return part("candidate", {});
  return part("replaceNow", { unavailable: 1 });
}

function classifyWithSurge(
  input: DecisionInput,
  old: PodFacts | undefined,
  current: PodFacts | undefined,
): RolloutPart {
  const isAvailable = (pod: PodFacts) => isPodAvailable(pod, input.set.minReadySeconds, input.nowMs);
  const serves = old ?? current;
  const serving = serves !== undefined && isAvailable(serves) ? 1 : 0;
  if (old === undefined) return part("none", { serving });
  if (current !== undefined)
    return isAvailable(current) ? part("removeOld", { serving }) : part("none", { serving, surging: 1 });
  if (!isAvailable(old)) return part(input.entry.shouldRun ? "surgeNow" : "removeOld", { serving });
  return part(input.entry.shouldRun ? "candidate" : "removeLater", { serving });
}

function becomesAvailableAtMs({ set, nowMs }: DecisionInput, pod: PodFacts): number | null {
  const atMs = set.minReadySeconds === 0 ? null : availableAtMs(pod, set.minReadySeconds);
  return atMs !== null && atMs > nowMs ? atMs : null;
}

function earliest(times: readonly (number | null)[]): number | null {
  return times.reduce((first, time) => (time !== null && (first === null || time < first) ? time : first), null);
}
