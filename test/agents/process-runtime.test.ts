import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { systemClock } from "../../agents/node/host/system.ts";
import { ControlGroups } from "../../agents/node/runtime/process/control-groups.ts";
import type { ProcessRuntime } from "../../agents/node/runtime/process/process.ts";
import { openProcessRuntime } from "../../agents/node/runtime/process/process.ts";
import { isAlive, processesOf, readIdentity, statOf } from "../../agents/node/runtime/process/process-table.ts";
import type { ContainerConfig, RuntimeContainerStatus } from "../../agents/node/runtime/runtime.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import type { Kind } from "./runtime.conformance.ts";
import { containerConfigOf, describeRuntime, sandboxConfigOf, value } from "./runtime.conformance.ts";

/** On a machine with more to do than this. */
const patience = { timeout: 15_000 };

const commands: Readonly<Record<Kind, readonly string[]>> = {
  steady: ["sleep", "1000"],
  stubborn: ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"],
  failing: ["sh", "-c", "exit 3"],
  succeeding: ["true"],
  unstartable: ["no-such-command"],
};

let directory: string;
const opened: ProcessRuntime[] = [];

type OpenOptions = { readonly bootId?: string; readonly maxSizeBytes?: number; readonly controlGroup?: string };

async function open({ bootId, maxSizeBytes, controlGroup }: OpenOptions = {}): Promise<ProcessRuntime> {
  const runtime = await openProcessRuntime({
    directory: join(directory, "runtime"),
    logsDirectory: join(directory, "logs"),
    clock: systemClock,
    ...(bootId === undefined ? {} : { bootId }),
    ...(controlGroup === undefined ? {} : { controlGroup }),
    ...(maxSizeBytes === undefined ? {} : { logLimits: { maxSizeBytes, maxFiles: 5 } }),
  });
  opened.push(runtime);
  return runtime;
}

beforeEach(() => {
  directory = ownDirectory("process");
});

afterEach(async () => {
  for (const runtime of opened.splice(0)) runtime.close();
  const last = await open();
  for (const { id } of await last.listPodSandboxes({})) await last.removePodSandbox(id);
  for (const { id } of await last.listContainers({})) await last.removeContainer(id);
  last.close();
  opened.length = 0;
  rmSync(directory, { recursive: true, force: true });
});

describeRuntime("process", async () => ({
  runtime: await open(),
  logs: join(directory, "logs"),
  config: (kind) => ({ command: commands[kind] ?? [] }),
  // A shell needs a moment to set its traps.
  tick: () => new Promise((resolve) => setTimeout(resolve, 200)),
  close: async () => {},
}));

type Started = { readonly runtime: ProcessRuntime; readonly id: string; readonly logPath: string };

async function run(
  command: readonly string[],
  fields: Partial<ContainerConfig> = {},
  on?: ProcessRuntime,
): Promise<Started> {
  const runtime = on ?? (await open());
  const sandbox = sandboxConfigOf(join(directory, "logs"));
  const sandboxId = value(await runtime.runPodSandbox(sandbox));
  const id = value(await runtime.createContainer(sandboxId, containerConfigOf({ command, ...fields }), sandbox));
  value(await runtime.startContainer(id));
  return { runtime, id, logPath: join(sandbox.logDirectory, "main/0.log") };
}

async function exited({ runtime, id }: Pick<Started, "runtime" | "id">): Promise<RuntimeContainerStatus> {
  return vi.waitFor(
    async () => {
      const status = await runtime.containerStatus(id);
      if (status?.state !== "exited") throw new Error(`still ${status?.state}`);
      return status;
    },
    { timeout: 10_000, interval: 10 },
  );
}

function texts(path: string): readonly string[] {
  return readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ").slice(3).join(" "));
}

/** The identity of the command's process, as its script wrote it down. */
function mainOf(id: string) {
  const identity = readIdentity(readFileSync(join(directory, "runtime/containers", id, "pid"), "utf8"));
  if (identity === null) throw new Error("no pid");
  return identity;
}

