// Stories of one agent whose pods name ConfigMaps and Secrets.
import { describe, expect, test } from "vitest";

import { FakeRuntime } from "../../agents/node/runtime/fake.ts";
import type { ContainerConfig, PodSandboxConfig, RegistryCredentials } from "../../agents/node/runtime/runtime.ts";
import { fail } from "../../agents/node/runtime/runtime.ts";
import type { PodSpec } from "../../src/model/pod-spec.ts";
import { assignedPod, container, template } from "./support/pods.ts";
import { hourMs, main, minuteMs, ready, secondMs, started, status } from "./support/stories.ts";
import type { WorldOptions } from "./support/world.ts";
import { World } from "./support/world.ts";

/** A runtime that tells what it was asked for, and lets in only who has a password. */
class Watched extends FakeRuntime {
  readonly created: ContainerConfig[] = [];
  readonly pulls: (readonly RegistryCredentials[])[] = [];
  password: string | undefined;
  isCutOff = false;

  override createContainer(sandboxId: string, config: ContainerConfig, sandbox: PodSandboxConfig) {
    this.created.push(config);
    return super.createContainer(sandboxId, config, sandbox);
  }

  override async pullImage(image: string, sandbox: PodSandboxConfig, credentials: readonly RegistryCredentials[] = []) {
    this.pulls.push(credentials);
    if (this.isCutOff) return fail("registry-unavailable", "no such host");
    const isLetIn = this.password === undefined || credentials.some(({ password }) => password === this.password);
    return isLetIn ? super.pullImage(image, sandbox) : fail("failed", "unauthorized");
  }
}

function newWorld(options: Omit<WorldOptions, "newRuntime"> = {}): {
  readonly world: World;
  readonly runtime: Watched;
} {
  let runtime: Watched | undefined;
  const world = new World({
    ...options,
    newRuntime: (clock) => {
      runtime = new Watched({ clock });
      return runtime;
    },
  });
  if (runtime === undefined) throw new Error("no runtime was made");
  return { world, runtime };
}

const fromSettings: Partial<PodSpec> = {
  containers: [
    container({ env: [{ name: "COLOUR", valueFrom: { configMapKeyRef: { name: "settings", key: "colour" } } }] }),
  ],
};

function colours({ created }: Watched): readonly (string | undefined)[] {
  return created.map(({ envs }) => envs.find(({ key }) => key === "COLOUR")?.value);
}

function sentObjects(world: World): number {
  return world.controlPlane.requests.length;
}

