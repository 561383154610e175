// Stories of one agent and its pods.
import { describe, expect, test } from "vitest";

import type { FakeRuntime } from "../../agents/node/runtime/fake.ts";
import type { Runtime } from "../../agents/node/runtime/runtime.ts";
import { fail } from "../../agents/node/runtime/runtime.ts";
import type { Container } from "../../src/model/container.ts";
import type { ContainerStatus } from "../../src/model/container-status.ts";
import { assignedPod, container, probe, template } from "./support/pods.ts";
import { hourMs, main, minuteMs, ready, secondMs, started, status } from "./support/stories.ts";
import { World } from "./support/world.ts";

describe("a container that ends", () => {
  test("is started again, at once at first, then later and later", async () => {
    const world = await started({ behaviour: { exitAfterMs: 100, exitCode: 3 } });
    const starts: number[] = [];
    let attempts = 0;
    for (let elapsedMs = 100; elapsedMs < 25 * minuteMs; elapsedMs += secondMs) {
      const [newest] = (await world.runtime.listContainers({})).slice(-1);
      if (newest !== undefined && newest.metadata.attempt === attempts) {
        starts.push(Math.round((newest.createdAtMs - world.clock.wallOffsetMs) / 1000));
        attempts += 1;
      }
      await world.clock.advance(secondMs);
    }
    const pauses = starts.slice(1).map((at, index) => at - (starts[index] ?? 0));
    const expected = [0, 10, 20, 40, 80, 160, 300, 300];
    // Looked at once a second, and each run takes a moment.
    for (const [index, pause] of expected.entries()) expect(Math.abs((pauses[index] ?? 0) - pause)).toBeLessThan(2);
  });

  test("shows why it waits, how it ended last and how often it was started", async () => {
    const world = await started({ behaviour: { exitAfterMs: 100, exitCode: 3 } });
    await world.clock.advance(5 * secondMs);
    expect(main(world)).toMatchObject({
      state: {
        waiting: {
          reason: "CrashLoopBackOff",
          message: "back-off 10s restarting failed container=main pod=app-1_default(uid-1)",
        },
      },
      lastState: { terminated: { exitCode: 3, reason: "Error" } },
      restartCount: 1,
      ready: false,
      started: false,
    });
    expect(status(world).phase).toBe("Running");
    await world.clock.advance(30 * secondMs);
    const backOff = world.controlPlane.events.find(({ reason }) => reason === "BackOff");
    expect(backOff).toMatchObject({
      type: "Warning",
      message: "Back-off restarting failed container main in pod app-1_default(uid-1)",
      fieldPath: "spec.containers{main}",
      podUid: "uid-1",
    });
  });

  test("is forgiven after ten minutes without an end", async () => {
    const world = await started({ behaviour: { exitAfterMs: 100, exitCode: 3, exits: 4 } });
    await world.clock.advance(2 * minuteMs);
    expect(main(world)).toMatchObject({ restartCount: 4, state: { running: {} } });
    await world.clock.advance(11 * minuteMs);
    world.runtime.exit("uid-1", 1);
    await world.clock.advance(secondMs);
    expect(main(world)).toMatchObject({ restartCount: 5, state: { running: {} } });
  });

  test("that is for initialization ends by itself on the fake runtime, and the others start", async () => {
    const world = await started({ spec: { initContainers: [container({ name: "init" })] } });
    await world.clock.advance(secondMs);
    expect(status(world)).toMatchObject({
      phase: "Running",
      initContainerStatuses: [{ name: "init", ready: true, state: { terminated: { exitCode: 0 } } }],
    });
    expect(ready(world)).toBe("True");
  });

  test("stays ended where its pod says so", async () => {
    const succeeded = await started({
      spec: { restartPolicy: "OnFailure" },
      behaviour: { exitAfterMs: 10, exitCode: 0 },
    });
    await succeeded.clock.advance(minuteMs);
    expect(status(succeeded)).toMatchObject({ phase: "Succeeded" });
    expect(main(succeeded)).toMatchObject({ restartCount: 0, state: { terminated: { reason: "Completed" } } });
    const failed = await started({ spec: { restartPolicy: "Never" }, behaviour: { exitAfterMs: 10, exitCode: 2 } });
    await failed.clock.advance(minuteMs);
    expect(status(failed)).toMatchObject({ phase: "Failed" });
    expect(ready(failed)).toBe("False");
  });

  test("is not kept waiting for a day when the clock is set back", async () => {
    const world = await started({ behaviour: { exitAfterMs: 100, exitCode: 3, exits: 2 } });
    await world.clock.advance(5 * secondMs);
    world.clock.wallOffsetMs -= 24 * hourMs;
    await world.clock.advance(10 * secondMs);
    expect(main(world)).toMatchObject({ restartCount: 2, state: { running: {} } });
  });

  test.each([-24 * hourMs, 24 * hourMs])(
    "is held off by a clock that was set %i ms off just as well",
    async (offMs) => {
      const world = await started({ behaviour: { exitAfterMs: 100, exitCode: 3 } });
      world.clock.wallOffsetMs += offMs;
      await world.clock.advance(10 * minuteMs);
      expect(main(world).restartCount).toBeGreaterThan(4);
      expect(main(world).restartCount).toBeLessThan(8);
    },
  );
});

