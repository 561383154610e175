import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { definitionOf } from "../../agents/node/pod/definition.ts";
import type { PodMemory } from "../../agents/node/pod/memory.ts";
import { newPodMemory } from "../../agents/node/pod/memory.ts";
import type { ReportInput } from "../../agents/node/pod/report.ts";
import { statusOf } from "../../agents/node/pod/report.ts";
import type { PodSandbox, RuntimeContainerStatus } from "../../agents/node/runtime/runtime.ts";
import type { PodSpec } from "../../src/model/pod-spec.ts";
import { PodStatus } from "../../src/model/pod-status.ts";
import { assignedPod, container, probe, template } from "./support/pods.ts";

const startMs = Date.UTC(2026, 0, 1);
const start = "2026-01-01T00:00:00Z";

const ready: PodSandbox = {
  id: "s0",
  metadata: { name: "app-1", uid: "uid-1", namespace: "default", attempt: 0 },
  state: "ready",
  createdAtMs: startMs,
  labels: {},
  annotations: {},
};

type Attempt = Partial<RuntimeContainerStatus> & { readonly name?: string; readonly attempt?: number };

function ran({ name = "main", attempt = 0, ...fields }: Attempt = {}): RuntimeContainerStatus {
  return {
    id: `${name}-${attempt}`,
    podSandboxId: "s0",
    metadata: { name, attempt },
    image: "registry.example/app:1",
    imageRef: "registry.example/app@sha256:1",
    state: "running",
    createdAtMs: startMs,
    startedAtMs: startMs + 1000,
    labels: {},
    annotations: {},
    ...fields,
  };
}

const failed = { state: "exited", exitCode: 3, finishedAtMs: startMs + 2000 } as const;
const succeeded = { state: "exited", exitCode: 0, reason: "Completed", finishedAtMs: startMs + 2000 } as const;

type Options = {
  readonly spec?: Partial<PodSpec>;
  readonly sandboxes?: readonly PodSandbox[];
  readonly containers?: readonly RuntimeContainerStatus[];
  readonly memory?: Partial<PodMemory>;
  readonly deleted?: boolean;
  readonly nowMs?: number;
  /** What others say of the pod. */
  readonly others?: Readonly<Record<string, string>>;
};

function input({
  spec,
  sandboxes = [ready],
  containers = [],
  memory,
  deleted,
  nowMs = startMs,
  others,
}: Options = {}): ReportInput {
  const deletion = deleted === true ? { deletion: { atMs: startMs, gracePeriodSeconds: 30 } } : {};
  return {
    assigned: assignedPod({ ...deletion, ...(others === undefined ? {} : { conditions: others }) }),
    definition: definitionOf(template(spec)),
    observation: { sandboxes, containers },
    memory: { ...newPodMemory(startMs), ...memory },
    node: { name: "node-1", ips: ["192.0.2.10"], allocatable: {} },
    runtimeName: "fake",
    nowMs,
  };
}

function report(options: Options = {}) {
  return statusOf(input(options));
}

/** The report after another: what was told before is part of what is reported. */
function reportAfter(before: Options, after: Options) {
  const status = report(before);
  return report({ ...after, memory: { ...after.memory, status } });
}

function conditions(options: Options): Record<string, string> {
  const all = report(options).conditions ?? [];
  return Object.fromEntries(
    all.map(({ type, status, reason = "", message = "" }) => [type, [status, reason, message].join("|")]),
  );
}

function main(options: Options) {
  return report(options).containerStatuses?.[0];
}

const withInit = { initContainers: [container({ name: "init" })], containers: [container()] };
const withSidecar = {
  initContainers: [container({ name: "proxy", restartPolicy: "Always" })],
  containers: [container()],
};
const crashLoop = { reason: "CrashLoopBackOff", message: "back-off 10s" };

