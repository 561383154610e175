import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { DaemonSetFacts, PodFacts } from "../../src/core/daemon-pods.ts";
import { isPodUpdated, isTerminal } from "../../src/core/daemon-pods.ts";
import type { NodeCounts, NodeEntry, RolloutClass } from "../../src/core/node-decision.ts";
import { daemonSetFacts, nodeEntry } from "../support/arbitraries.ts";
import { decide, entry, noCounts, nowMs, oldHash, podFacts, readyPod, setFacts, surgeFacts } from "../support/facts.ts";

const set = setFacts();
const surge = surgeFacts();
const away = { shouldRun: false, shouldContinueRunning: false };
const staysOnly = { shouldRun: false, shouldContinueRunning: true };
const gone = { exists: false, ...away };

function older(uid: string, fields: Partial<PodFacts> = {}): PodFacts {
  return readyPod(uid, { hash: oldHash, createdAtMs: nowMs - 7_200_000, ...fields });
}

describe("decideNode on a node that is held", () => {
  const heldUntilMs = nowMs + 3_600_000;

  it.each<readonly [rule: string, set: DaemonSetFacts, pods: readonly PodFacts[], fields: Partial<NodeEntry>]>([
    ["gets no pod", set, [], {}],
    ["keeps an old, available pod", set, [older("a")], {}],
    ["keeps an old pod that is not available", set, [older("a", { readySinceMs: null })], {}],
    ["keeps a failed pod, for its successor would not start", set, [podFacts("a", { phase: "Failed" })], {}],
    ["gets no pod by surge", surge, [older("a")], {}],
  ])("%s", (_, of, pods, fields) => {
    const decision = decide(of, entry(pods, { ...fields, heldUntilMs }));
    expect(decision).toMatchObject({ create: false, remove: [], rollout: "none" });
    expect(decision.counts).toMatchObject({ desired: 1, unavailable: 0, serving: 0, surging: 0 });
    expect(decision.lookAgainAtMs).toBe(heldUntilMs);
  });

  it("loses a pod that may not be there", () => {
    expect(decide(set, entry([podFacts("a")], { ...away, heldUntilMs })).remove).toHaveLength(1);
  });

  it("is one like any other when the hold is over", () => {
    const of = entry([older("a")]);
    expect(decide(set, { ...of, heldUntilMs: nowMs })).toEqual(decide(set, of));
  });
});

