import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { LifecycleNode, NodeCondition } from "../../src/core/node-lifecycle.ts";
import {
  lifecycleTaints,
  podStatusOnLostNode,
  reportedConditions,
  unknownConditions,
} from "../../src/core/node-lifecycle.ts";
import type { Taint } from "../../src/core/tolerations.ts";

const now = "2026-06-01T12:00:00Z";
const before = "2026-06-01T11:00:00Z";

function condition(type: string, status: string, fields: Partial<NodeCondition> = {}): NodeCondition {
  return { type, status, lastTransitionTime: before, ...fields };
}

function taint(key: string, effect: string, fields: Partial<Taint> = {}): Taint {
  return { key: `node.kubernetes.io/${key}`, effect, ...fields };
}

function nodeWith(conditions: readonly NodeCondition[], taints: readonly Taint[] = [], unschedulable = false) {
  return { spec: { taints, unschedulable }, status: { conditions } } satisfies LifecycleNode;
}

describe("lifecycleTaints", () => {
  const added = { timeAdded: now };

  it.each<readonly [string, LifecycleNode, readonly Taint[] | null]>([
    ["a ready node has none", nodeWith([condition("Ready", "True")]), null],
    ["a node that was never heard has none yet", nodeWith([]), null],
    [
      "a node that says it is not ready gets both not-ready taints",
      nodeWith([condition("Ready", "False")]),
      [taint("not-ready", "NoSchedule", added), taint("not-ready", "NoExecute", added)],
    ],
    [
      "a node that is not heard gets both unreachable taints",
      nodeWith([condition("Ready", "Unknown")]),
      [taint("unreachable", "NoSchedule", added), taint("unreachable", "NoExecute", added)],
    ],
    [
      "from unreachable to not-ready they are exchanged",
      nodeWith([condition("Ready", "False")], [taint("unreachable", "NoSchedule"), taint("unreachable", "NoExecute")]),
      [taint("not-ready", "NoSchedule", added), taint("not-ready", "NoExecute", added)],
    ],
    [
      "back to ready they go",
      nodeWith([condition("Ready", "True")], [taint("not-ready", "NoSchedule"), taint("not-ready", "NoExecute")]),
      [],
    ],
    [
      "memory pressure",
      nodeWith([condition("MemoryPressure", "True")]),
      [taint("memory-pressure", "NoSchedule", added)],
    ],
    ["disk pressure", nodeWith([condition("DiskPressure", "True")]), [taint("disk-pressure", "NoSchedule", added)]],
    ["process pressure", nodeWith([condition("PIDPressure", "True")]), [taint("pid-pressure", "NoSchedule", added)]],
    [
      "an unavailable network",
      nodeWith([condition("NetworkUnavailable", "True")]),
      [taint("network-unavailable", "NoSchedule", added)],
    ],
    ["pressure that is not known is none", nodeWith([condition("MemoryPressure", "Unknown")]), null],
    ["a cordoned node", nodeWith([], [], true), [taint("unschedulable", "NoSchedule", added)]],
    ["an uncordoned node", nodeWith([], [taint("unschedulable", "NoSchedule")]), []],
    [
      "taints of users stay, with the life cycle's keys and other effects too",
      nodeWith(
        [condition("Ready", "True")],
        [
          { key: "dedicated", value: "gpu", effect: "NoSchedule" },
          taint("memory-pressure", "NoExecute"),
          taint("not-ready", "PreferNoSchedule"),
        ],
      ),
      null,
    ],
    [
      "one that is there keeps the time it was added",
      nodeWith([condition("Ready", "Unknown")], [taint("unreachable", "NoExecute", { timeAdded: before })]),
      [taint("unreachable", "NoExecute", { timeAdded: before }), taint("unreachable", "NoSchedule", added)],
    ],
  ])("%s", (_rule, node, taints) => {
    expect(lifecycleTaints(node, now)).toEqual(taints);
  });

  const anyNode = fc
    .record({
      ready: fc.constantFrom("True", "False", "Unknown"),
      memory: fc.constantFrom("True", "False"),
      unschedulable: fc.boolean(),
      taints: fc.uniqueArray(
        fc.record({
          key: fc.constantFrom("dedicated", "node.kubernetes.io/not-ready", "node.kubernetes.io/unschedulable"),
          effect: fc.constantFrom("NoSchedule", "NoExecute"),
        }),
        { selector: ({ key, effect }) => `${key}:${effect}` },
      ),
    })
    .map(({ ready, memory, unschedulable, taints }) =>
      nodeWith([condition("Ready", ready), condition("MemoryPressure", memory)], taints, unschedulable),
    );

  it("changes nothing of what it made", () => {
    fc.assert(
      fc.property(anyNode, (node) => {
        const taints = lifecycleTaints(node, now) ?? node.spec.taints;
        expect(lifecycleTaints({ ...node, spec: { ...node.spec, taints } }, "later")).toBeNull();
      }),
    );
  });

  it("names no taint twice", () => {
    fc.assert(
      fc.property(anyNode, (node) => {
        const names = (lifecycleTaints(node, now) ?? []).map(({ key, effect }) => `${key}:${effect}`);
        expect(new Set(names).size).toBe(names.length);
      }),
    );
  });
});

