// The whole program with containerd as its runtime: pods in real containers, and what happens to both of them.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";

import type { PodSpec } from "../../src/model/pod-spec.ts";
import type { PodStatus } from "../../src/model/pod-status.ts";
import { busyboxImage, pauseImage } from "../containers/image.ts";
import { Registry } from "../containers/registry.ts";
import { AgentProcess, bundleAgent } from "./support/agent-process.ts";
import { Containerd } from "./support/containerd.ts";
import { unmountBelow } from "./support/mounts.ts";
import { assignedPod, container, probe, template } from "./support/pods.ts";
import { Server } from "./support/server.ts";

let builds: string;
let program: string;
let registry: Registry | undefined;
let containerd: Containerd;
let busybox: string;
let directory: string;
let server: Server;
const agents: AgentProcess[] = [];

beforeAll(async () => {
  builds = mkdtempSync(join(tmpdir(), "lares-build-"));
  program = await bundleAgent(builds);
  registry = await Registry.start();
  busybox = await registry.push("test/busybox:1", busyboxImage());
  containerd = await Containerd.start({ sandboxImage: await registry.push("test/pause:1", pauseImage()) });
}, 30_000);

afterAll(async () => {
  await containerd?.remove();
  await registry?.remove();
  rmSync(builds, { recursive: true, force: true });
});

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "lares-agent-"));
  server = new Server();
  await server.start();
});

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.kill("SIGKILL");
  await containerd.clear();
  await server.stop();
  unmountBelow(directory);
  rmSync(directory, { recursive: true, force: true });
});

const patience = { timeout: 20_000, interval: 20 };

function start(): AgentProcess {
  const agent = new AgentProcess(program, [
    ...["--server", server.url, "--node", "node-1", "--join-token", server.joinToken],
    ...["--runtime", "cri", "--runtime-endpoint", containerd.socketPath, "--cgroup", containerd.controlGroup],
    ...["--state-dir", join(directory, "state"), "--log-dir", join(directory, "log")],
  ]);
  agents.push(agent);
  return agent;
}

function assign(spec: Partial<PodSpec>): void {
  server.plane("node-1").assign([assignedPod()], { t1: template(spec) });
}

function status(): PodStatus {
  // The stand-in keeps what the agent sent, which made it as a PodStatus.
  return server.plane("node-1").status("uid-1") as PodStatus;
}

async function untilReady(): Promise<void> {
  await vi.waitFor(() => expect(server.plane("node-1").isReady("uid-1")).toBe(true), patience);
}

function logged(name: string, attempt = 0): readonly string[] {
  const path = join(directory, `log/pods/default_app-1_uid-1/${name}/${attempt}.log`);
  return readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ").slice(3).join(" "));
}

const counting = ["sh", "-c", "trap 'exit 0' TERM; i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done"];

test("a pod of several containers runs as one on a network of its own", async () => {
  const web = "echo $GREETING >/shared/index.html; exec httpd -f -p 8080 -h /shared";
  const volumeMounts = [{ name: "shared", mountPath: "/shared" }];
  assign({
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
  await untilReady();
  const { podIP, containerStatuses, phase, hostIP } = status();
  expect(phase).toBe("Running");
  expect(podIP).toMatch(/^10\.201\./);
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
  await vi.waitFor(() => expect(logged("asker")).toContain("hello"), patience);
});

test("an agent that is killed and started again restarts no container", async () => {
  assign({ hostNetwork: true, containers: [container({ image: busybox, command: counting })] });
  const first = start();
  await untilReady();
  const before = status().containerStatuses?.[0];
  await first.kill("SIGKILL");
  const lines = logged("main").length;
  start();
  await vi.waitFor(() => expect(logged("main").length).toBeGreaterThan(lines + 50), patience);
  expect(status().containerStatuses?.[0]).toEqual(before);
  expect(logged("main").map(Number)).toEqual(logged("main").map((_, index) => index));
});

test("a container that ends is started again, and how it ended is told", async () => {
  assign({
    hostNetwork: true,
    containers: [container({ image: busybox, command: ["sh", "-c", "sleep 0.5; exit 3"] })],
  });
  start();
  await vi.waitFor(() => {
    expect(status()?.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 3, reason: "Error" } },
    });
  }, patience);
});

test("after a power cut the pod runs in a new sandbox, and what was lost is told", async () => {
  assign({ hostNetwork: true, containers: [container({ image: busybox, command: counting })] });
  start();
  await untilReady();
  await containerd.cutPower();
  await containerd.resume();
  await vi.waitFor(() => {
    expect(status().containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      ready: true,
      lastState: { terminated: { exitCode: 255, reason: "Unknown" } },
    });
  }, patience);
  expect(logged("main", 1)[0]).toBe("0");
});

test("an image that cannot be had is waited for, and the waiting is explained", async () => {
  const { host = "" } = registry ?? {};
  const containers = [
    container({ name: "missing", image: `${host}/test/no-such:1` }),
    container({ name: "misspelt", image: "Not A Name" }),
    container({ name: "never", image: `${host}/test/no-such:2`, imagePullPolicy: "Never" }),
  ];
  assign({ hostNetwork: true, containers });
  start();
  const waiting = (name: string) =>
    status()?.containerStatuses?.find((one) => one.name === name)?.state.waiting?.reason ?? "";
  await vi.waitFor(() => {
    expect(["ErrImagePull", "ImagePullBackOff"]).toContain(waiting("missing"));
    expect(["InvalidImageName", "ImagePullBackOff"]).toContain(waiting("misspelt"));
    expect(["ErrImageNeverPull", "ImagePullBackOff"]).toContain(waiting("never"));
  }, patience);
});

test("a pod that is deleted ends, and leaves nothing behind", async () => {
  assign({ containers: [container({ image: busybox, command: counting })] });
  start();
  await untilReady();
  server.plane("node-1").delete("uid-1");
  await vi.waitFor(() => expect(server.plane("node-1").pods.size).toBe(0), patience);
  await vi.waitFor(() => expect(readdirSync(join(directory, "log/pods"))).toEqual([]), patience);
  await vi.waitFor(() => expect(readdirSync(join(directory, "log/containers"))).toEqual([]), patience);
});
