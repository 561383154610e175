// A containerd of a test's own: it shares nothing with another one on the machine, and leaves nothing when it goes.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { CriClient, methods } from "../../../agents/node/runtime/cri/service.ts";
import type { Engines } from "../../containers/engines.ts";
import { installedEngines } from "../../containers/engines.ts";
import { endProcesses, removeControlGroups, removeLeftovers } from "../../containers/leftovers.ts";
import { nameOf, ownDirectory } from "../../containers/own-directory.ts";
import { dyingWithUs, freeSubnet } from "./daemon.ts";
import { unmountBelow } from "./mounts.ts";

const startWithinMs = 20_000;

export type ContainerdOptions = {
  readonly sandboxImage: string;
  /** Without it there is no network for pods but the host's. Default: true. */
  readonly podNetwork?: boolean;
  /** Default: those of the machine. */
  readonly engines?: Engines;
};

export class Containerd {
  readonly directory: string;
  readonly socketPath: string;
  /** For control groups of pods; nobody else uses it. */
  readonly controlGroup: string;
  #engines: Engines;
  #child: ChildProcess | null = null;

  private constructor({ sandboxImage, podNetwork = true, engines = installedEngines }: ContainerdOptions) {
    this.#engines = engines;
    this.directory = ownDirectory("containerd");
    this.controlGroup = nameOf(this.directory);
    this.socketPath = join(this.directory, "c.sock");
    mkdirSync(join(this.directory, "cni"));
    writeFileSync(join(this.directory, "config.toml"), this.#config(sandboxImage));
    if (podNetwork) {
      writeFileSync(join(this.directory, "cni/10-test.conflist"), JSON.stringify(this.#networkConfig()));
    }
  }

  /** Resolves once it answers. Throws when there is no containerd. */
  static async start(options: ContainerdOptions): Promise<Containerd> {
    const containerd = new Containerd(options);
    try {
      await containerd.resume();
    } catch (error) {
      await containerd.remove();
      throw error;
    }
    return containerd;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** As by a crash; what it has started runs on. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** Goes on as another release; what it has started runs on. */
  async upgrade(engines: Engines): Promise<void> {
    await this.kill();
    this.#engines = engines;
    await this.resume();
  }

  async resume(): Promise<void> {
    if (this.#child !== null) return;
    const log = openSync(join(this.directory, "log"), "a");
    const command = [this.#engines.program("containerd"), "--config", join(this.directory, "config.toml")];
    const env = { ...process.env, PATH: this.#engines.path };
    const child = spawn("setpriv", dyingWithUs(command), { stdio: ["ignore", log, log], env });
    closeSync(log);
    this.#child = child;
    const failed = new Promise<never>((_, reject) => child.once("error", reject));
    await Promise.race([failed, this.#answering(child)]);
  }

  /** Everything that ran is gone, and so is what was kept in memory; the disk is as it was. */
  async cutPower(): Promise<void> {
    await this.kill();
    // Not those who merely talk with it.
    endProcesses({ ...this.#owner, directory: join(this.directory, "state") });
    unmountBelow(join(this.directory, "state"));
    rmSync(join(this.directory, "state"), { recursive: true, force: true });
    removeControlGroups(this.controlGroup);
  }

  /** Ends all that it runs, and takes away everything that it has made. */
  async remove(): Promise<void> {
    try {
      await this.resume();
      await this.clear();
    } catch {
      // Whatever it was that went wrong: what it has left is taken away by hand.
    }
    await this.kill();
    removeLeftovers(this.#owner);
  }

  /** The ids of all sandboxes and containers. */
  async list(): Promise<readonly string[]> {
    const client = new CriClient(this.socketPath);
    try {
      const sandboxes = await client.call(methods.listPodSandbox, {});
      const { containers } = await client.call(methods.listContainers, {});
      return [...sandboxes.items, ...containers].map(({ id }) => id);
    } finally {
      client.close();
    }
  }

  /** Ends and removes all that runs in it. */
  async clear(): Promise<void> {
    const client = new CriClient(this.socketPath);
    try {
      const { items } = await client.call(methods.listPodSandbox, {});
      const remove = async (podSandboxId: string) => {
        await client.call(methods.stopPodSandbox, { podSandboxId });
        await client.call(methods.removePodSandbox, { podSandboxId });
      };
      await Promise.all(items.map(({ id }) => remove(id)));
    } finally {
      client.close();
    }
  }

  get #owner() {
    return { directory: this.directory, name: this.controlGroup };
  }

  #config(sandboxImage: string): string {
    return `version = 2
root = "${this.directory}/root"
state = "${this.directory}/state"
[grpc]
  address = "${this.socketPath}"
[ttrpc]
  address = "${this.socketPath}.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${sandboxImage}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${this.directory}/cni"
[plugins."io.containerd.internal.v1.opt"]
  path = "${this.directory}/opt"
`;
  }

  #networkConfig() {
    const name = nameOf(this.directory);
    return {
      cniVersion: "0.4.0",
      name,
      plugins: [
        {
          type: "bridge",
          bridge: name,
          isGateway: true,
          ipMasq: true,
          hairpinMode: true,
          ipam: {
            type: "host-local",
            dataDir: join(this.directory, "addresses"),
            ranges: [[{ subnet: `${freeSubnet()}.0/24` }]],
            routes: [{ dst: "0.0.0.0/0" }],
          },
        },
        { type: "portmap", capabilities: { portMappings: true } },
      ],
    };
  }

  async #answering(child: ChildProcess): Promise<void> {
    const deadlineMs = Date.now() + startWithinMs;
    const client = new CriClient(this.socketPath);
    try {
      for (;;) {
        const answer = await client.call(methods.version, {}, { timeoutMs: 5000 }).catch(() => null);
        if (answer !== null) return;
        if (child.exitCode !== null || Date.now() > deadlineMs) {
          throw new Error(`containerd does not answer:\n${readFileSync(join(this.directory, "log"), "utf8")}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } finally {
      client.close();
    }
  }
}
