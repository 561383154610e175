// What every runtime driver must do. A driver's test calls `describeRuntime` with a way to make containers of each kind.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { annotations, labels } from "../../agents/node/pod/labels.ts";
import type {
  ContainerConfig,
  PodSandboxConfig,
  Result,
  Runtime,
  RuntimeContainerStatus,
} from "../../agents/node/runtime/runtime.ts";

/**
 * `steady` runs until it is asked to end, `stubborn` until it is killed, `failing` exits with 3 at once, `succeeding`
 * with 0, `unstartable` cannot be started.
 */
export type Kind = "failing" | "steady" | "stubborn" | "succeeding" | "unstartable";

export type Harness = {
  readonly runtime: Runtime;
  config(kind: Kind): Partial<ContainerConfig>;
  /** Lets what is due happen; real runtimes just wait. */
  tick(): Promise<void>;
  close(): Promise<void>;
  /** Directory for logs. */
  readonly logs: string;
};

export function sandboxConfigOf(logs: string, uid = "uid-1", attempt = 0): PodSandboxConfig {
  return {
    metadata: { name: "pod", uid, namespace: "ns", attempt },
    hostname: "pod",
    logDirectory: `${logs}/pods/ns_pod_${uid}`,
    portMappings: [],
    labels: { [labels.podUid]: uid, [labels.podName]: "pod", [labels.podNamespace]: "ns" },
    annotations: {},
    hostNetwork: true,
    hostIpc: false,
    pidNamespace: "container",
    sysctls: {},
    securityContext: { privileged: false, supplementalGroups: [] },
  };
}

export function containerConfigOf(fields: Partial<ContainerConfig>, uid = "uid-1"): ContainerConfig {
  const { name, attempt } = fields.metadata ?? { name: "main", attempt: 0 };
  return {
    metadata: { name, attempt },
    image: "registry.example/app:1",
    command: [],
    args: [],
    workingDir: "",
    envs: [],
    mounts: [],
    labels: { [labels.podUid]: uid, [labels.containerName]: name },
    annotations: { [annotations.hash]: "1" },
    logPath: `${name}/${attempt}.log`,
    stdin: false,
    stdinOnce: false,
    tty: false,
    linux: {
      resources: { cpuShares: 2, oomScoreAdjust: 1000 },
      securityContext: {
        privileged: false,
        supplementalGroups: [],
        noNewPrivileges: false,
        addCapabilities: [],
        dropCapabilities: [],
        readonlyRootfs: false,
        unmaskedProc: false,
      },
    },
    ...fields,
  };
}

