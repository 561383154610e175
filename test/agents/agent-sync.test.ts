// Stories of one agent and its control plane.
import { describe, expect, test } from "vitest";

import type { FakeRuntime } from "../../agents/node/runtime/fake.ts";
import type { Runtime } from "../../agents/node/runtime/runtime.ts";
import { assignedPod, template } from "./support/pods.ts";
import { hourMs, main, minuteMs, ready, secondMs, started, status } from "./support/stories.ts";
import { settle } from "./support/virtual-clock.ts";
import { World } from "./support/world.ts";

describe("a new agent", () => {
  test("registers, describes its node, and runs what it is given", async () => {
    const world = await started();
    const [first, second] = world.controlPlane.requests;
    expect(first).toMatchObject({ sequence: 1, register: true, have: { revision: 0, etag: "", templates: [] } });
    expect(first?.nodeReport?.addresses).toHaveLength(2);
    expect(second).toMatchObject({ sequence: 2, have: { revision: 1, etag: "e1", templates: ["t1"] } });
    expect(second?.register).toBeUndefined();
    expect(second?.nodeReport).toBeUndefined();
    expect(second?.pods).toHaveLength(1);
    expect(ready(world)).toBe("True");
    expect(world.agent.summary()).toMatchObject({ isSynced: true, pods: 1, readyPods: 1, isSettled: true });
  });

  test("says one thing about a pod that starts quickly, and nothing while nothing happens", async () => {
    const world = await started();
    await world.clock.advance(10 * minuteMs);
    expect(world.controlPlane.requests.flatMap(({ pods = [] }) => pods)).toHaveLength(1);
    // One timer for the next message is all that is left.
    expect(world.clock.pendingTimers).toBe(1);
  });

  test("tells how far a pod is that takes its time", async () => {
    const world = await started({ behaviour: { pullMs: 5000 } });
    await world.clock.advance(1500);
    expect(status(world).phase).toBe("Pending");
    expect(main(world).state).toEqual({ waiting: { reason: "ContainerCreating" } });
    await world.clock.advance(4000);
    expect(status(world).phase).toBe("Running");
    expect(ready(world)).toBe("True");
  });

  test("describes its node again when something of it has changed", async () => {
    const world = await started();
    world.facts.change({ addresses: [{ type: "InternalIP", address: "192.0.2.99" }] });
    await world.clock.advance(2 * secondMs);
    const last = world.controlPlane.requests.at(-1);
    expect(last?.nodeReport?.addresses).toEqual([{ type: "InternalIP", address: "192.0.2.99" }]);
    expect(status(world).hostIP).toBe("192.0.2.99");
  });
});

describe("an agent that starts again", () => {
  test("restarts nothing, and says once that all is as it was", async () => {
    const world = await started();
    const before = await world.runtime.listContainers({});
    world.restart();
    await world.clock.advance(10 * minuteMs);
    expect(await world.runtime.listContainers({})).toEqual(before);
    expect(world.controlPlane.requests.at(2)).toMatchObject({
      sequence: 1,
      register: true,
      // Without an etag everything comes again, and with it the numbers on record: the disk may be an old copy.
      have: { revision: 1, etag: "", templates: ["t1"] },
    });
    const [first, again, ...more] = world.controlPlane.requests.flatMap(({ pods = [] }) => pods);
    expect(again?.status).toEqual(first?.status);
    expect(more).toEqual([]);
  });

  test("numbers its reports above all that it made before", async () => {
    const world = await started();
    const first = world.controlPlane.reports.get("uid-1")?.observation ?? 0;
    world.restart();
    world.runtime.exit("uid-1", 1);
    await world.clock.advance(minuteMs);
    expect(world.controlPlane.reports.get("uid-1")?.observation).toBeGreaterThan(first);
    expect(world.controlPlane.late).toEqual([]);
    expect(main(world).restartCount).toBe(1);
  });

  test("starts everything again from its disk after a reboot without a network", async () => {
    const world = await started();
    world.line = "down";
    world.agent.stop();
    world.runtime.reboot();
    world.restart();
    await world.clock.advance(5 * secondMs);
    expect(world.runtime.running("uid-1", "main")).toBe(1);
    world.line = "up";
    await world.clock.advance(2 * minuteMs);
    expect(main(world)).toMatchObject({
      restartCount: 1,
      ready: true,
      lastState: { terminated: { exitCode: 255, reason: "Unknown" } },
    });
  });

  test("starts nothing and ends nothing on its own when its disk is gone", async () => {
    const world = await started();
    world.line = "down";
    world.checkpoint.assignment = undefined;
    world.checkpoint.memory = undefined;
    world.restart();
    await world.clock.advance(hourMs);
    expect(world.runtime.running("uid-1", "main")).toBe(1);
    world.line = "up";
    await world.clock.advance(2 * minuteMs);
    expect(world.runtime.running("uid-1", "main")).toBe(1);
    expect(main(world).restartCount).toBe(0);
    expect(world.controlPlane.late).toEqual([]);
    expect(ready(world)).toBe("True");
  });

  test("learns the numbers it must report above when only its memory is gone", async () => {
    const world = await started();
    world.checkpoint.memory = undefined;
    world.restart();
    await world.clock.advance(minuteMs);
    expect(world.controlPlane.requests.at(2)?.have).toMatchObject({ revision: 1, etag: "" });
    expect(world.controlPlane.late).toEqual([]);
    expect(world.runtime.running("uid-1", "main")).toBe(1);
  });

  test("ends what ran without its knowing when it was not to run any more", async () => {
    const world = await started();
    world.agent.stop();
    world.controlPlane.unassign("uid-1");
    world.restart();
    await world.clock.advance(2 * minuteMs);
    expect(await world.runtime.listPodSandboxes({})).toEqual([]);
  });

  test("goes on with the end of a pod that it had begun", async () => {
    const world = await started({ behaviour: { stopMs: 20_000 } });
    world.controlPlane.nextSyncMs = 1000;
    await world.clock.advance(minuteMs);
    world.controlPlane.delete("uid-1", 30);
    await world.clock.advance(5 * secondMs);
    world.restart();
    await world.clock.advance(minuteMs);
    expect(world.controlPlane.pods.size).toBe(0);
  });
});

