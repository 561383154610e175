import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Action, InFlight } from "../../agents/node/pod/action.ts";
import { actionKey } from "../../agents/node/pod/action.ts";
import { deadContainers } from "../../agents/node/pod/dead-containers.ts";
import { definitionOf } from "../../agents/node/pod/definition.ts";
import { annotations } from "../../agents/node/pod/labels.ts";
import type { PodMemory } from "../../agents/node/pod/memory.ts";
import { newPodMemory } from "../../agents/node/pod/memory.ts";
import type { PodView } from "../../agents/node/pod/plan.ts";
import { planPod } from "../../agents/node/pod/plan.ts";
import type { PodSandbox, RuntimeContainerStatus } from "../../agents/node/runtime/runtime.ts";
import type { PodSpec } from "../../src/model/pod-spec.ts";
import { PodStatus } from "../../src/model/pod-status.ts";
import { assignedPod, container, probe, template } from "./support/pods.ts";

const nowMs = 1_000_000_000;

function sandbox(fields: Partial<PodSandbox> = {}): PodSandbox {
  const metadata = { name: "app-1", uid: "uid-1", namespace: "default", attempt: 0 };
  return { id: "s0", metadata, state: "ready", createdAtMs: nowMs, labels: {}, annotations: {}, ...fields };
}

type Attempt = Partial<RuntimeContainerStatus> & { readonly name?: string; readonly attempt?: number };

function ran({ name = "main", attempt = 0, ...fields }: Attempt = {}): RuntimeContainerStatus {
  return {
    id: `${name}-${attempt}`,
    podSandboxId: "s0",
    metadata: { name, attempt },
    image: "registry.example/app:1",
    imageRef: "",
    state: "running",
    createdAtMs: nowMs + attempt,
    startedAtMs: nowMs,
    labels: {},
    annotations: {},
    ...fields,
  };
}

const failed = { state: "exited", exitCode: 1, finishedAtMs: nowMs - 1000 } as const;
const succeeded = { state: "exited", exitCode: 0, finishedAtMs: nowMs - 1000 } as const;

type ViewOptions = {
  readonly spec?: Partial<PodSpec>;
  readonly sandboxes?: readonly PodSandbox[];
  readonly containers?: readonly RuntimeContainerStatus[];
  readonly memory?: Partial<PodMemory>;
  readonly inFlight?: readonly (Action | InFlight)[];
  readonly deletion?: { readonly atMs: number; readonly gracePeriodSeconds: number };
  readonly isAssigned?: boolean;
  readonly awaitsObjects?: boolean;
  readonly contentVersion?: string;
};

function view(options: ViewOptions = {}): PodView {
  const {
    spec,
    sandboxes = [sandbox()],
    containers = [],
    memory,
    inFlight = [],
    deletion,
    isAssigned = true,
    awaitsObjects = false,
    contentVersion = "",
  } = options;
  const definition = definitionOf(template(spec));
  const assigned = assignedPod(deletion === undefined ? {} : { deletion });
  const flights = inFlight.map(
    (one): InFlight => ("kind" in one ? { action: one, stage: undefined, deadlineMs: undefined } : one),
  );
  return {
    uid: "uid-1",
    wanted: isAssigned ? { assigned, definition } : undefined,
    observation: { sandboxes, containers },
    memory: { ...newPodMemory(nowMs - 60_000), volumes: { version: "", trouble: "" }, ...memory },
    inFlight: new Map(flights.map((flight) => [actionKey(flight.action), flight])),
    awaitsObjects,
    contentVersion,
  };
}

