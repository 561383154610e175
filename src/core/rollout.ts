// How many pods a rolling update may touch now.
// Source: pkg/controller/daemon/update.go rollingUpdate, updatedDesiredNodeCounts.
import type { DaemonSetFacts } from "./daemon-pods.ts";
import { scaledCountRoundedUp } from "./int-or-percent.ts";
import type { NodeCounts } from "./node-decision.ts";

export type RolloutBudget = { readonly maxUnavailable: number; readonly maxSurge: number };

/** `desired` is the number of nodes that should run a pod. With neither budget, one pod may be unavailable. */
export function rolloutBudget(
  set: Pick<DaemonSetFacts, "maxUnavailable" | "maxSurge">,
  desired: number,
): RolloutBudget {
  const maxUnavailable = scaledCountRoundedUp(set.maxUnavailable, desired);
  const maxSurge = scaledCountRoundedUp(set.maxSurge, desired);
  if (desired > 0 && maxUnavailable === 0 && maxSurge === 0) return { maxUnavailable: 1, maxSurge: 0 };
  return { maxUnavailable, maxSurge };
}

/** Whether pods are replaced by surge. The manage step asks this node by node, so for a fleet of one. */
export function usesSurge(set: Pick<DaemonSetFacts, "strategy" | "maxSurge">): boolean {
  return set.strategy === "RollingUpdate" && scaledCountRoundedUp(set.maxSurge, 1) > 0;
}

/** How many nodes of each class a rolling update may act on in this pass. */
export type RolloutAllowance = {
  /** Old, unavailable pods to delete: all of them. */
  readonly replaceNow: number;
  /** Nodes to take from the candidates, in their order. */
  readonly candidate: number;
  readonly surgeNow: number;
  readonly removeOld: number;
  readonly removeLater: number;
};

const everything = Number.MAX_SAFE_INTEGER;
const none: RolloutAllowance = { replaceNow: 0, candidate: 0, surgeNow: 0, removeOld: 0, removeLater: 0 };

export function rolloutAllowance(set: DaemonSetFacts, totals: NodeCounts): RolloutAllowance {
  if (set.strategy === "OnDelete") return none;
  const { maxUnavailable, maxSurge } = rolloutBudget(set, totals.desired);
  if (maxSurge === 0) {
    const candidate = Math.max(0, maxUnavailable - totals.unavailable);
    return { ...none, replaceNow: everything, removeOld: everything, candidate };
  }
  return {
    replaceNow: 0,
    candidate: Math.max(0, maxSurge - totals.surging),
    surgeNow: everything,
    removeOld: everything,
    removeLater: Math.max(0, totals.serving - totals.desired),
  };
}
