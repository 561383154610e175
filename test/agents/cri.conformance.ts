// The CRI's driver against a real containerd, of whatever release.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { systemClock } from "../../agents/node/host/system.ts";
import type { CriRuntime } from "../../agents/node/runtime/cri/cri.ts";
import { openCriRuntime } from "../../agents/node/runtime/cri/cri.ts";
import { CriClient, methods } from "../../agents/node/runtime/cri/service.ts";
import type { ContainerConfig, PodSandboxConfig, RuntimeContainerStatus } from "../../agents/node/runtime/runtime.ts";
import type { Engines } from "../containers/engines.ts";
import { installedEngines } from "../containers/engines.ts";
import { busyboxImage, pauseImage } from "../containers/image.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { Registry } from "../containers/registry.ts";
import { describeContainers } from "./containers.conformance.ts";
import type { Kind } from "./runtime.conformance.ts";
import { containerConfigOf, describeRuntime, sandboxConfigOf, value } from "./runtime.conformance.ts";
import { Containerd } from "./support/containerd.ts";

const commands: Readonly<Record<Kind, readonly string[]>> = {
  steady: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"],
  stubborn: ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"],
  failing: ["sh", "-c", "exit 3"],
  succeeding: ["true"],
  unstartable: ["no-such-command"],
};