function kinds(options: ViewOptions): readonly string[] {
  return planPod(view(options), nowMs).actions.map((action) => {
    switch (action.kind) {
      case "run-sandbox":
        return `${action.kind} ${action.attempt}`;
      case "start-container":
        return `${action.kind} ${action.name} ${action.attempt}`;
      case "kill-container":
        return `${action.kind} ${action.containerId} ${action.graceSeconds}`;
      case "remove-container":
        return `${action.kind} ${action.containerId}`;
      case "stop-sandbox":
      case "remove-sandbox":
        return `${action.kind} ${action.sandboxId}`;
      case "update-volumes":
        return action.kind;
      case "run-pre-stop":
        return `${action.kind} ${action.containerId} ${action.graceSeconds}`;
      case "tear-down":
        return `${action.kind} ${action.what}`;
      default:
        return action satisfies never;
    }
  });
}

const two = { containers: [container({ name: "a" }), container({ name: "b" })] };
const withInit = { initContainers: [container({ name: "init" })], containers: [container()] };
const withSidecar = {
  initContainers: [container({ name: "proxy", restartPolicy: "Always" })],
  containers: [container()],
};
const startA: Action = { kind: "start-container", name: "a", attempt: 0, sandboxId: "s0" };
const changed = { annotations: { [annotations.hash]: "another" } };
const old = sandbox({ id: "s-old", state: "notready" });
const next = sandbox({ metadata: { ...sandbox().metadata, attempt: 1 } });

