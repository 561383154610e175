// A state directory on a file system that is really full: what was kept is kept, what runs runs on, and it starts again.
import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";

import { DiskCheckpoint } from "../../agents/node/host/disk-checkpoint.ts";
import { isAlive, killAll, readIdentity } from "../../agents/node/runtime/process/process-table.ts";
import { AgentProcess, bundleAgent } from "./support/agent-process.ts";
import { assignedPod, container, template } from "./support/pods.ts";
import { Server } from "./support/server.ts";

let builds: string;
let program: string;
let directory: string;
let disk: string;
let server: Server;
const agents: AgentProcess[] = [];

beforeAll(async () => {
  builds = mkdtempSync(join(tmpdir(), "lares-build-"));
  program = await bundleAgent(builds);
});

afterAll(() => rmSync(builds, { recursive: true, force: true }));

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "lares-full-disk-"));
  disk = join(directory, "disk");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]);
  server = new Server();
  server.plane("node-1").nextSyncMs = 500;
  await server.start();
});

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.kill("SIGKILL");
  await server.stop();
  for (const id of containers()) killAll(id, null);
  execFileSync("umount", ["--lazy", disk]);
  rmSync(directory, { recursive: true, force: true });
});

/** Not a byte is left for anybody. */
function fill(): void {
  const file = openSync(join(disk, "filler"), "a");
  try {
    for (const size of [4096, 1]) {
      const chunk = Buffer.alloc(size, "x");
      while (writeSync(file, chunk) > 0);
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  } finally {
    closeSync(file);
  }
}

function makeRoom(): void {
  rmSync(join(disk, "filler"), { force: true });
}

function start(): AgentProcess {
  const agent = new AgentProcess(program, [
    ...["--server", server.url, "--node", "node-1", "--runtime", "process", "--join-token", server.joinToken],
    ...["--state-dir", join(disk, "state"), "--log-dir", join(directory, "log")],
  ]);
  agents.push(agent);
  return agent;
}

function containers(): readonly string[] {
  try {
    return readdirSync(join(disk, "state/runtime/containers"));
  } catch {
    return [];
  }
}

function processOf(id: string) {
  return readIdentity(readFileSync(join(disk, "state/runtime/containers", id, "pid"), "utf8"));
}

function containerOf(podUid: string): string {
  const record = (id: string) => readFileSync(join(disk, "state/runtime/containers", id, "config.json"), "utf8");
  return containers().find((id) => record(id).includes(podUid)) ?? "none";
}

const longTimeout = { timeout: 20_000, interval: 20 };

function untilReady(uid: string): Promise<unknown> {
  return vi.waitFor(() => expect(server.plane("node-1").isReady(uid)).toBe(true), longTimeout);
}

/** Critical, for others are evicted from a full disk, and rightly so. */
const templates = {
  t1: template({ priority: 2_000_001_000, containers: [container({ command: ["sleep", "1000"] })] }),
};

test("an agent whose disk has filled up goes on, is killed, starts again, and takes up the news when there is room", async () => {
  server.plane("node-1").assign([assignedPod()], templates);
  const first = start();
  await untilReady("uid-1");
  const [id = "none"] = containers();
  const identity = processOf(id);
  fill();

  server.plane("node-1").assign([assignedPod({ uid: "uid-2", name: "app-2" })]);
  // It has heard of it, and the disk has no room for what it takes to run it.
  await vi.waitFor(() => expect(first.output).toContain("ENOSPC"), longTimeout);
  await first.kill("SIGKILL");
  await server.stop();
  const second = start();
  await vi.waitFor(() => expect(second.output).toContain("the control plane is away"), longTimeout);
  expect(second.output).not.toContain("cannot go on");
  expect(identity !== null && isAlive(identity)).toBe(true);
  expect(containers()).toEqual([id]);

  await server.start();
  makeRoom();
  await untilReady("uid-2");
  await untilReady("uid-1");
  expect(processOf(id)).toEqual(identity);
  expect(server.plane("node-1").status("uid-1")).toMatchObject({ containerStatuses: [{ restartCount: 0 }] });
}, 90_000);

test("an agent whose disk is full hears and keeps what is to go, for that is what makes room", async () => {
  const pods = [assignedPod(), assignedPod({ uid: "uid-2", name: "app-2" })];
  server.plane("node-1").assign(pods, templates);
  const agent = start();
  await untilReady("uid-1");
  await untilReady("uid-2");
  fill();
  server.plane("node-1").delete("uid-2", 1);
  const kept = async () => (await new DiskCheckpoint(join(disk, "state")).load()).assignment?.pods ?? [];
  await vi.waitFor(async () =>
    expect((await kept()).map(({ deletion }) => deletion !== undefined)).toEqual([false, true]),
  );
  const [, deleted] = (await kept()).map(({ uid }) => processOf(containerOf(uid)));
  await vi.waitFor(
    () => expect(deleted !== null && deleted !== undefined && isAlive(deleted)).toBe(false),
    longTimeout,
  );
  expect(agent.output).not.toContain("cannot take in an answer");
}, 90_000);

test("an agent that was stopped in good order starts on a disk that is full", async () => {
  server.plane("node-1").assign([assignedPod()], templates);
  const first = start();
  await untilReady("uid-1");
  const [id = "none"] = containers();
  await first.kill("SIGTERM");
  fill();
  const second = start();
  await vi.waitFor(() => expect(second.output).toContain('"started"'), longTimeout);
  const identity = processOf(id);
  expect(identity !== null && isAlive(identity)).toBe(true);
  expect(containers()).toEqual([id]);
});

test("what was kept is there whenever its writer is killed, though the disk is full now and then", async () => {
  const file = fileURLToPath(new URL("support/writing-on.ts", import.meta.url));
  let kept = 0;
  let fullOnes = 0;
  for (let kill = 0; kill < 20; kill += 1) {
    const child = spawn(process.execPath, [file, disk], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    let printed = "";
    child.stdout.on("data", (data) => {
      printed += data;
    });
    const lines = () => printed.split("\n").slice(0, -1);
    await vi.waitFor(() => expect(lines().length).toBeGreaterThan(0), longTimeout);
    const untilMs = Date.now() + Math.random() * 60;
    do {
      // What the writer gives back of its reserve is taken at once.
      if (kill % 2 === 0) fill();
      await new Promise((resolve) => setTimeout(resolve, 2));
    } while (Date.now() < untilMs);
    if (kill % 4 === 0) makeRoom();
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    child.kill("SIGKILL");
    await ended;
    fullOnes += lines().filter((line) => line === "full").length;
    kept = Math.max(kept, ...lines().flatMap((line) => (line === "full" ? [] : [Number(line)])));
    const { memory } = await new DiskCheckpoint(disk).load();
    // The one after the last that was acknowledged may have been kept as well.
    expect(memory?.observation).toBeGreaterThanOrEqual(kept);
    expect(Object.keys(memory?.pods ?? {})[0]).toHaveLength(((memory?.observation ?? 0) * 7919) % 60_000);
    makeRoom();
  }
  expect(fullOnes).toBeGreaterThan(0);
}, 60_000);