describe("a control plane that is away", () => {
  test("is asked less and less often, and everything goes on", async () => {
    const world = await started();
    world.line = "down";
    await world.clock.advance(2 * minuteMs);
    world.runtime.exit("uid-1", 7);
    await world.clock.advance(24 * hourMs);
    expect(world.runtime.running("uid-1", "main")).toBe(1);
    expect(world.clock.pendingTimers).toBeLessThan(4);
    world.line = "up";
    await world.clock.advance(minuteMs);
    expect(main(world)).toMatchObject({ restartCount: 1, ready: true });
    expect(world.logs.filter((line) => line.includes("is away"))).toHaveLength(1);
    expect(world.logs.filter((line) => line.includes("answers again"))).toHaveLength(1);
  });

  test("is away as long as it hears nothing, whatever it says by itself", async () => {
    const world = await started();
    const answersAgain = () => world.logs.filter((line) => line.includes("answers again")).length;
    world.line = "messages lost";
    await world.clock.advance(5 * minuteMs);
    world.controlPlane.assign([assignedPod({ uid: "uid-2", name: "late" })]);
    world.link?.answer(world.controlPlane.answer(0, { revision: 1, etag: "e1", templates: ["t1"] }));
    await world.clock.advance(30 * secondMs);
    expect(world.runtime.running("uid-2", "main")).toBe(1);
    expect(world.agent.standing.state).toBe("unreachable");
    expect(answersAgain()).toBe(0);
    world.line = "up";
    await world.clock.advance(minuteMs);
    expect(world.agent.standing.state).toBe("connected");
    expect(answersAgain()).toBe(1);
    expect(world.controlPlane.isReady("uid-2")).toBe(true);
  });

  test("hears at its return where things stand, not all that happened", async () => {
    const world = await started({ behaviour: { exitAfterMs: 1000 } });
    world.line = "down";
    await world.clock.advance(24 * hourMs);
    const before = world.controlPlane.requests.length;
    world.line = "up";
    await world.clock.advance(62 * secondMs);
    const reports = world.controlPlane.requests.slice(before).flatMap(({ pods = [] }) => pods);
    expect(reports.length).toBeLessThanOrEqual(3);
    expect(main(world).restartCount).toBeGreaterThan(250);
    const events = world.controlPlane.events.filter(({ reason }) => reason === "BackOff");
    expect(events).toHaveLength(1);
    expect(events[0]?.count).toBeGreaterThan(250);
  });

  test("that takes messages and whose answers are lost is told everything again", async () => {
    const world = await started();
    world.line = "answers lost";
    world.runtime.exit("uid-1", 1);
    await world.clock.advance(5 * minuteMs);
    world.line = "up";
    await world.clock.advance(2 * minuteMs);
    expect(main(world)).toMatchObject({ restartCount: 1, ready: true });
    expect(world.agent.summary().isSettled).toBe(true);
    expect(world.controlPlane.late).toEqual([]);
  });

  test("that has lost what it knew is told everything when it asks", async () => {
    const world = await started();
    world.controlPlane.reports.clear();
    world.controlPlane.resend = true;
    await world.clock.advance(2 * minuteMs);
    expect(ready(world)).toBe("True");
    expect(
      world.controlPlane.requests.at(-1)?.nodeReport ?? world.controlPlane.requests.at(-2)?.nodeReport,
    ).toBeDefined();
  });
});

