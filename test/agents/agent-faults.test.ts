// An agent in a world that does it all at once: crashes, reboots, lost lines, changing assignments.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { noHeldObjects } from "../../agents/node/assignment/held-objects.ts";
import { definitionOf } from "../../agents/node/pod/definition.ts";
import { observe } from "../../agents/node/pod/observation.ts";
import { planPod } from "../../agents/node/pod/plan.ts";
import { contentVersion } from "../../agents/node/pod/volume-content.ts";
import { FakeRuntime } from "../../agents/node/runtime/fake.ts";
import type { ContainerConfig } from "../../agents/node/runtime/runtime.ts";
import { PathVolumes } from "../../agents/node/volume/path-volumes.ts";
import { assignedPod, container, podSpec, probe, template } from "./support/pods.ts";
import { minuteMs, secondMs, started } from "./support/stories.ts";
import { World } from "./support/world.ts";

type Step =
  | { readonly kind: "advance"; readonly ms: number }
  | { readonly kind: "crash" | "exit" | "reboot" | "restart" }
  | { readonly kind: "line"; readonly line: World["line"] }
  | { readonly kind: "delete" | "unassign"; readonly uid: string }
  | { readonly kind: "assign"; readonly uid: string; readonly template: string };

const uids = ["uid-1", "uid-2", "uid-3"];

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.constantFrom(1, 5, 20, 500, 5000, 70_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("crash" as const, "exit" as const, "reboot" as const, "restart" as const),
    }),
  },
  fc.record({
    kind: fc.constant("line" as const),
    line: fc.constantFrom("up" as const, "down" as const, "answers lost" as const),
  }),
  fc.record({ kind: fc.constantFrom("delete" as const, "unassign" as const), uid: fc.constantFrom(...uids) }),
  fc.record({
    kind: fc.constant("assign" as const),
    uid: fc.constantFrom(...uids),
    template: fc.constantFrom("plain", "init", "probed"),
  }),
);

/** Counts starts beside a container of the same pod and name that runs. */
class WatchedRuntime extends FakeRuntime {
  doubles = 0;

  override async startContainer(id: string) {
    const result = await super.startContainer(id);
    const status = await this.containerStatus(id);
    const uid = status?.labels["lares.dev/pod.uid"] ?? "";
    if (status !== null && this.running(uid, status.metadata.name) > 1) this.doubles += 1;
    return result;
  }
}

