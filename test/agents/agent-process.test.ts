// The whole program against a real server, with real processes as pods, killed and started again.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test, vi } from "vitest";

import { isAlive, killAll, processesOf } from "../../agents/node/runtime/process/process-table.ts";
import type { Container } from "../../src/model/container.ts";
import { AgentHarness, patience } from "./support/agent-harness.ts";
import { AgentProcess } from "./support/agent-process.ts";
import { unmountBelow } from "./support/mounts.ts";
import { container, probe } from "./support/pods.ts";

const harness = new AgentHarness();

function start(...more: readonly string[]): AgentProcess {
  return harness.start("--runtime", "process", ...more);
}

/** The process of the only container. */
function main() {
  const [id = "none"] = harness.processContainers;
  const identity = harness.processOf(id);
  if (identity === null) throw new Error("no pid");
  return identity;
}

function assign(fields: Partial<Container>): void {
  harness.assign({ containers: [container(fields)] });
}

const counting = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done";

function counted(): readonly number[] {
  return harness.logged("main").map(Number);
}

test("an agent that is killed and started again touches no healthy process, and loses no line of its log", async () => {
  assign({ command: ["sh", "-c", counting], readinessProbe: probe({ exec: { command: ["true"] } }) });
  const first = start();
  await harness.untilReady();
  const identity = main();
  await vi.waitFor(() => expect(counted().length).toBeGreaterThan(0), patience);
  await first.kill("SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, 200));
  const before = counted().length;
  start();
  await vi.waitFor(() => expect(counted().length).toBeGreaterThan(before + 20), patience);
  expect(isAlive(identity)).toBe(true);
  expect(main()).toEqual(identity);
  expect(harness.status.containerStatuses?.[0]).toMatchObject({ restartCount: 0, ready: true });
  expect(counted()).toEqual(counted().map((_, index) => index));
  expect(harness.server.enrolments).toBe(1);
});

test("a pod that is deleted ends, and leaves nothing on disk", async () => {
  assign({ command: ["sleep", "1000"] });
  start();
  await harness.untilReady();
  const identity = main();
  harness.plane.delete("uid-1");
  await vi.waitFor(() => expect(harness.plane.pods.size).toBe(0), patience);
  expect(isAlive(identity)).toBe(false);
  await vi.waitFor(() => expect(harness.processContainers).toEqual([]), patience);
  await vi.waitFor(() => {
    expect(readdirSync(join(harness.directory, "log/pods"))).toEqual([]);
    expect(readdirSync(join(harness.stateDirectory, "pods"))).toEqual([]);
  }, patience);
});

test("a stopped agent leaves its pods running, and ends them when it is told to", async () => {
  assign({ command: ["sleep", "1000"] });
  const first = start();
  await harness.untilReady();
  const identity = main();
  expect(await first.kill("SIGTERM")).toBe(0);
  expect(isAlive(identity)).toBe(true);
  const second = start("--stop-pods-on-exit");
  await vi.waitFor(() => expect(second.output).toContain('"started"'), patience);
  expect(await second.kill("SIGTERM")).toBe(0);
  expect(isAlive(identity)).toBe(false);
});

test("an agent that is told to end its pods ends those that it was just starting", async () => {
  assign({ command: ["sleep", "1000"] });
  for (const delayMs of [0, 2, 4, 6, 8, 12, 16, 25]) {
    const agent = start("--stop-pods-on-exit");
    const isStarting = (id: string) => existsSync(join(harness.stateDirectory, "runtime/containers", id, "starting"));
    const before = new Set(harness.processContainers);
    const fresh = () => harness.processContainers.filter((id) => !before.has(id));
    await vi.waitFor(() => expect(fresh().some(isStarting)).toBe(true), { timeout: 15_000, interval: 1 });
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    expect(await agent.kill("SIGTERM")).toBe(0);
    expect(harness.processContainers.flatMap((id) => processesOf(id, null))).toEqual([]);
    unmountBelow(harness.directory);
    rmSync(harness.stateDirectory, { recursive: true, force: true });
  }
}, 60_000);

test("an agent without a network starts what its disk says", async () => {
  assign({ command: ["sleep", "1000"] });
  const first = start();
  await harness.untilReady();
  const identity = main();
  await first.kill("SIGKILL");
  killAll(harness.processContainers[0] ?? "none", null);
  await vi.waitFor(() => expect(isAlive(identity)).toBe(false), patience);
  await harness.server.stop();
  const second = start();
  await vi.waitFor(() => {
    const alive = harness.processContainers.map((id) => harness.processOf(id));
    expect(alive.filter((one) => one !== null && isAlive(one))).toHaveLength(1);
  }, patience);
  expect(second.output).toContain("the control plane is away");
  await harness.server.start();
  await vi.waitFor(() => expect(harness.status.containerStatuses?.[0]?.restartCount).toBe(1), patience);
});

test("an agent that is told to end while it still waits for its runtime ends in good order", async () => {
  const waiting = harness.start("--runtime", "cri", "--runtime-endpoint", join(harness.directory, "no.sock"));
  await vi.waitFor(() => expect(waiting.output).toContain("waiting for a runtime"), patience);
  expect(await waiting.kill("SIGTERM")).toBe(0);
  expect(waiting.output).toContain('"stopped"');
  const next = start();
  await vi.waitFor(() => expect(next.output).toContain('"started"'), patience);
});

test("an agent that waits for its runtime tells systemd that it is alive: however long that takes, it is not hung", async () => {
  const notify = join(harness.directory, "systemd-notify");
  const told = join(harness.directory, "told");
  writeFileSync(notify, `#!/bin/sh\necho "$@" >>${told}\n`, { mode: 0o755 });
  vi.stubEnv("PATH", `${harness.directory}:${process.env["PATH"]}`);
  vi.stubEnv("WATCHDOG_USEC", "300000");
  try {
    harness.start("--runtime", "cri", "--runtime-endpoint", join(harness.directory, "no.sock"));
    await vi.waitFor(() => expect(readFileSync(told, "utf8")).toMatch(/^(WATCHDOG=1\n){3}/), patience);
  } finally {
    vi.unstubAllEnvs();
  }
});

test("an agent that is told to end before it has started anything goes on to its end", async () => {
  // What is not read keeps its connection, and so the server, from ending.
  const silent = createServer((socket) => socket.resume());
  const socketPath = join(harness.directory, "silent.sock");
  await new Promise<void>((resolve) => silent.listen(socketPath, resolve));
  const connected = new Promise((resolve) => silent.once("connection", resolve));
  const agent = harness.start("--runtime", "cri", "--runtime-endpoint", socketPath);
  await connected;
  expect(await agent.kill("SIGTERM")).toBe(0);
  expect(agent.output).toContain('"stopped"');
  await new Promise((resolve) => silent.close(resolve));
});

test("two agents do not share a state directory", async () => {
  const first = start();
  await vi.waitFor(() => expect(first.output).toContain('"started"'), patience);
  const second = start();
  expect(await second.whenExited).toBe(3);
  expect(second.output).toContain(`"pid":${first.pid}`);
  await first.kill("SIGKILL");
  const third = start();
  await vi.waitFor(() => expect(third.output).toContain('"started"'), patience);
});

test("what goes wrong is said in one line, with an exit code that says which kind it is", async () => {
  const misled = new AgentProcess(harness.program, ["--runtime", "fake"]);
  expect(await misled.whenExited).toBe(2);
  expect(misled.output).toContain("--server is missing");
  const stuck = new AgentProcess(harness.program, [
    "--server",
    harness.server.url,
    "--runtime",
    "fake",
    "--state-dir",
    "/dev/null/x",
  ]);
  expect(await stuck.whenExited).toBe(1);
  expect(stuck.output.trimEnd().split("\n")).toHaveLength(1);
  expect(stuck.output).not.toContain("    at ");
});

test("a container without a command says what is missing", async () => {
  assign({});
  start();
  await vi.waitFor(() => {
    expect(harness.status?.containerStatuses?.[0]?.state.waiting).toMatchObject({
      reason: "CreateContainerConfigError",
      message: expect.stringMatching(/^command: this node runs commands of its own host/),
    });
  }, patience);
});
