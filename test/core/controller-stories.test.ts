// The cases of upstream's daemon_controller_test.go that are decisions, each under upstream's name. Creates and
// deletes are those of one sync.
//
// Not here, and why:
//   TestDeleteFinalStateUnknown, TestUpdateNode, TestShouldIgnoreNodeUpdate, TestDeleteNoDaemonPod, TestAddNode, TestAddPod,
//     TestUpdatePod, TestDeletePod, TestAddPodOrphan, TestUpdatePodOrphan…, TestDeletePodOrphan, TestUpdatePodChangeControllerRef,
//     TestUpdatePodControllerRefRemoved: about informers and work queues; a controller here reads every change from the log.
//   TestExpectationsOnRecreate, TestDaemonSetPodCreateExpectationsError: about expectations; reads are consistent here.
//   TestSimpleDaemonSetPodCreateErrors: slow start against a quota; there are no quotas, and creates are one transaction.
//   TestSimpleDaemonSetUpdatesStatusError, TestStoreDaemonSetStatus: about retries of calls; a pass that fails is run again.
//   TestGetNodesToDaemonPods, TestControlledHistories, TestDontDoAnythingIfBeingDeletedRace, TestDontDoAnythingIfBeingDeleted,
//     TestPodIsNotDeletedByDaemonsetWithEmptyLabelSelector: who owns what is settled where pods are read (test/worker); an
//     empty selector is refused by validation.
//   TestNodeShouldRunDaemonPod and what differs in taints and selectors alone: placement.test.ts.
import { describe, expect, it } from "vitest";

import { rolloutBudget } from "../../src/core/rollout.ts";
import type { Changes } from "../model/objects.ts";
import { deletingFirst, onDelete, Story, surging } from "../support/story.ts";

const strategies: readonly (readonly [string, Changes])[] = [
  ["OnDelete", onDelete],
  ["RollingUpdate", deletingFirst(1)],
];

const onEdge: Changes = { "spec.template.spec.nodeSelector": { role: "edge" } };
const edge = { labels: { role: "edge" } };