describe("the status of a running pod", () => {
  test("has everything that the kubelet's has", () => {
    expect(report({ containers: [ran()] })).toEqual({
      phase: "Running",
      conditions: ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"].map(
        (type) => ({
          type,
          status: "True",
          lastProbeTime: null,
          lastTransitionTime: type === "PodScheduled" ? "2025-12-31T00:00:00Z" : start,
        }),
      ),
      hostIP: "192.0.2.10",
      hostIPs: [{ ip: "192.0.2.10" }],
      podIP: "192.0.2.10",
      podIPs: [{ ip: "192.0.2.10" }],
      startTime: start,
      containerStatuses: [
        {
          name: "main",
          state: { running: { startedAt: "2026-01-01T00:00:01Z" } },
          lastState: {},
          ready: true,
          restartCount: 0,
          image: "registry.example/app:1",
          imageID: "registry.example/app@sha256:1",
          containerID: "fake://main-0",
          started: true,
        },
      ],
      qosClass: "BestEffort",
    });
  });

  test("is one that the API takes as it is", () => {
    for (const containers of [[], [ran()], [ran(failed)], [ran({ attempt: 1 }), ran(failed)]]) {
      const status = report({ containers, spec: withInit });
      expect(PodStatus.parse(status)).toEqual(status);
    }
  });

  test("has the sandbox's own address where it has one", () => {
    expect(report({ sandboxes: [{ ...ready, ip: "10.1.2.3" }] })).toMatchObject({
      podIP: "10.1.2.3",
      hostIP: "192.0.2.10",
    });
    expect(report({ sandboxes: [] }).podIP).toBeUndefined();
  });

  test.each([
    ["nothing asked", {}, "BestEffort"],
    ["requests", { requests: { cpu: "100m" } }, "Burstable"],
    ["limits for one resource", { limits: { cpu: "1" } }, "Burstable"],
    ["limits for both", { limits: { cpu: "1", memory: "1Gi" } }, "Guaranteed"],
    [
      "equal requests",
      { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "1000m", memory: "1024Mi" } },
      "Guaranteed",
    ],
    ["lower requests", { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "500m", memory: "1Gi" } }, "Burstable"],
    ["nothing but zero", { requests: { cpu: "0" } }, "BestEffort"],
  ])("has the class of service for %s", (_, resources, qosClass) => {
    expect(report({ spec: { containers: [container({ resources })] } }).qosClass).toBe(qosClass);
  });
});

describe("the phase of a pod", () => {
  const never = { restartPolicy: "Never" };
  const onFailure = { restartPolicy: "OnFailure" };
  const both = { containers: [container({ name: "a" }), container({ name: "b" })] };
  test.each<[string, Options, string]>([
    ["before anything has started", {}, "Pending"],
    ["while one container has not started", { spec: both, containers: [ran({ name: "a" })] }, "Pending"],
    ["while all run", { spec: both, containers: [ran({ name: "a" }), ran({ name: "b" })] }, "Running"],
    [
      "while one runs and one has ended",
      { spec: both, containers: [ran({ name: "a" }), ran({ name: "b", ...failed })] },
      "Running",
    ],
    [
      "between two runs of a crash loop",
      { containers: [ran(failed)], memory: { containers: { main: { waiting: crashLoop } } } },
      "Running",
    ],
    ["after a success that is run again", { containers: [ran(succeeded)] }, "Running"],
    ["after a success on failure only", { spec: onFailure, containers: [ran(succeeded)] }, "Succeeded"],
    ["after a failure on failure only", { spec: onFailure, containers: [ran(failed)] }, "Running"],
    ["after a success that is not run again", { spec: never, containers: [ran(succeeded)] }, "Succeeded"],
    ["after a failure that is not run again", { spec: never, containers: [ran(failed)] }, "Failed"],
    ["while an init container runs", { spec: withInit, containers: [ran({ name: "init" })] }, "Pending"],
    [
      "after an init container failed for good",
      { spec: { ...withInit, ...never }, containers: [ran({ name: "init", ...failed })] },
      "Failed",
    ],
    [
      "after an init container failed for now",
      { spec: withInit, containers: [ran({ name: "init", ...failed })] },
      "Pending",
    ],
    [
      "while the rest runs after the init container",
      { spec: withInit, containers: [ran(), ran({ name: "init", ...succeeded })] },
      "Running",
    ],
    ["while a sidecar starts", { spec: withSidecar, containers: [] }, "Pending"],
    [
      "while a sidecar is down and the rest runs",
      { spec: withSidecar, containers: [ran(), ran({ name: "proxy", ...failed })] },
      "Running",
    ],
    [
      "past its deadline",
      { containers: [ran()], memory: { failure: { reason: "DeadlineExceeded", message: "too long" } } },
      "Failed",
    ],
    ["while it is ended", { deleted: true, containers: [ran(succeeded)] }, "Running"],
    ["ended well", { deleted: true, containers: [ran(succeeded)], memory: { ended: true } }, "Succeeded"],
    ["ended badly", { deleted: true, containers: [ran(failed)], memory: { ended: true } }, "Failed"],
    ["ended before it began", { deleted: true, sandboxes: [], memory: { ended: true } }, "Failed"],
    [
      "ended well but for a sidecar that was killed",
      {
        deleted: true,
        spec: withSidecar,
        containers: [ran(succeeded), ran({ name: "proxy", ...failed })],
        memory: { ended: true },
      },
      "Succeeded",
    ],
  ])("%s", (_, options, phase) => {
    expect(report(options).phase).toBe(phase);
  });

  test("never turns back from an end", () => {
    expect(reportAfter({ spec: never, containers: [ran(failed)] }, { spec: never, containers: [ran()] }).phase).toBe(
      "Failed",
    );
  });
});