describe("a pod that is to run", () => {
  test.each<[string, ViewOptions, readonly string[]]>([
    ["gets a sandbox first", { sandboxes: [] }, ["run-sandbox 0"]],
    ["gets a new sandbox when the old one is down", { sandboxes: [old] }, ["run-sandbox 1"]],
    ["waits for its sandbox", { sandboxes: [], inFlight: [{ kind: "run-sandbox", attempt: 0 }] }, []],
    ["starts its container", {}, ["start-container main 0"]],
    ["is left alone when all is well", { containers: [ran()] }, []],
    ["starts its containers in order, one at a time", { spec: two }, ["start-container a 0"]],
    ["waits for the start that is under way", { spec: two, inFlight: [startA] }, []],
    [
      "starts the next when the one before runs",
      { spec: two, containers: [ran({ name: "a" })] },
      ["start-container b 0"],
    ],
    ["starts one that failed as the next attempt", { containers: [ran(failed)] }, ["start-container main 1"]],
    ["starts one that succeeded too", { containers: [ran(succeeded)] }, ["start-container main 1"]],
    [
      "leaves a success alone on failure only",
      { spec: { restartPolicy: "OnFailure" }, containers: [ran(succeeded)] },
      [],
    ],
    ["never starts again what is not to", { spec: { restartPolicy: "Never" }, containers: [ran(failed)] }, []],
    [
      "needs no sandbox for what is done",
      {
        spec: { restartPolicy: "Never" },
        sandboxes: [old],
        containers: [ran({ ...succeeded, podSandboxId: "s-old" })],
      },
      [],
    ],
    [
      "removes what a crash left created, before it starts it",
      { containers: [ran({ state: "created" })] },
      ["remove-container main-0"],
    ],
    [
      "kills what belongs to a sandbox that is down",
      { sandboxes: [next, old], containers: [ran({ podSandboxId: "s-old" })] },
      ["kill-container main-0 30"],
    ],
    ["kills the older of two that run", { containers: [ran({ attempt: 1 }), ran()] }, ["kill-container main-0 30"]],
    [
      "kills what it does not know",
      { containers: [ran(), ran({ name: "stranger" })] },
      ["kill-container stranger-0 30"],
    ],
    ["kills what was changed in place", { containers: [ran(changed)] }, ["kill-container main-0 30"]],
    [
      "does not kill twice",
      {
        containers: [ran(changed)],
        inFlight: [
          {
            action: { kind: "kill-container", containerId: "main-0", name: "main", graceSeconds: 30, hurry: false },
            stage: undefined,
            deadlineMs: nowMs + 29_000,
          },
        ],
      },
      [],
    ],
    [
      "keeps one dead container of a name and removes older ones",
      { containers: [ran({ attempt: 2 }), ran({ attempt: 1, ...failed }), ran(failed)] },
      ["remove-container main-0"],
    ],
    [
      "removes an old sandbox that nothing is left of",
      { sandboxes: [next, old], containers: [ran()] },
      ["remove-sandbox s-old"],
    ],
    [
      "keeps an old sandbox for its last logs",
      { sandboxes: [next, old], containers: [ran({ attempt: 1 }), ran({ ...failed, podSandboxId: "s-old" })] },
      [],
    ],
    [
      "counts attempts on after the runtime has lost them",
      { memory: { containers: { main: { attempt: 4 } } } },
      ["start-container main 5"],
    ],
  ])("%s", (_, options, expected) => {
    expect(kinds(options)).toEqual(expected);
  });

  test.each<[string, ViewOptions, readonly string[]]>([
    ["starts the init container first", { spec: withInit }, ["start-container init 0"]],
    ["waits while the init container runs", { spec: withInit, containers: [ran({ name: "init" })] }, []],
    [
      "starts the rest when the init container has succeeded",
      { spec: withInit, containers: [ran({ name: "init", ...succeeded })] },
      ["start-container main 0"],
    ],
    [
      "starts an init container that failed again",
      { spec: withInit, containers: [ran({ name: "init", ...failed })] },
      ["start-container init 1"],
    ],
    [
      "gives up when it may not start again",
      { spec: { ...withInit, restartPolicy: "Never" }, containers: [ran({ name: "init", ...failed })] },
      [],
    ],
    [
      "runs the init containers again in a new sandbox",
      {
        spec: withInit,
        sandboxes: [next, old],
        containers: [ran({ name: "init", ...succeeded, podSandboxId: "s-old" })],
      },
      ["start-container init 1"],
    ],
    [
      "does not run them again for a container that ended",
      { spec: withInit, containers: [ran(failed), ran({ name: "init", ...succeeded })] },
      ["start-container main 1"],
    ],
    [
      "goes on beside a sidecar that runs",
      { spec: withSidecar, containers: [ran({ name: "proxy" })] },
      ["start-container main 0"],
    ],
    [
      "starts a sidecar again that ended, whatever its exit code",
      { spec: { ...withSidecar, restartPolicy: "Never" }, containers: [ran(), ran({ name: "proxy", ...succeeded })] },
      ["start-container proxy 1"],
    ],
  ])("%s", (_, options, expected) => {
    expect(kinds(options)).toEqual(expected);
  });

  test("waits for a sidecar's startup probe", () => {
    const proxy = container({ name: "proxy", restartPolicy: "Always", startupProbe: probe() });
    const options = { spec: { ...withSidecar, initContainers: [proxy] }, containers: [ran({ name: "proxy" })] };
    expect(kinds(options)).toEqual([]);
    const health = { containerId: "proxy-0", started: true };
    expect(kinds({ ...options, memory: { containers: { proxy: { health } } } })).toEqual(["start-container main 0"]);
  });

  test("kills what a probe condemned, in the probe's own time", () => {
    const livenessProbe = probe({ terminationGracePeriodSeconds: 5 });
    const memory = { containers: { main: { health: { containerId: "main-0", unhealthy: "liveness" as const } } } };
    const options = { spec: { containers: [container({ livenessProbe })] }, containers: [ran()], memory };
    expect(kinds(options)).toEqual(["kill-container main-0 5"]);
    expect(kinds({ ...options, containers: [ran({ attempt: 1 }), ran(failed)] })).toEqual([]);
  });

  test("is held off after crashes, for as long as its back-off says", () => {
    const crashes = { delayMs: 20_000, updatedAtMs: nowMs - 11_000 };
    const memory = { containers: { main: { crashes, attempt: 0 } } };
    const plan = planPod(view({ containers: [ran(failed)], memory }), nowMs);
    expect(plan.actions).toEqual([]);
    expect(plan.lookAgainAtMs).toBe(nowMs - 1000 + 20_000);
    expect(plan.memory.containers["main"]?.waiting?.message).toBe(
      "back-off 20s restarting failed container=main pod=app-1_default(uid-1)",
    );
    expect(plan.events.map(({ reason }) => reason)).toEqual(["BackOff"]);
    const later = planPod({ ...view({ containers: [ran(failed)] }), memory: plan.memory }, nowMs + 19_000);
    expect(later.actions).toMatchObject([{ kind: "start-container", attempt: 1 }]);
    expect(later.memory.containers["main"]?.crashes).toEqual({ delayMs: 40_000, updatedAtMs: nowMs + 19_000 });
    expect(later.events).toEqual([]);
  });

  test("fails when its deadline has passed", () => {
    const spec = { activeDeadlineSeconds: 60 };
    const early = planPod(view({ spec, containers: [ran()] }), nowMs - 1);
    expect(early).toMatchObject({ actions: [], lookAgainAtMs: nowMs });
    const plan = planPod(view({ spec, containers: [ran()] }), nowMs);
    expect(plan.memory.failure?.reason).toBe("DeadlineExceeded");
    expect(plan.actions).toMatchObject([{ kind: "kill-container", containerId: "main-0" }]);
  });
});