describe("an agent that is treated badly", () => {
  const templates = {
    plain: template({ ...podSpec(), terminationGracePeriodSeconds: 5 }),
    init: template({ initContainers: [container({ name: "init" })], terminationGracePeriodSeconds: 5 }),
    probed: template({ containers: [container({ readinessProbe: probe({ tcpSocket: { port: 1 } }) })] }),
  };

  async function live(steps: readonly Step[]): Promise<World> {
    const world = new World({
      newRuntime: (clock) =>
        new WatchedRuntime({
          clock,
          script: (_image, sandbox_, config) => {
            if (config?.metadata.name === "init") return { startMs: 3, exitAfterMs: 10, exitCode: 0 };
            return { sandboxMs: 2, pullMs: 7, startMs: 3, stopMs: sandbox_.metadata.uid === "uid-2" ? 3000 : 4 };
          },
        }),
    });
    world.controlPlane.nextSyncMs = 5000;
    world.controlPlane.assign([assignedPod({ template: "plain" })], templates);
    world.agent.start();
    for (const step of steps) await take(world, step);
    return world;
  }

  async function take(world: World, step: Step): Promise<void> {
    switch (step.kind) {
      case "advance":
        return world.clock.advance(step.ms);
      case "crash":
      case "restart":
        return world.restart();
      case "reboot":
        world.agent.stop();
        world.runtime.reboot();
        return world.restart();
      case "exit":
        for (const uid of uids) world.runtime.exit(uid, 1);
        return;
      case "line":
        world.line = step.line;
        return;
      case "delete":
        return world.controlPlane.delete(step.uid, 5);
      case "unassign":
        return world.controlPlane.unassign(step.uid);
      case "assign":
        // Pods that are gone never come back under the same uid.
        if (world.controlPlane.everSaw(step.uid)) return;
        return world.controlPlane.assign([assignedPod({ uid: step.uid, name: step.uid, template: step.template })]);
      default:
        return step satisfies never;
    }
  }

  test("never runs a container twice, and has everything right in the end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 25 }), async (steps) => {
        const world = await live(steps);
        world.line = "up";
        await world.clock.advance(700_000);
        const { runtime, controlPlane, agent } = world;
        expect((runtime as WatchedRuntime).doubles).toBe(0);
        const wanted = [...controlPlane.pods.keys()].sort();
        for (const uid of wanted) expect(controlPlane.isReady(uid), uid).toBe(true);
        const present = (await runtime.listPodSandboxes({})).filter(({ state }) => state === "ready");
        expect(present.map(({ metadata }) => metadata.uid).sort()).toEqual(wanted);
        expect(controlPlane.late).toEqual([]);
        expect(agent.summary()).toMatchObject({ isSettled: true, pods: wanted.length, readyPods: wanted.length });
        await expectNothingToDo(world);
        agent.stop();
      }),
      { numRuns: 400 },
    );
  }, 60_000);

  async function expectNothingToDo({ checkpoint, runtime, clock }: World): Promise<void> {
    const { assignment, memory } = checkpoint;
    for (const assigned of assignment?.pods ?? []) {
      const stored = memory?.pods[assigned.uid];
      const found = assignment?.templates[assigned.template];
      if (stored === undefined || found === undefined) throw new Error(`nothing is known of ${assigned.uid}`);
      const wanted = { assigned, definition: definitionOf(found) };
      const observation = await observe({ runtime, volumes: new PathVolumes("/pods") }, assigned.uid, {
        sandboxes: [],
        containers: [],
      });
      const { memory: known } = stored;
      const again = {
        uid: assigned.uid,
        wanted,
        observation,
        memory: known,
        inFlight: new Map(),
        awaitsObjects: false,
        contentVersion: contentVersion(wanted, noHeldObjects),
      };
      expect(planPod(again, clock.nowMs())).toMatchObject({ actions: [], events: [], forget: false });
    }
  }

  test("has the same in the end in whatever order its pods are named", async () => {
    const ended = async (order: readonly string[]) => {
      const world = new World();
      const pods = order.map((uid) => assignedPod({ uid, name: uid, template: "init" }));
      world.controlPlane.assign(pods, templates);
      world.agent.start();
      await world.clock.advance(5000);
      world.agent.stop();
      const statuses = uids.map((uid) =>
        JSON.stringify(world.controlPlane.status(uid)).replaceAll(/fake:\/\/\w+/g, "id"),
      );
      return statuses;
    };
    const first = await ended(uids);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(uids, { minLength: 3 }), async (order) => {
        expect(await ended(order)).toEqual(first);
      }),
      { numRuns: 6 },
    );
  });
});

test("a container is started once, though the runtime took long to say what there was before it", async () => {
  const created: string[] = [];
  const world = new World({
    script: (image) => (image === "slow" ? { pullMs: secondMs } : { exitAfterMs: secondMs, exitCode: 0 }),
    wrap: (runtime) =>
      new Proxy(runtime, {
        get(target, name) {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== "function") return member;
          if (name !== "createContainer" && name !== "listContainers") return member.bind(target);
          return async (...args: unknown[]) => {
            const answer = await member.apply(target, args);
            if (name === "createContainer") created.push((args[1] as ContainerConfig).metadata.name);
            else await new Promise<void>((done) => world.clock.setTimer(2500, done));
            return answer;
          };
        },
      }),
  });
  const containers = [container({ name: "quick", image: "quick" }), container({ name: "slow", image: "slow" })];
  await started({ world, spec: { restartPolicy: "Never", containers } });
  await world.clock.advance(minuteMs);
  expect(created).toEqual(["quick", "slow"]);
});
