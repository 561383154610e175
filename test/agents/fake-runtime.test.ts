import { describe, expect, test } from "vitest";
import { FakeRuntime } from "../../agents/node/runtime/fake.ts";
import type { FakeBehaviour } from "../../agents/node/runtime/fake-script.ts";
import { behaviourAnnotation } from "../../agents/node/runtime/fake-script.ts";
import type { Kind } from "./runtime.conformance.ts";
import { containerConfigOf, describeRuntime, sandboxConfigOf, value } from "./runtime.conformance.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

const behaviours: Readonly<Record<Kind, Partial<FakeBehaviour>>> = {
  steady: {},
  stubborn: { stopMs: 3_600_000 },
  failing: { exitAfterMs: 10, exitCode: 3 },
  succeeding: { exitAfterMs: 10, exitCode: 0 },
  unstartable: { startError: "no such command" },
};

describeRuntime("fake", async () => {
  const clock = new VirtualClock();
  let kind: Kind = "steady";
  const runtime = new FakeRuntime({ clock, script: () => behaviours[kind] });
  return {
    runtime,
    logs: "/logs",
    config: (wanted) => {
      kind = wanted;
      return {};
    },
    tick: () => clock.advance(200),
    close: async () => runtime.close(),
  };
});

describe("the fake runtime", () => {
  async function started(image: string, annotation?: object) {
    const clock = new VirtualClock();
    const runtime = new FakeRuntime({ clock });
    const annotations = annotation === undefined ? {} : { [behaviourAnnotation]: JSON.stringify(annotation) };
    const sandbox = { ...sandboxConfigOf("/logs"), annotations };
    const pulled = await runtime.pullImage(image, sandbox);
    const sandboxId = value(await runtime.runPodSandbox(sandbox));
    const id = value(await runtime.createContainer(sandboxId, containerConfigOf({ image }), sandbox));
    const starting = runtime.startContainer(id);
    return { clock, runtime, pulled, id, starting };
  }

  test.each(["app:never", "never-there:1", "non-existent.example/app"])("does not get the image %s", async (image) => {
    const { pulled, runtime } = await started(image);
    expect(pulled).toMatchObject({ ok: false });
    expect(await runtime.imageStatus(image)).toBeNull();
  });

  test("runs an unready image and says that it is not ready", async () => {
    const { runtime, id, starting } = await started("unready:1");
    value(await starting);
    expect(await runtime.containerStatus(id)).toMatchObject({ state: "running", ready: false });
    expect(runtime.isHealthy(id)).toBe(true);
  });

  test("behaves as the pod's annotation says, in virtual time", async () => {
    const { clock, runtime, id, starting } = await started("app:1", { startMs: 5000, exitAfterMs: 1000, exits: 1 });
    await clock.advance(4999);
    expect((await runtime.containerStatus(id))?.state).toBe("created");
    await clock.advance(1);
    value(await starting);
    expect((await runtime.containerStatus(id))?.state).toBe("running");
    await clock.advance(1000);
    expect(await runtime.containerStatus(id)).toMatchObject({ state: "exited", exitCode: 1 });
  });

  test("is not led astray by an annotation that makes no sense", async () => {
    const { runtime, id, starting } = await started("app:1", { startMs: "soon", ready: 7 });
    value(await starting);
    expect((await runtime.containerStatus(id))?.state).toBe("running");
  });

  test("turns ready after a while", async () => {
    const { clock, runtime, id, starting } = await started("app:1", { readyAfterMs: 1000 });
    value(await starting);
    expect((await runtime.containerStatus(id))?.ready).toBe(false);
    await clock.advance(1000);
    expect((await runtime.containerStatus(id))?.ready).toBeUndefined();
  });

  test("leaves records and nothing running when its host reboots", async () => {
    const { runtime, id, starting } = await started("app:1");
    value(await starting);
    runtime.reboot();
    expect(await runtime.containerStatus(id)).toMatchObject({ state: "exited", exitCode: 255, reason: "Unknown" });
    expect(await runtime.listPodSandboxes({})).toMatchObject([{ state: "notready" }]);
  });
});
