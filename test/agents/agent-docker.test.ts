// The whole program with Docker, and with Podman, as its runtime: pods in real containers, and what happens to both of them.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import type { PodSpec } from "../../src/model/pod-spec.ts";
import type { PodStatus } from "../../src/model/pod-status.ts";
import { AgentProcess, bundleAgent } from "./support/agent-process.ts";
import { engine, removeAllContainers } from "./support/engine.ts";
import { EngineFixture } from "./support/engine-fixture.ts";
import { unmountBelow } from "./support/mounts.ts";
import { assignedPod, container, probe, template } from "./support/pods.ts";
import { Server } from "./support/server.ts";

const patience = { timeout: 25_000, interval: 20 };
const counting = ["sh", "-c", "trap 'exit 0' TERM; i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done"];

let builds: string;
let program: string;
let directory: string;
let server: Server;
const agents: AgentProcess[] = [];

beforeAll(async () => {
  builds = mkdtempSync(join(tmpdir(), "lares-build-"));
  program = await bundleAgent(builds);
});

afterAll(() => rmSync(builds, { recursive: true, force: true }));

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "lares-agent-"));
  server = new Server();
  await server.start();
});

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

describe.each(["docker", "podman"] as const)("an agent with %s", (kind) => {
  let fixture: EngineFixture;
  beforeAll(async () => {
    fixture = await EngineFixture.start(kind);
  }, 60_000);
  afterAll(() => fixture.remove(), 60_000);

  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.kill("SIGKILL");
    await removeAllContainers(fixture.daemon.socket);
    await server.stop();
    unmountBelow(directory);
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  function start(): AgentProcess {
    const agent = new AgentProcess(program, [
      ...["--server", server.url, "--node", "node-1", "--join-token", server.joinToken],
      ...["--runtime-endpoint", `unix://${fixture.daemon.socket}`],
      ...["--state-dir", join(directory, "state"), "--log-dir", join(directory, "log")],
    ]);
    agents.push(agent);
    return agent;
  }

  test("runs a pod of several containers as one, on a network of its own", async () => {
    const web = "echo $GREETING >/shared/index.html; exec httpd -f -p 8080 -h /shared";
    const volumeMounts = [{ name: "shared", mountPath: "/shared" }];
    const image = fixture.image;
    assign({
      initContainers: [
        container({ name: "first", image, command: ["sh", "-c", "echo prepared >/shared/first"], volumeMounts }),
      ],
      containers: [
        container({
          name: "web",
          image,
          command: ["sh", "-c", web],
          env: [{ name: "GREETING", value: "hello" }],
          volumeMounts,
          ports: [{ containerPort: 8080, name: "http", protocol: "TCP" }],
          readinessProbe: probe({ httpGet: { port: "http", path: "/first", scheme: "HTTP" }, periodSeconds: 1 }),
        }),
        container({
          name: "asker",
          image,
          command: ["sh", "-c", "while :; do wget -qO- http://127.0.0.1:8080/; sleep 0.2; done"],
          livenessProbe: probe({ exec: { command: ["true"] }, periodSeconds: 1, timeoutSeconds: 5 }),
        }),
      ],
      volumes: [{ name: "shared", emptyDir: {} }],
    });
    const agent = start();
    await untilReady();
    expect(agent.output).toMatch(/"runtime".*"because":"it answers at/);
    const { podIP, containerStatuses, phase, hostIP } = status();
    expect(phase).toBe("Running");
    expect(podIP).toMatch(/^10\./);
    expect(podIP).not.toBe(hostIP);
    for (const one of containerStatuses ?? []) {
      expect(one).toMatchObject({
        ready: true,
        restartCount: 0,
        image: fixture.image,
        containerID: expect.stringMatching(new RegExp(`^${kind}://[0-9a-f]{64}$`)),
      });
      expect(one.imageID).toMatch(/sha256:[0-9a-f]{64}$/);
    }
    expect(await (await fetch(`http://${podIP}:8080/`)).text()).toBe("hello\n");
    await vi.waitFor(() => expect(logged("asker")).toContain("hello"), patience);
  });

  test("that is killed and started again restarts no container, and loses no line of its log", async () => {
    assign({ containers: [container({ image: fixture.image, command: counting })] });
    const first = start();
    await untilReady();
    const before = status().containerStatuses?.[0];
    for (let round = 0; round < 3; round++) {
      await agents.splice(0)[0]?.kill("SIGKILL");
      const lines = logged("main").length;
      await new Promise((resolve) => setTimeout(resolve, 300));
      start();
      await vi.waitFor(() => expect(logged("main").length).toBeGreaterThan(lines + 50), patience);
    }
    await first.whenExited;
    expect(status().containerStatuses?.[0]).toEqual(before);
    expect(logged("main").map(Number)).toEqual(logged("main").map((_, index) => index));
  });

  test("whose engine is killed and started again restarts no container", async () => {
    assign({ containers: [container({ image: fixture.image, command: counting })] });
    const agent = start();
    await untilReady();
    const before = status().containerStatuses?.[0];
    await fixture.daemon.stop("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await fixture.daemon.resume();
    await vi.waitFor(() => expect(agent.output).toContain("the container engine answers again"), patience);
    const lines = logged("main").length;
    await vi.waitFor(() => expect(logged("main").length).toBeGreaterThan(lines + 50), patience);
    expect(status().containerStatuses?.[0]).toEqual(before);
    expect(logged("main").map(Number)).toEqual(logged("main").map((_, index) => index));
  });

  test("makes the containers of a pod anew when its sandbox is gone", async () => {
    assign({ containers: [container({ image: fixture.image, command: counting })] });
    start();
    await untilReady();
    const { text } = await engine(fixture.daemon.socket, "GET", "/containers/json");
    const sandbox = JSON.parse(text).find(
      ({ Labels }: { readonly Labels: Record<string, string> }) => Labels["lares.dev/type"] === "sandbox",
    );
    await engine(fixture.daemon.socket, "POST", `/containers/${sandbox.Id}/kill`);
    await vi.waitFor(() => {
      expect(status().containerStatuses?.[0]).toMatchObject({ restartCount: 1, ready: true });
    }, patience);
    await vi.waitFor(() => expect(logged("main", 1)[0]).toBe("0"), patience);
  });

  test("tells how containers ended, and starts them again", async () => {
    const image = fixture.image;
    const hungry = "x=a; while :; do x=$x$x; done";
    const limits = { memory: "8Mi" };
    assign({
      hostNetwork: true,
      containers: [
        container({ name: "failing", image, command: ["sh", "-c", "sleep 0.5; exit 3"] }),
        container({ name: "hungry", image, command: ["sh", "-c", hungry], resources: { limits } }),
        container({ name: "wrong", image, command: ["no-such-command"] }),
      ],
    });
    start();
    const last = (name: string) => {
      const one = status()?.containerStatuses?.find((found) => found.name === name);
      return one?.lastState.terminated ?? one?.state.terminated;
    };
    await vi.waitFor(() => {
      expect(last("failing")).toMatchObject({ exitCode: 3, reason: "Error" });
      expect(last("hungry")).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
      expect(last("wrong")).toMatchObject({ exitCode: 127, reason: "ContainerCannotRun" });
    }, patience);
  });

  test("ends a pod that is deleted, and leaves nothing behind", async () => {
    assign({ containers: [container({ image: fixture.image, command: counting })] });
    start();
    await untilReady();
    server.plane("node-1").delete("uid-1");
    await vi.waitFor(() => expect(server.plane("node-1").pods.size).toBe(0), patience);
    await vi.waitFor(() => expect(readdirSync(join(directory, "log/pods"))).toEqual([]), patience);
    expect(readdirSync(join(directory, "log/containers"))).toEqual([]);
    const { text } = await engine(fixture.daemon.socket, "GET", "/containers/json?all=1");
    expect(JSON.parse(text)).toEqual([]);
  });
});
