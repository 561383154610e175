// A Podman service of a test's own.
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { Daemon, freeSubnet, removeBridge, removeControlGroup, removeTree } from "./daemon.ts";
import { removeAllContainers } from "./engine.ts";

export class PodmanDaemon {
  readonly socket: string;
  readonly directory: string;
  readonly #name: string;
  readonly #daemon: Daemon;

  private constructor(directory: string) {
    this.directory = directory;
    this.socket = join(directory, "p.sock");
    this.#name = `lrp${basename(directory).slice(-6).toLowerCase()}`;
    const file = (name: string, text: string) => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    mkdirSync(join(directory, "networks"));
    file("networks/lares.json", JSON.stringify(network(this.#name)));
    const containers = file("containers.conf", containersConf(directory, this.#name));
    const registries = file("registries.conf", registriesConf);
    this.#daemon = new Daemon({
      program: "podman",
      args: [
        ...["--root", join(directory, "root"), "--runroot", join(directory, "run"), "--tmpdir", join(directory, "tmp")],
        ...["system", "service", "--time=0", `unix://${this.socket}`],
      ],
      env: { CONTAINERS_CONF: containers, CONTAINERS_REGISTRIES_CONF: registries },
      socket: this.socket,
      logFile: join(directory, "log"),
    });
  }

  /** Throws when Debian's podman is not installed. */
  static async start(): Promise<PodmanDaemon> {
    const podman = new PodmanDaemon(mkdtempSync(join(tmpdir(), "lares-podman-")));
    try {
      await podman.#daemon.start();
    } catch (error) {
      await podman.remove();
      throw error;
    }
    return podman;
  }

  stop(signal?: "SIGKILL" | "SIGTERM"): Promise<void> {
    return this.#daemon.stop(signal);
  }

  resume(): Promise<void> {
    return this.#daemon.start();
  }

  log(): string {
    return readFileSync(join(this.directory, "log"), "utf8");
  }

  /** Ends it with all that runs in it. */
  async remove(): Promise<void> {
    await removeAllContainers(this.socket);
    await this.#daemon.stop();
    removeBridge(this.#name);
    removeTree(this.directory);
    removeControlGroup(this.#name);
  }
}

function network(name: string) {
  const subnet = freeSubnet();
  return {
    name: "lares",
    id: "1".repeat(64),
    driver: "bridge",
    network_interface: name,
    created: "2025-01-01T00:00:00Z",
    subnets: [{ subnet: `${subnet}.0/24`, gateway: `${subnet}.1` }],
    ipv6_enabled: false,
    internal: false,
    dns_enabled: false,
    ipam_options: { driver: "host-local" },
  };
}

function containersConf(directory: string, name: string): string {
  return `[engine]
exit_command_delay=1
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
[containers]
default_ulimits=["nofile=1024:1024","nproc=1024:1024"]
cgroup_parent="/${name}"
[network]
network_backend="netavark"
network_config_dir="${join(directory, "networks")}"
default_network="lares"
`;
}

/** Registries on loopback speak plain HTTP, on whatever port. */
const registriesConf = `[[registry]]
prefix="127.0.0.1"
location="127.0.0.1"
insecure=true
`;
