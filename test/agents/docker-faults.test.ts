// What becomes of pods when the engine beneath them is ended, started again, or shared with others.
import { existsSync, linkSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import type { DockerRuntime } from "../../agents/node/runtime/docker/docker.ts";
import type { ContainerConfig, PodSandboxConfig } from "../../agents/node/runtime/runtime.ts";
import { busyboxImage } from "../containers/image.ts";
import { containerConfigOf, sandboxConfigOf, value } from "./runtime.conformance.ts";
import { engine } from "./support/engine.ts";
import { EngineFixture } from "./support/engine-fixture.ts";

const patience = { timeout: 20_000, interval: 20 };
const counting = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done";

describe.each(["docker", "podman"] as const)("pods of %s", (kind) => {
  let fixture: EngineFixture;
  beforeAll(async () => {
    fixture = await EngineFixture.start(kind);
  }, 60_000);
  afterAll(() => fixture.remove(), 60_000);
  afterEach(() => fixture.clear(), 60_000);

  const logs = () => join(fixture.directory, "logs");

  async function start(
    runtime: DockerRuntime,
    command: readonly string[],
    { sandbox = {}, config = {} }: { sandbox?: Partial<PodSandboxConfig>; config?: Partial<ContainerConfig> } = {},
  ) {
    const all = { ...sandboxConfigOf(logs()), hostNetwork: false, ...sandbox };
    const sandboxId = value(await runtime.runPodSandbox(all));
    const made = containerConfigOf({ image: fixture.image, command, ...config });
    const id = value(await runtime.createContainer(sandboxId, made, all));
    value(await runtime.startContainer(id));
    return { sandboxId, id, logPath: join(all.logDirectory, made.logPath) };
  }

  /** All that the container has said so far, rotated parts first. */
  function said(logPath: string): readonly string[] {
    const folder = join(logPath, "..");
    if (!existsSync(folder)) return [];
    const parts = readdirSync(folder).filter((name) => name.startsWith("0.log."));
    return [...parts.sort(), "0.log"]
      .flatMap((name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8").split("\n") : []))
      .filter((line) => line !== "")
      .map((line) => line.split(" ").slice(3).join(" "));
  }

  function expectNoGap(logPath: string): void {
    const numbers = said(logPath).map(Number);
    expect(numbers).toEqual(numbers.map((_, index) => index));
  }

  async function pidOf(id: string): Promise<number> {
    const { text } = await engine(fixture.daemon.socket, "GET", `/containers/${id}/json`);
    return JSON.parse(text).State.Pid;
  }

  test.each(["SIGTERM", "SIGKILL"] as const)("run on when it is ended by %s, and lose no line", async (signal) => {
    const runtime = await fixture.open();
    const { id, logPath } = await start(runtime, ["sh", "-c", counting]);
    await vi.waitFor(() => expect(said(logPath).length).toBeGreaterThan(5), patience);
    const pid = await pidOf(id);
    await fixture.daemon.stop(signal);
    await expect(runtime.listContainers({})).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const told: string[] = [];
    runtime.onChange((uid) => told.push(uid));
    await fixture.daemon.resume();
    await vi.waitFor(() => expect(told).toContain("uid-1"), patience);
    expect(await runtime.containerStatus(id)).toMatchObject({ state: "running" });
    expect(await pidOf(id)).toBe(pid);
    const before = said(logPath).length;
    await vi.waitFor(() => expect(said(logPath).length).toBeGreaterThan(before + 20), patience);
    expectNoGap(logPath);
  });

  test("that end while it is away are told with their exit code", async () => {
    const runtime = await fixture.open();
    const { id } = await start(runtime, ["sh", "-c", "sleep 1; echo last; exit 9"]);
    await fixture.daemon.stop("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await fixture.daemon.resume();
    await vi.waitFor(async () => {
      expect(await runtime.containerStatus(id)).toMatchObject({ state: "exited", exitCode: 9, reason: "Error" });
    }, patience);
  });

  test("go on in their logs where another agent left off, with long lines and no end to the last one", async () => {
    const script = `${counting.replace("sleep 0.02", "sleep 0.002")}`;
    const first = await fixture.open({ logLimits: { maxSizeBytes: 8000, maxFiles: 1000 } });
    const { id, logPath } = await start(first, ["sh", "-c", script]);
    await vi.waitFor(() => expect(said(logPath).length).toBeGreaterThan(300), patience);
    first.close();
    for (let round = 0; round < 3; round++) {
      // Agents of one node do not overlap: the last write of the one that was let go comes to its end.
      await new Promise((resolve) => setTimeout(resolve, 100));
      const next = await fixture.open({ logLimits: { maxSizeBytes: 8000, maxFiles: 1000 } });
      const before = said(logPath).length;
      await vi.waitFor(() => expect(said(logPath).length).toBeGreaterThan(before + 100), patience);
      next.close();
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    const last = await fixture.open({ logLimits: { maxSizeBytes: 8000, maxFiles: 1000 } });
    value(await last.stopContainer(id, 0));
    await last.containerStatus(id);
    expectNoGap(logPath);
  });

  test("say all that they have to, long lines in parts", async () => {
    const runtime = await fixture.open();
    const script = "head -c 40000 /dev/zero | tr '\\0' x; echo; printf end";
    const { id, logPath } = await start(runtime, ["sh", "-c", script]);
    await vi.waitFor(async () => {
      expect(await runtime.containerStatus(id)).toMatchObject({ state: "exited" });
    }, patience);
    expect(said(logPath).map((text) => text.length)).toContain(3);
    expect(said(logPath).join("")).toBe(`${"x".repeat(40_000)}end`);
    expect(readFileSync(logPath, "utf8")).toMatch(/ stdout P x+\n[^ ]+ stdout [FP] x+\n/);
  });

  test("have no sandbox any more when it was killed, or started again by somebody", async () => {
    const runtime = await fixture.open();
    const { sandboxId } = await start(runtime, ["sleep", "1000"]);
    expect(await runtime.listPodSandboxes({})).toMatchObject([{ state: "ready", ip: expect.stringMatching(/^10\./) }]);
    await engine(fixture.daemon.socket, "POST", `/containers/${sandboxId}/kill`);
    await vi.waitFor(async () => {
      expect(await runtime.listPodSandboxes({})).toMatchObject([{ state: "notready" }]);
    }, patience);
    await engine(fixture.daemon.socket, "POST", `/containers/${sandboxId}/start`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await runtime.listPodSandboxes({})).toMatchObject([{ state: "notready" }]);
  });

  test("leave alone what is not theirs, and are left alone by other agents", async () => {
    const { socket } = fixture.daemon;
    const content = { Image: fixture.image, Cmd: ["sleep", "1000"], Labels: { "lares.dev/pod.uid": "uid-1" } };
    const made = await engine(socket, "POST", "/containers/create?name=foreign", content);
    const foreign: string = JSON.parse(made.text).Id;
    await engine(socket, "POST", `/containers/${foreign}/start`);
    const runtime = await fixture.open();
    const neighbour = await fixture.open({ owner: "node-2" });
    const { id, sandboxId } = await start(runtime, ["sleep", "1000"]);
    expect(await neighbour.listContainers({})).toEqual([]);
    expect(await neighbour.listPodSandboxes({})).toEqual([]);
    for (const victim of [id, foreign]) {
      value(await neighbour.stopContainer(victim, 0));
      value(await neighbour.removeContainer(victim));
      expect(await neighbour.containerStatus(victim)).toBeNull();
      expect(await neighbour.execSync(victim, ["true"], 5)).toMatchObject({ ok: false });
    }
    value(await neighbour.stopPodSandbox(sandboxId));
    value(await neighbour.removePodSandbox(sandboxId));
    expect(await runtime.containerStatus(id)).toMatchObject({ state: "running" });
    value(await runtime.removePodSandbox(sandboxId));
    expect(await runtime.listContainers({})).toEqual([]);
    expect(await pidOf(foreign)).toBeGreaterThan(0);
    await engine(socket, "DELETE", `/containers/${foreign}?force=1`);
  });

  test("are made once, though an agent died in the middle of it", async () => {
    const runtime = await fixture.open();
    const sandbox = sandboxConfigOf(logs());
    const sandboxId = value(await runtime.runPodSandbox(sandbox));
    const config = containerConfigOf({ image: fixture.image, command: ["sleep", "1000"] });
    const lost = value(await runtime.createContainer(sandboxId, config, sandbox));
    const id = value(await runtime.createContainer(sandboxId, config, sandbox));
    expect(id).not.toBe(lost);
    expect(await runtime.listContainers({})).toMatchObject([{ id }]);
    value(await runtime.startContainer(id));
    expect(await runtime.createContainer(sandboxId, config, sandbox)).toMatchObject({ ok: false });
    expect(await runtime.containerStatus(id)).toMatchObject({ state: "running" });
  });

  test("need no image but their own: what holds their namespaces comes with the agent", async () => {
    const runtime = await fixture.open();
    const { sandboxId } = await start(runtime, ["sleep", "1000"]);
    const { text } = await engine(fixture.daemon.socket, "GET", `/containers/${sandboxId}/json`);
    expect(JSON.parse(text).Config.Image).toBe("lares.dev/pause-v1:latest");
    // It obeys: nobody kills it.
    const pid = await pidOf(sandboxId);
    process.kill(pid, "SIGTERM");
    await vi.waitFor(async () => expect(await pidOf(sandboxId)).toBe(0), patience);
  });

  test("that share their processes have their orphans buried", async () => {
    const runtime = await fixture.open();
    const orphans = "for i in 1 2 3; do (sleep 0.1 &) ; done; sleep 1000";
    const { id } = await start(runtime, ["sh", "-c", orphans], { sandbox: { pidNamespace: "pod" } });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { stdout } = value(await runtime.execSync(id, ["ps", "-o", "stat,args"], 10));
    expect(stdout).toContain("/pause");
    expect(stdout).not.toMatch(/^Z/m);
  });

  test("have images of which it is written down, whole at every moment, that the agent has pulled them", async () => {
    const runtime = await fixture.open();
    const file = join(fixture.directory, "pulled-images.json");
    const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));
    const other = await fixture.registry.push("test/other:1", busyboxImage({ labels: { kind } }));
    value(await runtime.pullImage(fixture.image, sandboxConfigOf(logs()), []));
    linkSync(file, `${file}.before`);
    value(await runtime.pullImage(other, sandboxConfigOf(logs()), []));
    // Nobody has written into the file of before: a loss of power leaves the one or the other.
    expect(read(`${file}.before`)).toHaveLength(1);
    expect(read(file)).toHaveLength(2);
  });

  test("run in sandboxes of another image where one is named, which is pulled", async () => {
    const runtime = await fixture.open({ sandboxImage: fixture.image });
    expect(await runtime.runPodSandbox(sandboxConfigOf(logs()))).toMatchObject({ ok: true });
    const without = await fixture.open({ sandboxImage: `${fixture.registry.host}/no/such:1` });
    expect(await without.runPodSandbox(sandboxConfigOf(logs(), "uid-2"))).toMatchObject({
      ok: false,
      message: expect.stringMatching(/cannot pull the sandbox image .*no\/such/),
    });
  });
});

test("dockerd that would take its pods with it is warned of", async () => {
  const { DockerDaemon } = await import("./support/dockerd.ts");
  const { openDockerRuntime } = await import("../../agents/node/runtime/docker/docker.ts");
  const { systemClock } = await import("../../agents/node/host/system.ts");
  const docker = await DockerDaemon.start({ "live-restore": false });
  const warnings: string[] = [];
  const { directory } = docker;
  const runtime = await openDockerRuntime({
    address: { socketPath: docker.socket },
    owner: "node-1",
    directory,
    logsDirectory: directory,
    seccompDirectories: [directory],
    clock: systemClock,
    log: { info: () => {}, warn: (message) => void warnings.push(message) },
  });
  try {
    await vi.waitFor(() => expect(warnings).toEqual(["pods end when dockerd is stopped or upgraded"]), patience);
  } finally {
    runtime.close();
    await docker.remove();
  }
});