describe("decideNode: what is missing or too many", () => {
  it.each<
    readonly [
      rule: string,
      set: DaemonSetFacts,
      pods: readonly PodFacts[],
      fields: Partial<NodeEntry>,
      create: boolean,
      remove: readonly string[],
    ]
  >([
    ["a node that should run a pod and has none gets one", set, [], {}, true, []],
    ["a node that may only keep a pod gets none", set, [], staysOnly, false, []],
    ["a node that may only keep a pod keeps it", set, [podFacts("a")], staysOnly, false, []],
    ["a node that may not keep a pod loses it", set, [podFacts("a")], away, false, ["a"]],
    ["a pod that is going already is not deleted again", set, [podFacts("a", { deleting: true })], away, false, []],
    ["of several pods the oldest stays", set, [podFacts("a"), podFacts("b", { createdAtMs: 1 })], {}, false, ["a"]],
    [
      "of several pods a bound one stays, though it is younger",
      set,
      [podFacts("a", { bound: false, createdAtMs: 1 }), podFacts("b")],
      {},
      false,
      ["a"],
    ],
    ["a pod that is going is not one too many", set, [podFacts("a", { deleting: true }), podFacts("b")], {}, false, []],
    [
      "TestDaemonSetRespectsTermination: a pod that is going is waited for",
      set,
      [podFacts("a", { deleting: true })],
      {},
      false,
      [],
    ],
    ["a failed pod goes", set, [podFacts("a", { phase: "Failed" })], {}, false, ["a"]],
    ["a succeeded pod goes", set, [podFacts("a", { phase: "Succeeded" })], {}, false, ["a"]],
    [
      "a failed pod that is held by a finalizer makes room",
      set,
      [podFacts("a", { phase: "Failed", deleting: true })],
      {},
      true,
      [],
    ],
    [
      "a failed pod and one too many both go",
      set,
      [podFacts("a", { phase: "Failed" }), podFacts("b"), podFacts("c")],
      {},
      false,
      ["a", "c"],
    ],
    ["surge: a pod that is going is not waited for", surge, [podFacts("a", { deleting: true })], {}, true, []],
    ["surge: a failed pod is not waited for", surge, [podFacts("a", { phase: "Failed" })], {}, true, ["a"]],
    ["surge: no pod is made where none should run", surge, [podFacts("a", { deleting: true })], staysOnly, false, []],
    ["surge: an old, ready pod stays beside the new one", surge, [older("a"), podFacts("b")], {}, false, []],
    [
      "surge: an old pod that is not ready goes",
      surge,
      [older("a", { readySinceMs: null }), podFacts("b")],
      {},
      false,
      ["a"],
    ],
    ["surge: an old pod goes once the new one is available", surge, [older("a"), readyPod("b")], {}, false, ["a"]],
    [
      "surge: of several old pods only the oldest stays",
      surge,
      [older("a"), older("b", { createdAtMs: 1 }), podFacts("c")],
      {},
      false,
      ["a"],
    ],
    ["surge: of several new pods only the oldest stays", surge, [podFacts("a"), podFacts("b")], {}, false, ["b"]],
    ["surge: one old pod alone stays", surge, [older("a")], {}, false, []],
    ["a pod bound to a node that is gone is left to the node's life cycle", set, [podFacts("a")], gone, false, []],
    [
      "TestDeleteUnscheduledPodForNotExistingNode: a pod meant for a node that is gone goes",
      set,
      [podFacts("a", { bound: false }), podFacts("b")],
      gone,
      false,
      ["a"],
    ],
  ])("%s", (_rule, of, pods, fields, create, remove) => {
    const decision = decide(of, entry(pods, fields));
    expect(decision.create).toBe(create);
    expect(decision.remove.map(({ pod }) => pod.uid).toSorted()).toEqual(remove);
  });

  it("surge: waits for the new pod's minReadySeconds, and says until when", () => {
    const slow = surgeFacts({ minReadySeconds: 15 });
    const pods = [older("a"), podFacts("b", { readySinceMs: nowMs - 10_000 })];
    const early = decide(slow, entry(pods));
    expect(early.remove).toEqual([]);
    expect(early.lookAgainAtMs).toBe(nowMs + 5_001);
    const late = decide(slow, entry(pods), nowMs + 5_001);
    expect(late.remove.map(({ pod }) => pod.uid)).toEqual(["a"]);
    expect(late.lookAgainAtMs).toBeNull();
  });

  it("tells why a pod goes", () => {
    const failed = podFacts("failed", { phase: "Failed" });
    const succeeded = podFacts("succeeded", { phase: "Succeeded" });
    const { remove } = decide(set, entry([failed, succeeded, podFacts("a"), podFacts("b")]));
    expect(new Map(remove.map(({ pod, why }) => [pod.uid, why]))).toEqual(
      new Map([
        ["failed", "failed"],
        ["succeeded", "succeeded"],
        ["b", "excess"],
      ]),
    );
  });
});

describe("decideNode: failed pods", () => {
  const failed = podFacts("a", { phase: "Failed" });
  const backoff = { generation: 1, delayMs: 4_000, lastAtMs: nowMs - 1_000 };

  it("waits for the back-off, and says until when", () => {
    const decision = decide(set, entry([failed], { backoff }));
    expect(decision.remove).toEqual([]);
    expect(decision.lookAgainAtMs).toBe(nowMs + 3_000);
  });

  it("deletes one as soon as the back-off is over", () => {
    expect(decide(set, entry([failed], { backoff }), nowMs + 3_000).remove).toHaveLength(1);
  });

  it("starts afresh with a new generation", () => {
    expect(decide(setFacts({ observedGeneration: 2 }), entry([failed], { backoff })).remove).toHaveLength(1);
  });

  it("does not make a succeeded pod wait", () => {
    const succeeded = podFacts("b", { phase: "Succeeded" });
    const { remove } = decide(set, entry([failed, succeeded], { backoff }));
    expect(remove.map(({ pod }) => pod.uid)).toEqual(["b"]);
  });

  it("deletes one failed pod of a node at a time", () => {
    const second = podFacts("b", { phase: "Failed", slot: 1 });
    expect(decide(set, entry([failed, second])).remove.map(({ pod }) => pod.uid)).toEqual(["a"]);
  });
});

