// Anything that a controller may come upon, for properties that hold whatever comes.
import * as fc from "fast-check";

import type { DaemonSetFacts, PodFacts } from "../../src/core/daemon-pods.ts";
import type { NodeEntry } from "../../src/core/node-decision.ts";
import { currentHash, nowMs, oldHash } from "./facts.ts";

const budget = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constantFrom("1%", "30%", "50%", "100%"));

const strategy: fc.Arbitrary<Pick<DaemonSetFacts, "strategy" | "maxUnavailable" | "maxSurge">> = fc.oneof(
  budget.map((maxUnavailable) => ({ strategy: "RollingUpdate" as const, maxUnavailable, maxSurge: 0 })),
  budget.map((maxSurge) => ({ strategy: "RollingUpdate" as const, maxUnavailable: 0, maxSurge })),
  fc.constant({ strategy: "OnDelete" as const, maxUnavailable: 0, maxSurge: 0 }),
);

export const daemonSetFacts: fc.Arbitrary<DaemonSetFacts> = fc
  .record({ of: strategy, observedGeneration: fc.integer({ min: 1, max: 2 }), minReadySeconds: fc.constantFrom(0, 10) })
  .map(({ of, ...fields }) => ({
    uid: "set",
    namespace: "default",
    name: "web",
    hash: currentHash,
    templateGeneration: "",
    ...of,
    ...fields,
  }));

const pod: fc.Arbitrary<Omit<PodFacts, "slot" | "uid" | "name">> = fc.record({
  rv: fc.nat(100),
  bound: fc.boolean(),
  hash: fc.constantFrom(currentHash, oldHash, "older", ""),
  templateGeneration: fc.constant(""),
  createdAtMs: fc.integer({ min: nowMs - 5, max: nowMs }),
  deleting: fc.boolean(),
  phase: fc.constantFrom("Pending", "Running", "Running", "Running", "Succeeded", "Failed"),
  readySinceMs: fc.oneof(fc.constant(null), fc.integer({ min: nowMs - 20_000, max: nowMs })),
});

/** Pods of one node: each in a slot of its own. */
const podsOfNode: fc.Arbitrary<readonly PodFacts[]> = fc
  .array(pod, { maxLength: 4 })
  .map((pods) => pods.map((fields, slot) => ({ ...fields, slot, uid: `pod-${slot}`, name: `pod-${slot}` })));

const eligibility = fc.constantFrom(
  { exists: true, shouldRun: true, shouldContinueRunning: true },
  { exists: true, shouldRun: true, shouldContinueRunning: true },
  { exists: true, shouldRun: false, shouldContinueRunning: true },
  { exists: true, shouldRun: false, shouldContinueRunning: false },
  { exists: false, shouldRun: false, shouldContinueRunning: false },
);

const backoff = fc.oneof(
  fc.constant(null),
  fc.record({
    generation: fc.integer({ min: 1, max: 2 }),
    delayMs: fc.constantFrom(1_000, 64_000, 900_000),
    lastAtMs: fc.integer({ min: nowMs - 100_000, max: nowMs }),
  }),
);

export const nodeEntry: fc.Arbitrary<NodeEntry> = fc
  .record({ of: eligibility, pods: podsOfNode, backoff })
  .map(({ of, ...fields }) => ({ name: "node", ...of, ...fields }));

/** Entries of a fleet, each under a name of its own, in any order; uids are unique. */
export const fleet: fc.Arbitrary<readonly NodeEntry[]> = fc.array(nodeEntry, { maxLength: 12 }).chain((entries) => {
  const named = entries.map((entry, index) => ({
    ...entry,
    name: `node-${index}`,
    pods: entry.pods.map((facts) => ({ ...facts, uid: `${index}-${facts.uid}`, name: `${index}-${facts.name}` })),
  }));
  return fc.shuffledSubarray(named, { minLength: named.length, maxLength: named.length });
});