describe("an image that cannot be had", () => {
  test("keeps the pod pending and is tried again, later and later", async () => {
    const spec = { containers: [container({ image: "registry.example/never:1" })] };
    const world = await started({ spec });
    expect(main(world).state.waiting?.reason).toBe("ErrImagePull");
    await world.clock.advance(3 * secondMs);
    expect(status(world).phase).toBe("Pending");
    expect(main(world).state.waiting).toEqual({
      reason: "ImagePullBackOff",
      message:
        'Back-off pulling image "registry.example/never:1": ErrImagePull: failed to pull and unpack image "registry.example/never:1": not found',
    });
    await world.clock.advance(5 * minuteMs);
    expect(await world.runtime.listContainers({})).toEqual([]);
    const reasons = world.controlPlane.events.map(({ reason, message }) => `${reason}: ${message}`);
    expect(reasons).toContain('BackOff: Back-off pulling image "registry.example/never:1"');
    expect(reasons).toContain("Failed: Error: ErrImagePull");
    expect(reasons).toContain("Failed: Error: ImagePullBackOff");
  });

  test("does not hold up the end of its pod, however long the pull takes", async () => {
    const world = await started({ behaviour: { pullMs: hourMs } });
    world.controlPlane.delete("uid-1");
    await world.clock.advance(2 * minuteMs);
    expect(world.controlPlane.pods.size).toBe(0);
    expect(world.agent.summary()).toMatchObject({ pods: 0, isSettled: true });
    await world.clock.advance(2 * hourMs);
    expect(await world.runtime.listContainers({})).toEqual([]);
    expect(await world.runtime.listPodSandboxes({})).toEqual([]);
  });

  test("starts no container any more whose pod is to end when it comes at last", async () => {
    const two = { containers: [container({ name: "a" }), container({ name: "b", image: "registry.example/big:1" })] };
    const world = new World({ script: (image) => (image.includes("big") ? { pullMs: 10_000 } : { stopMs: 25_000 }) });
    world.controlPlane.nextSyncMs = 1000;
    await started({ spec: two, world });
    world.controlPlane.delete("uid-1");
    await world.clock.advance(20 * secondMs);
    expect(world.runtime.running("uid-1", "a")).toBe(1);
    expect((await world.runtime.listContainers({})).map(({ metadata }) => metadata.name)).toEqual(["a"]);
  });
});

