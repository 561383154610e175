import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { Fleet, FleetOptions } from "../../agents/fleet/fleet.ts";
import { startFleet } from "../../agents/fleet/fleet.ts";
import { sharedAnswers } from "../../agents/fleet/shared-answers.ts";
import { Turns } from "../../agents/fleet/turns.ts";
import { WheelClock } from "../../agents/fleet/wheel-clock.ts";
import { ControlPlane } from "./support/control-plane.ts";
import { assignedPod, template } from "./support/pods.ts";
import { Server } from "./support/server.ts";

let server: Server;
const fleets: Fleet[] = [];

beforeEach(async () => {
  server = new Server();
  server.newPlane = (node) => {
    const plane = new ControlPlane();
    plane.assign([assignedPod({ uid: `uid-${node}`, name: `app-${node}` })], { t1: template() });
    return plane;
  };
  await server.start();
});

afterEach(async () => {
  for (const fleet of fleets.splice(0)) fleet.stop();
  await server.stop();
});

function start(options: Partial<FleetOptions> = {}): Fleet {
  const fleet = startFleet({
    server: server.url,
    count: 20,
    namePrefix: "edge-",
    connection: "socket",
    joinToken: server.joinToken,
    ...options,
  });
  fleets.push(fleet);
  return fleet;
}

const timeoutMs = 20_000;

describe("a fleet", () => {
  test("of a thousand enrols, runs its pods and tells so once each", async () => {
    const fleet = start({ count: 1000 });
    await fleet.whenAll(({ isSettled, readyPods }) => isSettled && readyPods === 1, timeoutMs);
    expect(fleet.counts()).toMatchObject({
      agents: 1000,
      synced: 1000,
      settled: 1000,
      pods: 1000,
      readyPods: 1000,
      reports: 1000,
      failures: 0,
    });
    expect(server.enrolments).toBe(1000);
    expect(server.open.size).toBe(1000);
    expect(server.plane("edge-00999").isReady("uid-edge-00999")).toBe(true);
    expect(server.plane("edge-00007").requests[0]?.nodeReport?.labels["kubernetes.io/hostname"]).toBe("edge-00007");
  });

  test.each(["poll", "long-poll"] as const)("works by %s", async (connection) => {
    const fleet = start({ connection });
    await fleet.whenAll(({ readyPods, isSettled }) => isSettled && readyPods === 1, timeoutMs);
    expect(server.open.size).toBe(0);
    if (connection === "poll") return;
    server.plane("edge-00003").assign([assignedPod({ uid: "more", name: "more" })]);
    await vi.waitFor(() => expect(server.plane("edge-00003").isReady("more")).toBe(true), { timeout: timeoutMs });
  });

  test("starts where another ends, and needs no token for nodes that have a credential", async () => {
    const credentials = new Map([
      ["node-00100", "a"],
      ["node-00101", "b"],
    ]);
    for (const [node, credential] of credentials) server.credentials.set(node, credential);
    const fleet = start({
      count: 2,
      firstNumber: 100,
      namePrefix: "node-",
      credentials,
      labels: (number) => ({ site: `s${number}` }),
    });
    await fleet.whenAll(({ isSettled, readyPods }) => isSettled && readyPods === 1, timeoutMs);
    expect(server.enrolments).toBe(0);
    expect(server.plane("node-00101").requests[0]?.nodeReport?.labels["site"]).toBe("s101");
  });

  test("comes through a bad network", async () => {
    const faults = { latencyMs: 5, jitterMs: 10, breaksPerMinute: 20 };
    const fleet = start({ faults });
    await fleet.whenAll(({ readyPods, isSettled }) => readyPods === 1 && isSettled, timeoutMs);
    expect(fleet.counts().failures).toBeGreaterThanOrEqual(0);
  });

  test("behaves as its script says", async () => {
    const fleet = start({ count: 4, script: (number) => (number % 2 === 0 ? () => ({ ready: false }) : undefined) });
    await fleet.whenAll(({ isSettled, pods }) => isSettled && pods === 1, timeoutMs);
    expect(fleet.counts()).toMatchObject({ pods: 4, readyPods: 2 });
  });

  test("says how many are missing when it waits in vain", async () => {
    const fleet = start({ count: 3 });
    await expect(fleet.whenAll(({ pods }) => pods === 5, 200)).rejects.toThrow(/3 of 3 agents/);
  });

  test("says nothing more when it is stopped", async () => {
    const fleet = start();
    await fleet.whenAll(({ isSettled }) => isSettled, timeoutMs);
    fleet.stop();
    const { messages } = fleet.counts();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(fleet.counts().messages).toBe(messages);
  });
});

describe("the clock of a fleet", () => {
  test("runs timers in their order, and none that was called off", async () => {
    const clock = new WheelClock();
    const ran: number[] = [];
    const delays = [60, 20, 0, 40, 20, 100];
    const cancels = delays.map((delayMs) => clock.setTimer(delayMs, () => void ran.push(delayMs)));
    cancels[5]?.();
    const startedAtMs = performance.now();
    await new Promise<void>((resolve) => clock.setTimer(120, resolve));
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(119);
    expect(ran).toEqual([0, 20, 20, 40, 60]);
    clock.stop();
  });

  test("keeps the order of ten thousand", async () => {
    const clock = new WheelClock();
    let last = 0;
    let inOrder = true;
    const all = Array.from({ length: 10_000 }, (_, n) => (n * 7919) % 200);
    await Promise.all(
      all.map(
        (delayMs) =>
          new Promise<void>((resolve) => {
            // Setting them all takes a while itself.
            const dueMs = performance.now() + delayMs;
            clock.setTimer(delayMs, () => {
              // Within one slot of the grid the order is that of the calls.
              if (dueMs < last - 10) inOrder = false;
              last = dueMs;
              resolve();
            });
          }),
      ),
    );
    expect(inOrder).toBe(true);
    clock.stop();
  });
});

describe("turns", () => {
  test("are had by so many at a time, and given back once", async () => {
    const turns = new Turns(2);
    const first = await turns.take();
    await turns.take();
    let third = false;
    const waiting = turns.take().then(() => {
      third = true;
    });
    await Promise.resolve();
    expect(third).toBe(false);
    first();
    first();
    await waiting;
    expect(third).toBe(true);
  });
});

describe("answers to a fleet", () => {
  test("share the templates that they bring", () => {
    const read = sharedAnswers();
    const plane = new ControlPlane();
    plane.assign([assignedPod()], { t1: template() });
    const text = JSON.stringify(plane.answer(1, { revision: 0, etag: "", templates: [] }));
    const [first, second] = [read(text), read(text)];
    expect(second?.templates?.["t1"]).toBe(first?.templates?.["t1"]);
    expect(second?.pods).not.toBe(first?.pods);
    expect(read("nonsense")).toBeNull();
  });
});
