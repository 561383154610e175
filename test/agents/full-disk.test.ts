// A state directory on a file system that is really full: what was kept is kept, what runs runs on, and it starts again.
import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, test, vi } from "vitest";

import { DiskCheckpoint } from "../../agents/node/host/disk-checkpoint.ts";
import { isAlive } from "../../agents/node/runtime/process/process-table.ts";
import type { PodSpec } from "../../src/model/pod-spec.ts";
import { AgentHarness, patience } from "./support/agent-harness.ts";
import type { AgentProcess } from "./support/agent-process.ts";
import { assignedPod, container, template } from "./support/pods.ts";

const harness = new AgentHarness();
let disk: string;

beforeEach(() => {
  disk = harness.stateDirectory;
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]);
  harness.plane.nextSyncMs = 500;
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
  return harness.start("--runtime", "process");
}

function containerOf(podUid: string): string {
  const record = (id: string) => readFileSync(join(disk, "runtime/containers", id, "config.json"), "utf8");
  return harness.processContainers.find((id) => record(id).includes(podUid)) ?? "none";
}

/** Critical, for others are evicted from a full disk, and rightly so. */
const critical: Partial<PodSpec> = {
  priority: 2_000_001_000,
  containers: [container({ command: ["sleep", "1000"] })],
};

test("an agent whose disk has filled up goes on, is killed, starts again, and takes up the news when there is room", async () => {
  harness.assign(critical);
  const first = start();
  await harness.untilReady("uid-1");
  const [id = "none"] = harness.processContainers;
  const identity = harness.processOf(id);
  fill();

  harness.plane.assign([assignedPod({ uid: "uid-2", name: "app-2" })]);
  // It has heard of it, and the disk has no room for what it takes to run it.
  await vi.waitFor(() => expect(first.output).toContain("ENOSPC"), patience);
  await first.kill("SIGKILL");
  await harness.server.stop();
  const second = start();
  await vi.waitFor(() => expect(second.output).toContain("the control plane is away"), patience);
  expect(second.output).not.toContain("cannot go on");
  expect(identity !== null && isAlive(identity)).toBe(true);
  expect(harness.processContainers).toEqual([id]);

  await harness.server.start();
  makeRoom();
  await harness.untilReady("uid-2");
  await harness.untilReady("uid-1");
  expect(harness.processOf(id)).toEqual(identity);
  expect(harness.plane.status("uid-1")).toMatchObject({ containerStatuses: [{ restartCount: 0 }] });
}, 90_000);

test("an agent whose disk is full hears and keeps what is to go, for that is what makes room", async () => {
  const pods = [assignedPod(), assignedPod({ uid: "uid-2", name: "app-2" })];
  harness.plane.assign(pods, { t1: template(critical) });
  const agent = start();
  await harness.untilReady("uid-1");
  await harness.untilReady("uid-2");
  fill();
  harness.plane.delete("uid-2", 1);
  const kept = async () => (await new DiskCheckpoint(disk).load()).assignment?.pods ?? [];
  await vi.waitFor(
    async () => expect((await kept()).map(({ deletion }) => deletion !== undefined)).toEqual([false, true]),
    patience,
  );
  const [, deleted] = (await kept()).map(({ uid }) => harness.processOf(containerOf(uid)));
  await vi.waitFor(() => expect(deleted !== null && deleted !== undefined && isAlive(deleted)).toBe(false), patience);
  expect(agent.output).not.toContain("cannot take in an answer");
}, 90_000);

test("an agent that was stopped in good order starts on a disk that is full", async () => {
  harness.assign(critical);
  const first = start();
  await harness.untilReady("uid-1");
  const [id = "none"] = harness.processContainers;
  await first.kill("SIGTERM");
  fill();
  const second = start();
  await vi.waitFor(() => expect(second.output).toContain('"started"'), patience);
  const identity = harness.processOf(id);
  expect(identity !== null && isAlive(identity)).toBe(true);
  expect(harness.processContainers).toEqual([id]);
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
    await vi.waitFor(() => expect(lines().length).toBeGreaterThan(0), patience);
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