describe("init containers", () => {
  const three = {
    initContainers: [container({ name: "first" }), container({ name: "second" })],
    containers: [container({ name: "main" })],
  };

  test("run one after the other before the rest", async () => {
    const world = new World({
      script: (_image, _sandbox, config) =>
        config?.metadata.name === "main" ? {} : { exitAfterMs: 5000, exitCode: 0 },
    });
    await started({ spec: three, world });
    await world.clock.advance(2 * secondMs);
    expect(status(world)).toMatchObject({
      phase: "Pending",
      initContainerStatuses: [{ state: { running: {} } }, { state: { waiting: { reason: "PodInitializing" } } }],
    });
    expect(status(world).conditions?.find(({ type }) => type === "Initialized")).toMatchObject({
      status: "False",
      reason: "ContainersNotInitialized",
      message: "containers with incomplete status: [first second]",
    });
    await world.clock.advance(5 * secondMs);
    expect(world.runtime.running("uid-1", "second")).toBe(1);
    expect(world.runtime.running("uid-1", "main")).toBe(0);
    await world.clock.advance(5 * secondMs);
    expect(status(world)).toMatchObject({
      phase: "Running",
      initContainerStatuses: [{ ready: true }, { ready: true }],
    });
    expect(ready(world)).toBe("True");
    world.runtime.exit("uid-1", 1);
    await world.clock.advance(secondMs);
    // The rest starts again without them.
    expect(status(world).initContainerStatuses?.map(({ restartCount }) => restartCount)).toEqual([0, 0]);
    expect(main(world).restartCount).toBe(1);
  });

  test("fail the pod when it is not to be started again", async () => {
    const world = new World({
      script: (_image, _sandbox, config) =>
        config?.metadata.name === "second" ? { exitAfterMs: 10, exitCode: 1 } : { exitAfterMs: 10, exitCode: 0 },
    });
    await started({ spec: { ...three, restartPolicy: "Never" }, world });
    await world.clock.advance(secondMs);
    expect(status(world).phase).toBe("Failed");
    expect(world.runtime.running("uid-1", "main")).toBe(0);
  });

  test("of the lasting kind go on beside the rest, and end after it", async () => {
    const sidecar: Container = container({ name: "proxy", restartPolicy: "Always" });
    const spec = { initContainers: [sidecar, container({ name: "first" })], containers: [container()] };
    const world = new World({
      script: (_image, _sandbox, config) =>
        config?.metadata.name === "first" ? { exitAfterMs: 1000, exitCode: 0 } : { stopMs: 3000 },
    });
    await started({ spec, world });
    await world.clock.advance(2 * secondMs);
    expect(ready(world)).toBe("True");
    expect(world.runtime.running("uid-1", "proxy")).toBe(1);
    world.controlPlane.delete("uid-1");
    await world.clock.advance(minuteMs + 10 * secondMs);
    expect(world.controlPlane.pods.size).toBe(0);
    const final = status(world);
    const finishedAt = (one: ContainerStatus | undefined) => Date.parse(one?.state.terminated?.finishedAt ?? "");
    expect(finishedAt(final.initContainerStatuses?.[0])).toBeGreaterThan(finishedAt(final.containerStatuses?.[0]));
    expect(final.phase).toBe("Succeeded");
  });
});

