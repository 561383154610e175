// What upstream's tests leave out and an edge fleet meets: nodes that come and go, rollbacks, histories.
import { describe, expect, it } from "vitest";

import { deletingFirst, image, onDelete, Story, surging } from "../support/story.ts";

const unreachable = [
  { key: "node.kubernetes.io/unreachable", effect: "NoSchedule" },
  { key: "node.kubernetes.io/unreachable", effect: "NoExecute" },
];

function rolledOut(nodes: number, strategy: ReturnType<typeof deletingFirst>): Story {
  const story = new Story(strategy);
  story.addNodes(nodes);
  story.settle();
  story.allReady();
  story.settle();
  return story;
}

describe("a node that is not heard", () => {
  it("keeps its pod, and is misscheduled until it is heard again", () => {
    const story = rolledOut(3, deletingFirst(1));
    story.changeNode("node-1", { taints: unreachable });
    expect(story.sync()).toEqual([0, 0]);
    expect(story.set.status).toMatchObject({
      desiredNumberScheduled: 2,
      currentNumberScheduled: 2,
      numberMisscheduled: 1,
    });
    story.changeNode("node-1", { taints: [] });
    expect(story.sync()).toEqual([0, 0]);
    expect(story.set.status).toMatchObject({
      desiredNumberScheduled: 3,
      currentNumberScheduled: 3,
      numberMisscheduled: 0,
    });
  });

  it("gets no pod before it is heard again", () => {
    const story = new Story();
    story.addNode({ name: "node-0", taints: unreachable });
    expect(story.sync()).toEqual([0, 0]);
    story.changeNode("node-0", { taints: [] });
    expect(story.sync()).toEqual([1, 0]);
  });

  it("stays desired with a toleration for everything, and takes from the budget of an update", () => {
    const story = new Story({ ...deletingFirst(1), "spec.template.spec.tolerations": [{ operator: "Exists" }] });
    story.addNodes(3);
    story.settle();
    story.allReady();
    story.changeNode("node-1", { taints: unreachable });
    const [lost] = story.podsOn("node-1");
    story.changePod(lost?.uid ?? "", { readySinceMs: null });
    story.update(image("nginx:2"));
    // The pod that does not work is replaced; that it does not come up leaves no budget for the others.
    expect(story.sync()).toEqual([0, 1]);
    expect(story.sync()).toEqual([1, 0]);
    expect(story.sync()).toEqual([0, 0]);
    expect(story.set.status).toMatchObject({
      desiredNumberScheduled: 3,
      updatedNumberScheduled: 1,
      numberAvailable: 2,
    });
  });

  it("takes from the budget while its pod cannot end", () => {
    const story = new Story(deletingFirst(1), { graceful: true });
    story.addNodes(3);
    story.settle();
    story.allReady();
    story.update(image("nginx:2"));
    expect(story.sync()).toEqual([0, 1]);
    // The agent is away: the pod that is to end stays.
    expect(story.settle()).toEqual([0, 0]);
    story.endDeleted();
    expect(story.settle()).toEqual([1, 0]);
  });
});

describe("a node that is gone", () => {
  it("leaves its bound pod to the collection, and counts no more", () => {
    const story = rolledOut(2, deletingFirst(1));
    story.nodes.delete("node-1");
    expect(story.sync()).toEqual([0, 0]);
    expect(story.set.status).toMatchObject({ desiredNumberScheduled: 1, numberMisscheduled: 0 });
  });

  it("has its pod again when it comes back in time", () => {
    const story = rolledOut(2, deletingFirst(1));
    story.nodes.delete("node-1");
    story.sync();
    story.addNode({ name: "node-1" });
    expect(story.settle()).toEqual([0, 0]);
    expect(story.set.status).toMatchObject({ desiredNumberScheduled: 2, numberAvailable: 2 });
  });
});

describe("a node that comes back late", () => {
  it("gets a new pod, for its old one was collected", () => {
    const story = rolledOut(2, deletingFirst(1));
    const [old] = story.podsOn("node-1");
    story.nodes.delete("node-1");
    story.sync();
    story.pods.delete(old?.uid ?? "");
    expect(story.settle()).toEqual([0, 0]);
    story.addNode({ name: "node-1" });
    expect(story.settle()).toEqual([1, 0]);
    expect(story.set.status).toMatchObject({ desiredNumberScheduled: 2, currentNumberScheduled: 2, numberReady: 1 });
  });
});

describe("a pod that a finalizer holds", () => {
  it.each(["Failed", "Succeeded"] as const)(
    "after it ended as %s is passed over, and its node gets another",
    (phase) => {
      const story = new Story(deletingFirst(1), { graceful: true });
      story.addNodes(1);
      const held = story.addPod("node-0", { phase, deleting: true });
      expect(story.sync()).toEqual([1, 0]);
      story.allReady();
      expect(story.settle()).toEqual([0, 0]);
      expect(story.pods.has(held.uid)).toBe(true);
      expect(story.set.status).toMatchObject({ currentNumberScheduled: 1, numberAvailable: 1 });
    },
  );
});