describe("decideNode: what a node adds to the status", () => {
  const none = { desired: 0, current: 0, misscheduled: 0, ready: 0, available: 0, updated: 0 };

  it.each<readonly [rule: string, pods: readonly PodFacts[], fields: Partial<NodeEntry>, counts: Partial<NodeCounts>]>([
    ["a node without a pod is desired", [], {}, { desired: 1 }],
    ["a pod that is not ready is current and updated", [podFacts("a")], {}, { desired: 1, current: 1, updated: 1 }],
    ["a ready pod counts for all", [readyPod("a")], {}, { desired: 1, current: 1, ready: 1, available: 1, updated: 1 }],
    ["an old pod is not updated", [older("a")], {}, { desired: 1, current: 1, ready: 1, available: 1 }],
    [
      "the first pod speaks for its node: an old one hides its successor",
      [older("a"), readyPod("b")],
      {},
      { desired: 1, current: 1, ready: 1, available: 1 },
    ],
    [
      "a pod that is going and still ready counts",
      [readyPod("a", { deleting: true })],
      {},
      { desired: 1, current: 1, ready: 1, available: 1, updated: 1 },
    ],
    [
      "a pod that ended and is going does not",
      [podFacts("a", { phase: "Failed", deleting: true })],
      {},
      { desired: 1 },
    ],
    ["a pod where none should run is misscheduled", [readyPod("a")], staysOnly, { misscheduled: 1 }],
    [
      "two pods where none should run are one misscheduled node",
      [readyPod("a"), readyPod("b")],
      away,
      { misscheduled: 1 },
    ],
    ["a node where none should run adds nothing", [], staysOnly, {}],
    ["a node that is gone adds nothing", [readyPod("a")], gone, {}],
  ])("%s", (_rule, pods, fields, counts) => {
    expect(decide(set, entry(pods, fields)).counts).toMatchObject({ ...none, ...counts });
  });
});

describe("decideNode: the part a node plays in a rolling update that deletes first", () => {
  it.each<
    readonly [
      rule: string,
      pods: readonly PodFacts[],
      fields: Partial<NodeEntry>,
      rollout: RolloutClass,
      unavailable: number,
    ]
  >([
    ["a node without a pod is unavailable", [], {}, "none", 1],
    ["a node where none should run and none is plays none", [], staysOnly, "none", 0],
    ["a new, available pod is done", [readyPod("a")], {}, "none", 0],
    ["a new pod that is not available takes from the budget", [podFacts("a")], {}, "none", 1],
    ["an old, available pod is a candidate", [older("a")], {}, "candidate", 0],
    [
      "an old pod that is not available goes whatever the budget, and takes from it",
      [older("a", { readySinceMs: null })],
      {},
      "replaceNow",
      1,
    ],
    [
      "a failed old pod goes whatever the budget",
      [older("a", { phase: "Failed", readySinceMs: null })],
      {},
      "replaceNow",
      1,
    ],
    ["a pod that is going takes from the budget", [older("a", { deleting: true })], {}, "none", 1],
    ["an old and a new pod are left to the manage step", [older("a"), readyPod("b")], {}, "none", 1],
    ["two old pods are left to the manage step", [older("a"), older("b")], {}, "none", 1],
    ["an old pod where none should run takes part", [older("a")], staysOnly, "candidate", 0],
  ])("%s", (_rule, pods, fields, rollout, unavailable) => {
    const decision = decide(set, entry(pods, fields));
    expect([decision.rollout, decision.counts.unavailable]).toEqual([rollout, unavailable]);
  });
});

describe("decideNode: the part a node plays in a rolling update by surge", () => {
  it.each<
    readonly [
      rule: string,
      pods: readonly PodFacts[],
      fields: Partial<NodeEntry>,
      rollout: RolloutClass,
      serving: number,
      surging: number,
    ]
  >([
    ["a node without a pod plays none", [], {}, "none", 0, 0],
    ["a new pod is done", [readyPod("a")], {}, "none", 1, 0],
    ["an old, available pod is a candidate", [older("a")], {}, "candidate", 1, 0],
    [
      "an old pod that is not available is surged whatever the budget",
      [older("a", { readySinceMs: null })],
      {},
      "surgeNow",
      0,
      0,
    ],
    [
      "an old pod that is not available goes where none should run",
      [older("a", { readySinceMs: null })],
      staysOnly,
      "removeOld",
      0,
      0,
    ],
    [
      "an old, available pod where none should run goes when others are enough",
      [older("a")],
      staysOnly,
      "removeLater",
      1,
      0,
    ],
    ["beside a new pod that is not available the node surges", [older("a"), podFacts("b")], {}, "none", 1, 1],
    ["beside a new, available pod the old one goes", [older("a"), readyPod("b")], {}, "removeOld", 1, 0],
    ["two old pods surge, and are left to the manage step", [older("a"), older("b")], {}, "none", 0, 1],
    ["a pod that is going does not count", [older("a", { deleting: true })], {}, "none", 0, 0],
  ])("%s", (_rule, pods, fields, rollout, serving, surging) => {
    const decision = decide(surge, entry(pods, fields));
    expect([decision.rollout, decision.counts.serving, decision.counts.surging]).toEqual([rollout, serving, surging]);
  });
});