describe("a pod that is deleted", () => {
  test("ends within its grace period, is reported and then forgotten", async () => {
    const world = await started({ behaviour: { stopMs: 5000 } });
    world.controlPlane.delete("uid-1");
    await world.clock.advance(minuteMs + 2 * secondMs);
    expect(status(world).phase).toBe("Running");
    await world.clock.advance(10 * secondMs);
    expect(world.controlPlane.reports.get("uid-1")).toMatchObject({ ended: true, status: { phase: "Succeeded" } });
    await world.clock.advance(2 * minuteMs);
    expect(await world.runtime.listPodSandboxes({})).toEqual([]);
    expect(world.agent.summary().pods).toBe(0);
    expect(world.checkpoint.memory?.pods).toEqual({});
  });

  test("is told to have ended also when nothing else of it changes any more", async () => {
    const behaviour = { exitAfterMs: secondMs, exitCode: 0 };
    const world = await started({ behaviour, spec: { restartPolicy: "Never" } });
    await world.clock.advance(2 * minuteMs);
    expect(status(world).phase).toBe("Succeeded");
    world.controlPlane.delete("uid-1");
    await world.clock.advance(2 * minuteMs);
    expect(world.controlPlane.reports.get("uid-1")).toMatchObject({ ended: true, status: { phase: "Succeeded" } });
  });

  test("is killed when its grace period is over", async () => {
    const world = await started({ behaviour: { stopMs: hourMs } });
    world.controlPlane.delete("uid-1", 20);
    await world.clock.advance(minuteMs + 19 * secondMs);
    expect(world.controlPlane.reports.get("uid-1")?.ended).toBeUndefined();
    await world.clock.advance(3 * secondMs);
    expect(world.controlPlane.reports.get("uid-1")).toMatchObject({ ended: true, status: { phase: "Failed" } });
    expect(main(world).state.terminated?.exitCode).toBe(137);
  });

  test("is killed sooner when it is deleted again with less grace, but never in less than two seconds", async () => {
    const world = await started({ behaviour: { stopMs: hourMs } });
    world.controlPlane.nextSyncMs = 1000;
    world.controlPlane.delete("uid-1", 600);
    await world.clock.advance(minuteMs + 10 * secondMs);
    world.controlPlane.delete("uid-1", 0);
    await world.clock.advance(5 * secondMs);
    const { finishedAt } = main(world).state.terminated ?? {};
    const deletedAtMs = world.clock.wallOffsetMs + 100 + minuteMs + 10 * secondMs;
    expect(Date.parse(finishedAt ?? "") - deletedAtMs).toBeGreaterThan(1000);
    expect(world.controlPlane.pods.size).toBe(0);
  });

  test("gets its pre-stop hook first, out of the same grace period", async () => {
    const lifecycle = { preStop: { sleep: { seconds: 8 } } };
    const world = await started({ spec: { containers: [container({ lifecycle })] }, behaviour: { stopMs: hourMs } });
    world.controlPlane.nextSyncMs = 1000;
    await world.clock.advance(minuteMs);
    world.controlPlane.delete("uid-1", 10);
    const deletedAtMs = world.clock.nowMs();
    await world.clock.advance(20 * secondMs);
    const endedAfterMs = Date.parse(main(world).state.terminated?.finishedAt ?? "") - deletedAtMs;
    expect(endedAfterMs).toBeGreaterThan(9 * secondMs);
    expect(endedAfterMs).toBeLessThan(12 * secondMs);
  });

  test("has the hooks of its sidecars run beside those of the others, and the sidecars ended last", async () => {
    const sleeping = (seconds: number) => ({ lifecycle: { preStop: { sleep: { seconds } } } });
    const initContainers = [container({ name: "proxy", restartPolicy: "Always", ...sleeping(8) })];
    const world = await started({ spec: { initContainers, containers: [container(sleeping(5))] } });
    world.controlPlane.nextSyncMs = 1000;
    await world.clock.advance(minuteMs);
    world.controlPlane.delete("uid-1", 30);
    const running = () => ["main", "proxy"].map((name) => world.runtime.running("uid-1", name));
    await world.clock.advance(4 * secondMs);
    expect(running()).toEqual([1, 1]);
    await world.clock.advance(3 * secondMs);
    expect(running()).toEqual([0, 1]);
    // One after the other, the two hooks would take 13 seconds.
    await world.clock.advance(4 * secondMs);
    expect(running()).toEqual([0, 0]);
  });

  test("ends at once when it never began", async () => {
    const world = new World();
    world.controlPlane.assign([assignedPod({ deletion: { atMs: 0, gracePeriodSeconds: 30 } })], { t1: template() });
    world.agent.start();
    await world.clock.advance(secondMs);
    expect(world.controlPlane.reports.get("uid-1")).toMatchObject({ ended: true, status: { phase: "Failed" } });
    expect(await world.runtime.listPodSandboxes({})).toEqual([]);
  });

  test("ends too when it is simply not assigned any more, and nothing is said about it", async () => {
    const world = await started();
    world.controlPlane.assign([assignedPod({ uid: "uid-2", name: "app-2" })]);
    world.controlPlane.unassign("uid-1");
    await world.clock.advance(2 * minuteMs);
    expect(world.runtime.running("uid-1", "main")).toBe(0);
    expect(world.runtime.running("uid-2", "main")).toBe(1);
    const later = world.controlPlane.requests.slice(3).flatMap(({ pods = [] }) => pods.map(({ uid }) => uid));
    expect(later).not.toContain("uid-1");
  });
});

describe("a pod that is changed in place", () => {
  test("has just the container restarted whose image is another", async () => {
    const two = (image: string) => ({ containers: [container({ name: "a", image }), container({ name: "b" })] });
    const world = await started({ spec: two("app:1") });
    const before = status(world).containerStatuses ?? [];
    world.controlPlane.assign([assignedPod({ template: "t2" })], { t2: template(two("app:2")) });
    await world.clock.advance(2 * minuteMs);
    const after = status(world).containerStatuses ?? [];
    expect(after[0]).toMatchObject({ image: "app:2", restartCount: 1, ready: true });
    expect(after[1]).toEqual(before[1]);
    expect(world.checkpoint.assignment?.templates).toHaveProperty("t2");
    const messages = world.controlPlane.events.map(({ message }) => message);
    expect(messages).toContain("Container a definition changed, will be restarted");
  });
});

