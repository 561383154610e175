import { describe, expect, it } from "vitest";

import { pods } from "../../src/model/pod.ts";
import type { Changes } from "./objects.ts";
import { pod, texts } from "./objects.ts";

describe("a new pod", () => {
  it.each<readonly [string, Changes, string]>([
    ["without amounts is best effort", {}, "BestEffort"],
    [
      "with limits for all is guaranteed",
      {
        "spec.containers[0].resources": {
          limits: { cpu: "1", memory: "1Gi" },
          requests: { cpu: "1000m", memory: "1024Mi" },
        },
      },
      "Guaranteed",
    ],
    [
      "that asks for less than its limit is burstable",
      {
        "spec.containers[0].resources": {
          limits: { cpu: "1", memory: "1Gi" },
          requests: { cpu: "1", memory: "1Mi" },
        },
      },
      "Burstable",
    ],
    ["with one amount is burstable", { "spec.containers[0].resources.requests": { cpu: "1m" } }, "Burstable"],
    ["that asks for nothing is best effort", { "spec.containers[0].resources.requests": { cpu: "0" } }, "BestEffort"],
  ])("%s", (_rule, changes, qosClass) => {
    const created = pods.prepareForCreate(pod({ ...changes, "status.phase": "Running" }));
    expect(created.status).toEqual({ phase: "Pending", qosClass });
  });

  it("that is gated says so", () => {
    const { status } = pods.prepareForCreate(pod({ "spec.schedulingGates": [{ name: "a" }] }));
    expect(status.conditions).toEqual([
      {
        type: "PodScheduled",
        status: "False",
        lastProbeTime: null,
        lastTransitionTime: null,
        reason: "SchedulingGated",
        message: "Scheduling is blocked due to non-empty scheduling gates",
      },
    ]);
  });

  it.each<readonly [string, Changes, readonly string[]]>([
    ["is fine as it is", {}, []],
    [
      "has no ephemeral containers yet",
      { "spec.ephemeralContainers": [{ name: "e", image: "i" }] },
      ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
    ],
    [
      "is not bound while it is gated",
      { "spec.nodeName": "n", "spec.schedulingGates": [{ name: "a" }] },
      ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
    ],
    [
      "has no blanks around its images",
      { "spec.containers[0].image": " nginx" },
      ['spec.containers[0].image: Invalid value: " nginx": must not have leading or trailing whitespace'],
    ],
    [
      "has its host ports filled in",
      { "spec.hostNetwork": true, "spec.containers[0].ports": [{ containerPort: 80 }] },
      ["spec.containers[0].ports[0].hostPort: Invalid value: 0: must match `containerPort` when `hostNetwork` is true"],
    ],
    [
      "has tokens of an account",
      { "spec.volumes": [{ name: "t", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }] },
      [
        "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set",
      ],
    ],
    [
      "mirrors a pod of its node",
      { "metadata.annotations": { "kubernetes.io/config.mirror": "x" } },
      [
        'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set',
      ],
    ],
    [
      "says what its deletion costs in numbers",
      { "metadata.annotations": { "controller.kubernetes.io/pod-deletion-cost": "much" } },
      [
        'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "much": must be a 32bit integer',
      ],
    ],
    ["ends some time", { "spec.activeDeadlineSeconds": 1 }, []],
    [
      "does not end before it begins",
      { "spec.activeDeadlineSeconds": 0 },
      ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
    ],
  ])("%s", (_rule, changes, errors) => {
    const created = pod(changes);
    expect(texts([...pods.validate(created), ...pods.validateCreate(created)])).toEqual(errors);
  });
});

const fixed =
  "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

describe("an update of a pod", () => {
  const toleration = { key: "a", operator: "Exists", effect: "NoExecute", tolerationSeconds: 5 };

  it.each<readonly [string, Changes, Changes, readonly string[]]>([
    ["may change nothing", {}, {}, []],
    [
      "may change images",
      {},
      { "spec.containers[0].image": "nginx:2", "spec.containers[0].imagePullPolicy": "IfNotPresent" },
      [],
    ],
    ["may change labels", {}, { "metadata.labels": { a: "b" } }, []],
    ["may not change the command", {}, { "spec.containers[0].command": ["sh"] }, [fixed]],
    ["may not move the pod", { "spec.nodeName": "n" }, { "spec.nodeName": "m" }, [fixed]],
    [
      "may not add containers",
      {},
      { "spec.containers[1]": { name: "d", image: "i" } },
      ["spec.containers: Forbidden: pod updates may not add or remove containers"],
    ],
    ["may set a deadline", {}, { "spec.activeDeadlineSeconds": 60 }, []],
    ["may bring a deadline forward", { "spec.activeDeadlineSeconds": 60 }, { "spec.activeDeadlineSeconds": 59 }, []],
    [
      "may not put a deadline off",
      { "spec.activeDeadlineSeconds": 60 },
      { "spec.activeDeadlineSeconds": 61 },
      ["spec.activeDeadlineSeconds: Invalid value: 61: must be less than or equal to previous value"],
    ],
    [
      "may not take a deadline away",
      { "spec.activeDeadlineSeconds": 60 },
      {},
      ["spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value"],
    ],
    ["may add tolerations", {}, { "spec.tolerations": [toleration] }, []],
    [
      "may change how long one is tolerated",
      { "spec.tolerations": [toleration] },
      { "spec.tolerations": [{ ...toleration, tolerationSeconds: 9 }] },
      [],
    ],
    [
      "may not take tolerations away",
      { "spec.tolerations": [toleration] },
      {},
      ["spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"],
    ],
    [
      "may end a pod that would never end",
      { "spec.terminationGracePeriodSeconds": -1 },
      { "spec.terminationGracePeriodSeconds": 1 },
      [],
    ],
    ["may not change how long it has to end", {}, { "spec.terminationGracePeriodSeconds": 1 }, [fixed]],
    ["may lift gates", { "spec.schedulingGates": [{ name: "a" }] }, {}, []],
    [
      "may not add gates",
      { "spec.schedulingGates": [{ name: "a" }] },
      { "spec.schedulingGates": [{ name: "b" }] },
      ["spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'b'"],
    ],
    [
      "may narrow where a gated pod runs",
      { "spec.schedulingGates": [{ name: "a" }], "spec.nodeSelector": { a: "1" } },
      { "spec.schedulingGates": [{ name: "a" }], "spec.nodeSelector": { a: "1", b: "2" } },
      [],
    ],
    [
      "may not let a gated pod run elsewhere",
      { "spec.schedulingGates": [{ name: "a" }], "spec.nodeSelector": { a: "1" } },
      { "spec.schedulingGates": [{ name: "a" }], "spec.nodeSelector": { a: "2" } },
      [
        'spec.nodeSelector: Invalid value: {"a":"2"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
      ],
    ],
    ["may not narrow where any other pod runs", {}, { "spec.nodeSelector": { a: "1" } }, [fixed]],
    [
      "may not change the mirror annotation",
      {},
      { "metadata.annotations": { "kubernetes.io/config.mirror": "x" } },
      ["metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror pod annotation"],
    ],
  ])("%s", (_rule, before, after, errors) => {
    expect(texts(pods.validateUpdate(pod(after), pod(before)))).toEqual(errors);
  });

  it("leaves the status alone", () => {
    const old = pod({ "status.phase": "Running" });
    expect(pods.prepareForUpdate(pod({ "status.phase": "Failed" }), old).status.phase).toBe("Running");
  });
});

