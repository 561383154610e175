import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { bucketOf } from "../../src/core/buckets.ts";
import type { DaemonSetFacts, PodFacts } from "../../src/core/daemon-pods.ts";
import { isPodAvailable } from "../../src/core/daemon-pods.ts";
import type { DaemonSetPlan } from "../../src/core/daemonset-plan.ts";
import { burstReplicas, planDaemonSet } from "../../src/core/daemonset-plan.ts";
import type { NodeEntry } from "../../src/core/node-decision.ts";
import { rolloutBudget, usesSurge } from "../../src/core/rollout.ts";
import { daemonSetFacts, fleet } from "../support/arbitraries.ts";
import { decide, entry, ledgerOf, nowMs, oldHash, podFacts, readyPod, setFacts, surgeFacts } from "../support/facts.ts";

function plan(set: DaemonSetFacts, entries: readonly NodeEntry[]): DaemonSetPlan {
  return planDaemonSet(set, ledgerOf(set, entries), nowMs);
}

function fleetOf(count: number, pods: (index: number) => readonly PodFacts[]): readonly NodeEntry[] {
  return Array.from({ length: count }, (_, index) =>
    entry(pods(index), { name: `node-${String(index).padStart(4, "0")}` }),
  );
}

const ascending = (a: number, b: number) => a - b;

function nodesOf({ create, remove }: DaemonSetPlan) {
  return {
    create: create.map(({ name }) => name).toSorted(),
    remove: remove.map(({ entry: { name }, pod, why }) => `${name} ${pod.uid} ${why}`).toSorted(),
  };
}

describe("planDaemonSet", () => {
  it("makes no more than a burst of pods at once", () => {
    const { create } = plan(
      setFacts(),
      fleetOf(600, () => []),
    );
    expect(create).toHaveLength(burstReplicas);
    expect(create.map(({ name }) => bucketOf(name))).toEqual(
      create.map(({ name }) => bucketOf(name)).toSorted(ascending),
    );
  });

  it("deletes no more than a burst of pods at once, beside those it makes", () => {
    const crowded = [podFacts("a"), podFacts("b", { slot: 1 })];
    const { remove } = plan(
      setFacts(),
      fleetOf(600, () => crowded),
    );
    expect(remove).toHaveLength(burstReplicas);
    const both = plan(
      setFacts(),
      fleetOf(600, (index) => (index % 2 === 0 ? [] : crowded)),
    );
    expect(both.create.length).toBeLessThanOrEqual(burstReplicas);
    expect(both.remove.length).toBeLessThanOrEqual(burstReplicas);
    expect(both.create.length + both.remove.length).toBeGreaterThan(burstReplicas);
  });

  it("does not go on with a rolling update while pods are missing", () => {
    const old = readyPod("old", { hash: oldHash });
    const planned = plan(setFacts({ maxUnavailable: "100%" }), [entry([], { name: "a" }), entry([old], { name: "b" })]);
    expect(nodesOf(planned)).toEqual({ create: ["a"], remove: [] });
    expect(planned.budgeted).toBe(false);
  });

  it("takes candidates by name", () => {
    const old = (uid: string) => [readyPod(uid, { hash: oldHash })];
    const entries = ["c", "a", "b"].map((name) => entry(old(name), { name }));
    expect(nodesOf(plan(setFacts({ maxUnavailable: 2 }), entries)).remove).toEqual(["a a excess", "b b excess"]);
  });

  it("replaces the old pod that runs, not one beside it that is going already", () => {
    const going = readyPod("going", { hash: oldHash, deleting: true, createdAtMs: 1 });
    const running = podFacts("running", { hash: oldHash, slot: 1 });
    expect(nodesOf(plan(setFacts(), [entry([going, running])])).remove).toEqual(["node running excess"]);
  });

  it("says of a step of a rolling update that it keeps to a budget", () => {
    expect(plan(setFacts(), [entry([readyPod("a", { hash: oldHash })])]).budgeted).toBe(true);
  });

  it("limits a rolling update to a burst, whatever the budget", () => {
    const old = fleetOf(600, (index) => [readyPod(`${index}`, { hash: oldHash })]);
    expect(plan(setFacts({ maxUnavailable: "100%" }), old).remove).toHaveLength(burstReplicas);
    expect(plan(surgeFacts({ maxSurge: "100%" }), old).create).toHaveLength(burstReplicas);
  });

  it("never touches a pod for its template with OnDelete", () => {
    const old = fleetOf(3, (index) => [readyPod(`${index}`, { hash: oldHash })]);
    expect(nodesOf(plan(setFacts({ strategy: "OnDelete" }), old))).toEqual({ create: [], remove: [] });
  });
});

