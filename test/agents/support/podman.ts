// A Podman service of a test's own.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { removeLeftovers } from "../../containers/leftovers.ts";
import { nameOf, ownDirectory } from "../../containers/own-directory.ts";
import { Daemon, freeSubnet } from "./daemon.ts";
import { removeAllContainers } from "./engine.ts";

export class PodmanDaemon {
  readonly socket: string;
  readonly directory: string;
  readonly #name: string;
  readonly #daemon: Daemon;

  private constructor(directory: string) {
    this.directory = directory;
    this.socket = join(directory, "p.sock");
    this.#name = nameOf(directory);
    const file = (name: string, text: string) => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    mkdirSync(join(directory, "networks"));
    // Rules of the packet filter are by the name of the network, which other services must not share.
    file(`networks/${this.#name}.json`, JSON.stringify(network(this.#name)));
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
    const podman = new PodmanDaemon(ownDirectory("podman"));
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
    removeLeftovers({ directory: this.directory, name: this.#name });
  }
}

function network(name: string) {
  const subnet = freeSubnet();
  return {
    name,
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
default_network="${name}"
`;
}

/** Registries on loopback speak plain HTTP, on whatever port. */
const registriesConf = `[[registry]]
prefix="127.0.0.1"
location="127.0.0.1"
insecure=true
`;