describe("a node whose labels change", () => {
  it("loses its pod when it is picked no more, and gets one when it is picked again", () => {
    const story = new Story({ "spec.template.spec.nodeSelector": { role: "edge" } });
    story.addNodes(1, { labels: { role: "edge" } });
    story.settle();
    story.changeNode("node-0", { labels: {} });
    expect(story.sync()).toEqual([0, 1]);
    expect(story.settle()).toEqual([0, 0]);
    story.changeNode("node-0", { labels: { role: "edge" } });
    expect(story.sync()).toEqual([1, 0]);
  });
});

describe("a rollback", () => {
  it("uses the old revision again, under a higher number", () => {
    const story = rolledOut(3, deletingFirst(3));
    const first = story.hash;
    story.update(image("nginx:2"));
    story.settle();
    story.update(image("nginx:1.27"));
    story.settle();
    expect(story.hash).toBe(first);
    expect(story.revisions.map(({ hash, revision }) => [hash === first, revision])).toEqual([
      [true, 3],
      [false, 2],
    ]);
  });

  it.each([
    ["deleting first", deletingFirst(1)],
    ["surging", surging(1)],
  ])("in the middle of an update touches no pod that still runs the old template, %s", (_how, strategy) => {
    const story = rolledOut(5, strategy);
    const before = story.hash;
    story.update(image("nginx:2"));
    story.settle();
    const untouched = [...story.pods.values()]
      .filter(({ facts }) => facts.hash === before)
      .map(({ facts }) => facts.uid);
    expect(untouched.length).toBeGreaterThanOrEqual(4);
    story.update(image("nginx:1.27"));
    for (let step = 0; step < 10; step += 1) {
      story.sync();
      story.allReady();
    }
    for (const uid of untouched) expect(story.pods.has(uid)).toBe(true);
    expect(story.status).toMatchObject({ numberAvailable: 5, updatedNumberScheduled: 5 });
  });
});

describe("the history", () => {
  it("keeps the current revision alone with a limit of 0, once no pod carries another", () => {
    const story = new Story({ ...onDelete, "spec.revisionHistoryLimit": 0 });
    story.addNodes(1);
    story.settle();
    story.update(image("nginx:2"));
    story.settle();
    expect(story.revisions).toHaveLength(2);
    for (const uid of story.pods.keys()) story.pods.delete(uid);
    story.settle();
    story.sync();
    expect(story.revisions.map(({ hash }) => hash)).toEqual([story.hash]);
  });

  it("keeps as many as the limit and the current one", () => {
    const story = rolledOut(2, { ...deletingFirst("100%"), "spec.revisionHistoryLimit": 2 });
    for (let version = 2; version < 8; version += 1) {
      story.update(image(`nginx:${version}`));
      story.settle();
      story.allReady();
      story.settle();
      expect(story.revisions.length).toBeLessThanOrEqual(3);
    }
    expect(story.revisions.map(({ revision }) => revision)).toEqual([5, 6, 7]);
  });

  it.each([
    ["an annotation", { "metadata.annotations": { note: "x", "deprecated.daemonset.template.generation": "1" } }, 1],
    ["minReadySeconds", { "spec.minReadySeconds": 5 }, 2],
    ["another strategy", onDelete, 2],
  ])("has no new revision for %s", (_what, changes, generation) => {
    const story = rolledOut(1, deletingFirst(1));
    story.update(changes);
    expect(story.settle()).toEqual([0, 0]);
    expect(story.revisions).toHaveLength(1);
    expect(story.set.metadata.generation).toBe(generation);
    expect(story.set.status.observedGeneration).toBe(generation);
  });
});

describe("OnDelete", () => {
  it("makes pods of the newest template as the old ones are deleted by hand, and rolls what is left once it may", () => {
    const story = rolledOut(3, onDelete);
    story.update(image("nginx:2"));
    expect(story.settle()).toEqual([0, 0]);
    const [first] = story.pods.keys();
    story.pods.delete(first ?? "");
    expect(story.sync()).toEqual([1, 0]);
    expect(story.set.status.updatedNumberScheduled).toBe(1);
    story.allReady();
    story.update(deletingFirst(3));
    expect(story.sync()).toEqual([0, 2]);
  });
});

describe("pods that are adopted", () => {
  it("of an earlier DaemonSet with the same template's generation count as up to date", () => {
    const story = new Story(deletingFirst(1));
    story.addNodes(2);
    for (const node of ["node-0", "node-1"])
      story.addPod(node, { hash: "other", templateGeneration: "1", readySinceMs: story.nowMs });
    expect(story.settle()).toEqual([0, 0]);
    story.update(image("nginx:2"));
    expect(story.sync()).toEqual([0, 1]);
  });

  it("of another generation are replaced", () => {
    const story = new Story(deletingFirst(1));
    story.addNodes(2);
    for (const node of ["node-0", "node-1"])
      story.addPod(node, { hash: "other", templateGeneration: "4", readySinceMs: story.nowMs });
    expect(story.sync()).toEqual([0, 1]);
  });
});
