// The whole program with containerd as its runtime: pods in real containers, and what happens to both of them.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { systemClock } from "../../agents/node/host/system.ts";
import { chooseRuntime } from "../../agents/node/runtime/choose.ts";
import { busyboxImage, pauseImage } from "../containers/image.ts";
import { Registry } from "../containers/registry.ts";
import { AgentHarness, counting, patience } from "./support/agent-harness.ts";
import type { AgentProcess } from "./support/agent-process.ts";
import { Containerd } from "./support/containerd.ts";
import { container, probe } from "./support/pods.ts";

const harness = new AgentHarness();
let registry: Registry | undefined;
let containerd: Containerd;
let busybox: string;

beforeAll(async () => {
  registry = await Registry.start();
  busybox = await registry.push("test/busybox:1", busyboxImage());
  containerd = await Containerd.start({ sandboxImage: await registry.push("test/pause:1", pauseImage()) });
}, 60_000);

afterAll(async () => {
  await containerd?.remove();
  await registry?.remove();
}, 60_000);

afterEach(async () => {
  await harness.killAgents();
  await containerd.clear();
}, 60_000);

function start(runtime = "cri"): AgentProcess {
  const { socketPath, controlGroup } = containerd;
  return harness.start("--runtime", runtime, "--runtime-endpoint", socketPath, "--cgroup", controlGroup);
}

test("a pod of several containers runs as one on a network of its own", async () => {
  const web = "echo $GREETING >/shared/index.html; exec httpd -f -p 8080 -h /shared";
  const volumeMounts = [{ name: "shared", mountPath: "/shared" }];
  harness.assign({
    initContainers: [
      container({ name: "first", image: busybox, command: ["sh", "-c", "echo prepared >/shared/first"], volumeMounts }),
    ],
    containers: [
      container({
        name: "web",
        image: busybox,
        command: ["sh", "-c", web],
        env: [{ name: "GREETING", value: "hello" }],
        volumeMounts,
        ports: [{ containerPort: 8080, name: "http", protocol: "TCP" }],
        readinessProbe: probe({ httpGet: { port: "http", path: "/first", scheme: "HTTP" }, periodSeconds: 1 }),
      }),
      container({
        name: "asker",
        image: busybox,
        command: ["sh", "-c", "while :; do wget -qO- http://127.0.0.1:8080/; sleep 0.2; done"],
        livenessProbe: probe({ exec: { command: ["true"] }, periodSeconds: 1 }),
      }),
    ],
    volumes: [{ name: "shared", emptyDir: {} }],
  });
  start();
  await harness.untilReady();
  const { podIP, containerStatuses, phase, hostIP } = harness.status;
  expect(phase).toBe("Running");
  expect(podIP).toMatch(/^10\./);
  expect(podIP).not.toBe(hostIP);
  for (const one of containerStatuses ?? []) {
    expect(one).toMatchObject({
      ready: true,
      restartCount: 0,
      containerID: expect.stringMatching(/^containerd:\/\/[0-9a-f]{64}$/),
    });
    expect(one.imageID).toMatch(/sha256:[0-9a-f]{64}$/);
  }
  expect(await (await fetch(`http://${podIP}:8080/`)).text()).toBe("hello\n");
  await vi.waitFor(() => expect(harness.logged("asker")).toContain("hello"), patience);
});

test("an agent that is killed and started again restarts no container", async () => {
  harness.assign({ hostNetwork: true, containers: [container({ image: busybox, command: counting })] });
  const first = start();
  await harness.untilReady();
  const before = harness.status.containerStatuses?.[0];
  await first.kill("SIGKILL");
  const lines = harness.logged("main").length;
  start();
  await vi.waitFor(() => expect(harness.logged("main").length).toBeGreaterThan(lines + 50), patience);
  expect(harness.status.containerStatuses?.[0]).toEqual(before);
  expect(harness.logged("main").map(Number)).toEqual(harness.logged("main").map((_, index) => index));
});

test("a container that ends is started again, and how it ended is told", async () => {
  harness.assign({
    hostNetwork: true,
    containers: [container({ image: busybox, command: ["sh", "-c", "sleep 0.5; exit 3"] })],
  });
  start();
  await vi.waitFor(() => {
    expect(harness.status?.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 3, reason: "Error" } },
    });
  }, patience);
});

