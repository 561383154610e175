// What an agent says its node and pods use, when it is asked.
import { describe, expect, test } from "vitest";
import { UsageMeter } from "../../agents/node/reporting/usage-meter.ts";
import type { ContainerStats } from "../../agents/node/runtime/runtime.ts";
import { secondMs, started } from "./support/stories.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

const oneCpuMs = 1_000_000;

function meter() {
  const clock = new VirtualClock();
  let containers: readonly ContainerStats[] = [];
  let busyMs = 0;
  const usage = new UsageMeter({
    clock,
    nodeFacts: {
      current: () => ({ labels: {}, addresses: [], capacity: {}, allocatable: {}, conditions: [], nodeInfo: {} }),
      onChange: () => () => {},
      usage: () => ({ usageCoreNanoSeconds: busyMs * oneCpuMs, workingSetBytes: 7 }),
    },
    runtime: { listContainerStats: async () => containers },
  });
  const container = (id: string, usedMs: number): ContainerStats => ({
    podUid: "uid-1",
    name: "main",
    id,
    usageCoreNanoSeconds: usedMs * oneCpuMs,
    workingSetBytes: 3,
  });
  return {
    clock,
    usage,
    container,
    set: (busy: number, found: readonly ContainerStats[]) => {
      busyMs = busy;
      containers = found;
    },
  };
}

describe("the meter", () => {
  test("looks twice, a second apart, when it has not looked of late", async () => {
    const { clock, usage, set, container } = meter();
    set(1000, [container("c1", 5000)]);
    const report = usage.read();
    await clock.advance(500);
    set(1500, [container("c1", 5250)]);
    await clock.advance(500);
    expect(await report).toEqual({
      windowMs: 1000,
      node: { cpuNanoCores: 500_000_000, workingSetBytes: 7 },
      containers: [{ podUid: "uid-1", name: "main", cpuNanoCores: 250_000_000, workingSetBytes: 3 }],
    });
  });

  test("measures from the last look when that was of late, at once", async () => {
    const { clock, usage, set, container } = meter();
    const first = usage.read();
    await clock.advance(secondMs);
    await first;
    await clock.advance(20 * secondMs);
    set(10_000, [container("c1", 2000)]);
    const report = await usage.read();
    expect(report.windowMs).toBe(20_000);
    expect(report.node.cpuNanoCores).toBe(500_000_000);
    // It started within the window: all it has used was used there.
    expect(report.containers[0]?.cpuNanoCores).toBe(100_000_000);
  });

  test("never says less than nothing of a container that started anew", async () => {
    const { clock, usage, set, container } = meter();
    set(0, [container("c1", 9000)]);
    const first = usage.read();
    await clock.advance(secondMs);
    await first;
    await clock.advance(10 * secondMs);
    set(0, [container("c2", 0)]);
    expect((await usage.read()).containers[0]?.cpuNanoCores).toBe(0);
  });
});

describe("an agent", () => {
  test("says what is used when it is asked, once, soon", async () => {
    const world = await started();
    world.controlPlane.asksForUsage = true;
    await world.clock.advance(180 * secondMs);
    const told = world.controlPlane.requests.filter(({ usage }) => usage !== undefined);
    expect(told).toHaveLength(1);
    expect(told[0]?.usage?.containers).toMatchObject([{ podUid: "uid-1", name: "main", cpuNanoCores: 1_000_000 }]);
  });

  test("says nothing of it otherwise", async () => {
    const world = await started();
    await world.clock.advance(3600 * secondMs);
    expect(world.controlPlane.requests.some(({ usage }) => usage !== undefined)).toBe(false);
  });
});