const deletion = { atMs: nowMs, gracePeriodSeconds: 20 };

const withSettings: Partial<PodSpec> = {
  volumes: [{ name: "v", configMap: { name: "settings", defaultMode: 420 } }],
  containers: [container({ volumeMounts: [{ name: "v", mountPath: "/v" }] })],
};

describe("volumes of a pod that is to run", () => {
  const running = { spec: withSettings, containers: [ran()] };

  test.each<[string, ViewOptions, readonly string[]]>([
    ["are left alone while they are right", { ...running, memory: { volumes: { version: "?", trouble: "" } } }, []],
    ["are updated when what they are made from has changed", running, ["update-volumes"]],
    [
      "are renewed in time",
      { ...running, memory: { volumes: { version: "?", trouble: "", renewAtMs: nowMs } } },
      ["update-volumes"],
    ],
    ["are updated one time at a time", { ...running, inFlight: [{ kind: "update-volumes" }] }, []],
    [
      "come before containers where nothing is known of them",
      { spec: withSettings, memory: { volumes: undefined } },
      ["update-volumes"],
    ],
    [
      "are tried again at once when what was missing has come",
      {
        spec: withSettings,
        sandboxes: [],
        memory: {
          volumes: { version: "-", trouble: "not found" },
          sandboxFailures: { delayMs: 10_000, updatedAtMs: nowMs - 1000, failedAtMs: nowMs - 1000 },
        },
      },
      ["run-sandbox 0"],
    ],
    [
      "are waited with while nothing has changed",
      {
        spec: withSettings,
        sandboxes: [],
        memory: {
          volumes: { version: "?", trouble: "not found" },
          sandboxFailures: { delayMs: 10_000, updatedAtMs: nowMs - 1000, failedAtMs: nowMs - 1000 },
        },
      },
      [],
    ],
  ])("%s", (_, options, expected) => {
    expect(kinds(withVersion(options))).toEqual(expected);
  });

  test("are looked at when the time has come to renew them", () => {
    const memory = { volumes: { version: "?", trouble: "", renewAtMs: nowMs + 5000 } };
    const plan = planPod(view({ ...running, memory, contentVersion: "?" }), nowMs);
    expect(plan).toMatchObject({ actions: [], lookAgainAtMs: nowMs + 5000 });
  });

  test("go when the pod has succeeded, and nothing else of it does", () => {
    const memory: Partial<PodMemory> = { failure: { reason: "DeadlineExceeded", message: "" } };
    const over: ViewOptions = { sandboxes: [old], containers: [ran(failed)], memory };
    expect(kinds(over)).toEqual(["tear-down volumes"]);
    expect(kinds({ ...over, memory: { ...memory, tornDown: "volumes" } })).toEqual([]);
  });

  function withVersion(options: ViewOptions): ViewOptions {
    return { contentVersion: "?", ...options };
  }
});

