// What a DaemonSet's controller does next: pods to make, pods to delete. First what is missing or too many, and only
// when nothing of that is left the next step of a rolling update.
// Source: pkg/controller/daemon manage, rollingUpdate, syncNodes.
import type { DaemonSetFacts, PodFacts } from "./daemon-pods.ts";
import { comparePods, countedPods, isPodUpdated } from "./daemon-pods.ts";
import type { NodeCounts, NodeEntry, PodRemoval, RolloutClass } from "./node-decision.ts";
import { decideNode } from "./node-decision.ts";
import { rolloutAllowance, usesSurge } from "./rollout.ts";

/** Most pods made, and most pods deleted, in one pass. Source: BurstReplicas. */
export const burstReplicas = 250;

/** What a plan reads of the ledger. */
export type LedgerView = {
  readonly totals: NodeCounts;
  /** Entries whose own decision asks for pods to be made or deleted, always in the same order. */
  acting(limit: number): readonly NodeEntry[];
  /** Entries that play this part in a rolling update, by name. */
  ofRollout(rollout: RolloutClass, limit: number): readonly NodeEntry[];
};

export type Removal = PodRemoval & { readonly entry: NodeEntry };

export type DaemonSetPlan = {
  /** Nodes that get a pod. */
  readonly create: readonly NodeEntry[];
  readonly remove: readonly Removal[];
  /** True: the plan keeps to a budget, and so holds only while no pod or node has changed since. */
  readonly budgeted: boolean;
};

export function planDaemonSet(set: DaemonSetFacts, ledger: LedgerView, nowMs: number): DaemonSetPlan {
  const managed = planManaged(set, ledger, nowMs);
  if (managed.create.length > 0 || managed.remove.length > 0) return managed;
  return planRollout(set, ledger);
}

function planManaged(set: DaemonSetFacts, ledger: LedgerView, nowMs: number): DaemonSetPlan {
  const surge = usesSurge(set);
  const decisions = ledger
    .acting(2 * burstReplicas)
    .map((entry) => ({ entry, decision: decideNode({ set, surge, entry, nowMs }) }));
  const create = decisions.filter(({ decision }) => decision.create).map(({ entry }) => entry);
  const remove = decisions.flatMap(({ entry, decision }) => decision.remove.map((removal) => ({ ...removal, entry })));
  return { create: create.slice(0, burstReplicas), remove: remove.slice(0, burstReplicas), budgeted: false };
}

function planRollout(set: DaemonSetFacts, ledger: LedgerView): DaemonSetPlan {
  const allowance = rolloutAllowance(set, ledger.totals);
  const take = (rollout: keyof typeof allowance) =>
    ledger.ofRollout(rollout, Math.min(allowance[rollout], burstReplicas));
  const candidates = take("candidate");
  const leaving = [...take("replaceNow"), ...take("removeOld"), ...take("removeLater")];
  const surge = usesSurge(set);
  const create = surge ? [...take("surgeNow"), ...candidates] : [];
  const removeFrom = surge ? leaving : [...leaving, ...candidates];
  return {
    create: create.slice(0, burstReplicas),
    remove: removeFrom.flatMap((entry) => oldPodRemoval(set, entry)).slice(0, burstReplicas),
    budgeted: true,
  };
}

function oldPodRemoval(set: DaemonSetFacts, entry: NodeEntry): readonly Removal[] {
  const old = oldPod(set, entry);
  return old === undefined ? [] : [{ pod: old, why: "excess", entry }];
}

function oldPod(set: DaemonSetFacts, entry: NodeEntry): PodFacts | undefined {
  return [...countedPods(entry.pods)].sort(comparePods).find((pod) => !pod.deleting && !isPodUpdated(pod, set));
}
