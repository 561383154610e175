// The cases of upstream's update_test.go, each under upstream's name: what is created and deleted in each sync of a
// rolling update.
import { describe, expect, it } from "vitest";

import { deletingFirst, image, Story, surging } from "../support/story.ts";

/** A fleet with a ready pod on every node. */
function rolledOut(nodes: number, strategy: ReturnType<typeof deletingFirst>): Story {
  const story = new Story(strategy);
  story.addNodes(nodes);
  expect(story.sync()).toEqual([nodes, 0]);
  story.allReady();
  return story;
}

describe("a rolling update that deletes first", () => {
  it("TestDaemonSetUpdatesPods: as many at a time as may be unavailable", () => {
    const story = rolledOut(5, deletingFirst(2));
    story.update(image("nginx:2"));
    for (const count of [2, 2, 1]) {
      expect(story.sync()).toEqual([0, count]);
      expect(story.sync()).toEqual([count, 0]);
      story.allReady();
    }
    expect(story.sync()).toEqual([0, 0]);
  });

  it("TestDaemonSetUpdatesWhenNewPodIsNotReady: stops when the budget is used up", () => {
    const story = rolledOut(5, deletingFirst(3));
    story.update(image("nginx:2"));
    expect(story.sync()).toEqual([0, 3]);
    expect(story.sync()).toEqual([3, 0]);
    expect(story.sync()).toEqual([0, 0]);
  });

  it("TestDaemonSetUpdatesSomeOldPodsNotReady: another broken update replaces what is broken, and nothing that works", () => {
    const story = rolledOut(5, deletingFirst(2));
    story.update(image("broken:1"));
    expect(story.sync()).toEqual([0, 2]);
    expect(story.sync()).toEqual([2, 0]);
    expect(story.sync()).toEqual([0, 0]);
    const working = new Set(story.serving);
    expect(working.size).toBe(3);
    story.update(image("broken:2"));
    expect(story.sync()).toEqual([0, 2]);
    expect(story.sync()).toEqual([2, 0]);
    expect(story.sync()).toEqual([0, 0]);
    expect(story.serving).toEqual(working);
  });

  it("TestDaemonSetUpdatesSaveOldHealthyPods: ten broken updates touch none of the pods that work", () => {
    const story = rolledOut(20, deletingFirst(10));
    story.update(image("broken:0"));
    expect(story.sync()).toEqual([0, 10]);
    expect(story.sync()).toEqual([10, 0]);
    expect(story.sync()).toEqual([0, 0]);
    const working = new Set(story.serving);
    for (let budget = 0; budget < 10; budget += 1) {
      story.update({ ...image(`broken:${budget + 1}`), ...deletingFirst(Math.max(1, budget)) });
      expect(story.sync()).toEqual([0, 10]);
      expect(story.sync()).toEqual([10, 0]);
      expect(story.sync()).toEqual([0, 0]);
      expect(story.serving).toEqual(working);
    }
    story.update({ ...image("broken:11"), ...deletingFirst(11) });
    expect(story.sync()).toEqual([0, 11]);
    expect(story.sync()).toEqual([11, 0]);
    expect(story.serving.size).toBe(9);
  });

  it("TestDaemonSetUpdatesAllOldNotReadyPodsAndNewNotReadyPods: goes on with old pods that do not work, beyond the budget", () => {
    const story = rolledOut(100, deletingFirst(100));
    story.update(image("broken:1"));
    for (let step = 0; step < 2; step += 1) story.sync();
    // 12 of the old ones are still there, as if the update had stopped before them.
    const [first] = story.revisions;
    const isLeftOver = (index: number) => index >= 88;
    [...story.pods.values()].forEach(({ facts }, index) => {
      if (!isLeftOver(index)) return;
      const readySinceMs = index >= 90 ? story.nowMs : null;
      story.changePod(facts.uid, { hash: first?.hash ?? "", templateGeneration: "1", readySinceMs });
    });
    story.update(deletingFirst(10));
    expect(story.sync()).toEqual([0, 2]);
    expect(story.sync()).toEqual([2, 0]);
    expect(story.serving.size).toBe(10);
  });

  it("TestDaemonSetUpdatesAllOldPodsNotReady: what does not work goes all at once, whatever the budget", () => {
    const story = new Story(deletingFirst(3));
    story.addNodes(5);
    expect(story.sync()).toEqual([5, 0]);
    story.update(image("nginx:2"));
    expect(story.sync()).toEqual([0, 5]);
    expect(story.sync()).toEqual([5, 0]);
    expect(story.sync()).toEqual([0, 0]);
  });

  it("TestDaemonSetUpdatesNoTemplateChanged: another strategy is no reason to replace anything", () => {
    const story = rolledOut(5, deletingFirst(3));
    story.update(deletingFirst("50%"));
    expect(story.sync()).toEqual([0, 0]);
    expect(story.sync()).toEqual([0, 0]);
  });
});

