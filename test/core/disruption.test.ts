import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Scale } from "../../src/core/disruption.ts";
import { budgetStatus, judgeEviction, needsScale } from "../../src/core/disruption.ts";
import type { PodDisruptionBudget } from "../../src/model/pod-disruption-budget.ts";
import { podDisruptionBudgets } from "../../src/model/pod-disruption-budget.ts";
import { decoded } from "../model/objects.ts";

const nowMs = Date.UTC(2026, 0, 1, 0, 10);
const now = "2026-01-01T00:10:00Z";

function budget(spec: object, status: object = {}): PodDisruptionBudget {
  const metadata = { name: "web", namespace: "default", generation: 1 };
  return decoded(podDisruptionBudgets, { metadata, spec: { selector: {}, ...spec }, status });
}

function counted(spec: object, pods: number, healthy: number, scale: Scale = { replicas: pods }) {
  return budgetStatus(budget(spec), { groups: [{ pods, healthy }], scale, living: new Set() }, nowMs);
}

describe("the status of a budget", () => {
  it.each<readonly [string, object, number, number, object]>([
    [
      "a number that has to be left",
      { minAvailable: 2 },
      3,
      3,
      { disruptionsAllowed: 1, desiredHealthy: 2, expectedPods: 3 },
    ],
    ["fewer healthy than needed", { minAvailable: 2 }, 3, 1, { disruptionsAllowed: 0, currentHealthy: 1 }],
    ["a percentage, rounded up", { minAvailable: "50%" }, 5, 5, { desiredHealthy: 3, disruptionsAllowed: 2 }],
    ["how many may be missing", { maxUnavailable: 1 }, 4, 4, { desiredHealthy: 3, disruptionsAllowed: 1 }],
    ["a percentage that may be missing, rounded up", { maxUnavailable: "30%" }, 4, 4, { desiredHealthy: 2 }],
    ["more may be missing than there are", { maxUnavailable: 9 }, 2, 1, { desiredHealthy: 0, disruptionsAllowed: 1 }],
    ["no pods", { minAvailable: 0 }, 0, 0, { expectedPods: 0, disruptionsAllowed: 0 }],
  ])("%s", (_what, spec, pods, healthy, expected) => {
    expect(counted(spec, pods, healthy)).toMatchObject({ observedGeneration: 1, ...expected });
  });

  it("says whether a pod may go, and since when", () => {
    const [allowed] = counted({ minAvailable: 1 }, 2, 2).conditions ?? [];
    expect(allowed).toEqual({
      type: "DisruptionAllowed",
      status: "True",
      reason: "SufficientPods",
      message: "",
      observedGeneration: 1,
      lastTransitionTime: now,
    });
    const earlier = "2026-01-01T00:00:00Z";
    const before = budget({ minAvailable: 1 }, { conditions: [{ ...allowed, lastTransitionTime: earlier }] });
    const again = budgetStatus(
      before,
      { groups: [{ pods: 2, healthy: 2 }], scale: { replicas: 2 }, living: new Set() },
      nowMs,
    );
    expect(again.conditions?.[0]?.lastTransitionTime).toBe(earlier);
    const less = budgetStatus(
      before,
      { groups: [{ pods: 2, healthy: 1 }], scale: { replicas: 2 }, living: new Set() },
      nowMs,
    );
    expect(less.conditions?.[0]).toMatchObject({
      status: "False",
      reason: "InsufficientPods",
      lastTransitionTime: now,
    });
  });

  it("allows nothing while it cannot be told how many pods are wanted, and says why", () => {
    const failure = "daemonsets.apps does not implement the scale subresource";
    const status = counted({ maxUnavailable: 1 }, 3, 3, { failure });
    expect(status).toMatchObject({ disruptionsAllowed: 0, expectedPods: 0 });
    expect(status.observedGeneration).toBeUndefined();
    expect(status.conditions).toMatchObject([{ status: "False", reason: "SyncFailed", message: failure }]);
  });

  it("asks how many are wanted for percentages and for those that may be missing", () => {
    expect(["minAvailable", "maxUnavailable"].map((field) => needsScale(budget({ [field]: 1 }).spec))).toEqual([
      false,
      true,
    ]);
    expect(needsScale(budget({ minAvailable: "1%" }).spec)).toBe(true);
  });

  it("forgets granted evictions when their pods end, and after two minutes", () => {
    const disruptedPods = { a: "2026-01-01T00:09:00Z", b: "2026-01-01T00:09:00Z", c: "2026-01-01T00:07:00Z" };
    const before = budget({ minAvailable: 1 }, { disruptedPods });
    const living = new Set(["a", "c"]);
    const status = budgetStatus(before, { groups: [{ pods: 3, healthy: 1 }], scale: { replicas: 3 }, living }, nowMs);
    expect(status.disruptedPods).toEqual({ a: "2026-01-01T00:09:00Z" });
  });
});

