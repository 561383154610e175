// What the controller knows of DaemonSets, nodes and pods, with only the fields that a test is about.
import { bucketOf } from "../../src/core/buckets.ts";
import type { DaemonSetFacts, PodFacts } from "../../src/core/daemon-pods.ts";
import type { LedgerView } from "../../src/core/daemonset-plan.ts";
import type { NodeCounts, NodeDecision, NodeEntry } from "../../src/core/node-decision.ts";
import { decideNode } from "../../src/core/node-decision.ts";
import type { NodeFacts } from "../../src/core/placement.ts";
import { usesSurge } from "../../src/core/rollout.ts";

/** The present, in tests that have one. */
export const nowMs = Date.UTC(2026, 5, 1, 12);

export const currentHash = "new";
export const oldHash = "old";

export function setFacts(fields: Partial<DaemonSetFacts> = {}): DaemonSetFacts {
  return {
    uid: "set",
    namespace: "default",
    name: "web",
    observedGeneration: 1,
    hash: currentHash,
    templateGeneration: "",
    strategy: "RollingUpdate",
    maxUnavailable: 1,
    maxSurge: 0,
    minReadySeconds: 0,
    ...fields,
  };
}

/** A set whose rolling update works by surge. */
export function surgeFacts(fields: Partial<DaemonSetFacts> = {}): DaemonSetFacts {
  return setFacts({ maxUnavailable: 0, maxSurge: 1, ...fields });
}

/** A running pod of the current template, bound and not ready. Its name is its uid. */
export function podFacts(uid: string, fields: Partial<PodFacts> = {}): PodFacts {
  return {
    uid,
    name: uid,
    rv: 1,
    slot: 0,
    bound: true,
    hash: currentHash,
    templateGeneration: "",
    createdAtMs: nowMs - 3_600_000,
    deleting: false,
    phase: "Running",
    readySinceMs: null,
    ...fields,
  };
}

export function readyPod(uid: string, fields: Partial<PodFacts> = {}): PodFacts {
  return podFacts(uid, { readySinceMs: nowMs - 1_800_000, ...fields });
}

/** An eligible node with these pods. */
export function entry(pods: readonly PodFacts[] = [], fields: Partial<NodeEntry> = {}): NodeEntry {
  return { name: "node", exists: true, shouldRun: true, shouldContinueRunning: true, pods, backoff: null, ...fields };
}

export function nodeFacts(fields: Partial<NodeFacts> = {}): NodeFacts {
  return { name: "node", labels: {}, taints: [], ...fields };
}

export function decide(set: DaemonSetFacts, of: NodeEntry, atMs: number = nowMs): NodeDecision {
  return decideNode({ set, surge: usesSurge(set), entry: of, nowMs: atMs });
}

const countNames = [
  "desired",
  "current",
  "misscheduled",
  "ready",
  "available",
  "updated",
  "unavailable",
  "serving",
  "surging",
] as const satisfies readonly (keyof NodeCounts)[];

export const noCounts: NodeCounts = {
  desired: 0,
  current: 0,
  misscheduled: 0,
  ready: 0,
  available: 0,
  updated: 0,
  unavailable: 0,
  serving: 0,
  surging: 0,
};

/** A ledger that keeps nothing: every question is answered by deciding all entries anew. */
export function ledgerOf(set: DaemonSetFacts, entries: readonly NodeEntry[], atMs: number = nowMs): LedgerView {
  const decided = entries
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((of) => ({ of, decision: decide(set, of, atMs) }));
  const totals = { ...noCounts };
  for (const { decision } of decided) for (const name of countNames) totals[name] += decision.counts[name];
  return {
    totals,
    acting: (limit) =>
      decided
        .filter(({ decision }) => decision.create || decision.remove.length > 0)
        .toSorted((a, b) => bucketOf(a.of.name) - bucketOf(b.of.name))
        .slice(0, limit)
        .map(({ of }) => of),
    ofRollout: (rollout, limit) =>
      decided
        .filter(({ decision }) => decision.rollout === rollout)
        .slice(0, limit)
        .map(({ of }) => of),
  };
}