describe("unknownConditions", () => {
  it("makes what the agent told unknown, and leaves the network alone", () => {
    const known = [condition("Ready", "True"), condition("NetworkUnavailable", "False")];
    const [ready, network, ...missing] = unknownConditions(known, now);
    expect(ready).toEqual({
      type: "Ready",
      status: "Unknown",
      reason: "NodeStatusUnknown",
      message: "Kubelet stopped posting node status.",
      lastTransitionTime: now,
    });
    expect(network).toBe(known[1]);
    expect(missing.map(({ type, reason }) => `${type} ${reason}`)).toEqual([
      "MemoryPressure NodeStatusNeverUpdated",
      "DiskPressure NodeStatusNeverUpdated",
      "PIDPressure NodeStatusNeverUpdated",
    ]);
  });

  it("changes nothing of what is unknown already", () => {
    const once = unknownConditions([condition("Ready", "True")], before);
    expect(unknownConditions(once, now)).toEqual(once);
  });
});

describe("reportedConditions", () => {
  it("dates a transition by the control plane's clock, and only a transition", () => {
    const stored = [condition("Ready", "Unknown"), condition("DiskPressure", "False")];
    const reported = [
      condition("Ready", "True", { lastTransitionTime: "1970-01-01T00:00:00Z" }),
      condition("DiskPressure", "False"),
    ];
    expect(reportedConditions(stored, reported, now)).toEqual([
      condition("Ready", "True", { lastTransitionTime: now }),
      condition("DiskPressure", "False", { lastTransitionTime: before }),
    ]);
  });

  it("keeps conditions that the agent does not know of", () => {
    const stored = [condition("NetworkUnavailable", "False")];
    expect(reportedConditions(stored, [condition("Ready", "True")], now)).toEqual([
      ...stored,
      condition("Ready", "True", { lastTransitionTime: now }),
    ]);
  });
});

describe("podStatusOnLostNode", () => {
  const status = { phase: "Running", conditions: [condition("Initialized", "True"), condition("Ready", "True")] };

  it("says that the pod is not ready, and leaves all else", () => {
    expect(podStatusOnLostNode(status, now)).toEqual({
      phase: "Running",
      conditions: [condition("Initialized", "True"), condition("Ready", "False", { lastTransitionTime: now })],
    });
  });

  it.each([
    ["says so already", { conditions: [condition("Ready", "False")] }],
    ["has no Ready condition", { conditions: [condition("Initialized", "True")] }],
    ["has no conditions", {}],
  ])("has nothing to change when the pod %s", (_rule, given) => {
    expect(podStatusOnLostNode(given, now)).toBeNull();
  });
});
