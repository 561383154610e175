// Named after TestNodeShouldRunDaemonPod and its companions of daemon_controller_test.go.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { NodeFacts, PlaceablePodSpec } from "../../src/core/placement.ts";
import { nodeShouldRunDaemonPod, placementOf } from "../../src/core/placement.ts";
import { nodeFacts } from "../support/facts.ts";

type Row = readonly [
  rule: string,
  spec: PlaceablePodSpec,
  node: Partial<NodeFacts>,
  shouldRun: boolean,
  mayStay: boolean,
];

const linux = { labels: { os: "linux" } };

function requiring(...values: readonly string[]): PlaceablePodSpec {
  const term = { matchExpressions: [{ key: "os", operator: "In", values }] };
  return {
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } } },
  };
}

function tainted(key: string, effect: string): Partial<NodeFacts> {
  return { taints: [{ key: `node.kubernetes.io/${key}`, effect }] };
}

const dedicated: Partial<NodeFacts> = { taints: [{ key: "dedicated", value: "gpu", effect: "NoSchedule" }] };
const evicting: Partial<NodeFacts> = { taints: [{ key: "dedicated", value: "gpu", effect: "NoExecute" }] };

describe("nodeShouldRunDaemonPod", () => {
  it.each<Row>([
    ["TestNodeShouldRunDaemonPod: a plain pod runs on a plain node", {}, {}, true, true],
    ["TestNodeShouldRunDaemonPod: another nodeName excludes the node", { nodeName: "other" }, {}, false, false],
    ["TestNameDaemonSetLaunchesPods: the node's own name picks it", { nodeName: "node" }, {}, true, true],
    ["TestNodeShouldRunDaemonPod: a nodeSelector that fits", { nodeSelector: { os: "linux" } }, linux, true, true],
    [
      "TestNodeShouldRunDaemonPod: a nodeSelector that does not fit drives the pod away",
      { nodeSelector: { os: "windows" } },
      linux,
      false,
      false,
    ],
    ["TestNodeShouldRunDaemonPod: required affinity that fits", requiring("linux"), linux, true, true],
    ["TestNodeShouldRunDaemonPod: required affinity that does not fit", requiring("windows"), linux, false, false],
    [
      "TestNameAndSelectorDaemonSetLaunchesPods: name and selector agree",
      { nodeName: "node", nodeSelector: { os: "linux" } },
      linux,
      true,
      true,
    ],
    [
      "TestInconsistentNameSelectorDaemonSetDoesNothing: name and selector disagree",
      { nodeName: "node", nodeSelector: { os: "windows" } },
      linux,
      false,
      false,
    ],
    [
      "nodeSelector and required affinity must both fit",
      { ...requiring("linux"), nodeSelector: { zone: "a" } },
      linux,
      false,
      false,
    ],
    [
      "required affinity without terms matches no node",
      { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } } },
      linux,
      false,
      false,
    ],
    ["TestTaintedNodeDaemonDoesNotLaunchIntolerantPod: NoSchedule keeps new pods out", {}, dedicated, false, true],
    ["TestNoScheduleTaintedDoesntEvicitRunningIntolerantPod: NoSchedule lets a pod stay", {}, dedicated, false, true],
    ["TestNoExecuteTaintedDoesEvicitRunningIntolerantPod: NoExecute drives a pod away", {}, evicting, false, false],
    [
      "TestTaintedNodeDaemonLaunchesToleratePod: a tolerated taint is none",
      { tolerations: [{ key: "dedicated", operator: "Equal", value: "gpu", effect: "NoSchedule" }] },
      dedicated,
      true,
      true,
    ],
    [
      "TestNodeDaemonLaunchesToleratePod: tolerations without taints do no harm",
      { tolerations: [{ key: "dedicated", operator: "Exists" }] },
      {},
      true,
      true,
    ],
    ["TestNotReadyNodeDaemonLaunchesPod: not-ready:NoExecute", {}, tainted("not-ready", "NoExecute"), true, true],
    [
      "TestUnreachableNodeDaemonLaunchesPod: unreachable:NoExecute",
      {},
      tainted("unreachable", "NoExecute"),
      true,
      true,
    ],
    ["a not-ready node with its NoSchedule taint gets no new pod", {}, tainted("not-ready", "NoSchedule"), false, true],
    [
      "a user's bare Exists keeps a not-ready node in",
      { tolerations: [{ operator: "Exists" }] },
      tainted("not-ready", "NoSchedule"),
      true,
      true,
    ],
    ["TestTaintPressureNodeDaemonLaunchesPod: memory", {}, tainted("memory-pressure", "NoSchedule"), true, true],
    ["TestTaintPressureNodeDaemonLaunchesPod: disk", {}, tainted("disk-pressure", "NoSchedule"), true, true],
    ["TestTaintPressureNodeDaemonLaunchesPod: processes", {}, tainted("pid-pressure", "NoSchedule"), true, true],
    [
      "TestNodeShouldRunDaemonPod: a cordoned node runs daemons",
      {},
      tainted("unschedulable", "NoSchedule"),
      true,
      true,
    ],
    ["a node without network waits", {}, tainted("network-unavailable", "NoSchedule"), false, true],
    [
      "a node without network runs a daemon of the host network",
      { hostNetwork: true },
      tainted("network-unavailable", "NoSchedule"),
      true,
      true,
    ],
    ["PreferNoSchedule does not count", {}, { taints: [{ key: "a", effect: "PreferNoSchedule" }] }, true, true],
  ])("%s", (_rule, spec, node, shouldRun, shouldContinueRunning) => {
    expect(nodeShouldRunDaemonPod(placementOf(spec), nodeFacts(node))).toEqual({ shouldRun, shouldContinueRunning });
  });

  it("never says that a pod ought to run where it may not stay", () => {
    const taint = fc.record({
      key: fc.constantFrom("a", "node.kubernetes.io/not-ready", "node.kubernetes.io/unschedulable"),
      effect: fc.constantFrom("NoSchedule", "NoExecute", "PreferNoSchedule"),
    });
    const spec = fc.record({
      nodeSelector: fc.constantFrom({}, { os: "linux" }),
      tolerations: fc.array(fc.record({ key: fc.constant("a"), operator: fc.constant("Exists") }), { maxLength: 1 }),
    });
    fc.assert(
      fc.property(spec, fc.array(taint, { maxLength: 3 }), fc.boolean(), (given, taints, isLinux) => {
        const node = nodeFacts({ taints, labels: isLinux ? { os: "linux" } : {} });
        const { shouldRun, shouldContinueRunning } = nodeShouldRunDaemonPod(placementOf(given), node);
        expect(shouldRun && !shouldContinueRunning).toBe(false);
      }),
    );
  });
});