describe("probes", () => {
  test("decide when a container is ready, and tell it in one report when they are quick", async () => {
    const readinessProbe = probe({ httpGet: { path: "/", port: 80, scheme: "HTTP" } });
    const world = await started({ spec: { containers: [container({ readinessProbe })] } });
    expect(ready(world)).toBe("True");
    expect(world.controlPlane.requests.flatMap(({ pods = [] }) => pods)).toHaveLength(1);
  });

  test("hold a container back until the startup probe succeeds", async () => {
    let healthy = false;
    const world = new World({
      script: () => ({
        get healthy() {
          return healthy;
        },
      }),
    });
    const startupProbe = probe({ tcpSocket: { port: 80 }, failureThreshold: 30 });
    await started({ spec: { containers: [container({ startupProbe })] }, world });
    await world.clock.advance(30 * secondMs);
    expect(main(world)).toMatchObject({ started: false, ready: false, state: { running: {} } });
    healthy = true;
    await world.clock.advance(40 * secondMs);
    // What the script said when the container was made holds for it; a restart brings the new word.
    world.runtime.exit("uid-1", 1);
    await world.clock.advance(secondMs);
    expect(main(world)).toMatchObject({ started: true, ready: true });
  });

  test("restart a container that fails its liveness probe", async () => {
    const livenessProbe = probe({ exec: { command: ["check"] }, periodSeconds: 5, failureThreshold: 3 });
    const world = await started({
      spec: { containers: [container({ livenessProbe })] },
      behaviour: { healthy: false },
    });
    await world.clock.advance(9 * secondMs);
    expect(main(world).restartCount).toBe(0);
    await world.clock.advance(3 * secondMs);
    expect(main(world).restartCount).toBe(1);
    await world.clock.advance(minuteMs);
    const events = world.controlPlane.events.map(({ reason, message }) => `${reason}: ${message}`);
    expect(events).toContain("Killing: Container main failed liveness probe, will be restarted");
    expect(events).toContain("Unhealthy: Liveness probe failed: ");
  });

  test("let an agent that starts again keep its word until they have spoken again", async () => {
    const readinessProbe = probe({ tcpSocket: { port: 80 }, periodSeconds: 30 });
    const world = await started({ spec: { containers: [container({ readinessProbe })] } });
    expect(ready(world)).toBe("True");
    world.restart();
    await world.clock.advance(5 * minuteMs);
    const [first, again, ...more] = world.controlPlane.requests.flatMap(({ pods = [] }) => pods);
    expect(again?.status).toEqual(first?.status);
    expect(more).toEqual([]);
  });

  test("ask no more of a container that they have condemned", async () => {
    const livenessProbe = probe({ exec: { command: ["check"] }, periodSeconds: 1, failureThreshold: 3 });
    const behaviour = { healthy: false, stopMs: 20_000 };
    const world = await started({ spec: { containers: [container({ livenessProbe })] }, behaviour });
    await world.clock.advance(70 * secondMs);
    const unhealthy = world.controlPlane.events.filter(({ reason }) => reason === "Unhealthy");
    // Three times each of the few containers that there were, not every second.
    expect(unhealthy.reduce((sum, { count }) => sum + count, 0)).toBeLessThan(13);
  });

  test("leave a pod that is never ready running", async () => {
    const spec = {
      containers: [
        container({ image: "registry.example/unready:1", livenessProbe: probe({ tcpSocket: { port: 1 } }) }),
      ],
    };
    const world = await started({ spec });
    await world.clock.advance(10 * minuteMs);
    expect(ready(world)).toBe("False");
    expect(main(world)).toMatchObject({ restartCount: 0, ready: false, started: true, state: { running: {} } });
  });
});

describe("a post-start hook", () => {
  test("that fails has the container killed and held off", async () => {
    const lifecycle = { postStart: { exec: { command: ["false"] } } };
    const world = await started({ spec: { containers: [container({ lifecycle })] } });
    await world.clock.advance(2 * secondMs);
    expect(world.runtime.running("uid-1", "main")).toBe(0);
    expect(main(world).state.waiting?.reason).toBe("CrashLoopBackOff");
    await world.clock.advance(minuteMs);
    expect(world.controlPlane.events.some(({ reason }) => reason === "FailedPostStartHook")).toBe(true);
  });
});