describe("assignments", () => {
  test("that are late or repeated change nothing", async () => {
    const world = await started();
    const old = world.controlPlane.answer(0, { revision: 0, etag: "", templates: [] });
    world.controlPlane.assign([assignedPod({ uid: "uid-2", name: "app-2" })]);
    await world.clock.advance(2 * minuteMs);
    expect(world.agent.summary()).toMatchObject({ revision: 2, pods: 2 });
    world.link?.answer({ ...old, pods: [] });
    world.link?.answer(old);
    world.link?.answer({ ...old, revision: 2, etag: "other", pods: [] });
    await world.clock.advance(minuteMs);
    expect(world.agent.summary()).toMatchObject({ revision: 2, etag: "e2", pods: 2, readyPods: 2 });
  });

  test("are on disk before anything is done about them", async () => {
    const world = new World();
    world.checkpoint.fails = true;
    await started({ world });
    await world.clock.advance(minuteMs);
    expect(await world.runtime.listPodSandboxes({})).toEqual([]);
    expect(world.controlPlane.requests.at(-1)?.have.revision).toBe(0);
    world.checkpoint.fails = false;
    await world.clock.advance(2 * minuteMs);
    expect(ready(world)).toBe("True");
  });

  test("are taken in before the next message says what the agent has", async () => {
    const slowly = async (save: () => Promise<void>) => {
      await new Promise<void>((resolve) => world.clock.setTimer(500, resolve));
      await save();
    };
    const world = new World({
      wrapCheckpoint: (checkpoint) => ({
        load: () => checkpoint.load(),
        saveAssignment: (assignment) => slowly(() => checkpoint.saveAssignment(assignment)),
        saveMemory: (memory) => checkpoint.saveMemory(memory),
        saveObjects: (objects) => checkpoint.saveObjects(objects),
      }),
    });
    await started({ world });
    await world.clock.advance(5 * secondMs);
    const before = world.controlPlane.requests.length;
    world.controlPlane.assign([assignedPod({ uid: "uid-2", name: "app-2" })]);
    world.link?.answer(world.controlPlane.answer(0, { revision: 1, etag: "e1", templates: ["t1"] }));
    await world.clock.advance(100);
    world.runtime.exit("uid-1", 1);
    await world.clock.advance(2 * secondMs);
    expect(world.controlPlane.requests[before]?.have.revision).toBe(2);
  });

  test("without a template that they name leave that pod as it is, and are asked for again", async () => {
    const world = await started();
    const { controlPlane } = world;
    controlPlane.templates["t2"] = template();
    const next = assignedPod({ uid: "uid-2", name: "app-2", template: "t2" });
    const changed = assignedPod({ template: "t3" });
    const answer = controlPlane.answer(0, { revision: 0, etag: "", templates: [] });
    world.link?.answer({ ...answer, revision: 5, etag: "e5", pods: [changed, next], templates: { t2: template() } });
    await world.clock.advance(secondMs);
    expect(world.agent.summary()).toMatchObject({ revision: 5, etag: "", pods: 2, readyPods: 2 });
    expect(world.runtime.running("uid-1", "main")).toBe(1);
    expect(world.runtime.running("uid-2", "main")).toBe(1);
    await world.clock.advance(2 * minuteMs);
    const asked = controlPlane.requests.slice(2);
    expect(asked[0]?.have).toMatchObject({ revision: 5, etag: "", templates: ["t2", "t1"] });
    expect(asked.length).toBeLessThan(12);
  });

  test("may name a template again that was not needed for a moment", async () => {
    const world = await started();
    const { controlPlane } = world;
    controlPlane.unassign("uid-1");
    world.link?.answer(controlPlane.answer(0, { revision: 1, etag: "e1", templates: ["t1"] }));
    await world.clock.advance(secondMs);
    controlPlane.assign([assignedPod({ uid: "uid-2", name: "app-2" })]);
    // The control plane still believes that the agent has the template.
    world.link?.answer(controlPlane.answer(0, { revision: 2, etag: "e2", templates: ["t1"] }));
    await world.clock.advance(secondMs);
    expect(world.runtime.running("uid-2", "main")).toBe(1);
  });

  test("drop templates in the end that are not needed any more", async () => {
    const world = await started();
    for (let n = 0; n < 20; n++) {
      world.controlPlane.assign([assignedPod({ template: `t${n}` })], { [`t${n}`]: template() });
      await world.clock.advance(2 * minuteMs);
    }
    expect(Object.keys(world.checkpoint.assignment?.templates ?? {}).length).toBeLessThan(10);
  });

  test("that come unasked are acted on like any other", async () => {
    const world = new World();
    world.agent.start();
    await world.clock.advance(secondMs);
    world.controlPlane.assign([assignedPod()], { t1: template() });
    world.link?.answer(world.controlPlane.answer(0, { revision: 0, etag: "", templates: [] }));
    await world.clock.advance(100);
    expect(ready(world)).toBe("True");
  });

  test("of many pods are reported in messages of bearable length", async () => {
    const world = new World();
    const pods = Array.from({ length: 100 }, (_, n) => assignedPod({ uid: `uid-${n}`, name: `app-${n}` }));
    world.controlPlane.assign(pods, { t1: template() });
    world.agent.start();
    await world.clock.advance(20 * secondMs);
    expect(world.controlPlane.reports.size).toBe(100);
    expect(Math.max(...world.controlPlane.requests.map(({ pods: told = [] }) => told.length))).toBeLessThanOrEqual(32);
  });
});