describe("a rolling update by surge", () => {
  it("TestDaemonSetUpdatesPodsWithMaxSurge: new pods first, old ones once these are available", () => {
    const story = rolledOut(5, surging(2));
    story.update(image("nginx:2"));
    for (const [creates, deletes, ready] of [
      [2, 0, 2],
      [2, 2, 2],
      [1, 2, 1],
    ] as const) {
      expect(story.sync()).toEqual([creates, deletes]);
      expect(story.sync()).toEqual([0, 0]);
      story.setReady(true, ready, (pod) => story.isCurrent(pod) && pod.facts.readySinceMs === null);
    }
    expect(story.sync()).toEqual([0, 1]);
    expect(story.sync()).toEqual([0, 0]);
  });

  it("TestDaemonSetUpdatesPodsNotMatchTainstWithMaxSurge: a node that is tolerated no more gives its pod up", () => {
    const toleration = { key: "node-role.kubernetes.io/control-plane", operator: "Exists" };
    const story = new Story({ ...surging(1), "spec.template.spec.tolerations": [toleration] });
    story.addNodes(4);
    story.addNode({ name: "node-4", taints: [{ key: toleration.key, effect: "NoSchedule" }] });
    expect(story.sync()).toEqual([5, 0]);
    story.allReady();
    story.update({ "spec.template.spec.tolerations": undefined });
    for (let step = 0; step < 4; step += 1) {
      expect(story.sync()).toEqual([1, 1]);
      expect(story.sync()).toEqual([0, 0]);
      story.setReady(true, 1, (pod) => story.isCurrent(pod) && pod.facts.readySinceMs === null);
    }
    expect(story.sync()).toEqual([0, 1]);
    expect(story.podsOn("node-4")).toEqual([]);
    expect(story.serving.size).toBe(4);
  });

  it("TestDaemonSetUpdatesAllOldPodsNotReadyMaxSurge: what does not work is replaced beside the budget, by the clock", () => {
    const story = new Story(surging(3));
    story.addNodes(5);
    expect(story.sync()).toEqual([5, 0]);
    story.update(image("nginx:2"));
    expect(story.sync()).toEqual([5, 0]);
    expect(story.sync()).toEqual([0, 5]);
    story.allReady();
    story.passMs(100_000);
    story.update({ ...image("nginx:3"), "spec.minReadySeconds": 15 });
    expect(story.sync()).toEqual([3, 0]);
    const renewed = new Set([...story.pods.values()].filter(story.isCurrent).map(({ node }) => node));
    story.setReady(true, 2, story.isCurrent);
    story.setReady(false, 1, ({ node }) => !renewed.has(node));
    story.passMs(10_000);
    expect(story.sync()).toEqual([1, 0]);
    story.passMs(10_000);
    expect(story.sync()).toEqual([1, 3]);
    story.setReady(true, Number.POSITIVE_INFINITY, (pod) => story.isCurrent(pod));
    story.passMs(20_000);
    expect(story.sync()).toEqual([0, 2]);
    expect(story.sync()).toEqual([0, 0]);
  });
});
