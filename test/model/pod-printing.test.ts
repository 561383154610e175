import { describe, expect, it } from "vitest";

import { pods } from "../../src/model/pod.ts";
import type { Cell } from "../../src/model/resource.ts";
import type { Changes } from "./objects.ts";
import { pod } from "./objects.ts";

const nowMs = Date.parse("2026-06-01T12:00:00Z");

function row(changes: Changes): Readonly<Record<string, Cell>> {
  const object = pod({ "status.phase": "Running", ...changes });
  return Object.fromEntries(pods.columns.map((column) => [column.name, column.cell(object, nowMs)]));
}

const running = { name: "c", ready: true, restartCount: 0, state: { running: {} } };
const waiting = (reason: string) => ({ ...running, ready: false, state: { waiting: { reason } } });
const ended = (terminated: object) => ({ ...running, ready: false, state: { terminated } });
const conditions = (...types: readonly string[]) => types.map((type) => ({ type, status: "True" }));

describe("Status", () => {
  it.each<readonly [string, Changes, string]>([
    ["is the phase", {}, "Running"],
    ["or the pod's own reason", { "status.reason": "Evicted" }, "Evicted"],
    [
      "or that it is gated",
      {
        "status.phase": "Pending",
        "status.conditions": [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }],
      },
      "SchedulingGated",
    ],
    [
      "or what a container waits for",
      { "status.containerStatuses": [waiting("ImagePullBackOff")] },
      "ImagePullBackOff",
    ],
    ["or why it ended", { "status.containerStatuses": [ended({ exitCode: 1, reason: "OOMKilled" })] }, "OOMKilled"],
    ["or with which code", { "status.containerStatuses": [ended({ exitCode: 3 })] }, "ExitCode:3"],
    ["or by which signal", { "status.containerStatuses": [ended({ exitCode: 137, signal: 9 })] }, "Signal:9"],
    [
      "and the first container's trouble comes first",
      { "status.containerStatuses": [waiting("A"), waiting("B")] },
      "A",
    ],
    [
      "Completed beside a running container is Running when the pod is ready",
      {
        "status.conditions": conditions("Ready"),
        "status.containerStatuses": [ended({ exitCode: 0, reason: "Completed" }), running],
      },
      "Running",
    ],
    [
      "and NotReady when it is not",
      { "status.containerStatuses": [ended({ exitCode: 0, reason: "Completed" }), running] },
      "NotReady",
    ],
    ["is Terminating once it is deleted", { "metadata.deletionTimestamp": "2026-06-01T11:59:00Z" }, "Terminating"],
    [
      "but not when it had ended before",
      { "metadata.deletionTimestamp": "2026-06-01T11:59:00Z", "status.phase": "Failed" },
      "Failed",
    ],
    [
      "and Unknown when its node is lost",
      { "metadata.deletionTimestamp": "2026-06-01T11:59:00Z", "status.reason": "NodeLost" },
      "Unknown",
    ],
  ])("%s", (_rule, changes, status) => {
    expect(row(changes)["Status"]).toBe(status);
  });
});

describe("Status of a pod that is being set up", () => {
  const init = (...statuses: readonly object[]): Changes => ({
    "status.phase": "Pending",
    "spec.initContainers": [
      { name: "a", image: "i" },
      { name: "b", image: "i" },
    ],
    "status.initContainerStatuses": statuses.map((status, index) => ({ ...status, name: "ab".charAt(index) })),
  });
  const done = ended({ exitCode: 0 });

  it.each<readonly [string, Changes, string]>([
    ["counts what is done", init(done, { ...running, ready: false }), "Init:1/2"],
    ["does not take PodInitializing for a reason", init(waiting("PodInitializing")), "Init:0/2"],
    ["names what it waits for", init(waiting("CrashLoopBackOff")), "Init:CrashLoopBackOff"],
    ["names why it failed", init(ended({ exitCode: 1, reason: "Error" })), "Init:Error"],
    ["or with which code", init(ended({ exitCode: 1 })), "Init:ExitCode:1"],
    ["or by which signal", init(ended({ exitCode: 1, signal: 15 })), "Init:Signal:15"],
    ["is past when all are done", init(done, done), "Pending"],
    [
      "is past when the condition says so",
      {
        ...init(ended({ exitCode: 1, reason: "Error" })),
        "status.conditions": conditions("Initialized"),
        "status.containerStatuses": [waiting("Later")],
      },
      "Later",
    ],
  ])("%s", (_rule, changes, status) => {
    expect(row(changes)["Status"]).toBe(status);
  });
});

describe("Ready", () => {
  const sidecar = { "spec.initContainers": [{ name: "s", image: "i", restartPolicy: "Always" }] };

  it.each<readonly [string, Changes, string]>([
    ["counts running containers that are ready", { "status.containerStatuses": [running] }, "1/1"],
    ["not those that are not", { "status.containerStatuses": [{ ...running, ready: false }] }, "0/1"],
    ["counts sidecars on both sides", { ...sidecar, "status.containerStatuses": [running] }, "1/2"],
    [
      "once they have started",
      {
        ...sidecar,
        "status.initContainerStatuses": [{ ...running, name: "s", started: true }],
        "status.containerStatuses": [running],
      },
      "2/2",
    ],
  ])("%s", (_rule, changes, ready) => {
    expect(row(changes)["Ready"]).toBe(ready);
  });
});

describe("Restarts", () => {
  const lastState = { terminated: { exitCode: 1, finishedAt: "2026-06-01T11:57:00Z" } };

  it.each<readonly [string, Changes, string]>([
    ["are summed up", { "status.containerStatuses": [running, { ...running, restartCount: 2 }] }, "2"],
    [
      "with the time of the last",
      { "status.containerStatuses": [{ ...running, restartCount: 3, lastState }] },
      "3 (3m ago)",
    ],
    ["unless there were none", { "status.containerStatuses": [{ ...running, lastState }] }, "0"],
    [
      "are those of init containers while these run",
      {
        "status.phase": "Pending",
        "spec.initContainers": [{ name: "i", image: "i" }],
        "status.initContainerStatuses": [{ ...waiting("CrashLoopBackOff"), name: "i", restartCount: 4 }],
        "status.containerStatuses": [{ ...running, restartCount: 9 }],
      },
      "4",
    ],
  ])("%s", (_rule, changes, restarts) => {
    expect(row(changes)["Restarts"]).toBe(restarts);
  });
});

it("wide columns say none for nothing", () => {
  expect(row({})).toMatchObject({
    IP: "<none>",
    Node: "<none>",
    "Nominated Node": "<none>",
    "Readiness Gates": "<none>",
  });
  expect(
    row({
      "spec.nodeName": "n",
      "status.podIP": "10.0.0.1",
      "spec.readinessGates": [{ conditionType: "a" }, { conditionType: "b" }],
      "status.conditions": conditions("b"),
    }),
  ).toMatchObject({ IP: "10.0.0.1", Node: "n", "Readiness Gates": "1/2" });
});

it.each([
  [
    "Succeeded",
    [{ type: "Completed", status: "True", reason: "Succeeded", message: "The pod has completed successfully." }],
  ],
  ["Failed", [{ type: "Completed", status: "True", reason: "Failed", message: "The pod failed." }]],
  ["Running", []],
])("the row of a pod that is %s", (phase, rowConditions) => {
  expect(pods.rowConditions(pod({ "status.phase": phase }))).toEqual(rowConditions);
});