const killMain: Action = {
  ...{ containerId: "main-0", name: "main" },
  kind: "kill-container",
  graceSeconds: 5,
  hurry: false,
};

describe("what happens is told", () => {
  const told = (options: ViewOptions) =>
    planPod(view(options), nowMs).events.map(({ reason, message }) => `${reason}: ${message}`);
  const unhealthy = {
    memory: { containers: { main: { health: { containerId: "main-0", unhealthy: "liveness" } } } },
  } as const;

  test.each<[string, ViewOptions, readonly string[]]>([
    ["of a first sandbox nothing", { sandboxes: [] }, []],
    [
      "that another has to take the place of a sandbox",
      { sandboxes: [old] },
      ["SandboxChanged: Pod sandbox changed, it will be killed and re-created."],
    ],
    [
      "that a container goes for its health, to come again",
      { ...unhealthy, containers: [ran()] },
      ["Killing: Container main failed liveness probe, will be restarted"],
    ],
    [
      "that it goes for good",
      { ...unhealthy, spec: { restartPolicy: "Never" }, containers: [ran()] },
      ["Killing: Container main failed liveness probe"],
    ],
    [
      "that its containers end, of those too that wait for their turn",
      { deletion, spec: withSidecar, containers: [ran(), ran({ name: "proxy" })] },
      ["Killing: Stopping container main", "Killing: Stopping container proxy"],
    ],
    [
      "nothing again of one that goes for another reason already",
      { deletion, containers: [ran()], inFlight: [killMain] },
      [],
    ],
  ])("%s", (_, options, expected) => {
    expect(told(options)).toEqual(expected);
  });
});

test("that a container ends is told once, when its pod's end begins or when it is seen", () => {
  const atFirst = { deletion, spec: withSidecar, containers: [ran({ name: "proxy" })] };
  const { memory } = planPod(view(atFirst), nowMs);
  const late = planPod(view({ ...atFirst, containers: [ran(), ran({ name: "proxy" })], memory }), nowMs);
  expect(late.events.map(({ message }) => message)).toEqual(["Stopping container main"]);
  const itsTurn = { ...atFirst, containers: [ran(succeeded), ran({ name: "proxy" })], memory: late.memory };
  const { actions, events } = planPod(view(itsTurn), nowMs);
  expect(actions).toMatchObject([{ kind: "kill-container", containerId: "proxy-0" }]);
  expect(events).toEqual([]);
});

test("of a pod that is wanted again after all, the next end is told too", () => {
  const running = { containers: [ran()] };
  const ending = planPod(view({ ...running, deletion }), nowMs);
  const wanted = planPod(view({ ...running, memory: ending.memory }), nowMs);
  const again = planPod(view({ ...running, deletion, memory: wanted.memory }), nowMs);
  expect(again.events).toEqual(ending.events);
  expect(again.events).toHaveLength(1);
});

const hooked = () => ran({ name: "proxy", annotations: { [annotations.preStop]: '{"sleepSeconds":1}' } });

function hookUntil(deadlineMs: number) {
  const action = { kind: "run-pre-stop", containerId: "proxy-0", name: "proxy", graceSeconds: 20 } as const;
  return { action, stage: undefined, deadlineMs };
}

