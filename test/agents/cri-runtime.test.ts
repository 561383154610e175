// The CRI's driver against a real containerd.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";

import { systemClock } from "../../agents/node/host/system.ts";
import type { CriRuntime } from "../../agents/node/runtime/cri/cri.ts";
import { openCriRuntime } from "../../agents/node/runtime/cri/cri.ts";
import { busyboxImage, pauseImage } from "../containers/image.ts";
import { Registry } from "../containers/registry.ts";
import { describeContainers } from "./containers.conformance.ts";
import type { Kind } from "./runtime.conformance.ts";
import { describeRuntime, sandboxConfigOf, value } from "./runtime.conformance.ts";
import { Containerd } from "./support/containerd.ts";

const commands: Readonly<Record<Kind, readonly string[]>> = {
  steady: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"],
  stubborn: ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"],
  failing: ["sh", "-c", "exit 3"],
  succeeding: ["true"],
  unstartable: ["no-such-command"],
};

let registry: Registry;
let containerd: Containerd;
let busybox: string;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "lares-cri-"));
  registry = await Registry.start();
  busybox = await registry.push("test/busybox:1", busyboxImage());
  containerd = await Containerd.start({ sandboxImage: await registry.push("test/pause:1", pauseImage()) });
});

afterAll(async () => {
  await containerd?.remove();
  await registry?.remove();
  rmSync(directory, { recursive: true, force: true });
});

function open(node = "node-1", logsDirectory = join(directory, "log")): Promise<CriRuntime> {
  return openCriRuntime({
    socketPath: containerd.socketPath,
    node,
    logsDirectory,
    seccompDirectory: join(directory, "seccomp"),
    controlGroup: containerd.controlGroup,
    clock: systemClock,
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
  const runtime = await open("node-1", logs);
  value(await runtime.pullImage(busybox, sandboxConfigOf(logs), []));
  return { runtime, directory: own, logs, registry, busybox, close: () => empty(runtime) };
}

describeRuntime("containerd", async () => ({
  ...(await opened()),
  config: (kind) => ({ image: busybox, command: commands[kind] }),
  // A shell needs a moment to set its traps.
  tick: () => new Promise((resolve) => setTimeout(resolve, 50)),
}));

describeContainers("containerd", opened);