describe.each(strategies)("with %s", (_name, strategy) => {
  it.each<readonly [test: string, changes: Changes, prepare: (story: Story) => void, creates: number, deletes: number]>(
    [
      ["TestNoNodesDoesNothing", {}, () => {}, 0, 0],
      ["TestOneNodeDaemonLaunchesPod", {}, (story) => story.addNodes(1), 1, 0],
      ["TestSimpleDaemonSetLaunchesPods", {}, (story) => story.addNodes(5), 5, 0],
      [
        "TestNotReadyNodeDaemonDoesLaunchPod: only its taint would keep a daemon away",
        {},
        (story) => story.addNode({ name: "node-0", taints: [] }),
        1,
        0,
      ],
      [
        "TestInsufficientCapacityNodeDaemonDoesNotUnscheduleRunningPod: how large pods are does not matter",
        { "spec.template.spec.containers[0].resources": { requests: { memory: "1Ti" } } },
        (story) => {
          story.addNodes(2);
          story.addPod("node-0");
        },
        1,
        0,
      ],
      [
        "TestInsufficientCapacityNodeSufficientCapacityWithNodeLabelDaemonLaunchPod: only the selector decides",
        onEdge,
        (story) => {
          story.addNodes(1);
          story.addNode({ name: "large", ...edge });
        },
        1,
        0,
      ],
      [
        "TestNetworkUnavailableNodeDaemonLaunchesPod: the condition alone is no taint",
        {},
        (story) => story.addNodes(1),
        1,
        0,
      ],
      [
        "TestPortConflictWithSameDaemonPodDoesNotDeletePod: a pod is not in its own way",
        { "spec.template.spec.containers[0].ports": [{ containerPort: 80, hostPort: 80 }] },
        (story) => {
          story.addNodes(1);
          story.addPod("node-0");
        },
        0,
        0,
      ],
      [
        "TestNoPortConflictNodeDaemonLaunchesPod: ports are the node's business",
        { "spec.template.spec.containers[0].ports": [{ containerPort: 80, hostPort: 80 }] },
        (story) => story.addNodes(1),
        1,
        0,
      ],
      [
        "TestDealsWithExistingPods: nodes with 0, 1, 2 and 5 pods, and one with others' alone",
        {},
        (story) => {
          story.addNodes(5);
          story.addPods("node-1", 1);
          story.addPods("node-2", 2);
          story.addPods("node-3", 5);
        },
        2,
        5,
      ],
      [
        "TestSelectorDaemonLaunchesPods: 3 of 7 nodes are picked",
        onEdge,
        (story) => {
          story.addNodes(4);
          story.addNodes(3, edge);
        },
        3,
        0,
      ],
      [
        "TestSelectorDaemonDeletesUnselectedPods: pods on nodes that are not picked go",
        onEdge,
        (story) => {
          story.addNodes(5);
          story.addNodes(5, edge);
          story.addPods("node-1", 3);
          story.addPods("node-4", 1);
        },
        5,
        4,
      ],
      [
        "TestSelectorDaemonDealsWithExistingPods: too many here, too few there",
        onEdge,
        (story) => {
          story.addNodes(5);
          story.addNodes(5, edge);
          story.addPods("node-0", 1);
          story.addPods("node-1", 3);
          story.addPods("node-2", 4);
          story.addPods("node-6", 13);
          story.addPods("node-9", 1);
        },
        3,
        20,
      ],
      [
        "TestBadSelectorDaemonDoesNothing: no node is picked",
        { "spec.template.spec.nodeSelector": { role: "none" } },
        (story) => {
          story.addNodes(4);
          story.addNodes(3, edge);
        },
        0,
        0,
      ],
      [
        "TestNameDaemonSetLaunchesPods: one node by name",
        { "spec.template.spec.nodeName": "node-3" },
        (story) => story.addNodes(5),
        1,
        0,
      ],
      [
        "TestBadNameDaemonSetDoesNothing: no node of that name",
        { "spec.template.spec.nodeName": "node-9" },
        (story) => story.addNodes(5),
        0,
        0,
      ],
      [
        "TestNameAndSelectorDaemonSetLaunchesPods: name and selector agree",
        { ...onEdge, "spec.template.spec.nodeName": "node-6" },
        (story) => {
          story.addNodes(4);
          story.addNodes(3, edge);
        },
        1,
        0,
      ],
      [
        "TestInconsistentNameSelectorDaemonSetDoesNothing: name and selector disagree",
        { ...onEdge, "spec.template.spec.nodeName": "node-0" },
        (story) => {
          story.addNodes(4);
          story.addNodes(3, edge);
        },
        0,
        0,
      ],
      [
        "TestNodeAffinityDaemonLaunchesPods: required affinity picks 3 of 7",
        {
          "spec.template.spec.affinity": {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: [{ matchExpressions: [{ key: "role", operator: "In", values: ["edge"] }] }],
              },
            },
          },
        },
        (story) => {
          story.addNodes(4);
          story.addNodes(3, edge);
        },
        3,
        0,
      ],
      [
        "TestDaemonSetRespectsTermination: a pod that is going is waited for",
        {},
        (story) => {
          story.addNodes(1);
          story.addPod("node-0", { deleting: true });
        },
        0,
        0,
      ],
      [
        "TestDeleteUnscheduledPodForNotExistingNode: of a node that is gone only what was never bound goes",
        {},
        (story) => {
          story.addPod("node-1");
          story.addPod("node-2", { bound: false });
        },
        0,
        1,
      ],
      [
        "TestNoScheduleTaintedDoesntEvicitRunningIntolerantPod",
        {},
        (story) => {
          story.addNode({ name: "node-0", taints: [{ key: "a", effect: "NoSchedule" }] });
          story.addPod("node-0");
        },
        0,
        0,
      ],
      [
        "TestNoExecuteTaintedDoesEvicitRunningIntolerantPod",
        {},
        (story) => {
          story.addNode({ name: "node-0", taints: [{ key: "a", effect: "NoExecute" }] });
          story.addPod("node-0");
        },
        0,
        1,
      ],
      [
        "TestDaemonKillFailedPods: normal (do nothing)",
        {},
        (story) => {
          story.addNodes(1);
          story.addPod("node-0", { phase: "Running" });
        },
        0,
        0,
      ],
      ["TestDaemonKillFailedPods: no pods (create 1)", {}, (story) => story.addNodes(1), 1, 0],
      [
        "TestDaemonKillFailedPods: 1 failed (kill 1), 0 normal (create next sync)",
        {},
        (story) => {
          story.addNodes(1);
          story.addPod("node-0", { phase: "Failed" });
        },
        0,
        1,
      ],
      [
        "TestDaemonKillFailedPods: 1 failed, 3 normal (kill 1 + 2)",
        {},
        (story) => {
          story.addNodes(1);
          story.addPod("node-0", { phase: "Failed" });
          story.addPods("node-0", 3);
        },
        0,
        3,
      ],
    ],
  )("%s", (_test, changes, prepare, creates, deletes) => {
    const story = new Story({ ...strategy, ...changes });
    prepare(story);
    expect(story.sync()).toEqual([creates, deletes]);
  });

  it("TestSimpleDaemonSetUpdatesStatusAfterLaunchingPods: the sync that makes pods counts them", () => {
    const story = new Story(strategy);
    story.addNodes(5);
    story.sync();
    expect(story.set.status.currentNumberScheduled).toBe(5);
  });

  it("TestNumberReadyStatus: counts pods as they get ready", () => {
    const story = new Story(strategy);
    story.addNodes(2);
    story.sync();
    expect(story.set.status.numberReady).toBe(0);
    story.allReady();
    story.sync();
    expect(story.set.status.numberReady).toBe(2);
  });

  it("TestObservedGeneration: is the generation after a sync", () => {
    const story = new Story(strategy);
    story.update({ "spec.minReadySeconds": 5 });
    story.sync();
    expect(story.set.status.observedGeneration).toBe(2);
  });

  it("TestDaemonKillFailedPodsBackoff: a second failure waits, and the wait is not prolonged by looking", () => {
    const story = new Story(strategy);
    story.addNodes(1);
    story.sync();
    story.addPod("node-0", { phase: "Failed" });
    expect(story.sync()).toEqual([0, 1]);
    story.addPod("node-0", { phase: "Failed" });
    expect(story.sync()).toEqual([0, 0]);
    story.passMs(999);
    expect(story.sync()).toEqual([0, 0]);
    story.passMs(1);
    expect(story.sync()).toEqual([0, 1]);
    story.addPod("node-0", { phase: "Failed" });
    story.passMs(1_999);
    expect(story.sync()).toEqual([0, 0]);
    story.passMs(1);
    expect(story.sync()).toEqual([0, 1]);
  });
});

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
  ])("%s", (_rule, strategy, nodes, pods, budget, desired) => {
    const story = new Story(strategy);
    story.addNodes(nodes);
    for (let index = 0; index < pods; index += 1) story.addPod(`node-${index}`);
    expect(story.status.desiredNumberScheduled).toBe(desired);
    expect(rolloutBudget(story.facts, desired)).toEqual(budget);
  });
});