describe("the conditions of a pod", () => {
  test.each<[string, Options, Record<string, string>]>([
    [
      "without a sandbox",
      { sandboxes: [] },
      {
        PodReadyToStartContainers: "False||",
        Initialized: "True||",
        Ready: "False|ContainersNotReady|containers with unready status: [main]",
        ContainersReady: "False|ContainersNotReady|containers with unready status: [main]",
        PodScheduled: "True||",
      },
    ],
    [
      "with an init container that runs",
      { spec: withInit, containers: [ran({ name: "init" })] },
      {
        Initialized: "False|ContainersNotInitialized|containers with incomplete status: [init]",
        Ready: "False|ContainersNotReady|containers with unready status: [main]",
      },
    ],
    [
      "with an init container that is through",
      { spec: withInit, containers: [ran({ name: "init", ...succeeded })] },
      { Initialized: "True||" },
    ],
    [
      "with a sidecar that went down after the rest had started",
      { spec: withSidecar, containers: [ran(), ran({ name: "proxy", ...failed })] },
      { Initialized: "True||", Ready: "False|ContainersNotReady|containers with unready status: [proxy]" },
    ],
    [
      "succeeded",
      { spec: { restartPolicy: "Never" }, containers: [ran(succeeded)] },
      { Initialized: "True|PodCompleted|", Ready: "False|PodCompleted|", ContainersReady: "False|PodCompleted|" },
    ],
    [
      "failed",
      { spec: { restartPolicy: "Never" }, containers: [ran(failed)] },
      { Ready: "False|PodFailed|", ContainersReady: "False|PodFailed|" },
    ],
    [
      "with a gate that nobody opened",
      { spec: { readinessGates: [{ conditionType: "example.com/gate" }] }, containers: [ran()] },
      {
        ContainersReady: "True||",
        Ready:
          'False|ReadinessGatesNotReady|corresponding condition of pod readiness gate "example.com/gate" does not exist.',
      },
    ],
    [
      "with one gate that is open and one that is shut",
      {
        spec: { readinessGates: [{ conditionType: "example.com/gate" }, { conditionType: "example.com/door" }] },
        containers: [ran()],
        others: { "example.com/gate": "True", "example.com/door": "False" },
      },
      {
        Ready:
          'False|ReadinessGatesNotReady|the status of pod readiness gate "example.com/door" is not "True", but False',
      },
    ],
    [
      "with an open gate",
      {
        spec: { readinessGates: [{ conditionType: "example.com/gate" }] },
        containers: [ran()],
        others: { "example.com/gate": "True" },
      },
      { ContainersReady: "True||", Ready: "True||" },
    ],
  ])("%s", (_, options, expected) => {
    expect(conditions(options)).toMatchObject(expected);
  });

  test("change their time with their status only", () => {
    const laterMs = startMs + 60_000;
    const after = reportAfter({ containers: [] }, { containers: [ran()], nowMs: laterMs });
    const times = Object.fromEntries(
      (after.conditions ?? []).map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
    );
    expect(times).toMatchObject({
      Initialized: start,
      Ready: "2026-01-01T00:01:00Z",
      ContainersReady: "2026-01-01T00:01:00Z",
    });
    const unready = { containers: [container({ name: "a" }), container({ name: "b" })] };
    const reasons = reportAfter({ spec: unready }, { spec: unready, containers: [ran({ name: "a" })], nowMs: laterMs });
    const condition = reasons.conditions?.find(({ type }) => type === "Ready");
    expect(condition).toMatchObject({ message: "containers with unready status: [b]", lastTransitionTime: start });
  });
});

