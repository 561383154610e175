// The agent dies at every single thing that it asks of the world, before it is done or right after.
import { describe, expect, test } from "vitest";

import type { Checkpoint } from "../../agents/node/ports.ts";
import type { FakeRuntime } from "../../agents/node/runtime/fake.ts";
import type { Runtime } from "../../agents/node/runtime/runtime.ts";
import { assignedPod, container, template } from "./support/pods.ts";
import { World } from "./support/world.ts";

/** Lets the agent die at its `at`-th call of a port. */
class Crash {
  calls = 0;
  names: string[] = [];
  readonly #at: number;
  readonly #when: "after" | "before";
  die: () => void = () => {};

  constructor(at: number, when: "after" | "before") {
    this.#at = at;
    this.#when = when;
  }

  /** The port, of which every call is counted. */
  wrap<T extends object>(port: T, kind: string): T {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        // Subscribing and plain questions reach no further than the agent's own process.
        if (["onChange", "refusal", "caveat", "close"].includes(String(name))) return member.bind(target);
        return (...args: unknown[]) => this.#call(`${kind}.${String(name)}`, () => member.apply(target, args));
      },
    });
  }

  #call(name: string, call: () => Promise<unknown>): Promise<unknown> {
    this.calls += 1;
    this.names.push(name);
    if (this.calls !== this.#at) return call();
    if (this.#when === "after") {
      return call().then(() => {
        this.die();
        return new Promise(() => {});
      });
    }
    this.die();
    return new Promise(() => {});
  }
}

const spec = (image: string) => ({
  initContainers: [container({ name: "init" }), container({ name: "proxy", restartPolicy: "Always" })],
  containers: [container({ name: "main", image }), container({ name: "other" })],
  terminationGracePeriodSeconds: 5,
});

type Life = { readonly world: World; readonly crash: Crash; doubles: number };

/** A pod's whole life: it starts, is changed in place, crashes, and is deleted while another takes its place. */
async function live(crash: Crash): Promise<Life> {
  const world = new World({
    script: (_image, _sandbox, config) =>
      config?.metadata.name === "init" ? { startMs: 2, exitAfterMs: 5, exitCode: 0 } : { startMs: 2, stopMs: 3 },
    wrap: (runtime: FakeRuntime): Runtime => crash.wrap(runtime, "runtime"),
    wrapCheckpoint: (checkpoint: Checkpoint) => crash.wrap(checkpoint, "checkpoint"),
  });
  const life = { world, crash, doubles: 0 };
  crash.die = () => world.restart();
  const { controlPlane, runtime, clock } = world;
  const advance = async (ms: number) => {
    for (let elapsedMs = 0; elapsedMs < ms; elapsedMs += 500) {
      await clock.advance(500);
      for (const uid of ["uid-1", "uid-2"]) {
        for (const name of ["main", "other", "proxy"]) if (runtime.running(uid, name) > 1) life.doubles += 1;
      }
    }
  };
  controlPlane.nextSyncMs = 2000;
  controlPlane.assign([assignedPod()], { t1: template(spec("app:1")), t2: template(spec("app:2")) });
  world.agent.start();
  await advance(5000);
  controlPlane.assign([assignedPod({ template: "t2" })]);
  await advance(10_000);
  runtime.exit("uid-1", 1);
  await advance(5000);
  controlPlane.assign([assignedPod({ uid: "uid-2", name: "app-2", template: "t2" })]);
  controlPlane.delete("uid-1", 5);
  await advance(60_000);
  return life;
}

const undisturbed = await live(new Crash(0, "before"));

describe("an agent that dies", () => {
  test("makes calls of every kind, so that there is something to die at", () => {
    expect(new Set(undisturbed.crash.names)).toEqual(
      new Set([
        "checkpoint.load",
        "checkpoint.saveAssignment",
        "checkpoint.saveMemory",
        "runtime.containerStatus",
        "runtime.createContainer",
        "runtime.imageStatus",
        "runtime.listContainers",
        "runtime.listPodSandboxes",
        "runtime.pullImage",
        "runtime.removeContainer",
        "runtime.removePodSandbox",
        "runtime.runPodSandbox",
        "runtime.startContainer",
        "runtime.stopContainer",
        "runtime.stopPodSandbox",
      ]),
    );
  });

  test.each(["before", "after"] as const)(
    "%s any of its calls comes back to the same end, with nothing run twice",
    async (when) => {
      for (let at = 1; at <= undisturbed.crash.calls; at++) {
        const { world, doubles } = await live(new Crash(at, when));
        const story = `${when} call ${at}, ${undisturbed.crash.names[at - 1]}`;
        expect(doubles, story).toBe(0);
        expect([...world.controlPlane.pods.keys()], story).toEqual(["uid-2"]);
        expect(world.controlPlane.isReady("uid-2"), story).toBe(true);
        expect(world.controlPlane.late, story).toEqual([]);
        expect(
          (await world.runtime.listPodSandboxes({})).map(({ metadata }) => metadata.uid),
          story,
        ).toEqual(["uid-2"]);
        expect(world.agent.summary(), story).toMatchObject({ isSettled: true, pods: 1, readyPods: 1 });
        world.agent.stop();
      }
    },
    60_000,
  );
});
