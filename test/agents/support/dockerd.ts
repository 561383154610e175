// A Docker Engine of a test's own.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { lowestOomScore } from "../../../agents/node/runtime/docker/oom-score.ts";
import type { Engines } from "../../containers/engines.ts";
import { installedEngines } from "../../containers/engines.ts";
import { removeLeftovers } from "../../containers/leftovers.ts";
import { nameOf, ownDirectory } from "../../containers/own-directory.ts";
import { Daemon, freeSubnet } from "./daemon.ts";
import { removeAllContainers } from "./engine.ts";

export class DockerDaemon {
  readonly socket: string;
  readonly directory: string;
  readonly #name: string;
  #daemon: Daemon;

  private constructor(directory: string, engines: Engines, settings: Readonly<Record<string, unknown>>) {
    this.directory = directory;
    this.socket = join(directory, "d.sock");
    this.#name = nameOf(directory);
    const config = {
      "data-root": join(directory, "data"),
      "exec-root": join(directory, "exec"),
      pidfile: join(directory, "dockerd.pid"),
      hosts: [`unix://${this.socket}`],
      "live-restore": true,
      bridge: this.#name,
      "cgroup-parent": this.#name,
      // Other engines on the machine write the same chains. Ports are mapped by a process each.
      iptables: false,
      ip6tables: false,
      "ip-masq": false,
      ...lowLevelRuntime(directory),
      ...settings,
    };
    writeFileSync(join(directory, "daemon.json"), JSON.stringify(config));
    this.#daemon = this.#daemonOf(engines);
  }

  /** Throws when there is no Docker. */
  static async start(
    settings: Readonly<Record<string, unknown>> = {},
    engines: Engines = installedEngines,
  ): Promise<DockerDaemon> {
    const docker = new DockerDaemon(ownDirectory("dockerd"), engines, settings);
    try {
      execFileSync("ip", ["link", "add", docker.#name, "type", "bridge"]);
      execFileSync("ip", ["addr", "add", `${freeSubnet()}.1/24`, "dev", docker.#name]);
      await docker.#daemon.start();
    } catch (error) {
      await docker.remove();
      throw error;
    }
    return docker;
  }

  async stop(signal?: "SIGKILL" | "SIGTERM"): Promise<void> {
    await this.#daemon.stop(signal);
    this.#endContainerd();
  }

  resume(): Promise<void> {
    return this.#daemon.start();
  }

  /** Goes on as another release; what it has started runs on. */
  async upgrade(engines: Engines): Promise<void> {
    await this.stop();
    this.#daemon = this.#daemonOf(engines);
    await this.resume();
  }

  log(): string {
    return readFileSync(join(this.directory, "log"), "utf8");
  }

  /** Ends it with all that runs in it. */
  async remove(): Promise<void> {
    await removeAllContainers(this.socket);
    await this.stop();
    removeLeftovers({ directory: this.directory, name: this.#name });
  }

  #daemonOf(engines: Engines): Daemon {
    return new Daemon({
      program: engines.program("dockerd"),
      args: ["--config-file", join(this.directory, "daemon.json")],
      env: { PATH: engines.path },
      socket: this.socket,
      logFile: join(this.directory, "log"),
    });
  }

  /**
   * After a SIGKILL of the daemon its own containerd is left, or is a zombie where nobody buries orphans, which the next
   * daemon would take for one that lives.
   */
  #endContainerd(): void {
    const pidFile = join(this.directory, "exec/containerd/containerd.pid");
    try {
      process.kill(Number(readFileSync(pidFile, "utf8")), "SIGKILL");
      rmSync(pidFile);
    } catch {
      // It ended with the daemon.
    }
  }
}

/**
 * Docker gives a privileged container every capability there is, one of which small virtual machines hold back: nothing
 * could be started. There the low-level runtime is asked for the rest.
 */
function lowLevelRuntime(directory: string) {
  if (lowestOomScore() === -1000) return {};
  const path = join(directory, "runc");
  const script = `#!/bin/sh
strip() { sed -i 's/"CAP_SYS_RESOURCE",//g' "$1"; }
last=
for word; do
  case $last in --bundle) strip "$word/config.json";; --process) strip "$word";; esac
  last=$word
done
exec runc "$@"
`;
  writeFileSync(path, script, { mode: 0o755 });
  return { runtimes: { stripped: { path } }, "default-runtime": "stripped" };
}