describe("a write of a pod's status", () => {
  it("leaves spec, owners and deletion alone and keeps the QoS class", () => {
    const old = pod({ "status.qosClass": "BestEffort", "metadata.deletionTimestamp": "2026-01-01T00:00:00Z" });
    const written = pod({
      "spec.nodeName": "n",
      "status.phase": "Running",
      "metadata.ownerReferences": [{ apiVersion: "v1", kind: "Node", name: "n", uid: "1" }],
    });
    const updated = pods.prepareForStatusUpdate(written, old);
    expect(updated.spec).toEqual(old.spec);
    expect(updated.metadata.ownerReferences).toBeUndefined();
    expect(updated.metadata.deletionTimestamp).toBe("2026-01-01T00:00:00Z");
    expect(updated.status).toEqual({ phase: "Running", qosClass: "BestEffort" });
  });

  const terminated = { containerStatuses: [{ name: "c", state: { terminated: { exitCode: 0 } } }] };
  const alive = { containerStatuses: [{ name: "c", state: { running: {} } }] };

  it.each<readonly [string, Changes, Changes, readonly string[]]>([
    ["may say anything true", {}, { status: { ...alive, podIP: "10.0.0.1", podIPs: [{ ip: "10.0.0.1" }] } }, []],
    ["may restart what restarts", { status: terminated }, { status: alive }, []],
    [
      "may not revive what does not",
      { "spec.restartPolicy": "Never", status: terminated },
      { "spec.restartPolicy": "Never", status: alive },
      ["status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"],
    ],
    [
      "may not change the QoS class",
      { "status.qosClass": "BestEffort" },
      { "status.qosClass": "Guaranteed" },
      ['status.qosClass: Invalid value: "Guaranteed": field is immutable'],
    ],
    [
      "names addresses",
      {},
      { "status.podIPs": [{ ip: "a" }] },
      ['status.podIPs[0]: Invalid value: "a": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ],
    ["names one address of each kind", {}, { "status.podIPs": [{ ip: "10.0.0.1" }, { ip: "::1" }] }, []],
    [
      "names no two of one kind",
      {},
      { "status.podIPs": [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }] },
      [
        'status.podIPs: Invalid value: [{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}]: may specify no more than one IP for each IP family',
      ],
    ],
    [
      "names conditions",
      {},
      {
        "status.conditions": [
          { type: "Ready", status: "True" },
          { type: "a b", status: "True" },
        ],
      },
      [
        "metadata.conditions[1].Type: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      ],
    ],
  ])("%s", (_rule, before, after, errors) => {
    expect(texts(pods.validateStatusUpdate(pod(after), pod(before)))).toEqual(errors);
  });
});

it("a pod's address is in both fields, the single one being right", () => {
  expect(pod({ "status.podIP": "10.0.0.1" }).status).toMatchObject({ podIPs: [{ ip: "10.0.0.1" }] });
  expect(pod({ "status.podIPs": [{ ip: "10.0.0.2" }, { ip: "::1" }] }).status).toMatchObject({
    podIP: "10.0.0.2",
    podIPs: [{ ip: "10.0.0.2" }, { ip: "::1" }],
  });
  const both = pod({ "status.podIP": "10.0.0.1", "status.podIPs": [{ ip: "10.0.0.2" }] });
  expect(both.status.podIPs).toEqual([{ ip: "10.0.0.1" }]);
});

it("field selectors can ask for a pod's place and state", () => {
  const selectable = pods.selectableFields(
    pod({ "spec.nodeName": "n", "spec.hostNetwork": true, "status.phase": "Running", "status.podIP": "10.0.0.1" }),
  );
  expect(selectable).toEqual({
    "spec.nodeName": "n",
    "spec.restartPolicy": "Always",
    "spec.schedulerName": "default-scheduler",
    "spec.serviceAccountName": "",
    "spec.hostNetwork": "true",
    "status.phase": "Running",
    "status.podIP": "10.0.0.1",
    "status.podIPs": "10.0.0.1",
    "status.nominatedNodeName": "",
  });
});