describe("a node that was deleted", () => {
  test("ends its pods, falls silent, and begins anew when its agent is started again", async () => {
    const world = await started();
    world.controlPlane.registered = false;
    await world.clock.advance(2 * minuteMs);
    const before = world.controlPlane.requests.length;
    await world.clock.advance(hourMs);
    expect(world.controlPlane.requests).toHaveLength(before);
    expect(await world.runtime.listPodSandboxes({})).toEqual([]);
    expect(world.agent.summary().isRegistered).toBe(false);
    world.controlPlane.registered = true;
    world.restart();
    await world.clock.advance(minuteMs);
    expect(world.controlPlane.requests[before]).toMatchObject({ register: true, have: { revision: 0, etag: "" } });
    expect(world.runtime.running("uid-1", "main")).toBe(1);
  });
});

describe("a node that was deleted while its disk is full", () => {
  test("asks less and less often, and ends its pods once there is room", async () => {
    const world = await started();
    world.controlPlane.registered = false;
    world.checkpoint.fails = true;
    const before = world.controlPlane.requests.length;
    await world.clock.advance(hourMs);
    expect(world.runtime.running("uid-1", "main")).toBe(1);
    expect(world.controlPlane.requests.length - before).toBeLessThan(100);
    world.checkpoint.fails = false;
    await world.clock.advance(2 * minuteMs);
    expect(await world.runtime.listPodSandboxes({})).toEqual([]);
    expect(world.agent.summary().isRegistered).toBe(false);
  });
});

describe("that a node was deleted, told unasked", () => {
  const unasked = (world: World) => {
    const answer = world.controlPlane.answer(0, { revision: 1, etag: "e1", templates: ["t1"] });
    world.link?.answer({ ...answer, registered: false });
  };

  test("is asked about, and not so of one that joins as the last of its name goes", async () => {
    const world = await started();
    const before = world.controlPlane.requests.length;
    unasked(world);
    await world.clock.advance(secondMs);
    expect(world.controlPlane.requests.length).toBeGreaterThan(before);
    expect(world.agent.summary().isRegistered).toBe(true);
    expect(world.runtime.running("uid-1", "main")).toBe(1);
  });

  test("is acted on at once when it is so", async () => {
    const world = await started();
    world.controlPlane.registered = false;
    unasked(world);
    await world.clock.advance(secondMs);
    expect(world.agent.summary().isRegistered).toBe(false);
  });
});

describe("an agent that is stopped", () => {
  test("does nothing more, whatever it was about to do", async () => {
    const world = await started({ behaviour: { pullMs: 5000 } });
    world.agent.stop();
    const timers = world.clock.pendingTimers;
    await world.clock.advance(hourMs);
    await settle();
    expect(await world.runtime.listContainers({})).toEqual([]);
    expect(timers).toBeLessThan(4);
  });

  test("does not take the next step of what it had begun", async () => {
    const called: string[] = [];
    const wrap = (runtime: FakeRuntime): Runtime =>
      new Proxy(runtime, {
        get(target, name) {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== "function") return member;
          if (!/Container|Sandbox|Image/.test(String(name))) return member.bind(target);
          return async (...args: unknown[]) => {
            called.push(String(name));
            const result: unknown = await member.apply(target, args);
            if (name === "createContainer") world.agent.stop();
            return result;
          };
        },
      });
    const world = new World({ wrap });
    await started({ world });
    expect(called).toContain("createContainer");
    expect(called).not.toContain("startContainer");
  });
});
