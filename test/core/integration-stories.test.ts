// The cases of upstream's test/integration/daemonset that are decisions, each under upstream's name; the rest of them
// are in test/worker/daemonset-upstream.test.ts. Upstream runs each with both strategies.
import { describe, expect, it } from "vitest";

import type { Changes } from "../model/objects.ts";
import { deletingFirst, image, onDelete, Story } from "../support/story.ts";

const strategies: readonly (readonly [string, Changes])[] = [
  ["OnDelete", onDelete],
  ["RollingUpdate", deletingFirst(1)],
];

/** Nodes with a working pod in the end, by name. */
function servedBy(story: Story): readonly string[] {
  for (let round = 0; round < 4; round += 1) {
    story.settle();
    story.allReady();
  }
  return [...story.serving].toSorted();
}

function required(...terms: readonly object[]): Changes {
  return {
    "spec.template.spec.affinity": {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
    },
  };
}

describe.each(strategies)("with %s", (_name, strategy) => {
  it("TestOneNodeDaemonLaunchesPod: the node's pod gets ready", () => {
    const story = new Story(strategy);
    story.addNodes(1);
    expect(servedBy(story)).toEqual(["node-0"]);
    expect(story.status).toMatchObject({ desiredNumberScheduled: 1, numberAvailable: 1 });
  });

  it("TestSimpleDaemonSetLaunchesPods: so do those of a fleet", () => {
    const story = new Story(strategy);
    story.addNodes(5);
    expect(servedBy(story)).toHaveLength(5);
  });

  it.each<readonly [string, Changes, readonly string[]]>([
    ["a label", required({ matchExpressions: [{ key: "zone", operator: "In", values: ["test"] }] }), ["node-0"]],
    ["a name", required({ matchFields: [{ key: "metadata.name", operator: "In", values: ["node-2"] }] }), ["node-2"]],
    [
      "one or the other",
      required(
        { matchExpressions: [{ key: "zone", operator: "In", values: ["test"] }] },
        { matchFields: [{ key: "metadata.name", operator: "In", values: ["node-2"] }] },
      ),
      ["node-0", "node-2"],
    ],
  ])("TestDaemonSetWithNodeSelectorLaunchesPods: nodes picked by %s", (_what, changes, served) => {
    const story = new Story({ ...strategy, ...changes });
    story.addNodes(1, { labels: { zone: "test" } });
    story.addNodes(2);
    expect(servedBy(story)).toEqual(served);
  });

  it("TestNotReadyNodeDaemonDoesLaunchPod: on a node that the taint drives others from", () => {
    const story = new Story(strategy);
    story.addNodes(1, { taints: [{ key: "node.kubernetes.io/not-ready", effect: "NoExecute" }] });
    expect(servedBy(story)).toEqual(["node-0"]);
  });

  it("TestInsufficientCapacityNode: a pod too large for its node is made, and its agent refuses it again and again", () => {
    const large = { "spec.template.spec.containers[0].resources": { requests: { memory: "75M", cpu: "75m" } } };
    const story = new Story({ ...strategy, ...large });
    story.addNodes(2);
    expect(story.sync()).toEqual([2, 0]);
    const [refused] = story.podsOn("node-0");
    story.changePod(refused?.uid ?? "", { phase: "Failed" });
    story.setReady(true, 1, ({ node }) => node === "node-1");
    expect(story.settle()).toEqual([1, 1]);
    expect(story.status).toMatchObject({ desiredNumberScheduled: 2, currentNumberScheduled: 2, numberReady: 1 });
  });

  it("TestTaintedNode: gets its pod once the taint is gone", () => {
    const story = new Story(strategy);
    story.addNodes(1, { taints: [{ key: "key1", value: "value1", effect: "NoSchedule" }] });
    story.addNodes(1);
    expect(servedBy(story)).toEqual(["node-1"]);
    story.changeNode("node-0", { taints: [] });
    expect(servedBy(story)).toEqual(["node-0", "node-1"]);
  });

  it("TestUnschedulableNodeDaemonDoesLaunchPod: a cordoned node runs daemons, and one without network those of the host's", () => {
    const story = new Story({ ...strategy, "spec.template.spec.hostNetwork": true });
    story.addNodes(1, { taints: [{ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }] });
    story.addNodes(1, { taints: [{ key: "node.kubernetes.io/network-unavailable", effect: "NoSchedule" }] });
    expect(servedBy(story)).toEqual(["node-0", "node-1"]);
  });
});

it.each([
  ["TestDaemonSetRollingUpdateWithTolerations: a toleration that is gone takes its nodes with it", "NoSchedule"],
  ["TestDaemonSetRollingUpdateWithTolerations: at once where the taint drives pods away", "NoExecute"],
])("%s", (_test, effect) => {
  const zones = ["zone-a", "zone-b", "zone-c"];
  const tolerating = (...keys: readonly string[]): Changes => ({
    "spec.template.spec.tolerations": keys.map((key) => ({ key, operator: "Exists" })),
  });
  const story = new Story({ ...deletingFirst(1), ...tolerating(...zones) });
  for (const key of zones) story.addNodes(2, { taints: [{ key, effect }] });
  expect(servedBy(story)).toHaveLength(6);
  story.update({ ...image("nginx:2"), ...tolerating("zone-a", "zone-b") });
  const served: number[] = [];
  for (let step = 0; step < 20; step += 1) {
    story.sync();
    served.push([...story.serving].filter((name) => ["node-0", "node-1", "node-2", "node-3"].includes(name)).length);
    story.allReady();
  }
  // One at a time of those that still count, and nothing is left on those that do not.
  expect(Math.min(...served)).toBe(3);
  expect([...story.serving].toSorted()).toEqual(["node-0", "node-1", "node-2", "node-3"]);
  expect(story.pods.size).toBe(4);
  expect(story.status).toMatchObject({ desiredNumberScheduled: 4, updatedNumberScheduled: 4, numberMisscheduled: 0 });
});
