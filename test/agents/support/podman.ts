// A Podman service of a test's own.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Engines } from "../../containers/engines.ts";
import { installedEngines } from "../../containers/engines.ts";
import { removeLeftovers } from "../../containers/leftovers.ts";
import { nameOf, ownDirectory } from "../../containers/own-directory.ts";
import { Daemon, freeSubnet } from "./daemon.ts";
import { removeAllContainers } from "./engine.ts";

export class PodmanDaemon {
  readonly socket: string;
  readonly directory: string;
  readonly #name: string;
  #daemon: Daemon;

  private constructor(directory: string, engines: Engines) {
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
    file("registries.conf", registriesConf);
    this.#daemon = this.#daemonOf(engines);
  }

  /** Throws when there is no Podman. */
  static async start(engines: Engines = installedEngines): Promise<PodmanDaemon> {
    const podman = new PodmanDaemon(ownDirectory("podman"), engines);
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
    await this.#daemon.stop();
    removeLeftovers({ directory: this.directory, name: this.#name });
  }

  #daemonOf(engines: Engines): Daemon {
    const at = (name: string) => join(this.directory, name);
    writeFileSync(at("containers.conf"), containersConf({ directory: this.directory, name: this.#name, engines }));
    const settings = { CONTAINERS_CONF: at("containers.conf"), CONTAINERS_REGISTRIES_CONF: at("registries.conf") };
    return new Daemon({
      program: engines.program("podman"),
      args: [
        ...["--root", at("root"), "--runroot", at("run"), "--tmpdir", at("tmp")],
        ...["system", "service", "--time=0", `unix://${this.socket}`],
      ],
      env: { PATH: engines.path, ...settings },
      socket: this.socket,
      logFile: at("log"),
    });
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

type Settings = { readonly directory: string; readonly name: string; readonly engines: Engines };

function containersConf({ directory, name, engines }: Settings): string {
  return `[engine]
${helpersConf(engines)}exit_command_delay=5
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

/** Podman looks for its helpers where they are usually installed, and nowhere else. */
function helpersConf(engines: Engines): string {
  if (engines === installedEngines) return "";
  return `conmon_path=["${engines.program("conmon")}"]
helper_binaries_dir=["${dirname(engines.program("netavark"))}"]
runtimes={ runc=["${engines.program("runc")}"] }
`;
}

/** Registries on loopback speak plain HTTP, on whatever port. */
const registriesConf = `[[registry]]
prefix="127.0.0.1"
location="127.0.0.1"
insecure=true
`;
