// The cases of upstream's daemon_controller_test.go that are decisions, each under upstream's name. Creates and
// deletes are those of one sync.
//
// Elsewhere, under the same names:
//   those with a surge: surge-stories.test.ts. Which node is picked: placement.test.ts. What a pod is made of:
//     daemonset.test.ts.
//   who wakes whom, who owns what, what becomes of a pass that fails: test/worker/daemonset-upstream.test.ts.
// Nowhere: the event of TestPodIsNotDeletedByDaemonsetWithEmptyLabelSelector. Validation refuses an empty selector.
import { describe, expect, it } from "vitest";

import type { Changes } from "../model/objects.ts";
import { deletingFirst, onDelete, Story } from "../support/story.ts";

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
        "TestSelectorDaemonSetLaunchesPods: whatever the strategy",
        onEdge,
        (story) => {
          story.addNodes(3, edge);
          story.addNodes(2, { labels: { role: "core" } });
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
