// A container engine of a test's own, with images to run.
import { rmSync } from "node:fs";
import { join } from "node:path";

import { systemClock } from "../../../agents/node/host/system.ts";
import type { DockerRuntime, DockerRuntimeOptions } from "../../../agents/node/runtime/docker/docker.ts";
import { openDockerRuntime } from "../../../agents/node/runtime/docker/docker.ts";
import type { Engines } from "../../containers/engines.ts";
import { busyboxImage } from "../../containers/image.ts";
import { ownDirectory } from "../../containers/own-directory.ts";
import { Registry } from "../../containers/registry.ts";
import type { Kind } from "../runtime.conformance.ts";
import { DockerDaemon } from "./dockerd.ts";
import { engine, listContainers } from "./engine.ts";
import { PodmanDaemon } from "./podman.ts";

export const commands: Readonly<Record<Kind, readonly string[]>> = {
  // The first process of a container obeys only what it listens to.
  steady: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"],
  stubborn: ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"],
  failing: ["sh", "-c", "exit 3"],
  succeeding: ["true"],
  unstartable: ["no-such-command"],
};

export class EngineFixture {
  readonly daemon: DockerDaemon | PodmanDaemon;
  readonly registry: Registry;
  /** Busybox, which the engine has. */
  readonly image: string;
  readonly directory = ownDirectory("engine");
  readonly #opened: DockerRuntime[] = [];

  private constructor(daemon: DockerDaemon | PodmanDaemon, registry: Registry, image: string) {
    this.daemon = daemon;
    this.registry = registry;
    this.image = image;
  }

  /** Default: with the engines of the machine. */
  static async start(kind: "docker" | "podman", engines?: Engines): Promise<EngineFixture> {
    const registry = await Registry.start();
    try {
      const image = await registry.push("test/busybox:1", busyboxImage());
      const daemon = kind === "docker" ? await DockerDaemon.start({}, engines) : await PodmanDaemon.start(engines);
      const pulled = await engine(daemon.socket, "POST", `/images/create?fromImage=${encodeURIComponent(image)}`);
      if (pulled.text.includes('"error"')) throw new Error(pulled.text);
      return new EngineFixture(daemon, registry, image);
    } catch (error) {
      await registry.remove();
      throw error;
    }
  }

  /** For an agent of its own to run pods in. */
  static async forAgent(kind: "docker" | "podman", engines?: Engines) {
    const fixture = await EngineFixture.start(kind, engines);
    const { daemon, image, registry } = fixture;
    return {
      ...{ runtime: kind, image, registry },
      args: ["--runtime", "docker", "--runtime-endpoint", `unix://${daemon.socket}`],
      list: async () => (await listContainers(daemon.socket)).map(({ Id }) => Id),
      remove: () => fixture.remove(),
    };
  }

  async open(options: Partial<DockerRuntimeOptions> = {}): Promise<DockerRuntime> {
    const runtime = await openDockerRuntime({
      address: { socketPath: this.daemon.socket },
      owner: "node-1",
      directory: this.directory,
      logsDirectory: join(this.directory, "logs"),
      seccompDirectories: [join(this.directory, "seccomp")],
      clock: systemClock,
      log: { info: () => {}, warn: () => {} },
      ...options,
    });
    this.#opened.push(runtime);
    return runtime;
  }

  /** Lets go of what was opened, and ends all that this agent's runs. */
  async clear(): Promise<void> {
    for (const runtime of this.#opened.splice(0)) runtime.close();
    const last = await this.open();
    for (const { id } of await last.listPodSandboxes({})) await last.removePodSandbox(id);
    for (const { id } of await last.listContainers({})) await last.removeContainer(id);
    last.close();
    this.#opened.length = 0;
  }

  async remove(): Promise<void> {
    for (const runtime of this.#opened.splice(0)) runtime.close();
    await this.daemon.remove();
    await this.registry.remove();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
