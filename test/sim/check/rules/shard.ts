// A1, A3: what a shard writes is what the node's agent said, or what silence and taints call for, and nothing else.
import type { Rule, Step } from "../history.ts";
import { isTerminal } from "../oracle.ts";
import type { ClusterState, NodeBody, PodState } from "../state.ts";
import { recentNodes } from "./daemon-pods.ts";

/** What agents have said so far. */
export type Said = {
  /** Uids of pods that an agent called ended. */
  readonly ended: ReadonlySet<string>;
  /** The highest observation number that was sent of a pod. */
  readonly observations: ReadonlyMap<string, number>;
  /** When the last messages were sent that the control plane has answered, by node. */
  readonly answeredMs: ReadonlyMap<string, readonly number[]>;
};

const quarantineMs = 40_000;
const graceMs = 50_000;
/** From the decision that a node is lost to its commit; an agent that comes back meanwhile comes too late. */
const underwayMs = 12_000;

function pods({ entry, before }: Step): { readonly now: PodState; readonly was: PodState } | null {
  if (entry.writer !== "NodeShard" || entry.subject.kind !== "pod" || before?.subject.kind !== "pod") return null;
  return { now: entry.subject.pod, was: before.subject.pod };
}

function wasGoneSince(state: ClusterState, node: string, nowMs: number): boolean {
  return state.versionsSince({ resource: "nodes", namespace: "", name: node }, nowMs - quarantineMs).includes(null);
}

export function removedForCause(said: Said): Rule {
  return {
    id: "A1",
    name: "cause of a pod's removal",
    check: (step) => {
      const changed = pods(step);
      if (changed === null || step.entry.type !== "DELETED") return undefined;
      const { was } = changed;
      if (said.ended.has(was.uid) || isTerminal(was)) return null;
      const { state, entry } = step;
      if (was.node === "" || wasGoneSince(state, was.node, entry.committedMs)) return null;
      // A pod that wants no time to end, or that nobody was given, is gone with its deletion, as anywhere.
      const isAtOnce = was.graceSeconds === 0 || was.ownGraceSeconds === 0 || was.isWaiting;
      if (isAtOnce && isPreempted(state, was)) return null;
      if (isAtOnce && recentNodes(state, was.node, entry.committedMs).some((node) => drivesAway(node, was)))
        return null;
      return `the pod was removed from node ${was.node}, whose agent has not said that it ended`;
    },
  };
}

/** Whether a more important pod waits for its place, and it has been told so. */
function isPreempted(state: ClusterState, { isPreempted: isTold, node, priority }: PodState): boolean {
  const waiting = [...state.pods.values()].filter((pod) => pod.isWaiting && pod.node === node);
  return isTold && waiting.some((pod) => pod.priority > priority);
}

function drivesAway({ spec }: NodeBody, { tolerations }: PodState): boolean {
  return (spec.taints ?? []).some(
    (taint) =>
      taint.effect === "NoExecute" &&
      !tolerations.some(
        ({ key, effect, tolerationSeconds }) =>
          (key === undefined || key === taint.key) &&
          (effect === undefined || effect === taint.effect) &&
          // For a while is not for ever; how long, the rule does not judge.
          tolerationSeconds === undefined,
      ),
  );
}

export const evictedForTaints: Rule = {
  id: "A1",
  name: "cause of an eviction",
  check: (step) => {
    const changed = pods(step);
    if (changed === null || step.entry.type !== "MODIFIED") return undefined;
    const { was, now } = changed;
    if (was.deletionMs !== null || now.deletionMs === null) return undefined;
    const { state, entry } = step;
    if (wasGoneSince(state, was.node, entry.committedMs)) return null;
    if (isPreempted(state, was)) return null;
    const nodes = recentNodes(state, was.node, entry.committedMs);
    return nodes.some((node) => drivesAway(node, was))
      ? null
      : "the pod was evicted, and neither a taint nor a more important pod drives it away";
  },
};

export function reportsInOrder(said: Said): Rule {
  return {
    id: "A3",
    name: "reports are taken in their order",
    check: (step) => {
      const { entry, before } = step;
      if (entry.type !== "MODIFIED" || entry.subject.kind !== "pod" || before?.subject.kind !== "pod") return undefined;
      const [now, was] = [entry.subject.pod.observation, before.subject.pod.observation];
      // A pod that nobody was given yet, and now nobody is.
      if (was === 0 && entry.subject.pod.isWaiting && entry.writer === "NodeShard") return null;
      if (now < was) return `the report ${now} took the place of the later report ${was}`;
      if (now === was) return undefined;
      if (was < 0 && now === 0 && entry.writer === "Scheduler") return null;
      if (entry.writer !== "NodeShard") return "somebody else than a shard wrote a report";
      return now <= (said.observations.get(entry.uid) ?? 0) ? null : `no agent has made a report ${now} of this pod`;
    },
  };
}

/** A status write under the number of an earlier report takes nothing of that report back. */
export const readinessFromAgents: Rule = {
  id: "A3",
  name: "readiness is what agents said",
  check: (step) => {
    const changed = pods(step);
    if (changed === null || step.entry.type !== "MODIFIED") return undefined;
    const { now, was } = changed;
    if (now.observation !== was.observation) return undefined;
    return was.readySinceMs === null && now.readySinceMs !== null ? "a pod became ready, and no agent said so" : null;
  },
};

function readyStatus(subject: Step["entry"]["subject"]): string | undefined {
  if (subject.kind !== "object") return undefined;
  // Stored under the nodes.
  const { conditions = [] } = (subject.body as NodeBody).status ?? {};
  return conditions.find(({ type }) => type === "Ready")?.status;
}

/** `isExcused`: of two lives of a shard one hears nothing, and cannot know. */
export function lostForSilence(said: Said, isExcused: () => boolean): Rule {
  return {
    id: "A1",
    name: "silence of a node that is lost",
    check: ({ entry, before }) => {
      if (entry.writer !== "NodeShard" || entry.resource !== "nodes" || entry.type !== "MODIFIED") return undefined;
      if (before === null || readyStatus(entry.subject) !== "Unknown" || readyStatus(before.subject) === "Unknown")
        return undefined;
      const times = said.answeredMs.get(entry.name) ?? [];
      const heardMs = Math.max(0, ...times.filter((timeMs) => timeMs <= entry.committedMs - underwayMs));
      const silentMs = entry.committedMs - heardMs;
      if (silentMs >= graceMs || isExcused()) return null;
      return `the node counts as lost ${Math.round(silentMs / 1000)} s after its agent sent what was answered`;
    },
  };
}