export function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.reason}: ${result.message}`);
  return result.value;
}

export function describeRuntime(name: string, open: () => Promise<Harness>): void {
  describe(`the ${name} runtime`, () => {
    let harness: Harness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    async function sandbox(uid?: string): Promise<string> {
      return value(await harness.runtime.runPodSandbox(sandboxConfigOf(harness.logs, uid)));
    }

    async function create(sandboxId: string, kind: Kind, uid?: string): Promise<string> {
      const config = containerConfigOf(harness.config(kind), uid);
      return value(await harness.runtime.createContainer(sandboxId, config, sandboxConfigOf(harness.logs, uid)));
    }

    async function start(kind: Kind): Promise<string> {
      const id = await create(await sandbox(), kind);
      value(await harness.runtime.startContainer(id));
      await harness.tick();
      return id;
    }

    async function state(id: string): Promise<RuntimeContainerStatus | null> {
      await harness.tick();
      return harness.runtime.containerStatus(id);
    }

    async function exited(id: string): Promise<RuntimeContainerStatus> {
      return vi.waitFor(
        async () => {
          const status = await state(id);
          if (status?.state !== "exited") throw new Error(`still ${status?.state}`);
          return status;
        },
        { timeout: 20_000, interval: 10 },
      );
    }

    test("lists a sandbox by its pod, with what it was made with", async () => {
      const id = await sandbox("uid-1");
      await sandbox("uid-2");
      expect(await harness.runtime.listPodSandboxes({})).toHaveLength(2);
      const [found, ...others] = await harness.runtime.listPodSandboxes({ podUid: "uid-1" });
      expect(others).toEqual([]);
      expect(found).toMatchObject({ id, state: "ready", metadata: { uid: "uid-1", attempt: 0 } });
    });

    test("makes a container that is created, not running", async () => {
      const id = await create(await sandbox(), "steady");
      expect(await state(id)).toMatchObject({ state: "created", metadata: { name: "main", attempt: 0 } });
      expect(await harness.runtime.listContainers({ podUid: "uid-1" })).toHaveLength(1);
      expect(await harness.runtime.listContainers({ podUid: "uid-2" })).toHaveLength(0);
    });

    test("says what running containers use, and nothing of others", async () => {
      const id = await start("steady");
      await create(await sandbox("uid-2"), "steady", "uid-2");
      const [stats, ...others] = await harness.runtime.listContainerStats();
      expect(others).toEqual([]);
      expect(stats).toMatchObject({ podUid: "uid-1", name: "main", id });
      expect(stats?.workingSetBytes).toBeGreaterThan(0);
      expect(stats?.usageCoreNanoSeconds).toBeGreaterThanOrEqual(0);
      value(await harness.runtime.stopContainer(id, 0));
      await harness.tick();
      expect(await harness.runtime.listContainerStats()).toEqual([]);
    });

    test("refuses a container without a sandbox", async () => {
      const config = containerConfigOf(harness.config("steady"));
      const result = await harness.runtime.createContainer("nowhere", config, sandboxConfigOf(harness.logs));
      expect(result.ok).toBe(false);
    });

    test("starts a container and knows since when it runs", async () => {
      const id = await start("steady");
      const status = await state(id);
      expect(status).toMatchObject({ state: "running", annotations: { [annotations.hash]: "1" } });
      expect(status?.startedAtMs).toBeGreaterThanOrEqual((status?.createdAtMs ?? 0) - 1000);
    });

    test("stops a container that obeys before its time is up", async () => {
      const id = await start("steady");
      value(await harness.runtime.stopContainer(id, 30));
      const status = await exited(id);
      expect(status.exitCode).not.toBe(137);
      expect(status.finishedAtMs).toBeGreaterThanOrEqual(status.startedAtMs ?? Number.POSITIVE_INFINITY);
    });

    test("kills a container that does not obey when its time is up", async () => {
      const id = await start("stubborn");
      const stopped = harness.runtime.stopContainer(id, 0.2);
      await harness.tick();
      value(await stopped);
      expect(await exited(id)).toMatchObject({ exitCode: 137, reason: "Error" });
    });

    test("kills a container sooner when it is told so later", async () => {
      const id = await start("stubborn");
      const first = harness.runtime.stopContainer(id, 60);
      const second = harness.runtime.stopContainer(id, 0.2);
      await harness.tick();
      value(await second);
      value(await first);
      expect(await exited(id)).toMatchObject({ exitCode: 137 });
    });

    test("is not troubled by stopping and removing what has ended or is gone", async () => {
      const id = await start("succeeding");
      await exited(id);
      value(await harness.runtime.stopContainer(id, 1));
      value(await harness.runtime.removeContainer(id));
      value(await harness.runtime.removeContainer(id));
      value(await harness.runtime.stopContainer(id, 1));
      expect(await harness.runtime.containerStatus(id)).toBeNull();
      value(await harness.runtime.removePodSandbox("nowhere"));
      value(await harness.runtime.stopPodSandbox("nowhere"));
    });

    test.each([
      ["succeeding", 0, "Completed"],
      ["failing", 3, "Error"],
    ] as const)("tells how a %s container ended, and of which pod", async (kind, exitCode, reason) => {
      const told: string[] = [];
      harness.runtime.onChange((uid) => told.push(uid));
      const id = await start(kind);
      expect(await exited(id)).toMatchObject({ exitCode, reason });
      // A runtime that is a program of its own tells in its own time.
      await vi.waitFor(() => expect(told).toContain("uid-1"), { timeout: 20_000 });
    });

    test("fails to start what cannot be started, and shows it as ended", async () => {
      const id = await create(await sandbox(), "unstartable");
      const result = await harness.runtime.startContainer(id);
      expect(result).toMatchObject({ ok: false });
      const status = await exited(id);
      expect(status.exitCode).toBeGreaterThan(125);
      expect(status.message).not.toBe("");
    });

    test("does not start a container twice", async () => {
      const id = await start("steady");
      expect((await harness.runtime.startContainer(id)).ok).toBe(false);
      expect(await state(id)).toMatchObject({ state: "running" });
    });

    test("ends what runs in a sandbox that is stopped, and removes it with the sandbox", async () => {
      const sandboxId = await sandbox();
      const id = await create(sandboxId, "stubborn");
      value(await harness.runtime.startContainer(id));
      value(await harness.runtime.stopPodSandbox(sandboxId));
      expect(await exited(id)).toMatchObject({ state: "exited" });
      expect(await harness.runtime.listPodSandboxes({})).toMatchObject([{ id: sandboxId, state: "notready" }]);
      value(await harness.runtime.removePodSandbox(sandboxId));
      expect(await harness.runtime.listPodSandboxes({})).toEqual([]);
      expect(await harness.runtime.listContainers({})).toEqual([]);
    });

    test("removes a running container by killing it", async () => {
      const id = await start("stubborn");
      value(await harness.runtime.removeContainer(id));
      expect(await harness.runtime.containerStatus(id)).toBeNull();
    });

    test("runs commands in a container that runs, and in no other", async () => {
      const id = await start("steady");
      expect(value(await harness.runtime.execSync(id, ["true"], 5)).exitCode).toBe(0);
      expect(value(await harness.runtime.execSync(id, ["false"], 5)).exitCode).toBe(1);
      value(await harness.runtime.stopContainer(id, 5));
      expect((await harness.runtime.execSync(id, ["true"], 5)).ok).toBe(false);
    });

    test("stops telling a listener that has left", async () => {
      const told: string[] = [];
      harness.runtime.onChange((uid) => told.push(uid))();
      await exited(await start("succeeding"));
      expect(told).toEqual([]);
    });

    test("says what it is and that it is well", async () => {
      expect((await harness.runtime.version()).runtimeName).toBe(name);
      expect((await harness.runtime.status()).every(({ status }) => status)).toBe(true);
    });
  });
}
