// Containers' engines of a bench's own: a daemon, an image, and starts by the engine's API alone.
import { join } from "node:path";

import { systemClock } from "../agents/node/host/system.ts";
import { openCriRuntime } from "../agents/node/runtime/cri/cri.ts";
import type { Runtime } from "../agents/node/runtime/runtime.ts";
import { Containerd } from "../test/agents/support/containerd.ts";
import { engine } from "../test/agents/support/engine.ts";
import { EngineFixture } from "../test/agents/support/engine-fixture.ts";
import { busyboxImage, pauseImage } from "../test/containers/image.ts";
import { Registry } from "../test/containers/registry.ts";
import { runBarePod } from "./bare-pod.ts";

export const engineKinds = ["containerd", "docker", "podman"] as const;
export type EngineKind = (typeof engineKinds)[number];

type Start = (name: string, command: readonly string[], shared: string) => Promise<void>;

export type Ground = {
  readonly image: string;
  /** What an agent is told to use it. */
  readonly args: readonly string[];
  /** Has a pod's sandbox and container made by the engine, which this command and directory of the host are for. */
  startBare: Start;
  startSingle: Start | null;
  /** With all that runs in it. */
  remove(): Promise<void>;
};

/** In a directory for its own files. */
export function openGround(kind: EngineKind, directory: string): Promise<Ground> {
  return kind === "containerd" ? containerdGround(directory) : engineGround(kind);
}

async function containerdGround(directory: string): Promise<Ground> {
  const registry = await Registry.start();
  const image = await registry.push("test/busybox:1", busyboxImage());
  const containerd = await Containerd.start({ sandboxImage: await registry.push("test/pause:1", pauseImage()) });
  const { socketPath, controlGroup } = containerd;
  const runtime = await openCriRuntime({
    ...{ socketPath, controlGroup, owner: "bare", clock: systemClock },
    ...{ logsDirectory: join(directory, "bare"), seccompDirectories: [], log: { info: () => {}, warn: () => {} } },
  });
  return {
    image,
    args: ["--runtime", "cri", "--runtime-endpoint", socketPath, "--cgroup", controlGroup],
    startBare: barePods(runtime, { image, directory: join(directory, "bare") }),
    startSingle: null,
    async remove() {
      runtime.close();
      await containerd.clear();
      await containerd.remove();
      await registry.remove();
    },
  };
}

async function engineGround(kind: "docker" | "podman"): Promise<Ground> {
  const fixture = await EngineFixture.start(kind);
  const { image, daemon } = fixture;
  const runtime = await fixture.open({ owner: "bare" });
  const ask = async (path: string, content?: unknown) => {
    const { status, text } = await engine(daemon.socket, "POST", path, content);
    if (status >= 400) throw new Error(`${kind} alone starts nothing: ${text}`);
    return text;
  };
  return {
    image,
    args: ["--runtime", "docker", "--runtime-endpoint", `unix://${daemon.socket}`],
    startBare: barePods(runtime, { image, directory: fixture.directory }),
    async startSingle(name, command, hostPath) {
      const host = { NetworkMode: "host", Binds: [`${hostPath}:/shared`] };
      const made = await ask(`/containers/create?name=${name}`, { Image: image, Cmd: command, HostConfig: host });
      await ask(`/containers/${JSON.parse(made).Id}/start`);
    },
    remove: () => fixture.remove(),
  };
}

function barePods(runtime: Runtime, of: { readonly image: string; readonly directory: string }): Start {
  return async (name, command, hostPath) => {
    const shared = { volume: "shared", containerPath: "/shared", hostPath, readonly: false } as const;
    await runBarePod(runtime, { ...of, name, command, mounts: [{ ...shared, propagation: "private" }] });
  };
}
