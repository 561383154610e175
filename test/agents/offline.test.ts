// Three months without a control plane: nothing grows, everything is kept running, and the return is one catching up.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";

import { assignedPod, container, probe, template } from "./support/pods.ts";
import { hourMs, main, secondMs } from "./support/stories.ts";
import { World } from "./support/world.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** What can happen to pods all the time: they are well, they crash, they cannot be started, they are sick. */
function busyWorld(): World {
  const world = new World({
    script: (image, _sandbox, config) => {
      if (image.includes("crashing")) return { exitAfterMs: 10_000, exitCode: 3 };
      if (image.includes("missing")) return { pullError: "no such image" };
      return { healthy: config?.metadata.name !== "sick" };
    },
  });
  const httpGet = { path: "/", port: 80, scheme: "HTTP" } as const;
  const probed = (name: string) =>
    template({
      containers: [container({ name, readinessProbe: probe({ httpGet, periodSeconds: 600 }) })],
    });
  world.controlPlane.assign(
    ["well", "sick", "crashing", "missing"].map((uid) => assignedPod({ uid, name: uid, template: uid })),
    {
      well: probed("main"),
      sick: probed("sick"),
      crashing: template({ containers: [container({ image: "registry.example/crashing:1" })] }),
      missing: template({ containers: [container({ image: "registry.example/missing:1" })] }),
    },
  );
  return world;
}

type Size = {
  readonly heap: number;
  readonly assignment: number;
  readonly memory: number;
  readonly timers: number;
  readonly containers: number;
};

async function sizeOf(world: World): Promise<Size> {
  const { checkpoint, clock, runtime } = world;
  return {
    heap: heapBytes(),
    assignment: JSON.stringify(checkpoint.assignment).length,
    memory: JSON.stringify(checkpoint.memory).length,
    timers: clock.pendingTimers,
    containers: (await runtime.listContainers({})).length,
  };
}

/** Passes time and forgets what only the test remembers. */
async function pass(world: World, days: number): Promise<void> {
  for (let hour = 0; hour < 24 * days; hour += 1) {
    await world.clock.advance(hourMs);
    world.logs.length = 0;
  }
}

test("90 days away leave memory, disk and what is run as they were, and end in one catching up", async () => {
  const world = busyWorld();
  world.agent.start();
  await world.clock.advance(10 * secondMs);
  world.line = "down";
  // Back-offs have reached their longest by then, and every kind of event has been seen.
  await pass(world, 5);
  const before = await sizeOf(world);
  const savesBefore = world.checkpoint.saves;
  await pass(world, 85);
  const after = await sizeOf(world);
  const saves = world.checkpoint.saves - savesBefore;

  expect(after.heap - before.heap).toBeLessThan(512 * 1024);
  expect(after.assignment).toBe(before.assignment);
  // Numbers get longer: restarts are counted, and times are not of one length.
  expect(Math.abs(after.memory - before.memory)).toBeLessThan(64);
  expect(after.timers).toBeLessThanOrEqual(before.timers + 2);
  expect(after.containers).toBeLessThanOrEqual(before.containers + 1);
  // Each minute's try to tell the news, and what changes with a crash and a failed pull each five minutes: flash memory
  // is worn by no more than that.
  expect(saves / 85).toBeLessThan(24 * 60 + 4 * 24 * 12);
  expect(world.runtime.running("well", "main")).toBe(1);

  const reportsBefore = world.controlPlane.requests.length;
  world.line = "up";
  await world.clock.advance(5 * 60 * secondMs);
  const told = world.controlPlane.requests.slice(reportsBefore);
  expect(main(world, "well")).toMatchObject({ restartCount: 0, ready: true });
  expect(told.flatMap(({ pods = [] }) => pods).filter(({ uid }) => uid === "well").length).toBeLessThanOrEqual(1);
  expect(main(world, "crashing").restartCount).toBeGreaterThan(85 * 24 * 10);
  const events = told.flatMap(({ events: sent = [] }) => sent);
  expect(events.find(({ reason, podUid }) => reason === "BackOff" && podUid === "crashing")?.count).toBeGreaterThan(85);
  expect(events.length).toBeLessThan(300);
  expect(world.controlPlane.late).toEqual([]);
  world.agent.stop();
}, 120_000);

test("a machine that is started 90 times without a control plane goes on where it was", async () => {
  const world = busyWorld();
  world.agent.start();
  await world.clock.advance(10 * secondMs);
  world.line = "down";
  const sizes: Size[] = [];
  for (let start = 0; start < 90; start += 1) {
    world.agent.stop();
    world.runtime.reboot();
    world.restart();
    await world.clock.advance(10 * secondMs);
    expect(world.runtime.running("well", "main")).toBe(1);
    await pass(world, 1 / 12);
    sizes.push(await sizeOf(world));
  }
  const [, first] = sizes;
  const last = sizes.at(-1);
  expect((last?.heap ?? 0) - (first?.heap ?? 0)).toBeLessThan(1024 * 1024);
  expect(Math.abs((last?.memory ?? 0) - (first?.memory ?? 0))).toBeLessThan(64);
  expect(last?.containers).toBeLessThanOrEqual((first?.containers ?? 0) + 1);
  world.line = "up";
  await world.clock.advance(5 * 60 * secondMs);
  expect(main(world, "well")).toMatchObject({ restartCount: 90, ready: true });
  expect(world.controlPlane.late).toEqual([]);
  world.agent.stop();
}, 120_000);
