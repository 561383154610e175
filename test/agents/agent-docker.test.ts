// The whole program with Docker, and with Podman, as its runtime: pods in real containers, and what happens to both of them.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { AgentHarness, counting, patience } from "./support/agent-harness.ts";
import type { AgentProcess } from "./support/agent-process.ts";
import { engine, removeAllContainers } from "./support/engine.ts";
import { EngineFixture } from "./support/engine-fixture.ts";
import { container, probe } from "./support/pods.ts";

const harness = new AgentHarness();

describe.each(["docker", "podman"] as const)("an agent with %s", (kind) => {
  let fixture: EngineFixture;
  beforeAll(async () => {
    fixture = await EngineFixture.start(kind);
  }, 60_000);
  afterAll(() => fixture.remove(), 60_000);

  afterEach(async () => {
    await harness.killAgents();
    await removeAllContainers(fixture.daemon.socket);
  }, 60_000);

  function start(): AgentProcess {
    return harness.start("--runtime-endpoint", `unix://${fixture.daemon.socket}`);
  }

  test("runs a pod of several containers as one, on a network of its own", async () => {
    const web = "echo $GREETING >/shared/index.html; exec httpd -f -p 8080 -h /shared";
    const volumeMounts = [{ name: "shared", mountPath: "/shared" }];
    const image = fixture.image;
    harness.assign({
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
    await harness.untilReady();
    expect(agent.output).toMatch(/"runtime".*"because":"it answers at/);
    const { podIP, containerStatuses, phase, hostIP } = harness.status;
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
    await vi.waitFor(() => expect(harness.logged("asker")).toContain("hello"), patience);
  });

  test("that is killed and started again restarts no container, and loses no line of its log", async () => {
    harness.assign({ containers: [container({ image: fixture.image, command: counting })] });
    const first = start();
    await harness.untilReady();
    const before = harness.status.containerStatuses?.[0];
    for (let round = 0; round < 3; round++) {
      await harness.killAgents();
      const lines = harness.logged("main").length;
      await new Promise((resolve) => setTimeout(resolve, 300));
      start();
      await vi.waitFor(() => expect(harness.logged("main").length).toBeGreaterThan(lines + 50), patience);
    }
    await first.whenExited;
    expect(harness.status.containerStatuses?.[0]).toEqual(before);
    expect(harness.logged("main").map(Number)).toEqual(harness.logged("main").map((_, index) => index));
  });

  test("whose engine is killed and started again restarts no container", async () => {
    harness.assign({ containers: [container({ image: fixture.image, command: counting })] });
    const agent = start();
    await harness.untilReady();
    const before = harness.status.containerStatuses?.[0];
    await fixture.daemon.stop("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await fixture.daemon.resume();
    await vi.waitFor(() => expect(agent.output).toContain("the container engine answers again"), patience);
    const lines = harness.logged("main").length;
    await vi.waitFor(() => expect(harness.logged("main").length).toBeGreaterThan(lines + 50), patience);
    expect(harness.status.containerStatuses?.[0]).toEqual(before);
    expect(harness.logged("main").map(Number)).toEqual(harness.logged("main").map((_, index) => index));
  });

  test("makes the containers of a pod anew when its sandbox is gone", async () => {
    harness.assign({ containers: [container({ image: fixture.image, command: counting })] });
    start();
    await harness.untilReady();
    const { text } = await engine(fixture.daemon.socket, "GET", "/containers/json");
    const sandbox = JSON.parse(text).find(
      ({ Labels }: { readonly Labels: Record<string, string> }) => Labels["lares.dev/type"] === "sandbox",
    );
    await engine(fixture.daemon.socket, "POST", `/containers/${sandbox.Id}/kill`);
    await vi.waitFor(() => {
      expect(harness.status.containerStatuses?.[0]).toMatchObject({ restartCount: 1, ready: true });
    }, patience);
    await vi.waitFor(() => expect(harness.logged("main", 1)[0]).toBe("0"), patience);
  });

  test("tells how containers ended, and starts them again", async () => {
    const image = fixture.image;
    const hungry = "x=a; while :; do x=$x$x; done";
    const limits = { memory: "8Mi" };
    harness.assign({
      hostNetwork: true,
      containers: [
        container({ name: "failing", image, command: ["sh", "-c", "sleep 0.5; exit 3"] }),
        container({ name: "hungry", image, command: ["sh", "-c", hungry], resources: { limits } }),
        container({ name: "wrong", image, command: ["no-such-command"] }),
      ],
    });
    start();
    const last = (name: string) => {
      const one = harness.status?.containerStatuses?.find((found) => found.name === name);
      return one?.lastState.terminated ?? one?.state.terminated;
    };
    await vi.waitFor(() => {
      expect(last("failing")).toMatchObject({ exitCode: 3, reason: "Error" });
      expect(last("hungry")).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
      expect(last("wrong")).toMatchObject({ exitCode: 127, reason: "ContainerCannotRun" });
    }, patience);
  });

  test("ends a pod that is deleted, and leaves nothing behind", async () => {
    harness.assign({ containers: [container({ image: fixture.image, command: counting })] });
    start();
    await harness.untilReady();
    harness.plane.delete("uid-1");
    await vi.waitFor(() => expect(harness.plane.pods.size).toBe(0), patience);
    await vi.waitFor(() => expect(readdirSync(join(harness.directory, "log/pods"))).toEqual([]), patience);
    expect(readdirSync(join(harness.directory, "log/containers"))).toEqual([]);
    const { text } = await engine(fixture.daemon.socket, "GET", "/containers/json?all=1");
    expect(JSON.parse(text)).toEqual([]);
  });
});