describe("a process container", () => {
  test("sees its own environment and working directory, whatever characters are in them", async () => {
    const envs = [
      { key: "PLAIN", value: "x" },
      { key: "QUOTES", value: `a'b"c $HOME\nsecond line` },
      { key: "with.dots-and-dashes", value: "kept" },
    ];
    const started = await run(["env"], { envs });
    await exited(started);
    expect([...texts(started.logPath)].sort()).toEqual([
      "HOSTNAME=pod",
      `LARES_CONTAINER_ID=${started.id}`,
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "PLAIN=x",
      `QUOTES=a'b"c $HOME`,
      "second line",
      "with.dots-and-dashes=kept",
    ]);
    const elsewhere = await run(["pwd"], { workingDir: "/usr" });
    await exited(elsewhere);
    expect(texts(elsewhere.logPath).at(-1)).toBe("/usr");
  });

  test("finds a volume by its variable, and leaves no log behind", async () => {
    const hostPath = join(directory, "cache");
    mkdirSync(hostPath);
    const mounts = [
      {
        volume: "cache",
        containerPath: "/cache",
        hostPath,
        readonly: false,
        propagation: "private" as const,
      },
    ];
    const command = ["sh", "-c", "echo kept >$(LARES_VOLUME_CACHE)/file; echo $(LARES_VOLUME_NONE) $$"];
    const { runtime, id, logPath } = await run(command, { mounts });
    await exited({ runtime, id });
    expect(readFileSync(join(hostPath, "file"), "utf8")).toBe("kept\n");
    expect(texts(logPath)[0]).toMatch(/^ ?\d+$|not found/);
    const [sandbox] = await runtime.listPodSandboxes({});
    await runtime.removePodSandbox(sandbox?.id ?? "");
    expect(existsSync(join(directory, "logs/pods/ns_pod_uid-1"))).toBe(false);
    expect(readdirSync(join(directory, "logs/containers"))).toEqual([]);
  });

  test("writes both streams to its log, in the form and place of the kubelet", async () => {
    const started = await run(["sh", "-c", "echo out; echo err >&2; printf unfinished"]);
    await exited(started);
    const lines = readFileSync(started.logPath, "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) F \S+$/);
    expect([...texts(started.logPath)].sort()).toEqual(["err", "out", "unfinished"]);
    const link = join(directory, "logs/containers", `pod_ns_main-${started.id}.log`);
    expect(readFileSync(link, "utf8")).toBe(readFileSync(started.logPath, "utf8"));
  });

  test("loses no line of much output, and rotates the log by size", async () => {
    const runtime = await open({ maxSizeBytes: 20_000 });
    const started = await run(
      ["sh", "-c", "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done"],
      {},
      runtime,
    );
    await exited(started);
    const files = readdirSync(join(started.logPath, "..")).sort();
    expect(files).toHaveLength(5);
    expect(files[0]).toBe("0.log");
    expect(files[1]).toMatch(/^0\.log\.\d{8}-\d{6}/);
    const kept = [...files.slice(1), "0.log"].flatMap((name) => {
      const path = join(started.logPath, "..", name);
      return readFileSync(path, "utf8") === "" ? [] : texts(path);
    });
    const numbers = kept.map((text) => Number(text.split(" ")[1]));
    expect(numbers.at(-1)).toBe(1999);
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  });

  test.each([
    ["a command that is nowhere", ["no-such-command"], 127, "ContainerCannotRun", /not found in \$PATH/],
    ["a file that is no program", ["/etc/passwd"], 126, "ContainerCannotRun", /permission denied/],
    ["a file that is not there", ["/no/such/file"], 127, "ContainerCannotRun", /no such file/],
  ])("cannot run %s", async (_, command, exitCode, reason, message) => {
    const runtime = await open();
    const sandbox = sandboxConfigOf(join(directory, "logs"));
    const sandboxId = value(await runtime.runPodSandbox(sandbox));
    const id = value(await runtime.createContainer(sandboxId, containerConfigOf({ command }), sandbox));
    expect(await runtime.startContainer(id)).toMatchObject({ ok: false });
    const status = await runtime.containerStatus(id);
    expect(status).toMatchObject({ state: "exited", exitCode, reason });
    expect(status?.message).toMatch(message);
  });

  test("cannot run in a directory that is not there", async () => {
    const runtime = await open();
    const sandbox = sandboxConfigOf(join(directory, "logs"));
    const sandboxId = value(await runtime.runPodSandbox(sandbox));
    const config = containerConfigOf({ command: ["true"], workingDir: "/no/such" });
    const id = value(await runtime.createContainer(sandboxId, config, sandbox));
    expect(await runtime.startContainer(id)).toMatchObject({ ok: false });
    expect(await runtime.containerStatus(id)).toMatchObject({ exitCode: 128, reason: "StartError" });
  });

  test("exits with 128 and the signal's number when one ends it", async () => {
    const started = await run(["sh", "-c", "kill -SEGV $$"]);
    expect(await exited(started)).toMatchObject({ exitCode: 139, reason: "Error" });
  });

  test("gets SIGTERM first, and time to end by itself", async () => {
    const started = await run(["sh", "-c", "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.02; done"]);
    await vi.waitFor(() => expect(texts(started.logPath)).toEqual(["up"]), patience);
    value(await started.runtime.stopContainer(started.id, 30));
    expect(await exited(started)).toMatchObject({ exitCode: 5 });
    // Between the two the shell may remark that its own child was terminated.
    expect(texts(started.logPath).filter((text) => text !== "Terminated")).toEqual(["up", "bye"]);
  });

  test("takes all its processes with it, those that ran away from its group too", async () => {
    const script = "setsid sleep 1000 & (setsid sh -c 'sleep 1001 & wait' &) ; sleep 1002 & sleep 0.2; exit 0";
    const started = await run(["sh", "-c", script]);
    await vi.waitFor(() => expect(processesOf(started.id, null).length).toBeGreaterThan(3), {
      ...patience,
      interval: 5,
    });
    await exited(started);
    await vi.waitFor(() => expect(processesOf(started.id, null)).toEqual([]), { timeout: 20_000 });
  });

  test("is no child of the agent's that a signal to the agent's group would reach", async () => {
    const { id } = await run(["sleep", "1000"]);
    const { pid } = mainOf(id);
    expect(statOf(pid)).toMatchObject({ session: pid });
    expect(statOf(pid)?.parent).not.toBe(process.pid);
  });

  test("runs as the user it asks for, with no more rights than it is left", async () => {
    if (process.getuid?.() !== 0) return;
    const securityContext = {
      privileged: false,
      runAsUser: 12_345,
      runAsGroup: 23_456,
      supplementalGroups: [34_567],
      noNewPrivileges: true,
      addCapabilities: ["NET_ADMIN"],
      dropCapabilities: ["ALL"],
      readonlyRootfs: false,
      unmaskedProc: false,
    };
    const linux = { resources: { cpuShares: 2, oomScoreAdjust: 500 }, securityContext };
    const command = [
      "sh",
      "-c",
      "id -u; id -G; cat /proc/self/oom_score_adj; grep -E 'NoNewPrivs|CapBnd' /proc/self/status",
    ];
    const started = await run(command, { linux });
    await exited(started);
    expect(texts(started.logPath)).toEqual([
      "12345",
      "23456 34567",
      "500",
      "CapBnd:\t0000000000001000",
      "NoNewPrivs:\t1",
    ]);
  });

  test("runs commands beside itself in its own surroundings, and not for ever", async () => {
    const { runtime, id } = await run(["sleep", "1000"], {
      envs: [{ key: "WHERE", value: "inside" }],
      workingDir: "/usr",
    });
    const shown = value(await runtime.execSync(id, ["sh", "-c", "echo $WHERE; pwd; echo problem >&2; exit 7"], 5));
    expect(shown).toEqual({ stdout: "inside\n/usr\n", stderr: "problem\n", exitCode: 7 });
    expect(await runtime.execSync(id, ["sleep", "100"], 0.1)).toMatchObject({ ok: false, reason: "timeout" });
    expect(await runtime.execSync(id, ["no-such-command"], 1)).toMatchObject({ ok: false, reason: "failed" });
  });
});

describe("a process runtime that is opened again", () => {
  test("takes over what runs, without a gap in its log and without touching it", { repeats: 3 }, async () => {
    const script = "i=0; while :; do echo $i; i=$((i+1)); [ $((i % 3000)) = 0 ] && sleep 0.01; done";
    const { runtime, id, logPath } = await run(["sh", "-c", script]);
    await vi.waitFor(() => expect(texts(logPath).length).toBeGreaterThan(5), patience);
    const { pid, startTime } = mainOf(id);
    runtime.close();
    await new Promise((resolve) => setTimeout(resolve, 150));
    const again = await open();
    expect(await again.containerStatus(id)).toMatchObject({ state: "running" });
    const before = texts(logPath).length;
    await vi.waitFor(() => expect(texts(logPath).length).toBeGreaterThan(before + 20), patience);
    expect(isAlive({ pid, startTime })).toBe(true);
    value(await again.stopContainer(id, 5));
    const numbers = texts(logPath).map(Number);
    expect(numbers).toEqual(numbers.map((_, index) => index));
  });

  test("knows how what ended meanwhile ended, and has its last words", async () => {
    const { runtime, id, logPath } = await run(["sh", "-c", "echo first; sleep 0.2; echo last; exit 9"]);
    runtime.close();
    await new Promise((resolve) => setTimeout(resolve, 400));
    const again = await open();
    expect(await again.containerStatus(id)).toMatchObject({ state: "exited", exitCode: 9, reason: "Error" });
    expect(texts(logPath)).toEqual(["first", "last"]);
  });

  test("keeps nobody waiting who asks everything to end, as a shutdown does, and knows how it ended", async () => {
    const { runtime, id } = await run(["sleep", "1000"]);
    runtime.close();
    const shim = readIdentity(readFileSync(join(directory, "runtime/containers", id, "shim"), "utf8"));
    for (const pid of [shim?.pid ?? 0, mainOf(id).pid]) process.kill(pid, "SIGTERM");
    await vi.waitFor(() => expect(shim === null || isAlive(shim)).toBe(false), { timeout: 20_000 });
    const again = await open({ bootId: "another boot" });
    expect(await again.containerStatus(id)).toMatchObject({ state: "exited", exitCode: 143 });
  });

  test("counts everything as lost when the host has booted meanwhile", async () => {
    const { runtime, id } = await run(["sleep", "1000"]);
    runtime.close();
    const again = await open({ bootId: "another boot" });
    expect(await again.containerStatus(id)).toMatchObject({ state: "exited", exitCode: 255, reason: "Unknown" });
    expect(await again.listPodSandboxes({})).toMatchObject([{ state: "notready" }]);
  });

  test("does not take a stranger for its own when a process number was used again", async () => {
    const { runtime, id } = await run(["sleep", "1000"]);
    runtime.close();
    const main = mainOf(id);
    process.kill(main.pid, "SIGKILL");
    await vi.waitFor(() => expect(isAlive(main)).toBe(false), patience);
    // As if the shim had been killed as well, and both numbers now belonged to this very test.
    const files = join(directory, "runtime/containers", id);
    await vi.waitFor(() => expect(existsSync(join(files, "exit"))).toBe(true), patience);
    rmSync(join(files, "exit"));
    process.kill(Number(readFileSync(join(files, "shim"), "utf8").split(" ")[0]), "SIGKILL");
    writeFileSync(join(files, "pid"), `${process.pid} 1\n`);
    writeFileSync(join(files, "shim"), `${process.pid} 1\n`);
    const again = await open();
    expect(await again.containerStatus(id)).toMatchObject({ state: "exited", exitCode: 137 });
  });

  test("notices the end of a process whose shim was killed", async () => {
    const { runtime, id } = await run(["sleep", "1000"]);
    const shim = readIdentity(readFileSync(join(directory, "runtime/containers", id, "shim"), "utf8"));
    process.kill(shim?.pid ?? 0, "SIGKILL");
    await vi.waitFor(() => expect(shim === null || isAlive(shim)).toBe(false), patience);
    expect(await runtime.containerStatus(id)).toMatchObject({ state: "running" });
    process.kill(mainOf(id).pid, "SIGKILL");
    expect(await exited({ runtime, id })).toMatchObject({ exitCode: 137, reason: "ContainerStatusUnknown" });
  });

  // Again and again: what has only just been started is the hardest to find.
  test("throws away what a crash left half made", { repeats: 20 }, async () => {
    const { runtime, id } = await run(["sleep", "1000"]);
    runtime.close();
    writeFileSync(join(directory, "runtime/containers", id, "config.json"), '{"id":');
    writeFileSync(join(directory, "runtime/sandboxes", "half.json"), "");
    const again = await open();
    expect(await again.listContainers({})).toEqual([]);
    expect(await again.listPodSandboxes({})).toHaveLength(1);
    await vi.waitFor(() => expect(processesOf(id, null)).toEqual([]), patience);
  });
});

const groupRoots = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"];
const isUnified = existsSync("/sys/fs/cgroup/cgroup.controllers");
const hasControlGroups = ControlGroups.open("lares-test") !== null;

describe.runIf(hasControlGroups)("a process container in a control group", () => {
  afterAll(() => {
    for (const root of [...groupRoots, "/sys/fs/cgroup/cpu"]) {
      if (existsSync(join(root, "lares-test"))) rmdirSync(join(root, "lares-test"));
    }
  });

  const limited = (memoryLimit: number) => ({
    resources: { cpuShares: 512, cpuQuota: 50_000, memoryLimit, oomScoreAdjust: 1000 },
    securityContext: containerConfigOf({}).linux.securityContext,
  });

  test("has its limits, and its group goes with it", async () => {
    const runtime = await open({ controlGroup: "lares-test" });
    const { id } = await run(["sleep", "1000"], { linux: limited(64 * 1024 * 1024) }, runtime);
    const groups = groupRoots.map((root) => join(root, "lares-test", id)).filter((path) => existsSync(path));
    expect(groups).toHaveLength(1);
    const [group = ""] = groups;
    expect(readFileSync(join(group, "cgroup.procs"), "utf8")).toContain(String(mainOf(id).pid));
    const limit = ["memory.limit_in_bytes", "memory.max"]
      .map((name) => join(group, name))
      .find((path) => existsSync(path));
    expect(readFileSync(limit ?? "", "utf8")).toBe("67108864\n");
    const cpu = isUnified ? group : join("/sys/fs/cgroup/cpu/lares-test", id);
    const told = (name: string) => readFileSync(join(cpu, name), "utf8").trim();
    if (isUnified) expect([told("cpu.max"), told("cpu.weight")]).toEqual(["50000 100000", "20"]);
    else expect([told("cpu.cfs_quota_us"), told("cpu.shares")]).toEqual(["50000", "512"]);
    value(await runtime.removeContainer(id));
    expect(existsSync(group)).toBe(false);
  });

  // Where there is a tree for each controller, the kernel knows no such thing.
  if (isUnified) {
    test("ends as a whole when memory runs out for one of its processes", async () => {
      const runtime = await open({ controlGroup: "lares-test" });
      const hungry = `${process.execPath} -e 'const kept = []; for (;;) kept.push(Buffer.alloc(8 << 20, 1));'`;
      const linux = limited(96 * 1024 * 1024);
      const started = await run(["sh", "-c", `${hungry}; sleep 1000`], { linux }, runtime);
      expect(await exited(started)).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
      value(await runtime.removeContainer(started.id));
    });
  }

  test("is told from others that ended when its memory ran out", async () => {
    const runtime = await open({ controlGroup: "lares-test" });
    const hungry = "const kept = []; for (;;) kept.push(Buffer.alloc(8 << 20, 1));";
    const started = await run([process.execPath, "-e", hungry], { linux: limited(96 * 1024 * 1024) }, runtime);
    expect(await exited(started)).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
    value(await runtime.removeContainer(started.id));
  });
});

test("counts what all processes of a container use", async () => {
  const runtime = await open();
  const sandbox = sandboxConfigOf(join(directory, "logs"));
  const sandboxId = value(await runtime.runPodSandbox(sandbox));
  // Half a second of work, however long it takes, in a child that has ended; then a rest.
  const work = "i=0; while [ $i -lt 600000 ]; do i=$((i+1)); done";
  const config = containerConfigOf({ command: ["sh", "-c", `sh -c '${work}'; sleep 1000`] });
  const id = value(await runtime.createContainer(sandboxId, config, sandbox));
  value(await runtime.startContainer(id));
  await vi.waitFor(
    async () => {
      const [stats] = await runtime.listContainerStats();
      expect(stats?.usageCoreNanoSeconds).toBeGreaterThan(100_000_000);
      expect(stats?.workingSetBytes).toBeGreaterThan(100_000);
    },
    { timeout: 10_000, interval: 50 },
  );
});