describe("a pod that names a ConfigMap", () => {
  test("is started with what is in it", async () => {
    const { world, runtime } = newWorld();
    world.controlPlane.put({ kind: "ConfigMap", name: "settings", data: { colour: "blue" } });
    await started({ world, spec: fromSettings });
    expect(colours(runtime)).toEqual(["blue"]);
    expect(ready(world)).toBe("True");
  });

  test("waits while there is none, says why, and starts as soon as there is one", async () => {
    const { world, runtime } = newWorld();
    await started({ world, spec: fromSettings });
    expect(main(world).state).toEqual({
      waiting: { reason: "CreateContainerConfigError", message: 'configmap "settings" not found' },
    });
    expect(status(world).phase).toBe("Pending");
    await world.clock.advance(5 * minuteMs);
    expect(world.controlPlane.events).toContainEqual(
      expect.objectContaining({
        type: "Warning",
        reason: "Failed",
        message: 'Error: configmap "settings" not found',
        fieldPath: "spec.containers{main}",
      }),
    );
    world.controlPlane.put({ kind: "ConfigMap", name: "settings", data: {} });
    await push(world);
    expect(main(world).state.waiting?.message).toBe("couldn't find key colour in ConfigMap default/settings");
    world.controlPlane.put({ kind: "ConfigMap", name: "settings", data: { colour: "red" } });
    await push(world);
    expect(colours(runtime)).toEqual(["red"]);
    expect(ready(world)).toBe("True");
  });

  test("is left running when it changes, and sees the change when it is started again", async () => {
    const { world, runtime } = newWorld();
    world.controlPlane.put({ kind: "ConfigMap", name: "settings", data: { colour: "blue" } });
    await started({ world, spec: fromSettings });
    world.controlPlane.put({ kind: "ConfigMap", name: "settings", data: { colour: "red" } });
    await push(world);
    expect(runtime.running("uid-1", "main")).toBe(1);
    expect(colours(runtime)).toEqual(["blue"]);
    runtime.exit("uid-1", 1);
    await world.clock.advance(secondMs);
    expect(colours(runtime)).toEqual(["blue", "red"]);
  });

  test("is not started before the control plane has told of it, and held up by nobody else's", async () => {
    const { world, runtime } = newWorld();
    world.controlPlane.objectsAtOnce = 1;
    for (const name of ["settings", "others"])
      world.controlPlane.put({ kind: "ConfigMap", name, data: { colour: name } });
    const others = container({
      env: [{ name: "COLOUR", valueFrom: { configMapKeyRef: { name: "others", key: "colour" } } }],
    });
    world.controlPlane.assign([assignedPod(), assignedPod({ uid: "uid-2", name: "app-2", template: "t2" })], {
      t1: template(fromSettings),
      t2: template({ containers: [others] }),
    });
    world.agent.start();
    await world.clock.advance(21);
    expect(world.agent.summary()).toMatchObject({ etag: "", pods: 2 });
    expect(colours(runtime)).toHaveLength(1);
    await world.clock.advance(5 * secondMs);
    expect([...colours(runtime)].sort()).toEqual(["others", "settings"]);
    expect(world.agent.summary()).toMatchObject({ etag: world.controlPlane.etag, readyPods: 2 });
  });

  test("goes on with what is known while the new content is on its way", async () => {
    const { world, runtime } = newWorld();
    world.controlPlane.put({ kind: "ConfigMap", name: "settings", data: { colour: "blue" } });
    await started({ world, spec: fromSettings });
    world.controlPlane.objectsAtOnce = 0;
    world.controlPlane.put({ kind: "ConfigMap", name: "settings", data: { colour: "red" } });
    await push(world);
    runtime.exit("uid-1", 1);
    await world.clock.advance(secondMs);
    expect(colours(runtime)).toEqual(["blue", "blue"]);
    world.controlPlane.objectsAtOnce = 1;
    await world.clock.advance(2 * minuteMs);
    expect(world.agent.summary().etag).toBe(world.controlPlane.etag);
    runtime.exit("uid-1", 1);
    await world.clock.advance(minuteMs);
    expect(colours(runtime).at(-1)).toBe("red");
  });

  test("asks less and less often for content that does not come", async () => {
    const { world } = newWorld();
    world.controlPlane.objectsAtOnce = 0;
    world.controlPlane.put({ kind: "ConfigMap", name: "settings", data: { colour: "blue" } });
    await started({ world, spec: fromSettings });
    await world.clock.advance(hourMs);
    expect(sentObjects(world)).toBeLessThan(90);
  });
});

describe("after a reboot without a network", () => {
  test("a pod starts from what is on the disk", async () => {
    const { world, runtime } = newWorld();
    world.controlPlane.put({ kind: "ConfigMap", name: "settings", data: { colour: "blue" } });
    await started({ world, spec: fromSettings });
    await world.clock.advance(10 * secondMs);
    world.line = "down";
    runtime.reboot();
    world.restart();
    await world.clock.advance(minuteMs);
    expect(colours(runtime)).toEqual(["blue", "blue"]);
    expect(runtime.running("uid-1", "main")).toBe(1);
  });

  test("a pod whose objects the disk has lost waits, and starts when they have come again", async () => {
    const { world, runtime } = newWorld();
    world.controlPlane.put({ kind: "ConfigMap", name: "settings", data: { colour: "blue" } });
    await started({ world, spec: fromSettings });
    await world.clock.advance(10 * secondMs);
    world.checkpoint.objects = undefined;
    world.line = "down";
    runtime.reboot();
    world.restart();
    await world.clock.advance(10 * minuteMs);
    expect(colours(runtime)).toEqual(["blue"]);
    world.line = "up";
    await world.clock.advance(2 * minuteMs);
    expect(colours(runtime)).toEqual(["blue", "blue"]);
  });

  test("what no pod names any more is not on the disk", async () => {
    const { world } = newWorld();
    world.controlPlane.put({ kind: "ConfigMap", name: "settings", data: { colour: "blue" } });
    await started({ world, spec: fromSettings });
    expect(world.checkpoint.objects).toHaveLength(1);
    world.controlPlane.assign([assignedPod({ template: "t2" })], { t2: template() });
    await push(world);
    expect(world.checkpoint.objects).toEqual([]);
  });

  test("whatever the moment of the crash, what the disk says that it has it has", async () => {
    for (const steps of [1, 2, 3, 4, 5, 6]) {
      let left = Number.POSITIVE_INFINITY;
      const whileThere = <T>(act: () => Promise<T>): Promise<T> => {
        left -= 1;
        return left < 0 ? new Promise<T>(() => {}) : act();
      };
      const { world, runtime } = newWorld({
        wrapCheckpoint: (checkpoint) => ({
          load: () => checkpoint.load(),
          saveAssignment: (assignment) => whileThere(() => checkpoint.saveAssignment(assignment)),
          saveMemory: (memory) => whileThere(() => checkpoint.saveMemory(memory)),
          saveObjects: (objects) => whileThere(() => checkpoint.saveObjects(objects)),
        }),
      });
      world.controlPlane.put({ kind: "ConfigMap", name: "settings", data: { colour: "blue" } });
      await started({ world, spec: fromSettings });
      left = steps - 1;
      world.controlPlane.put({ kind: "ConfigMap", name: "settings", data: { colour: "red" } });
      await push(world);
      left = Number.POSITIVE_INFINITY;
      world.line = "down";
      runtime.reboot();
      world.restart();
      await world.clock.advance(minuteMs);
      expect(["blue", "red"], `after ${steps} steps`).toContain(colours(runtime).at(-1));
      expect(runtime.running("uid-1", "main")).toBe(1);
      world.line = "up";
      await world.clock.advance(5 * minuteMs);
      expect(world.agent.summary().etag).toBe(world.controlPlane.etag);
      expect(world.checkpoint.objects?.map(({ data }) => data)).toEqual([{ colour: "red" }]);
    }
  });
});

