// The cases of upstream's daemon_controller_test.go that are about surges, and those of update_test.go that are about
// budgets, each under upstream's name.
import { describe, expect, it } from "vitest";

import { rolloutBudget } from "../../src/core/rollout.ts";
import type { Changes } from "../model/objects.ts";
import { deletingFirst, Story, surging } from "../support/story.ts";

describe("with a surge of 1", () => {
  const old = { hash: "" };

  /** Five nodes; node-1 has a new pod, an old one and an old one more, and node-2 has a new one. */
  function crowded(changes: Changes = {}): Story {
    const story = new Story({ ...surging(1), ...changes });
    story.addNodes(5);
    // Its template's generation would make an old pod pass for a new one.
    story.set = { ...story.set, metadata: { ...story.set.metadata, annotations: {} } };
    story.addPod("node-2");
    return story;
  }

  it("TestSurgeDealsWithExistingPods: as without surge", () => {
    const story = new Story(surging(1));
    story.addNodes(5);
    story.addPods("node-1", 1);
    story.addPods("node-2", 2);
    story.addPods("node-3", 5);
    expect(story.sync()).toEqual([2, 5]);
  });

  it("TestSurgePreservesReadyOldPods: the oldest old and the new one stay, one too many goes", () => {
    const story = crowded();
    const at = story.nowMs;
    story.addPod("node-1", { createdAtMs: at - 100 });
    story.addPod("node-1", { ...old, createdAtMs: at - 300, readySinceMs: at });
    const surplus = story.addPod("node-1", { ...old, createdAtMs: at - 200, readySinceMs: at });
    expect(story.sync()).toEqual([3, 1]);
    expect(story.pods.has(surplus.uid)).toBe(false);
  });

  it("TestSurgeCreatesNewPodWhenAtMaxSurgeAndOldPodDeleted: a node whose old pod is going gets a new one at once", () => {
    const story = crowded();
    const at = story.nowMs;
    for (const node of ["node-0", "node-4"]) story.addPod(node, { readySinceMs: at });
    story.addPod("node-1", { createdAtMs: at });
    story.addPod("node-1", { ...old, createdAtMs: at - 300, readySinceMs: at });
    story.addPod("node-3", { ...old, deleting: true, readySinceMs: at });
    expect(story.sync()).toEqual([1, 0]);
    expect(story.podsOn("node-3")).toHaveLength(1);
  });

  it("TestSurgeDeletesUnreadyOldPods: an old pod that is not ready goes, as does one too many", () => {
    const story = crowded();
    const at = story.nowMs;
    const kept = story.addPod("node-1", { createdAtMs: at - 100 });
    story.addPod("node-1", { ...old, createdAtMs: at - 300 });
    story.addPod("node-1", { ...old, createdAtMs: at - 200, readySinceMs: at });
    expect(story.sync()).toEqual([3, 2]);
    expect(story.podsOn("node-1").map(({ uid }) => uid)).toEqual([kept.uid]);
  });

  it.each([
    ["TestSurgePreservesOldReadyWithUnsatisfiedMinReady: new, ready for 10 s of 15", 10_000, 1],
    ["TestSurgeDeletesOldReadyWithUnsatisfiedMinReady: new, ready for 20 s of 15", 20_000, 2],
  ])("%s", (_test, readyForMs, deletes) => {
    const story = crowded({ "spec.minReadySeconds": 15 });
    const at = story.nowMs;
    story.addPod("node-1", { createdAtMs: at - 100_000, readySinceMs: at - readyForMs });
    story.addPod("node-1", { ...old, createdAtMs: at - 300_000, readySinceMs: at - 250_000 });
    story.addPod("node-1", { ...old, createdAtMs: at - 200_000, readySinceMs: at - 150_000 });
    expect(story.sync()).toEqual([3, deletes]);
  });
});

describe("TestGetUnavailableNumbers: nodes without pods are among the desired ones", () => {
  it.each<readonly [string, Changes, number, number, { maxUnavailable: number; maxSurge: number }, number]>([
    ["no nodes", deletingFirst(1), 0, 0, { maxUnavailable: 1, maxSurge: 0 }, 0],
    ["two nodes with ready pods", deletingFirst(1), 2, 2, { maxUnavailable: 1, maxSurge: 0 }, 2],
    ["two nodes, one without a pod", deletingFirst("50%"), 2, 1, { maxUnavailable: 1, maxSurge: 0 }, 2],
    ["two nodes, one without a pod, surging", surging("50%"), 2, 1, { maxUnavailable: 0, maxSurge: 1 }, 2],
    ["two nodes, one without a pod, all surging", surging("100%"), 2, 1, { maxUnavailable: 0, maxSurge: 2 }, 2],
    ["two nodes, none of them with a pod", deletingFirst("1%"), 2, 0, { maxUnavailable: 1, maxSurge: 0 }, 2],
  ])("%s", (_rule, strategy, nodes, pods, budget, desired) => {
    const story = new Story(strategy);
    story.addNodes(nodes);
    for (let index = 0; index < pods; index += 1) story.addPod(`node-${index}`);
    expect(story.status.desiredNumberScheduled).toBe(desired);
    expect(rolloutBudget(story.facts, desired)).toEqual(budget);
  });
});

it("TestGetUnavailableNumbers: of three nodes, one without a pod and one whose pod is going, half may be unavailable", () => {
  const story = new Story({ ...deletingFirst("50%") }, { graceful: true });
  story.addNodes(3);
  story.addPod("node-0", { hash: "", templateGeneration: "", readySinceMs: story.nowMs });
  story.addPod("node-1", { hash: "", templateGeneration: "", readySinceMs: story.nowMs, deleting: true });
  expect(rolloutBudget(story.facts, story.status.desiredNumberScheduled)).toEqual({ maxUnavailable: 2, maxSurge: 0 });
  // The empty node gets its pod first; that one and the pod that is going are all that may be missing.
  expect(story.sync()).toEqual([1, 0]);
  story.setReady(true, 1, ({ node }) => node === "node-2");
  expect(story.sync()).toEqual([0, 1]);
});
