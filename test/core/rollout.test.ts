import { describe, expect, it } from "vitest";

import type { DaemonSetFacts } from "../../src/core/daemon-pods.ts";
import type { NodeCounts } from "../../src/core/node-decision.ts";
import type { RolloutBudget } from "../../src/core/rollout.ts";
import { rolloutAllowance, rolloutBudget, usesSurge } from "../../src/core/rollout.ts";
import { noCounts, setFacts } from "../support/facts.ts";

type Budgets = Pick<DaemonSetFacts, "maxUnavailable" | "maxSurge">;

describe("rolloutBudget", () => {
  it.each<readonly [string, Budgets, number, RolloutBudget]>([
    ["TestGetUnavailableNumbers: no nodes", { maxUnavailable: 0, maxSurge: 0 }, 0, { maxUnavailable: 0, maxSurge: 0 }],
    [
      "TestGetUnavailableNumbers: one of two nodes",
      { maxUnavailable: 1, maxSurge: 0 },
      2,
      { maxUnavailable: 1, maxSurge: 0 },
    ],
    [
      "TestGetUnavailableNumbers: with neither, one pod may be unavailable",
      { maxUnavailable: 0, maxSurge: 0 },
      2,
      { maxUnavailable: 1, maxSurge: 0 },
    ],
    [
      "TestGetUnavailableNumbers: neither, written as shares",
      { maxUnavailable: "0%", maxSurge: "0%" },
      2,
      { maxUnavailable: 1, maxSurge: 0 },
    ],
    [
      "TestGetUnavailableNumbers: half of two nodes",
      { maxUnavailable: "50%", maxSurge: 0 },
      2,
      { maxUnavailable: 1, maxSurge: 0 },
    ],
    [
      "TestGetUnavailableNumbers: a surge of half of two nodes",
      { maxUnavailable: 0, maxSurge: "50%" },
      2,
      { maxUnavailable: 0, maxSurge: 1 },
    ],
    [
      "TestGetUnavailableNumbers: a surge of all nodes",
      { maxUnavailable: 0, maxSurge: "100%" },
      2,
      { maxUnavailable: 0, maxSurge: 2 },
    ],
    [
      "TestGetUnavailableNumbers: half of three nodes",
      { maxUnavailable: "50%", maxSurge: 0 },
      3,
      { maxUnavailable: 2, maxSurge: 0 },
    ],
    [
      "a number above the fleet's size stays",
      { maxUnavailable: 50, maxSurge: 0 },
      3,
      { maxUnavailable: 50, maxSurge: 0 },
    ],
  ])("%s", (_rule, budgets, desired, budget) => {
    expect(rolloutBudget(budgets, desired)).toEqual(budget);
  });
});

describe("usesSurge", () => {
  it.each<readonly [string, Partial<DaemonSetFacts>, boolean]>([
    ["not without a maxSurge", { maxSurge: 0 }, false],
    ["with a number", { maxSurge: 2 }, true],
    ["with a share, however small the fleet", { maxSurge: "1%" }, true],
    ["not with a share of nothing", { maxSurge: "0%" }, false],
    ["not with OnDelete", { strategy: "OnDelete", maxSurge: 2 }, false],
  ])("%s", (_rule, fields, surges) => {
    expect(usesSurge(setFacts(fields))).toBe(surges);
  });
});

describe("rolloutAllowance", () => {
  const everything = Number.MAX_SAFE_INTEGER;
  const nothing = { replaceNow: 0, candidate: 0, surgeNow: 0, removeOld: 0, removeLater: 0 };
  const deletes = { ...nothing, replaceNow: everything, removeOld: everything };
  const surges = { ...nothing, surgeNow: everything, removeOld: everything };
  const surge = { maxUnavailable: 0, maxSurge: 2 };

  it.each<readonly [string, Partial<DaemonSetFacts>, Partial<NodeCounts>, ReturnType<typeof rolloutAllowance>]>([
    ["OnDelete touches nothing", { strategy: "OnDelete" }, { desired: 5 }, nothing],
    [
      "what is unavailable takes from the budget",
      { maxUnavailable: 3 },
      { desired: 5, unavailable: 1 },
      { ...deletes, candidate: 2 },
    ],
    ["more unavailable than the budget leaves none", { maxUnavailable: 3 }, { desired: 5, unavailable: 4 }, deletes],
    ["a share of no nodes is no budget", { maxUnavailable: "50%" }, {}, deletes],
    ["what surges takes from the budget", surge, { desired: 5, serving: 5, surging: 1 }, { ...surges, candidate: 1 }],
    ["more surging than the budget leaves none", surge, { desired: 5, serving: 5, surging: 3 }, surges],
    [
      "pods where none should run go while others are enough",
      surge,
      { desired: 4, serving: 6, surging: 2 },
      { ...surges, removeLater: 2 },
    ],
    ["pods where none should run stay while others are missing", surge, { desired: 4, serving: 3, surging: 2 }, surges],
  ])("%s", (_rule, fields, totals, allowance) => {
    expect(rolloutAllowance(setFacts(fields), { ...noCounts, ...totals })).toEqual(allowance);
  });
});
