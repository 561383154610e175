// Engines that are upgraded beneath their pods, from the release that is installed to a newer one.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";

import { systemClock } from "../../agents/node/host/system.ts";
import { openCriRuntime } from "../../agents/node/runtime/cri/cri.ts";
import type { Runtime } from "../../agents/node/runtime/runtime.ts";
import { newerEngines } from "../containers/engines.ts";
import { busyboxImage, pauseImage } from "../containers/image.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { Registry } from "../containers/registry.ts";
import { containerConfigOf, sandboxConfigOf, value } from "./runtime.conformance.ts";
import { Containerd } from "./support/containerd.ts";
import { EngineFixture } from "./support/engine-fixture.ts";
import { Undo } from "./support/undo.ts";

type Subject = {
  readonly runtime: Runtime;
  readonly image: string;
  readonly logs: string;
  readonly upgrade: () => Promise<void>;
};

async function startContainerd(undo: Undo): Promise<Subject> {
  const directory = ownDirectory("upgrade");
  undo.add(() => rmSync(directory, { recursive: true, force: true }));
  const registry = await Registry.start();
  undo.add(() => registry.remove());
  const image = await registry.push("test/busybox:1", busyboxImage());
  const containerd = await Containerd.start({ sandboxImage: await registry.push("test/pause:1", pauseImage()) });
  undo.add(() => containerd.remove());
  const logs = join(directory, "logs");
  const runtime = await openCriRuntime({
    ...{ socketPath: containerd.socketPath, controlGroup: containerd.controlGroup, clock: systemClock },
    ...{ owner: "agent-1", logsDirectory: logs, seccompDirectories: [directory] },
    log: { info: () => {}, warn: () => {} },
  });
  undo.add(() => runtime.close());
  value(await runtime.pullImage(image, sandboxConfigOf(logs), []));
  return { runtime, image, logs, upgrade: () => containerd.upgrade(newerEngines()) };
}

async function startEngine(kind: "docker" | "podman", undo: Undo): Promise<Subject> {
  const fixture = await EngineFixture.start(kind);
  undo.add(() => fixture.remove());
  const { image, daemon, directory } = fixture;
  const runtime = await fixture.open();
  return { runtime, image, logs: join(directory, "logs"), upgrade: () => daemon.upgrade(newerEngines()) };
}

const subjects: Readonly<Record<string, (undo: Undo) => Promise<Subject>>> = {
  containerd: startContainerd,
  docker: (undo) => startEngine("docker", undo),
  podman: (undo) => startEngine("podman", undo),
};

const patience = { timeout: 20_000, interval: 50 };
const counting = ["sh", "-c", "trap 'exit 7' TERM; i=0; while :; do echo $i; i=$((i+1)); sleep 0.05; done"];

function counted(path: string): readonly number[] {
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return lines.map((line) => Number(line.split(" ").at(-1)));
}

test.each(Object.entries(subjects))(
  "pods outlive an upgrade of %s, and are looked after by the new one",
  async (_, start) => {
    const undo = new Undo();
    try {
      const { runtime, image, logs, upgrade } = await start(undo);
      const sandbox = { ...sandboxConfigOf(logs), hostNetwork: false };
      const sandboxId = value(await runtime.runPodSandbox(sandbox));
      const run = async (name: string) => {
        const config = containerConfigOf({ image, command: counting, metadata: { name, attempt: 0 } });
        const id = value(await runtime.createContainer(sandboxId, config, sandbox));
        value(await runtime.startContainer(id));
        return { id, log: join(sandbox.logDirectory, config.logPath) };
      };
      const first = await run("main");
      await vi.waitFor(() => expect(counted(first.log).length).toBeGreaterThan(3), patience);
      const before = { ...(await runtime.version()), ...(await runtime.containerStatus(first.id)) };
      const [{ ip = "" } = {}] = await runtime.listPodSandboxes({});
      expect(ip).not.toBe("");

      await upgrade();
      await vi.waitFor(
        async () => expect((await runtime.version()).runtimeVersion).not.toBe(before.runtimeVersion),
        patience,
      );

      const { startedAtMs } = before;
      expect(await runtime.containerStatus(first.id)).toMatchObject({ state: "running", startedAtMs });
      expect(await runtime.listPodSandboxes({})).toMatchObject([{ id: sandboxId, state: "ready", ip }]);
      expect(value(await runtime.execSync(first.id, ["echo", "well"], 10))).toMatchObject({ stdout: "well\n" });
      const since = counted(first.log).length;
      await vi.waitFor(() => expect(counted(first.log).length).toBeGreaterThan(since + 3), patience);

      const second = await run("second");
      await vi.waitFor(() => expect(counted(second.log).length).toBeGreaterThan(3), patience);
      value(await runtime.stopContainer(first.id, 10));
      await vi.waitFor(
        async () => expect(await runtime.containerStatus(first.id)).toMatchObject({ state: "exited", exitCode: 7 }),
        patience,
      );
      const numbers = counted(first.log);
      expect(numbers).toEqual(numbers.map((_number, index) => index));
      value(await runtime.stopPodSandbox(sandboxId));
      value(await runtime.removePodSandbox(sandboxId));
      expect(await runtime.listContainers({})).toEqual([]);
      expect(await runtime.listPodSandboxes({})).toEqual([]);
    } finally {
      await undo.all();
    }
  },
  60_000,
);