test("after a power cut the pod runs in a new sandbox, and what was lost is told", async () => {
  harness.assign({ hostNetwork: true, containers: [container({ image: busybox, command: counting })] });
  start();
  await harness.untilReady();
  await containerd.cutPower();
  await containerd.resume();
  await vi.waitFor(() => {
    expect(harness.status.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      ready: true,
      lastState: { terminated: { exitCode: 255, reason: "Unknown" } },
    });
  }, patience);
  // It is ready once it is started, which may be before its first line has come to the disk.
  await vi.waitFor(() => expect(harness.logged("main", 1)[0]).toBe("0"), patience);
});

test("an image that cannot be had is waited for, and the waiting is explained", async () => {
  const { host = "" } = registry ?? {};
  const containers = [
    container({ name: "missing", image: `${host}/test/no-such:1` }),
    container({ name: "misspelt", image: "Not A Name" }),
    container({ name: "never", image: `${host}/test/no-such:2`, imagePullPolicy: "Never" }),
  ];
  harness.assign({ hostNetwork: true, containers });
  start();
  const waiting = (name: string) =>
    harness.status?.containerStatuses?.find((one) => one.name === name)?.state.waiting?.reason ?? "";
  await vi.waitFor(() => {
    expect(["ErrImagePull", "ImagePullBackOff"]).toContain(waiting("missing"));
    expect(["InvalidImageName", "ImagePullBackOff"]).toContain(waiting("misspelt"));
    expect(["ErrImageNeverPull", "ImagePullBackOff"]).toContain(waiting("never"));
  }, patience);
});

test("a pod that is deleted ends, and leaves nothing behind", async () => {
  harness.assign({ containers: [container({ image: busybox, command: counting })] });
  start();
  await harness.untilReady();
  harness.plane.delete("uid-1");
  await vi.waitFor(() => expect(harness.plane.pods.size).toBe(0), patience);
  await vi.waitFor(() => expect(readdirSync(join(harness.directory, "log/pods"))).toEqual([]), patience);
  await vi.waitFor(() => expect(readdirSync(join(harness.directory, "log/containers"))).toEqual([]), patience);
});

describe("auto", () => {
  const choose = (runtime: "auto" | "docker" | "cri") => {
    const options = { runtime, runtimeEndpoint: undefined, stateDirectory: harness.stateDirectory };
    const host = { engines: [join(harness.directory, "no.sock")], cri: [containerd.socketPath] };
    return chooseRuntime(options, { clock: systemClock, log: { info: () => {}, warn: () => {} } }, host);
  };
  const cri = () => ({ kind: "cri", endpoint: containerd.socketPath });

  test("takes containerd where it finds no Docker, and takes it again", async () => {
    const choice = await choose("auto");
    expect(choice).toMatchObject(cri());
    expect(choice.because).toMatch(/^it answers at \S+c\.sock; passed over: docker at \S+no\.sock: .*ENOENT/);
    expect(await choose("auto")).toEqual({ ...cri(), because: "it was taken before" });
  });

  test("leaves a Docker that is away for it only when it is told to, and then stays with it", async () => {
    mkdirSync(harness.stateDirectory, { recursive: true });
    const docker = { kind: "docker", endpoint: join(harness.directory, "no.sock") };
    writeFileSync(join(harness.stateDirectory, "runtime.json"), JSON.stringify(docker));
    expect(await choose("cri")).toMatchObject(cri());
    expect(await choose("auto")).toMatchObject(cri());
  });

  test("runs pods in containerd, and after containerd was away", async () => {
    harness.assign({ hostNetwork: true, containers: [container({ image: busybox, command: counting })] });
    const first = start("auto");
    await harness.untilReady();
    const before = harness.status.containerStatuses?.[0];
    expect(before?.containerID).toMatch(/^containerd:/);
    await first.kill("SIGKILL");
    await containerd.kill();
    const second = start("auto");
    await vi.waitFor(() => expect(second.output).toContain("waiting for the runtime that was taken before"), patience);
    await containerd.resume();
    await vi.waitFor(() => expect(second.output).toContain('"started"'), patience);
    await harness.untilReady();
    expect(harness.status.containerStatuses?.[0]).toEqual(before);
    expect(harness.processContainers).toEqual([]);
  });
});