describe("a pod that is to end", () => {
  test.each<[string, ViewOptions, readonly string[]]>([
    ["has its containers killed in its time", { deletion, containers: [ran()] }, ["kill-container main-0 20"]],
    [
      "has them killed all at once",
      { deletion, spec: two, containers: [ran({ name: "a" }), ran({ name: "b" })] },
      ["kill-container a-0 20", "kill-container b-0 20"],
    ],
    [
      "keeps a sidecar to the last",
      { deletion, spec: withSidecar, containers: [ran(), ran({ name: "proxy" })] },
      ["kill-container main-0 20"],
    ],
    [
      "then ends the sidecar",
      { deletion, spec: withSidecar, containers: [ran(succeeded), ran({ name: "proxy" })] },
      ["kill-container proxy-0 20"],
    ],
    [
      "has the hook of a sidecar run at once, and the sidecar ended after it",
      { deletion, spec: withSidecar, containers: [ran(), hooked()] },
      ["kill-container main-0 20", "run-pre-stop proxy-0 20"],
    ],
    [
      "waits for the hook of a sidecar whose turn has come",
      { deletion, spec: withSidecar, containers: [ran(succeeded), hooked()], inFlight: [hookUntil(nowMs + 20_000)] },
      [],
    ],
    [
      "waits no longer when it gets less time",
      { deletion, spec: withSidecar, containers: [ran(succeeded), hooked()], inFlight: [hookUntil(nowMs + 600_000)] },
      ["kill-container proxy-0 20"],
    ],
    [
      "has no hook run without time for it",
      {
        ...{ deletion, spec: withSidecar, containers: [ran(), hooked()] },
        memory: { endingSinceMs: nowMs - 30_000 },
      },
      ["kill-container main-0 0"],
    ],
    [
      "has only what is left of its time",
      { deletion, containers: [ran()], memory: { endingSinceMs: nowMs - 15_000 } },
      ["kill-container main-0 5"],
    ],
    [
      "has a second at least",
      { deletion: { ...deletion, gracePeriodSeconds: 0 }, containers: [ran()] },
      ["kill-container main-0 1"],
    ],
    [
      "has its sandbox stopped when nothing runs in it",
      { deletion, containers: [ran(succeeded)] },
      ["stop-sandbox s0"],
    ],
    [
      "waits for a start that may leave a container behind",
      { deletion, inFlight: [{ action: startA, stage: "create", deadlineMs: undefined }] },
      [],
    ],
    [
      "is left as it is until it is forgotten",
      { deletion, sandboxes: [sandbox({ state: "notready" })], containers: [ran(succeeded)] },
      [],
    ],
    [
      "is removed when nobody asks for it",
      { isAssigned: false, sandboxes: [sandbox({ state: "notready" })], containers: [ran(succeeded)] },
      ["remove-sandbox s0"],
    ],
    [
      "has the time that is written on its containers when nobody asks for it",
      { isAssigned: false, containers: [ran({ annotations: { [annotations.gracePeriodSeconds]: "7" } })] },
      ["kill-container main-0 7"],
    ],
    [
      "has containers without a sandbox removed",
      { isAssigned: false, sandboxes: [], containers: [ran(succeeded)] },
      ["remove-container main-0"],
    ],
  ])("%s", (_, options, expected) => {
    expect(kinds(options)).toEqual(expected);
  });

  test("has ended when nothing runs and its sandbox is down", () => {
    const down = { deletion, sandboxes: [sandbox({ state: "notready" })], containers: [ran(succeeded)] };
    expect(planPod(view(down), nowMs).memory.ended).toBe(true);
    expect(planPod(view({ deletion, sandboxes: [], containers: [] }), nowMs).memory.ended).toBe(true);
    expect(planPod(view({ deletion, containers: [ran()] }), nowMs).memory.ended).toBeUndefined();
  });

  test("is forgotten when nobody asks for it and nothing is left of it, on the disk either", () => {
    const gone: ViewOptions = { isAssigned: false, sandboxes: [] };
    expect(kinds(gone)).toEqual(["tear-down all"]);
    expect(planPod(view(gone), nowMs).forget).toBe(false);
    expect(planPod(view({ ...gone, memory: { tornDown: "all" } }), nowMs).forget).toBe(true);
    expect(planPod(view({ isAssigned: false, memory: { tornDown: "all" } }), nowMs).forget).toBe(false);
  });

  test("runs no hook twice", () => {
    const memory = { containers: { proxy: { preStopped: "proxy-0" } } };
    const options = { deletion, spec: withSidecar, memory };
    expect(kinds({ ...options, containers: [ran(), hooked()] })).toEqual(["kill-container main-0 20"]);
    const { actions } = planPod(view({ ...options, containers: [ran(succeeded), hooked()] }), nowMs);
    expect(actions).toMatchObject([{ kind: "kill-container", containerId: "proxy-0", hurry: true }]);
  });

  test("is hurried when it gets less time than it was given before", () => {
    const action = {
      kind: "kill-container",
      containerId: "main-0",
      name: "main",
      graceSeconds: 600,
      hurry: false,
    } as const;
    const inFlight = [{ action, stage: undefined, deadlineMs: nowMs + 600_000 }];
    const { actions, events } = planPod(view({ deletion, containers: [ran()], inFlight }), nowMs);
    expect(actions).toEqual([{ ...action, graceSeconds: 20, hurry: true }]);
    expect(events).toEqual([]);
  });
});

