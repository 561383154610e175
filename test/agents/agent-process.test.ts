// The whole program against a real server, with real processes as pods, killed and started again.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";

import { isAlive, killAll, processesOf, readIdentity } from "../../agents/node/runtime/process/process-table.ts";
import { Records } from "../../agents/node/runtime/process/record.ts";
import type { Container } from "../../src/model/container.ts";
import type { PodStatus } from "../../src/model/pod-status.ts";
import { AgentProcess, bundleAgent } from "./support/agent-process.ts";
import { unmountBelow } from "./support/mounts.ts";
import { assignedPod, container, probe, template } from "./support/pods.ts";
import { Server } from "./support/server.ts";

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

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.kill("SIGKILL");
  await server.stop();
  for (const id of containers()) {
    killAll(id, null);
    new Records(join(directory, "state/runtime")).removeContainer(id);
  }
  unmountBelow(directory);
  rmSync(directory, { recursive: true, force: true });
});

function start(...more: readonly string[]): AgentProcess {
  const args = ["--server", server.url, "--node", "node-1", "--runtime", "process", "--join-token", server.joinToken];
  const agent = new AgentProcess(program, [
    ...args,
    "--state-dir",
    join(directory, "state"),
    "--log-dir",
    join(directory, "log"),
    ...more,
  ]);
  agents.push(agent);
  return agent;
}

function containers(): readonly string[] {
  try {
    return readdirSync(join(directory, "state/runtime/containers"));
  } catch {
    return [];
  }
}

/** The process of the only container. */
function main() {
  const [id = "none"] = containers();
  const identity = readIdentity(readFileSync(join(directory, "state/runtime/containers", id, "pid"), "utf8"));
  if (identity === null) throw new Error("no pid");
  return identity;
}

function assign(fields: Partial<Container>): void {
  server.plane("node-1").assign([assignedPod()], { t1: template({ containers: [container(fields)] }) });
}

function status(): PodStatus {
  // The stand-in keeps what the agent sent, which made it as a PodStatus.
  return server.plane("node-1").status("uid-1") as PodStatus;
}

async function untilReady(): Promise<void> {
  await vi.waitFor(() => expect(server.plane("node-1").isReady("uid-1")).toBe(true), { timeout: 10_000, interval: 20 });
}

const counting = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done";

function counted(): readonly number[] {
  const log = readFileSync(join(directory, "log/pods/default_app-1_uid-1/main/0.log"), "utf8");
  return log
    .trimEnd()
    .split("\n")
    .map((line) => Number(line.split(" ").at(-1)));
}