describe("an image for which one needs a password", () => {
  const auths = { "registry.example": { username: "robot", password: "open sesame" } };
  const secret = {
    kind: "Secret",
    name: "registry",
    type: "kubernetes.io/dockerconfigjson",
    binaryData: { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") },
  } as const;

  test("is pulled with the pod's Secret, and at once when that is made", async () => {
    const { world, runtime } = newWorld();
    runtime.password = "open sesame";
    await started({ world, spec: { imagePullSecrets: [{ name: "registry" }] } });
    await world.clock.advance(5 * secondMs);
    expect(main(world).state.waiting?.reason).toBe("ImagePullBackOff");
    const attempts = runtime.pulls.length;
    world.controlPlane.put(secret);
    await push(world);
    expect(runtime.pulls.slice(attempts)).toEqual([[{ username: "robot", password: "open sesame" }]]);
    expect(ready(world)).toBe("True");
    await world.clock.advance(minuteMs);
    const what = "Unable to retrieve some image pull secrets (registry)";
    expect(world.controlPlane.events).toContainEqual(
      expect.objectContaining({
        reason: "FailedToRetrieveImagePullSecret",
        message: `${what}; attempting to pull the image may not succeed.`,
      }),
    );
  });

  test("is pulled with the Secret of the pod's ServiceAccount", async () => {
    const { world, runtime } = newWorld();
    runtime.password = "open sesame";
    world.controlPlane.put(secret);
    world.controlPlane.assign([assignedPod({ serviceAccount: { imagePullSecrets: ["registry"] } })], {
      t1: template(),
    });
    world.agent.start();
    await world.clock.advance(secondMs);
    expect(ready(world)).toBe("True");
  });
});

describe("an image that is on the node, and pulled Always", () => {
  const spec = { containers: [container({ imagePullPolicy: "Always" })] };

  async function secondPod({ cutOff }: { readonly cutOff: boolean }): Promise<string | undefined> {
    const { world, runtime } = newWorld();
    await started({ world, spec });
    expect(ready(world)).toBe("True");
    runtime.isCutOff = cutOff;
    runtime.password = "open sesame";
    const pods = [assignedPod(), assignedPod({ uid: "uid-2", name: "web-2" })];
    world.controlPlane.assign(pods, { t1: template(spec) });
    await push(world);
    return main(world, "uid-2").state.waiting?.reason;
  }

  test("runs where no registry can be reached", async () => {
    expect(await secondPod({ cutOff: true })).toBeUndefined();
  });

  test("does not run for those whom the registry does not let in", async () => {
    expect(await secondPod({ cutOff: false })).toBe("ImagePullBackOff");
  });
});

/** The control plane says, without being asked, that there is something new. */
async function push(world: World): Promise<void> {
  const have = world.controlPlane.requests.at(-1)?.have;
  if (have !== undefined) world.link?.answer(world.controlPlane.answer(0, have));
  await world.clock.advance(2 * secondMs);
}