describe("a pod that was evicted", () => {
  const memory: Partial<PodMemory> = { failure: { reason: "Evicted", message: "" }, tornDown: "volumes" };
  const down = sandbox({ state: "notready" });

  test.each<[string, ViewOptions, readonly string[]]>([
    ["is ended first", { containers: [ran()] }, ["kill-container main-0 30"]],
    [
      "keeps what has ended while something runs",
      { spec: two, containers: [ran({ name: "a" }), ran({ ...failed, name: "b" })] },
      ["kill-container a-0 30"],
    ],
    ["has its sandbox stopped next", { containers: [ran(failed)] }, ["stop-sandbox s0"]],
    [
      "is removed then, though it is asked for, for the room that it takes",
      { sandboxes: [down], containers: [ran(failed)] },
      ["remove-sandbox s0"],
    ],
    [
      "is removed with its volumes",
      { sandboxes: [down], containers: [ran(failed)], memory: { ...memory, tornDown: undefined } },
      ["remove-sandbox s0", "tear-down volumes"],
    ],
    [
      "has a container without a sandbox removed",
      { sandboxes: [], containers: [ran(failed)] },
      ["remove-container main-0"],
    ],
    [
      "is removed when it is to be deleted as well",
      { deletion, sandboxes: [down], containers: [ran(failed)] },
      ["remove-sandbox s0"],
    ],
    ["is left alone when nothing is left of it", { sandboxes: [] }, []],
  ])("%s", (_, options, expected) => {
    expect(kinds({ memory, ...options })).toEqual(expected);
  });
});

describe("dead containers that nothing needs", () => {
  type Story = { readonly containers: readonly RuntimeContainerStatus[]; readonly memory?: Partial<PodMemory> };
  const told = (phase: string, ...ids: readonly string[]): Partial<PodMemory> => {
    const containerStatuses = ids.map((id) => ({ name: id.replace(/-.*/, ""), containerID: `fake://${id}` }));
    return { status: PodStatus.parse({ phase, containerStatuses: containerStatuses.map(asStatus) }) };
  };
  const asStatus = (fields: object) => {
    const rest = { state: {}, lastState: {}, ready: false, restartCount: 0, image: "", imageID: "", started: false };
    return { ...rest, ...fields };
  };

  test.each<[string, Story, readonly string[]]>([
    ["none of what runs", { containers: [ran()], memory: told("Running", "main-0") }, []],
    [
      "the ones before what runs",
      { containers: [ran({ attempt: 1 }), ran(failed)], memory: told("Running", "main-1") },
      ["main-0"],
    ],
    [
      "not the last one of a name, after which the next is started",
      { containers: [ran({ ...failed, attempt: 1 }), ran(failed)], memory: told("Running", "main-1") },
      ["main-0"],
    ],
    [
      "not what an init container has done",
      { containers: [ran(), ran({ name: "init", ...succeeded })], memory: told("Running", "main-0", "init-0") },
      [],
    ],
    [
      "all of a pod that is over",
      { containers: [ran(succeeded), ran({ name: "b", ...failed })], memory: told("Failed", "main-0", "b-0") },
      ["main-0", "b-0"],
    ],
    [
      "not what still runs of it",
      { containers: [ran(), ran({ name: "b", ...failed })], memory: told("Failed", "main-0", "b-0") },
      ["b-0"],
    ],
    ["none whose end has not been told", { containers: [ran(succeeded)], memory: told("Succeeded", "main-9") }, []],
    [
      "none for one that was created and not started",
      { containers: [ran({ attempt: 1, state: "created" }), ran(failed)], memory: told("Running", "main-0") },
      [],
    ],
    ["none of which nothing was ever told", { containers: [ran(failed)] }, []],
  ])("are %s", (_, { containers, memory = {} }, expected) => {
    expect(deadContainers({ sandboxes: [], containers }, { ...newPodMemory(nowMs), ...memory })).toEqual(expected);
  });
});

