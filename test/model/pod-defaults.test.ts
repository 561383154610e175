import { describe, expect, it } from "vitest";

import { defaultPod } from "../../src/model/pod-defaults.ts";
import { priorityClasses, systemPriorityClasses } from "../../src/model/priority-class.ts";
import { decoded, pod } from "./objects.ts";

function priorityClass(name: string, value: number, more: object = {}) {
  return decoded(priorityClasses, { metadata: { name }, value, ...more });
}

const nodeTolerations = [
  { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
  { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
];

it("gives a plain pod what templates are not given", () => {
  expect(defaultPod(pod(), []).spec).toMatchObject({
    enableServiceLinks: true,
    serviceAccountName: "default",
    serviceAccount: "default",
    priority: 0,
    preemptionPolicy: "PreemptLowerPriority",
    tolerations: nodeTolerations,
  });
});

it("keeps what the pod says itself", () => {
  const given = pod({ "spec.enableServiceLinks": false, "spec.serviceAccountName": "agent" });
  expect(defaultPod(given, []).spec).toMatchObject({ enableServiceLinks: false, serviceAccount: "agent" });
});

it("asks for what is limited, where nothing is asked for", () => {
  const resources = { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "100m" } };
  const containers = [{ name: "c", image: "i", resources }];
  const { spec } = defaultPod(pod({ "spec.containers": containers, "spec.initContainers": containers }), []);
  const defaulted = { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "100m", memory: "1Gi" } };
  expect(spec.containers[0]?.resources).toEqual(defaulted);
  expect(spec.initContainers?.[0]?.resources).toEqual(defaulted);
});

it("opens the container's ports on the host's network", () => {
  const ports = [{ containerPort: 80 }, { containerPort: 81, hostPort: 81 }];
  const onHost = defaultPod(pod({ "spec.hostNetwork": true, "spec.containers[0].ports": ports }), []);
  expect(onHost.spec.containers[0]?.ports).toMatchObject([{ hostPort: 80 }, { hostPort: 81 }]);
  const notOnHost = defaultPod(pod({ "spec.containers[0].ports": ports }), []);
  expect(notOnHost.spec.containers[0]?.ports?.[0]).not.toHaveProperty("hostPort");
});

describe("tolerations for sick nodes", () => {
  it.each<readonly [string, object, readonly object[]]>([
    ["are added to others", { key: "a", operator: "Exists" }, nodeTolerations],
    ["are not added to one for everything", { operator: "Exists" }, []],
    [
      "are not added where there is one for the key",
      { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" },
      nodeTolerations.slice(1),
    ],
    [
      "are added where there is one for another effect",
      { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoSchedule" },
      nodeTolerations,
    ],
  ])("%s", (_rule, toleration, added) => {
    const { spec } = defaultPod(pod({ "spec.tolerations": [toleration] }), []);
    expect(spec.tolerations).toEqual([toleration, ...added]);
  });
});

describe("priority", () => {
  it("comes from the class", () => {
    const { spec } = defaultPod(pod({ "spec.priorityClassName": "system-node-critical" }), systemPriorityClasses);
    expect(spec).toMatchObject({ priorityClassName: "system-node-critical", priority: 2_000_001_000 });
  });

  it("comes from the lowest of the default classes when no class is named", () => {
    const classes = [
      priorityClass("high", 9, { globalDefault: true }),
      priorityClass("low", 1, { globalDefault: true, preemptionPolicy: "Never" }),
    ];
    const expected = { priorityClassName: "low", priority: 1, preemptionPolicy: "Never" };
    expect(defaultPod(pod(), classes).spec).toMatchObject(expected);
  });

  it.each([
    ["a class that does not exist", { "spec.priorityClassName": "none" }, "no PriorityClass with name none was found"],
    [
      "another number",
      { "spec.priority": 5 },
      "the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name",
    ],
    [
      "another way to preempt",
      { "spec.preemptionPolicy": "Never" },
      "the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission controller computed PreemptLowerPriority from the given PriorityClass name",
    ],
  ])("refuses %s", (_rule, changes, why) => {
    expect(() => defaultPod(pod(changes), [])).toThrow(`pods "web" is forbidden: ${why}`);
  });
});
