import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { DaemonSetFacts, PodFacts } from "../../src/core/daemon-pods.ts";
import {
  availableAtMs,
  comparePods,
  countedPods,
  freeSlot,
  isPodAvailable,
  isPodUpdated,
} from "../../src/core/daemon-pods.ts";
import { nowMs, podFacts, setFacts } from "../support/facts.ts";

describe("isPodAvailable", () => {
  it.each<readonly [string, Partial<PodFacts>, number, boolean]>([
    ["a pod that is not ready is not", {}, 0, false],
    ["a ready pod is at once without minReadySeconds", { readySinceMs: nowMs }, 0, true],
    ["a pod that was ready too short is not", { readySinceMs: nowMs - 9_000 }, 10, false],
    ["a pod that was ready exactly long enough is not yet", { readySinceMs: nowMs - 10_000 }, 10, false],
    ["a pod that was ready a moment longer is", { readySinceMs: nowMs - 10_001 }, 10, true],
    ["a clock that is ahead makes nobody wait without minReadySeconds", { readySinceMs: nowMs + 60_000 }, 0, true],
    ["a deleted pod that is still ready is", { readySinceMs: nowMs - 60_000, deleting: true }, 10, true],
  ])("%s", (_rule, fields, minReadySeconds, available) => {
    expect(isPodAvailable(podFacts("p", fields), minReadySeconds, nowMs)).toBe(available);
  });

  it("becomes true exactly when availableAtMs says", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.nat(100_000), (minReadySeconds, agoMs) => {
        const pod = podFacts("p", { readySinceMs: nowMs - agoMs });
        const atMs = availableAtMs(pod, minReadySeconds) ?? Number.NaN;
        expect(isPodAvailable(pod, minReadySeconds, atMs)).toBe(true);
        expect(isPodAvailable(pod, minReadySeconds, atMs - 1)).toBe(false);
      }),
    );
  });
});

describe("isPodUpdated", () => {
  it.each<readonly [string, Partial<PodFacts>, Partial<DaemonSetFacts>, boolean]>([
    ["TestIsPodUpdated: the hash of the current revision", { hash: "h" }, { hash: "h" }, true],
    ["TestIsPodUpdated: another hash", { hash: "h" }, { hash: "i" }, false],
    ["TestIsPodUpdated: neither hash nor generation", { hash: "" }, { hash: "h" }, false],
    [
      "TestIsPodUpdated: the template's generation, whatever the hash",
      { hash: "", templateGeneration: "2" },
      { templateGeneration: "2" },
      true,
    ],
    ["TestIsPodUpdated: another generation", { hash: "", templateGeneration: "1" }, { templateGeneration: "2" }, false],
    [
      "no generation on either side proves nothing",
      { hash: "a", templateGeneration: "" },
      { templateGeneration: "" },
      false,
    ],
    ["no hash on either side proves nothing", { hash: "" }, { hash: "" }, false],
  ])("%s", (_rule, pod, set, updated) => {
    expect(isPodUpdated(podFacts("p", pod), setFacts(set))).toBe(updated);
  });
});

describe("comparePods", () => {
  it("puts bound pods first, then the older, then by name", () => {
    const pods = [
      podFacts("unbound", { bound: false, createdAtMs: 1 }),
      podFacts("young", { createdAtMs: 3 }),
      podFacts("b", { createdAtMs: 2 }),
      podFacts("a", { createdAtMs: 2 }),
    ];
    expect(pods.sort(comparePods).map(({ name }) => name)).toEqual(["a", "b", "young", "unbound"]);
  });
});

describe("countedPods", () => {
  it.each<readonly [string, Partial<PodFacts>, boolean]>([
    ["a running pod counts", {}, true],
    ["a running pod that is deleted counts", { deleting: true }, true],
    ["a failed pod counts", { phase: "Failed" }, true],
    ["a failed pod that is deleted does not", { phase: "Failed", deleting: true }, false],
    ["a succeeded pod that is deleted does not", { phase: "Succeeded", deleting: true }, false],
  ])("%s", (_rule, fields, counts) => {
    expect(countedPods([podFacts("p", fields)])).toHaveLength(counts ? 1 : 0);
  });
});

describe("freeSlot", () => {
  it("is the lowest that no pod holds", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(6)), (taken) => {
        const slot = freeSlot(taken.map((held) => ({ slot: held })));
        expect(taken).not.toContain(slot);
        for (let lower = 0; lower < slot; lower += 1) expect(taken).toContain(lower);
      }),
    );
  });
});