/** `name` tells which one it is. */
export function describeContainerd(name: string, engines: Engines): void {
  // From 1.7 on it lets go of a task that has ended when it comes back, and with it of how it ended.
  const isForgetful = engines !== installedEngines;
  const missedEnd = isForgetful ? { exitCode: 255, reason: "Unknown" } : { exitCode: 9, reason: "Error" };

  describe(`with ${name}`, () => {
    let registry: Registry;
    let containerd: Containerd;
    let busybox: string;
    let pause: string;
    let directory: string;

    beforeAll(async () => {
      directory = ownDirectory("cri");
      registry = await Registry.start();
      busybox = await registry.push("test/busybox:1", busyboxImage());
      pause = await registry.push("test/pause:1", pauseImage());
      containerd = await Containerd.start({ sandboxImage: pause, engines });
    });

    afterAll(async () => {
      await containerd?.remove();
      await registry?.remove();
      rmSync(directory, { recursive: true, force: true });
    });

    function options(owner: string, logsDirectory: string) {
      return {
        socketPath: containerd.socketPath,
        owner,
        logsDirectory,
        seccompDirectories: [join(directory, "seccomp")],
        controlGroup: containerd.controlGroup,
        clock: systemClock,
        log: { info: () => {}, warn: () => {} },
      };
    }

    function open(owner = "agent-1", logsDirectory = join(directory, "log")): Promise<CriRuntime> {
      return openCriRuntime(options(owner, logsDirectory));
    }

    /** Processes of a container, by its control group. */
    function pidsOf(id: string): readonly number[] {
      return readdirSync("/proc")
        .map(Number)
        .filter((pid) => {
          try {
            return pid > 0 && readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(id);
          } catch {
            return false;
          }
        });
    }

    async function empty(runtime: CriRuntime): Promise<void> {
      for (const { id } of await runtime.listPodSandboxes({})) await runtime.removePodSandbox(id);
      runtime.close();
    }

    /** A directory for one test, and what runs in the runtime when it begins: nothing. */
    async function opened() {
      const own = mkdtempSync(join(directory, "test-"));
      const logs = join(own, "log");
      const runtime = await open("agent-1", logs);
      value(await runtime.pullImage(busybox, sandboxConfigOf(logs), []));
      return { runtime, directory: own, logs, registry, busybox, close: () => empty(runtime) };
    }

    describeRuntime("containerd", async () => ({
      ...(await opened()),
      config: (kind) => ({ image: busybox, command: commands[kind] }),
      // A shell needs a moment to set its traps.
      tick: () => new Promise((resolve) => setTimeout(resolve, 200)),
    }));

    describeContainers("containerd", opened);

    describe("a containerd", () => {
      let harness: Awaited<ReturnType<typeof opened>>;
      beforeEach(async () => {
        harness = await opened();
      });
      afterEach(() => harness.close());

      async function start(
        command: readonly string[],
        fields: Partial<ContainerConfig> = {},
        sandbox: PodSandboxConfig = sandboxConfigOf(harness.logs),
      ) {
        const { runtime, logs } = harness;
        const sandboxId = value(await runtime.runPodSandbox(sandbox));
        const { uid } = sandbox.metadata;
        const config = containerConfigOf({ image: busybox, command, ...fields }, uid);
        const id = value(await runtime.createContainer(sandboxId, config, sandbox));
        value(await runtime.startContainer(id));
        return { id, sandboxId, logPath: join(logs, "pods", `ns_pod_${uid}`, "main/0.log") };
      }

      async function exited(id: string): Promise<RuntimeContainerStatus> {
        return vi.waitFor(
          async () => {
            const status = await harness.runtime.containerStatus(id);
            if (status?.state !== "exited") throw new Error(`still ${status?.state}`);
            return status;
          },
          { timeout: 10_000, interval: 20 },
        );
      }

      function counted(path: string): readonly number[] {
        const lines = readFileSync(path, "utf8").trimEnd().split("\n");
        return lines.map((line) => Number(line.split(" ").at(-1)));
      }

      const counting = ["sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done"];

      test("that is killed leaves its containers running, and is found again when it is back", async () => {
        const { runtime } = harness;
        const told: string[] = [];
        runtime.onChange((uid) => told.push(uid));
        const { id, logPath } = await start(counting);
        const other = await start(["sh", "-c", "sleep 2; exit 9"], {}, sandboxConfigOf(harness.logs, "uid-2"));
        const { startedAtMs } = (await runtime.containerStatus(id)) ?? {};
        await containerd.kill();
        await expect(runtime.listContainers({})).rejects.toThrow();
        expect(await runtime.stopPodSandbox("any")).toMatchObject({ ok: false, reason: "failed" });
        const before = counted(logPath).length;
        // Long enough for the other one to end while nobody looks.
        await new Promise((resolve) => setTimeout(resolve, 2500));
        told.length = 0;
        await containerd.resume();
        expect(await exited(other.id)).toMatchObject(missedEnd);
        await vi.waitFor(() => expect(told).toContain("uid-2"), { timeout: 10_000 });
        expect(await runtime.containerStatus(id)).toMatchObject({ state: "running", startedAtMs });
        value(await runtime.stopContainer(id, 0));
        const numbers = counted(logPath);
        expect(numbers.length).toBeGreaterThan(before + 100);
        expect(numbers).toEqual(numbers.map((_, index) => index));
      });

      test("whose host lost its power shows what is lost as lost, and lets it be made anew", async () => {
        const { runtime } = harness;
        const { id, sandboxId } = await start(counting);
        await containerd.cutPower();
        await containerd.resume();
        expect(await runtime.listPodSandboxes({})).toMatchObject([{ id: sandboxId, state: "notready" }]);
        expect(await runtime.containerStatus(id)).toMatchObject({
          state: "exited",
          exitCode: 255,
          reason: "Unknown",
          labels: containerConfigOf({}).labels,
          podSandboxId: sandboxId,
        });
        const again = sandboxConfigOf(harness.logs, "uid-1", 1);
        const second = await start(counting, { metadata: { name: "main", attempt: 1 } }, again);
        expect(await runtime.containerStatus(second.id)).toMatchObject({ state: "running" });
        value(await runtime.removePodSandbox(sandboxId));
        expect(await runtime.listPodSandboxes({})).toMatchObject([{ id: second.sandboxId, state: "ready" }]);
      });

      test("tells of an end at once, without being asked all the time", async () => {
        const { runtime } = harness;
        const asked = vi.spyOn(CriClient.prototype, "call");
        const told: number[] = [];
        runtime.onChange(() => told.push(performance.now()));
        const { id } = await start(["sleep", "1000"]);
        // What the start itself is good for.
        await new Promise((resolve) => setTimeout(resolve, 1000));
        asked.mockClear();
        await new Promise((resolve) => setTimeout(resolve, 3000));
        expect(asked).not.toHaveBeenCalled();
        asked.mockRestore();
        told.length = 0;
        const endedAt = performance.now();
        for (const pid of pidsOf(id)) process.kill(pid, "SIGKILL");
        await vi.waitFor(() => expect(told.length).toBeGreaterThan(0), { timeout: 10_000, interval: 10 });
        // Long before anybody looks by himself, which is each ten seconds while nothing happens.
        expect((told[0] ?? 0) - endedAt).toBeLessThan(5000);
      });

      test("that others use as well is shared with them: what is theirs is not seen, touched or told of", async () => {
        const { runtime } = harness;
        const theirs = await open("agent-2", join(harness.directory, "their-log"));
        const sandbox = sandboxConfigOf(join(harness.directory, "their-log"), "uid-9");
        const sandboxId = value(await theirs.runPodSandbox(sandbox));
        const config = containerConfigOf({ image: busybox, command: ["sleep", "1000"] }, "uid-9");
        const id = value(await theirs.createContainer(sandboxId, config, sandbox));
        value(await theirs.startContainer(id));
        const told: string[] = [];
        runtime.onChange((uid) => told.push(uid));
        expect(await runtime.listPodSandboxes({})).toEqual([]);
        expect(await runtime.listPodSandboxes({ podUid: "uid-9" })).toEqual([]);
        expect(await runtime.listContainers({})).toEqual([]);
        expect(await runtime.listContainerStats()).toEqual([]);
        const { image } = (await theirs.containerStatus(id)) ?? {};
        const listed = await runtime.images.list();
        expect(listed.flatMap(({ repoTags }) => repoTags)).not.toContain(image);
        expect(listed.flatMap(({ repoTags }) => repoTags)).not.toContain(pause);
        const own = await start(["true"]);
        await exited(own.id);
        value(await theirs.stopContainer(id, 0));
        await vi.waitFor(() => expect(told).toContain("uid-1"), { timeout: 20_000 });
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(told).not.toContain("uid-9");
        value(await runtime.removePodSandbox(own.sandboxId));
        expect(await theirs.listPodSandboxes({})).toMatchObject([{ id: sandboxId, state: "ready" }]);
        await empty(theirs);
      });

      test("keeps each pod in a control group of its own, which weighs what its containers do and goes with it", async () => {
        const { linux } = containerConfigOf({});
        const resources = { ...linux.resources, cpuShares: 512 };
        const { sandboxId } = await start(["sleep", "1000"], { linux: { ...linux, resources } });
        const root = existsSync("/sys/fs/cgroup/cgroup.controllers") ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
        const group = join(root, containerd.controlGroup, "poduid-1");
        const file = root.endsWith("cpu") ? "cpu.shares" : "cpu.weight";
        expect(readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory())).toHaveLength(2);
        // With the two shares of the sandbox.
        expect(readFileSync(join(group, file), "utf8")).toBe(root.endsWith("cpu") ? "514\n" : "21\n");
        value(await harness.runtime.removePodSandbox(sandboxId));
        expect(existsSync(group)).toBe(false);
      });

      test("confines a container by a seccomp profile of the node's", async () => {
        const profile = {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
        };
        mkdirSync(join(directory, "seccomp"), { recursive: true });
        writeFileSync(join(directory, "seccomp/no-folders.json"), JSON.stringify(profile));
        const { linux } = containerConfigOf({});
        const seccomp = { type: "Localhost", localhostProfile: "no-folders.json" } as const;
        const securityContext = { ...linux.securityContext, seccomp };
        const { id } = await start(["sh", "-c", "touch /file && ! mkdir /folder"], {
          linux: { ...linux, securityContext },
        });
        expect(await exited(id)).toMatchObject({ exitCode: 0 });
      });

      test("leaves nothing of a pod whose sandboxes, of before and after a boot, are removed at the same time", async () => {
        const { runtime, logs } = harness;
        const sandbox = sandboxConfigOf(logs);
        const again = { ...sandbox, metadata: { ...sandbox.metadata, attempt: sandbox.metadata.attempt + 1 } };
        const { sandboxId, logPath } = await start(["sleep", "1000"], {}, sandbox);
        const other = value(await runtime.runPodSandbox(again));
        expect(existsSync(logPath)).toBe(true);
        await Promise.all([sandboxId, other].map(async (id) => value(await runtime.removePodSandbox(id))));
        expect(readdirSync(join(logs, "pods"))).toEqual([]);
      });

      test("leaves nothing of a pod that is gone: no logs, no links to them", async () => {
        const { sandboxId, id } = await start(["sh", "-c", "echo said"]);
        await exited(id);
        expect(readdirSync(join(harness.logs, "containers"))).toHaveLength(1);
        value(await harness.runtime.removePodSandbox(sandboxId));
        expect(readdirSync(join(harness.logs, "pods"))).toEqual([]);
        expect(readdirSync(join(harness.logs, "containers"))).toEqual([]);
      });
    });

    test("a containerd without a network for pods runs those on the host's, and says so of others", async () => {
      const lonely = await Containerd.start({ sandboxImage: pause, podNetwork: false, engines });
      const logs = join(directory, "lonely");
      const runtime = await openCriRuntime({ ...options("agent-1", logs), socketPath: lonely.socketPath });
      try {
        expect(await runtime.status()).toMatchObject([
          { type: "RuntimeReady", status: true },
          { type: "NetworkReady", status: false, reason: "NetworkPluginNotReady" },
        ]);
        const refused = await runtime.runPodSandbox({ ...sandboxConfigOf(logs, "uid-2"), hostNetwork: false });
        expect(refused).toMatchObject({
          ok: false,
          message: expect.stringMatching(/^spec\.hostNetwork: .*cni plugin/),
        });
        value(await runtime.runPodSandbox(sandboxConfigOf(logs)));
        expect(await runtime.listPodSandboxes({})).toMatchObject([{ state: "ready", metadata: { uid: "uid-1" } }]);
      } finally {
        runtime.close();
        await lonely.remove();
      }
    });

    test("where nobody listens, calls fail and say so, and all is well once somebody does", async () => {
      const client = new CriClient(join(directory, "no.sock"));
      await expect(client.call(methods.version, {})).rejects.toThrow(/ENOENT/);
      client.close();
      await expect(client.call(methods.version, {})).rejects.toThrow("the client was closed");
    });
  });
}
