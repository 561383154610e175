import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Taint, Toleration } from "../../src/core/tolerations.ts";
import { daemonPodTolerations, tolerates, untoleratedTaint } from "../../src/core/tolerations.ts";

const taint: Taint = { key: "dedicated", value: "gpu", effect: "NoSchedule" };

describe("tolerates", () => {
  it.each<readonly [string, Toleration, boolean]>([
    [
      "the same key, value and effect",
      { key: "dedicated", operator: "Equal", value: "gpu", effect: "NoSchedule" },
      true,
    ],
    ["no operator means Equal", { key: "dedicated", value: "gpu", effect: "NoSchedule" }, true],
    ["no effect means all effects", { key: "dedicated", operator: "Equal", value: "gpu" }, true],
    ["another effect", { key: "dedicated", operator: "Equal", value: "gpu", effect: "NoExecute" }, false],
    ["another value", { key: "dedicated", operator: "Equal", value: "cpu" }, false],
    ["Equal without a value wants an empty one", { key: "dedicated", operator: "Equal" }, false],
    ["Exists takes any value", { key: "dedicated", operator: "Exists" }, true],
    ["Exists with another key", { key: "other", operator: "Exists" }, false],
    ["Exists without a key tolerates everything", { operator: "Exists" }, true],
    ["Exists without a key keeps to its effect", { operator: "Exists", effect: "NoExecute" }, false],
    ["Equal without a key tolerates nothing", { operator: "Equal", value: "gpu" }, false],
  ])("%s", (_rule, toleration, expected) => {
    expect(tolerates(toleration, taint)).toBe(expected);
  });

  it("takes a taint without a value for one with an empty value", () => {
    expect(
      tolerates({ key: "dedicated", operator: "Equal", value: "" }, { key: "dedicated", effect: "NoSchedule" }),
    ).toBe(true);
  });
});

describe("untoleratedTaint", () => {
  const hard: Taint = { key: "a", effect: "NoExecute" };
  const soft: Taint = { key: "b", effect: "PreferNoSchedule" };

  it.each<readonly [string, readonly Taint[], readonly Toleration[], Taint | undefined]>([
    ["nothing of no taints", [], [], undefined],
    ["the first that nothing tolerates", [taint, hard], [{ key: "dedicated", operator: "Exists" }], hard],
    ["nothing when all are tolerated", [taint, hard], [{ operator: "Exists" }], undefined],
    ["nothing of effects that are not asked for", [soft], [], undefined],
  ])("returns %s", (_rule, taints, tolerations, expected) => {
    expect(untoleratedTaint(taints, tolerations, ["NoSchedule", "NoExecute"])).toEqual(expected);
  });
});

const automaticKeys = [
  "node.kubernetes.io/not-ready:NoExecute",
  "node.kubernetes.io/unreachable:NoExecute",
  "node.kubernetes.io/disk-pressure:NoSchedule",
  "node.kubernetes.io/memory-pressure:NoSchedule",
  "node.kubernetes.io/pid-pressure:NoSchedule",
  "node.kubernetes.io/unschedulable:NoSchedule",
];

function keysOf(tolerations: readonly Toleration[]): readonly string[] {
  return tolerations.map(({ key, effect }) => `${key}:${effect}`);
}

describe("daemonPodTolerations", () => {
  it("adds the automatic ones after the user's, in upstream's order", () => {
    const own: Toleration = { key: "mine", operator: "Exists", effect: "NoSchedule" };
    expect(keysOf(daemonPodTolerations([own], false))).toEqual(["mine:NoSchedule", ...automaticKeys]);
  });

  it("tolerates an unavailable network only on the host network", () => {
    expect(keysOf(daemonPodTolerations([], true))).toEqual([
      ...automaticKeys,
      "node.kubernetes.io/network-unavailable:NoSchedule",
    ]);
  });

  it("overwrites an equal one in its place, with its tolerationSeconds", () => {
    const own: Toleration = {
      key: "node.kubernetes.io/unreachable",
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: 60,
    };
    const [first, ...others] = daemonPodTolerations([own], false);
    expect(first).toEqual({ key: own.key, operator: "Exists", effect: "NoExecute" });
    expect(keysOf(others)).not.toContain("node.kubernetes.io/unreachable:NoExecute");
  });

  it("keeps one that differs in its effect beside the automatic one", () => {
    const own: Toleration = { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoSchedule" };
    expect(keysOf(daemonPodTolerations([own], false))).toContain("node.kubernetes.io/not-ready:NoExecute");
  });

  it("changes nothing when it is done twice, and keeps what the user gave", () => {
    const toleration = fc.record({
      key: fc.constantFrom("a", "node.kubernetes.io/not-ready", "node.kubernetes.io/unschedulable"),
      operator: fc.constantFrom("Exists", "Equal"),
      effect: fc.constantFrom("NoSchedule", "NoExecute"),
    });
    fc.assert(
      fc.property(fc.array(toleration, { maxLength: 5 }), fc.boolean(), (given, hostNetwork) => {
        const once = daemonPodTolerations(given, hostNetwork);
        expect(daemonPodTolerations(once, hostNetwork)).toEqual(once);
        expect(once.slice(0, given.length)).toEqual(given);
      }),
    );
  });
});