describe("planDaemonSet, whatever the fleet", () => {
  const removedPods = ({ remove }: DaemonSetPlan) => new Set(remove.map(({ pod }) => pod));

  it("does not depend on the order of nodes and pods", () => {
    fc.assert(
      fc.property(daemonSetFacts, fleet, (set, entries) => {
        const backwards = entries.toReversed().map((of) => ({ ...of, pods: of.pods.toReversed() }));
        expect(nodesOf(plan(set, backwards))).toEqual(nodesOf(plan(set, entries)));
      }),
    );
  });

  it("deletes no pod twice, none that goes already, and makes at most one pod for a node", () => {
    fc.assert(
      fc.property(daemonSetFacts, fleet, (set, entries) => {
        const planned = plan(set, entries);
        expect(removedPods(planned).size).toBe(planned.remove.length);
        for (const { pod } of planned.remove) expect(pod.deleting).toBe(false);
        expect(new Set(planned.create).size).toBe(planned.create.length);
      }),
    );
  });

  it("makes pods only on nodes that exist and should run one", () => {
    fc.assert(
      fc.property(daemonSetFacts, fleet, (set, entries) => {
        for (const { exists, shouldRun } of plan(set, entries).create) expect(exists && shouldRun).toBe(true);
      }),
    );
  });

  it("keeps within maxUnavailable when it deletes available pods for their template", () => {
    fc.assert(
      fc.property(daemonSetFacts, fleet, (set, entries) => {
        const planned = plan(set, entries);
        if (!planned.budgeted || usesSurge(set) || set.strategy === "OnDelete") return;
        const isAvailable = (pod: PodFacts) => isPodAvailable(pod, set.minReadySeconds, nowMs);
        const taken = planned.remove.filter(({ pod }) => isAvailable(pod)).length;
        // A node that takes part counts as unavailable unless it has exactly one pod that stays, and that is available.
        const takesPart = entries.filter(({ pods, shouldRun }) => shouldRun || listed(pods).length > 0);
        const unavailable = takesPart.filter(({ pods }) => {
          const staying = pods.filter((pod) => !pod.deleting);
          return staying.length !== 1 || !staying.some(isAvailable);
        }).length;
        const desired = entries.filter(({ exists, shouldRun }) => exists && shouldRun).length;
        const { maxUnavailable } = rolloutBudget(set, desired);
        if (taken > 0) expect(unavailable + taken).toBeLessThanOrEqual(maxUnavailable);
      }),
    );
  });

  it("surge: deletes an available pod only beside another available one, unless there are twins or none should run", () => {
    fc.assert(
      fc.property(daemonSetFacts, fleet, (set, entries) => {
        fc.pre(usesSurge(set));
        const isAvailable = (pod: PodFacts) => isPodAvailable(pod, set.minReadySeconds, nowMs);
        for (const { pod, entry: of, why } of plan(set, entries).remove) {
          const alive = of.pods.filter(
            ({ deleting, phase }) => !deleting && phase !== "Failed" && phase !== "Succeeded",
          );
          const hasTwins = alive.length > 2 || new Set(alive.map(({ hash }) => hash === set.hash)).size < alive.length;
          if (why !== "excess" || !of.shouldRun || hasTwins || !isAvailable(pod)) continue;
          expect(alive.some((other) => other !== pod && isAvailable(other))).toBe(true);
        }
      }),
    );
  });

  it("has the same to say of each node's missing and surplus pods as if the node were alone", () => {
    fc.assert(
      fc.property(daemonSetFacts, fleet, (set, entries) => {
        const planned = plan(set, entries);
        fc.pre(!planned.budgeted);
        for (const of of entries) {
          const alone = decide(set, of);
          expect(planned.create.includes(of)).toBe(alone.create);
          expect(planned.remove.filter((removal) => removal.entry === of).length).toBe(alone.remove.length);
        }
      }),
    );
  });

  it("counts what a recount counts", () => {
    fc.assert(
      fc.property(daemonSetFacts, fleet, (set, entries) => {
        expect(ledgerOf(set, entries).totals).toMatchObject(recounted(set, entries));
      }),
    );
  });
});

/** All but those that ended and are going. */
function listed(pods: readonly PodFacts[]): readonly PodFacts[] {
  return pods.filter(({ phase, deleting }) => !(deleting && (phase === "Failed" || phase === "Succeeded")));
}

/** The status by the letter of its description, without the help of the core. */
function recounted(set: DaemonSetFacts, entries: readonly NodeEntry[]) {
  const sums = { desired: 0, current: 0, misscheduled: 0, ready: 0, available: 0, updated: 0 };
  for (const { exists, shouldRun, pods } of entries) {
    if (!exists) continue;
    const [first] = listed(pods).toSorted(
      (a, b) => Number(b.bound) - Number(a.bound) || a.createdAtMs - b.createdAtMs || (a.name < b.name ? -1 : 1),
    );
    if (!shouldRun) sums.misscheduled += first === undefined ? 0 : 1;
    else {
      sums.desired += 1;
      if (first === undefined) continue;
      sums.current += 1;
      sums.updated += first.hash === set.hash ? 1 : 0;
      if (first.readySinceMs === null) continue;
      sums.ready += 1;
      const readyForMs = nowMs - first.readySinceMs;
      sums.available += set.minReadySeconds === 0 || readyForMs > set.minReadySeconds * 1000 ? 1 : 0;
    }
  }
  return sums;
}