describe("a runtime in trouble", () => {
  test("is asked again, slower and slower, and heals", async () => {
    let isDown = true;
    let asked = 0;
    const wrap = (runtime: FakeRuntime): Runtime =>
      new Proxy(runtime, {
        get(target, name) {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== "function") return member;
          if (!["listPodSandboxes", "listContainers", "runPodSandbox"].includes(String(name)))
            return member.bind(target);
          return (...args: unknown[]) => {
            asked += 1;
            return isDown ? Promise.reject(new Error("connection refused")) : member.apply(target, args);
          };
        },
      });
    const world = await started({ world: new World({ wrap }) });
    await world.clock.advance(10 * minuteMs);
    expect(asked).toBeLessThan(400);
    isDown = false;
    await world.clock.advance(minuteMs);
    expect(ready(world)).toBe("True");
  });

  test("that does not answer an agent that starts leaves nothing to be called ready", async () => {
    let isDown = false;
    const wrap = (runtime: FakeRuntime): Runtime => {
      const listContainers = runtime.listContainers.bind(runtime);
      runtime.listContainers = (filter) =>
        isDown ? Promise.reject(new Error("connection refused")) : listContainers(filter);
      return runtime;
    };
    const world = await started({ world: new World({ wrap }) });
    expect(world.agent.summary()).toMatchObject({ pods: 1, readyPods: 1 });
    isDown = true;
    world.restart();
    await world.clock.advance(minuteMs);
    expect(world.agent.summary()).toMatchObject({ pods: 1, readyPods: 0 });
    isDown = false;
    await world.clock.advance(minuteMs);
    expect(world.agent.summary()).toMatchObject({ pods: 1, readyPods: 1 });
  });

  test("that cannot make a sandbox is asked again, slower and slower", async () => {
    const world = await started({ behaviour: { sandboxError: "no network" } });
    await world.clock.advance(11 * minuteMs);
    expect(status(world).phase).toBe("Pending");
    const failed = world.controlPlane.events.filter(({ reason }) => reason === "FailedCreatePodSandBox");
    expect(failed[0]?.message).toBe("Failed to create pod sandbox: no network");
    expect(failed.reduce((sum, { count }) => sum + count, 0)).toBeLessThan(8);
  });

  test("that cannot start a container says why, and is asked again", async () => {
    const world = await started({ behaviour: { startError: "exec format error" } });
    await world.clock.advance(2 * secondMs);
    expect(main(world)).toMatchObject({
      state: { waiting: { reason: "RunContainerError", message: "exec format error" } },
      lastState: { terminated: { exitCode: 128, reason: "StartError" } },
    });
    await world.clock.advance(10 * minuteMs);
    expect(main(world).restartCount).toBeGreaterThan(2);
    expect(main(world).restartCount).toBeLessThan(10);
  });

  test("that goes away before it has said whether the image is there is asked again", async () => {
    let isDown = true;
    const wrap = (runtime: FakeRuntime): Runtime => {
      const imageStatus = runtime.imageStatus.bind(runtime);
      runtime.imageStatus = (image) => (isDown ? Promise.reject(new Error("connection refused")) : imageStatus(image));
      return runtime;
    };
    const world = await started({ world: new World({ wrap }) });
    await world.clock.advance(2 * secondMs);
    expect(main(world).state.waiting).toEqual({
      reason: "ImageInspectError",
      message: 'Failed to inspect image "registry.example/app:1": connection refused',
    });
    isDown = false;
    await world.clock.advance(minuteMs);
    expect(ready(world)).toBe("True");
  });

  test("that refuses a pod has its reason shown", async () => {
    const wrap = (runtime: FakeRuntime): Runtime => {
      runtime.createContainer = async () => fail("invalid-config", "hostPath type check failed");
      return runtime;
    };
    const world = await started({ world: new World({ wrap }) });
    await world.clock.advance(2 * secondMs);
    expect(main(world).state.waiting).toEqual({
      reason: "CreateContainerConfigError",
      message: "hostPath type check failed",
    });
    expect(status(world).phase).toBe("Pending");
  });
});