test("an agent that is killed and started again touches no healthy process, and loses no line of its log", async () => {
  assign({ command: ["sh", "-c", counting], readinessProbe: probe({ exec: { command: ["true"] } }) });
  const first = start();
  await untilReady();
  const identity = main();
  await first.kill("SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, 200));
  const before = counted().length;
  start();
  await vi.waitFor(() => expect(counted().length).toBeGreaterThan(before + 20), { timeout: 10_000 });
  expect(isAlive(identity)).toBe(true);
  expect(main()).toEqual(identity);
  expect(status().containerStatuses?.[0]).toMatchObject({ restartCount: 0, ready: true });
  expect(counted()).toEqual(counted().map((_, index) => index));
  expect(server.enrolments).toBe(1);
});

test("a pod that is deleted ends, and leaves nothing on disk", async () => {
  assign({ command: ["sleep", "1000"] });
  start();
  await untilReady();
  const identity = main();
  server.plane("node-1").delete("uid-1");
  await vi.waitFor(() => expect(server.plane("node-1").pods.size).toBe(0), { timeout: 10_000 });
  expect(isAlive(identity)).toBe(false);
  await vi.waitFor(() => expect(containers()).toEqual([]), { timeout: 10_000 });
  await vi.waitFor(() => {
    expect(readdirSync(join(directory, "log/pods"))).toEqual([]);
    expect(readdirSync(join(directory, "state/pods"))).toEqual([]);
  });
});

test("a stopped agent leaves its pods running, and ends them when it is told to", async () => {
  assign({ command: ["sleep", "1000"] });
  const first = start();
  await untilReady();
  const identity = main();
  expect(await first.kill("SIGTERM")).toBe(0);
  expect(isAlive(identity)).toBe(true);
  const second = start("--stop-pods-on-exit");
  await vi.waitFor(() => expect(second.output).toContain('"started"'), { timeout: 10_000 });
  expect(await second.kill("SIGTERM")).toBe(0);
  expect(isAlive(identity)).toBe(false);
});

test("an agent that is told to end its pods ends those that it was just starting", async () => {
  assign({ command: ["sleep", "1000"] });
  for (const delayMs of [0, 2, 4, 6, 8, 12, 16, 25]) {
    const agent = start("--stop-pods-on-exit");
    const isStarting = (id: string) => existsSync(join(directory, "state/runtime/containers", id, "starting"));
    const before = new Set(containers());
    const fresh = () => containers().filter((id) => !before.has(id));
    await vi.waitFor(() => expect(fresh().some(isStarting)).toBe(true), { timeout: 15_000, interval: 1 });
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    expect(await agent.kill("SIGTERM")).toBe(0);
    expect(containers().flatMap((id) => processesOf(id, null))).toEqual([]);
    unmountBelow(directory);
    rmSync(join(directory, "state"), { recursive: true, force: true });
  }
}, 60_000);

test("an agent without a network starts what its disk says", async () => {
  assign({ command: ["sleep", "1000"] });
  const first = start();
  await untilReady();
  const identity = main();
  await first.kill("SIGKILL");
  killAll(containers()[0] ?? "none", null);
  await vi.waitFor(() => expect(isAlive(identity)).toBe(false));
  await server.stop();
  const second = start();
  await vi.waitFor(
    () => {
      const alive = containers().map((id) =>
        readIdentity(readFileSync(join(directory, "state/runtime/containers", id, "pid"), "utf8")),
      );
      expect(alive.filter((one) => one !== null && isAlive(one))).toHaveLength(1);
    },
    { timeout: 10_000 },
  );
  expect(second.output).toContain("the control plane is away");
  await server.start();
  await vi.waitFor(() => expect(status().containerStatuses?.[0]?.restartCount).toBe(1), { timeout: 15_000 });
});

test("two agents do not share a state directory", async () => {
  const first = start();
  await vi.waitFor(() => expect(first.output).toContain('"started"'), { timeout: 10_000 });
  const second = start();
  expect(await second.whenExited).toBe(3);
  expect(second.output).toContain(`"pid":${first.pid}`);
  await first.kill("SIGKILL");
  const third = start();
  await vi.waitFor(() => expect(third.output).toContain('"started"'), { timeout: 10_000 });
});

test("what goes wrong is said in one line, with an exit code that says which kind it is", async () => {
  const misled = new AgentProcess(program, ["--runtime", "fake"]);
  expect(await misled.whenExited).toBe(2);
  expect(misled.output).toContain("--server is missing");
  const stuck = new AgentProcess(program, ["--server", server.url, "--runtime", "fake", "--state-dir", "/dev/null/x"]);
  expect(await stuck.whenExited).toBe(1);
  expect(stuck.output.trimEnd().split("\n")).toHaveLength(1);
  expect(stuck.output).not.toContain("    at ");
});

test("a container without a command says what is missing", async () => {
  assign({});
  start();
  await vi.waitFor(
    () => {
      expect(status()?.containerStatuses?.[0]?.state.waiting).toMatchObject({
        reason: "CreateContainerConfigError",
        message: expect.stringMatching(/^command: this node runs commands of its own host/),
      });
    },
    { timeout: 10_000 },
  );
});
