// Stories of pods that end while their runtime has troubles of its own.
import { expect, test } from "vitest";

import type { FakeRuntime } from "../../agents/node/runtime/fake.ts";
import type { Runtime } from "../../agents/node/runtime/runtime.ts";
import { container } from "./support/pods.ts";
import { minuteMs, secondMs, started } from "./support/stories.ts";
import { World } from "./support/world.ts";

const lifecycle = { preStop: { exec: { command: ["false"] } } };
const spec = {
  initContainers: [container({ name: "proxy", restartPolicy: "Always", lifecycle })],
  containers: [container()],
};

const running = (world: World) => ["main", "proxy"].map((name) => world.runtime.running("uid-1", name));
const unreachable = () => Promise.reject(new Error("connection refused"));

test("a runtime that goes away just as a pod is deleted costs no sidecar its pre-stop hook", async () => {
  let isDown = false;
  const hooks: string[] = [];
  const wrap = (runtime: FakeRuntime): Runtime => {
    const containerStatus = runtime.containerStatus.bind(runtime);
    const execSync = runtime.execSync.bind(runtime);
    runtime.containerStatus = (id) => (isDown ? unreachable() : containerStatus(id));
    runtime.execSync = (id, command) => {
      hooks.push(command.join(" "));
      return execSync(id, command);
    };
    return runtime;
  };
  const world = await started({ world: new World({ wrap }), spec });
  world.controlPlane.nextSyncMs = secondMs;
  await world.clock.advance(minuteMs);
  world.controlPlane.delete("uid-1", 30);
  isDown = true;
  await world.clock.advance(1500);
  expect(running(world)).toEqual([1, 1]);
  isDown = false;
  await world.clock.advance(10 * secondMs);
  expect(running(world)).toEqual([0, 0]);
  expect(hooks).toEqual(["false"]);
  const told = world.controlPlane.events.filter(({ reason }) => reason === "FailedPreStopHook");
  expect(told).toMatchObject([{ message: "PreStopHook failed", fieldPath: "spec.initContainers{proxy}" }]);
});

test("a runtime that never says whether there is a hook to run holds a pod no longer than its grace period", async () => {
  const wrap = (runtime: FakeRuntime): Runtime => {
    const containerStatus = runtime.containerStatus.bind(runtime);
    const listContainers = runtime.listContainers.bind(runtime);
    /** Of the containers that were just listed, which is how the agent looks at a pod. */
    const listed = new Set<string>();
    runtime.listContainers = async (filter) => {
      const found = await listContainers(filter);
      for (const { id } of found) listed.add(id);
      return found;
    };
    runtime.containerStatus = (id) => (listed.delete(id) ? containerStatus(id) : unreachable());
    return runtime;
  };
  const world = await started({ world: new World({ wrap }), spec });
  world.controlPlane.nextSyncMs = secondMs;
  await world.clock.advance(minuteMs);
  expect(running(world)).toEqual([1, 1]);
  world.controlPlane.delete("uid-1", 30);
  await world.clock.advance(25 * secondMs);
  expect(running(world)).toEqual([1, 1]);
  await world.clock.advance(15 * secondMs);
  expect(running(world)).toEqual([0, 0]);
  expect(world.controlPlane.pods.size).toBe(0);
});