describe("decideNode, whatever the node holds", () => {
  it("does not depend on the order of the pods", () => {
    fc.assert(
      fc.property(daemonSetFacts, nodeEntry, fc.integer(), (facts, of, seed) => {
        const shuffled = {
          ...of,
          pods: of.pods.toSorted((a, b) => ((a.slot * 31 + seed) % 7) - ((b.slot * 31 + seed) % 7)),
        };
        const uids = (decided: ReturnType<typeof decide>) => ({
          ...decided,
          remove: decided.remove.map(({ pod, why }) => `${pod.uid} ${why}`).toSorted(),
        });
        expect(uids(decide(facts, shuffled))).toEqual(uids(decide(facts, of)));
      }),
    );
  });

  it("deletes only pods that are there and not going, none twice", () => {
    fc.assert(
      fc.property(daemonSetFacts, nodeEntry, (facts, of) => {
        const removed = decide(facts, of).remove.map(({ pod }) => pod);
        expect(new Set(removed).size).toBe(removed.length);
        for (const pod of removed) {
          expect(of.pods).toContain(pod);
          expect(pod.deleting).toBe(false);
        }
      }),
    );
  });

  it("creates only where a pod should run, and never beside one that runs", () => {
    fc.assert(
      fc.property(daemonSetFacts, nodeEntry, (facts, of) => {
        if (!decide(facts, of).create) return;
        expect(of.exists && of.shouldRun).toBe(true);
        expect(of.pods.filter((pod) => !pod.deleting && !isTerminal(pod))).toEqual([]);
      }),
    );
  });

  it("leaves at most one running pod of each kind on a node that exists", () => {
    fc.assert(
      fc.property(daemonSetFacts, nodeEntry, (facts, of) => {
        fc.pre(of.exists);
        const removed = new Set(decide(facts, of).remove.map(({ pod }) => pod));
        const left = of.pods.filter((pod) => !removed.has(pod) && !pod.deleting && !isTerminal(pod));
        const current = left.filter((pod) => pod.hash === facts.hash);
        expect(current.length).toBeLessThanOrEqual(1);
        expect(left.length - current.length).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("says that time changes it before time does", () => {
    fc.assert(
      fc.property(daemonSetFacts, nodeEntry, fc.nat(1_200_000), (facts, of, laterMs) => {
        const now = decide(facts, of);
        const then = nowMs + laterMs;
        if (now.lookAgainAtMs !== null && now.lookAgainAtMs <= then) return;
        const { lookAgainAtMs: _now, ...decidedNow } = now;
        const { lookAgainAtMs: _then, ...decidedThen } = decide(facts, of, then);
        expect(decidedThen).toEqual(decidedNow);
      }),
    );
  });

  it("looks again later than now, if it ever does", () => {
    fc.assert(
      fc.property(daemonSetFacts, nodeEntry, (facts, of) => {
        const { lookAgainAtMs } = decide(facts, of);
        expect(lookAgainAtMs ?? Number.POSITIVE_INFINITY).toBeGreaterThan(nowMs);
      }),
    );
  });

  it("counts each thing at most once, and no more than is desired", () => {
    fc.assert(
      fc.property(daemonSetFacts, nodeEntry, (facts, of) => {
        const { counts } = decide(facts, of);
        for (const name of Object.keys(noCounts) as (keyof NodeCounts)[]) expect([0, 1]).toContain(counts[name]);
        expect(counts.desired).toBeGreaterThanOrEqual(counts.current);
        expect(counts.current).toBeGreaterThanOrEqual(counts.ready);
        expect(counts.ready).toBeGreaterThanOrEqual(counts.available);
        expect(counts.desired + counts.misscheduled).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("plays a part in a rolling update only with a pod of an older template", () => {
    fc.assert(
      fc.property(daemonSetFacts, nodeEntry, (facts, of) => {
        if (decide(facts, of).rollout === "none") return;
        expect(of.pods.some((pod) => !pod.deleting && !isPodUpdated(pod, facts))).toBe(true);
      }),
    );
  });
});