const ready = { name: "p", isReady: true };
const enough = { observedGeneration: 1, disruptionsAllowed: 2, currentHealthy: 3, desiredHealthy: 1, expectedPods: 3 };

describe("an eviction", () => {
  it("that is granted is counted", () => {
    const verdict = judgeEviction(budget({ minAvailable: 1 }, enough), ready, nowMs);
    expect(verdict).toMatchObject({ verdict: "granted", status: { disruptionsAllowed: 1, disruptedPods: { p: now } } });
    const last = judgeEviction(budget({ minAvailable: 1 }, { ...enough, disruptionsAllowed: 1 }), ready, nowMs);
    expect(last).toMatchObject({ status: { conditions: [{ status: "False", reason: "InsufficientPods" }] } });
  });

  it.each<readonly [string, object, object]>([
    [
      "of a budget that nobody has counted yet",
      { ...enough, observedGeneration: undefined },
      { message: "The disruption budget web is still being processed by the server.", retryAfterSeconds: 10 },
    ],
    [
      "of a budget that is spent",
      { ...enough, disruptionsAllowed: 0 },
      { message: "The disruption budget web needs 1 healthy pods and has 3 currently", retryAfterSeconds: 0 },
    ],
    [
      "of a budget that cannot be counted",
      {
        ...enough,
        disruptionsAllowed: 0,
        conditions: [{ type: "DisruptionAllowed", status: "False", reason: "SyncFailed", message: "why" }],
      },
      { message: "The disruption budget web does not allow evicting pods currently because it failed sync: why" },
    ],
  ])("%s has to wait", (_what, status, expected) => {
    expect(judgeEviction(budget({ minAvailable: 1 }, status), ready, nowMs)).toMatchObject({
      verdict: "later",
      ...expected,
    });
  });

  it.each<readonly [string, object, object, string]>([
    ["if enough others are ready", {}, enough, "granted"],
    ["not if too few are", {}, { ...enough, currentHealthy: 0, disruptionsAllowed: 0 }, "later"],
    [
      "in any case if the budget says so",
      { unhealthyPodEvictionPolicy: "AlwaysAllow" },
      { ...enough, currentHealthy: 0, disruptionsAllowed: 0 },
      "granted",
    ],
  ])("of a pod that is not ready is granted %s", (_what, spec, status, verdict) => {
    const judged = judgeEviction(budget({ minAvailable: 1, ...spec }, status), { ...ready, isReady: false }, nowMs);
    expect(judged.verdict).toBe(verdict);
    if (judged.verdict === "granted") expect(judged.status).toBeNull();
  });

  it("of one after the other never takes more than is allowed", () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(20), (pods, minAvailable) => {
        let now = { ...budget({ minAvailable }), status: counted({ minAvailable }, pods, pods) };
        let granted = 0;
        for (let index = 0; index < pods; index += 1) {
          const verdict = judgeEviction(now, { name: `p${index}`, isReady: true }, nowMs);
          if (verdict.verdict !== "granted" || verdict.status === null) break;
          granted += 1;
          now = { ...now, status: verdict.status };
        }
        expect(pods - granted).toBeGreaterThanOrEqual(Math.min(pods, minAvailable));
      }),
    );
  });
});