describe("planning", () => {
  const anyContainer = fc.record({
    name: fc.constantFrom("main", "init", "stranger"),
    attempt: fc.integer({ min: 0, max: 3 }),
    state: fc.constantFrom("created" as const, "running" as const, "exited" as const, "unknown" as const),
    exitCode: fc.constantFrom(0, 1),
    finishedAtMs: fc.integer({ min: nowMs - 60_000, max: nowMs + 60_000 }),
    podSandboxId: fc.constantFrom("s0", "s-old"),
  });
  const anyView = fc.record({
    spec: fc.constantFrom<Partial<PodSpec>>({}, withInit, withSidecar, two, { restartPolicy: "Never" }),
    sandboxes: fc.constantFrom<readonly PodSandbox[]>([], [sandbox()], [next, old], [old]),
    containers: fc.uniqueArray(anyContainer, { maxLength: 5, selector: ({ name, attempt }) => `${name}-${attempt}` }),
    deletion: fc.constantFrom(undefined, deletion),
    isAssigned: fc.boolean(),
  });

  test("asks for nothing that is under way, and never for two things of one key", () => {
    fc.assert(
      fc.property(anyView, ({ containers, deletion: given, ...options }) => {
        const newestFirst = containers.map(ran).sort((a, b) => b.metadata.attempt - a.metadata.attempt);
        const whole = { ...options, containers: newestFirst, ...(given === undefined ? {} : { deletion: given }) };
        const { actions, memory } = planPod(view(whole), nowMs);
        expect(new Set(actions.map(actionKey)).size).toBe(actions.length);
        const inFlight = actions.map((action) => ({
          action,
          stage: undefined,
          deadlineMs: action.kind === "kill-container" ? nowMs + action.graceSeconds * 1000 : undefined,
        }));
        const again = planPod({ ...view({ ...whole, inFlight }), memory }, nowMs);
        expect(again.actions).toEqual([]);
        expect(again.events).toEqual([]);
        expect(again.memory).toEqual(memory);
      }),
      { numRuns: 2000 },
    );
  });

  test("never starts a container beside one of its name that runs", () => {
    fc.assert(
      fc.property(anyView, ({ containers, deletion: given, ...options }) => {
        const newestFirst = containers.map(ran).sort((a, b) => b.metadata.attempt - a.metadata.attempt);
        const whole = { ...options, containers: newestFirst, ...(given === undefined ? {} : { deletion: given }) };
        const starts = planPod(view(whole), nowMs).actions.flatMap((action) =>
          action.kind === "start-container" ? [action.name] : [],
        );
        const alive = newestFirst.filter(({ state }) => state === "running").map(({ metadata }) => metadata.name);
        expect(starts.filter((name) => alive.includes(name))).toEqual([]);
        expect(starts.length).toBeLessThan(2);
      }),
      { numRuns: 2000 },
    );
  });
});