describe("the status of a container", () => {
  test.each<[string, Options, object]>([
    [
      "that is being made",
      {},
      { state: { waiting: { reason: "ContainerCreating" } }, ready: false, started: false, imageID: "" },
    ],
    ["behind init containers", { spec: withInit }, { state: { waiting: { reason: "PodInitializing" } } }],
    [
      "that was created only",
      { containers: [ran({ state: "created" })] },
      { state: { waiting: { reason: "ContainerCreating" } } },
    ],
    [
      "whose image is missing",
      { memory: { containers: { main: { waiting: { reason: "ErrImagePull", message: "not found" } } } } },
      { state: { waiting: { reason: "ErrImagePull", message: "not found" } }, lastState: {} },
    ],
    [
      "in a crash loop",
      { containers: [ran(failed)], memory: { containers: { main: { waiting: crashLoop } } } },
      {
        state: { waiting: crashLoop },
        lastState: { terminated: { exitCode: 3, reason: "Error" } },
        containerID: "fake://main-0",
      },
    ],
    [
      "that has just ended",
      { containers: [ran(failed)] },
      {
        state: {
          terminated: {
            exitCode: 3,
            reason: "Error",
            startedAt: "2026-01-01T00:00:01Z",
            finishedAt: "2026-01-01T00:00:02Z",
            containerID: "fake://main-0",
          },
        },
        lastState: {},
      },
    ],
    [
      "that runs again",
      { containers: [ran({ attempt: 4 }), ran({ attempt: 3, ...failed })] },
      {
        state: { running: {} },
        lastState: { terminated: { exitCode: 3, containerID: "fake://main-3" } },
        restartCount: 4,
        ready: true,
      },
    ],
    [
      "that is not to run again",
      {
        spec: { restartPolicy: "Never" },
        containers: [ran(failed)],
        memory: { containers: { main: { waiting: crashLoop } } },
      },
      { state: { terminated: { exitCode: 3 } } },
    ],
    [
      "of a pod that is ended",
      { deleted: true, containers: [ran(failed)], memory: { containers: { main: { waiting: crashLoop } } } },
      { state: { terminated: { exitCode: 3 } } },
    ],
    [
      "with a reason and a message of its driver's",
      { containers: [ran({ ...failed, exitCode: 137, reason: "OOMKilled", message: "too much" })] },
      { state: { terminated: { exitCode: 137, reason: "OOMKilled", message: "too much" } } },
    ],
    [
      "that its driver says is not ready",
      { containers: [ran({ ready: false })] },
      { state: { running: {} }, ready: false, started: true },
    ],
  ])("%s", (_, options, expected) => {
    expect(main(options)).toMatchObject(expected);
  });

  test.each<[string, NonNullable<PodMemory["containers"][string]["health"]> | undefined, object]>([
    ["nothing", undefined, { started: false, ready: false }],
    ["a start", { containerId: "main-0", started: true }, { started: true, ready: false }],
    ["readiness", { containerId: "main-0", started: true, ready: true }, { started: true, ready: true }],
    [
      "readiness of its predecessor",
      { containerId: "main-9", started: true, ready: true },
      { started: false, ready: false },
    ],
    [
      "that it is not ready any more",
      { containerId: "main-0", started: true, ready: false },
      { started: true, ready: false },
    ],
  ])("of which its probes have said %s", (_, health, expected) => {
    const spec = { containers: [container({ startupProbe: probe(), readinessProbe: probe() })] };
    expect(main({ spec, containers: [ran()], memory: { containers: { main: { health } } } })).toMatchObject(expected);
  });

  test("keeps what was told of its last end when the record is gone", () => {
    const after = reportAfter({ containers: [ran(failed)] }, { containers: [ran({ attempt: 1 })] });
    expect(after.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { containerID: "fake://main-0" } },
    });
    const again = report({ containers: [ran({ attempt: 1 })], memory: { status: after } });
    expect(again).toBe(after);
  });

  test("that vanished while it ran counts as killed, once", () => {
    const lost = reportAfter({ containers: [ran()] }, { containers: [] });
    expect(lost.containerStatuses?.[0]).toMatchObject({
      state: { waiting: { reason: "ContainerCreating" } },
      lastState: { terminated: { exitCode: 137, reason: "ContainerStatusUnknown" } },
      restartCount: 1,
    });
    expect(report({ containers: [], memory: { status: lost } })).toBe(lost);
  });

  test("of an init container that succeeded stays told when its record is gone", () => {
    const done = { spec: withInit, containers: [ran(), ran({ name: "init", ...succeeded })] };
    const after = reportAfter(done, { ...done, containers: [ran()] });
    expect(after.initContainerStatuses?.[0]).toMatchObject({ ready: true, state: { terminated: { exitCode: 0 } } });
  });
});

describe("the status of a pod that is over", () => {
  const evicted = { failure: { reason: "Evicted", message: "The node was low on resource: memory. " } };
  const never = { restartPolicy: "Never" } as const;

  test.each<[string, Options]>([
    ["was evicted", { containers: [ran({ attempt: 1, ...failed }), ran(failed)], memory: evicted }],
    [
      "was evicted before a container of it had started",
      { spec: withInit, containers: [ran({ name: "init", ...failed })], memory: evicted },
    ],
    [
      "was evicted and is to be deleted",
      { containers: [ran(failed)], deleted: true, memory: { ...evicted, ended: true } },
    ],
    ["has succeeded", { spec: never, containers: [ran(succeeded)] }],
    ["has failed", { spec: never, containers: [ran(failed)] }],
    ["was deleted and has ended", { containers: [ran(failed)], deleted: true, memory: { ended: true } }],
  ])("that %s stays as it is when the runtime has nothing of it any more", (_, options) => {
    const before = report({ ...options, sandboxes: [] });
    expect(["Succeeded", "Failed"]).toContain(before.phase);
    const memory = { ...options.memory, status: before };
    expect(report({ ...options, sandboxes: [], containers: [], memory, nowMs: startMs + 3_600_000 })).toBe(before);
  });

  test("that was evicted before all containers had started says so of them once it is down, and keeps to it", () => {
    const spec = { containers: [container(), container({ name: "slow" })] };
    const slow = (status: PodStatus) => status.containerStatuses?.[1]?.state;
    const starting = report({ spec, containers: [ran()] });
    const ending = report({ spec, containers: [ran(failed)], memory: { ...evicted, status: starting } });
    expect(slow(ending)).toEqual({ waiting: { reason: "ContainerCreating" } });
    const stopped: PodSandbox = { ...ready, state: "notready" };
    const memory = { ...evicted, status: ending };
    const down = report({ spec, sandboxes: [stopped], containers: [ran(failed)], memory });
    expect(slow(down)).toMatchObject({ terminated: { exitCode: 137, reason: "ContainerStatusUnknown" } });
    expect(report({ spec, sandboxes: [], memory: { ...evicted, status: down } })).toBe(down);
  });
});

describe("reporting", () => {
  test("gives the very same status while nothing has changed", () => {
    const anyOptions = fc.record({
      spec: fc.constantFrom<Partial<PodSpec>>({}, withInit, withSidecar, { restartPolicy: "Never" }),
      sandboxes: fc.constantFrom<readonly PodSandbox[]>([], [ready]),
      containers: fc.uniqueArray(
        fc.record({
          name: fc.constantFrom("main", "init", "proxy"),
          attempt: fc.nat(2),
          state: fc.constantFrom("created" as const, "running" as const, "exited" as const),
          exitCode: fc.constantFrom(0, 1, 137),
        }),
        { maxLength: 4, selector: ({ name, attempt }) => `${name}-${attempt}` },
      ),
      memory: fc.constantFrom<Partial<PodMemory>>({}, { containers: { main: { waiting: crashLoop } } }),
      deleted: fc.boolean(),
    });
    fc.assert(
      fc.property(anyOptions, ({ containers, ...options }) => {
        const sorted = containers.map(ran).sort((a, b) => b.metadata.attempt - a.metadata.attempt);
        const first = report({ ...options, containers: sorted });
        const memory = { ...options.memory, status: first };
        const again = report({ ...options, containers: sorted, memory, nowMs: startMs + 3_600_000 });
        expect(again).toBe(first);
        expect(PodStatus.parse(first)).toEqual(first);
      }),
      { numRuns: 1000 },
    );
  });
});
