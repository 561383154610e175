// A node of a site whose agent is systemd's: installed by the commands that somebody at the machine has.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Machine, Output } from "../../containers/machine.ts";
import { bootSystemd, diskOf, putSystemd } from "../../containers/systemd.ts";
import { until } from "./cluster.ts";
import { containerd } from "./node-runtimes.ts";
import type { Site } from "./site.ts";

const bootWithinMs = 40_000;

export class SystemdNode {
  readonly name: string;
  readonly machine: Machine;
  readonly #site: Site;

  private constructor(site: Site, machine: Machine) {
    this.name = machine.name;
    this.machine = machine;
    this.#site = site;
  }

  /** A machine that is on, with the agent's program in root's folder. */
  static async set(site: Site, name: string): Promise<SystemdNode> {
    const machine = site.newMachine(name, bootSystemd);
    putSystemd(machine);
    const node = new SystemdNode(site, machine);
    copyFileSync(site.agentProgram, node.onDisk("root/lares-agent.cjs"));
    copyFileSync(site.authorityFile, node.onDisk("root/ca.crt"));
    await node.boot();
    return node;
  }

  onDisk(path: string): string {
    return join(diskOf(this.machine), path);
  }

  /** Everything on the disk but systemd's diary, and what others have theirs in. */
  files(): readonly string[] {
    const all = readdirSync(diskOf(this.machine), { recursive: true, encoding: "utf8" });
    return all.filter((path) => !/^var\/(log\/journal|lib\/(systemd|containerd|cni|private))/.test(path)).toSorted();
  }

  /** Resolves when all is started that is to be. */
  async boot({ withNetwork }: { readonly withNetwork: boolean } = { withNetwork: true }): Promise<void> {
    const { machine } = this;
    await machine.start();
    if (!withNetwork) await machine.ok("iptables", "-A", "OUTPUT", "-o", "eth0", "-j", "DROP");
    await until(() => existsSync(machine.path("/run/systemd/private")), bootWithinMs);
    const { stdout } = await machine.run("systemctl", "is-system-running", "--wait");
    if (stdout.trim() === "running") return;
    throw new Error(`${stdout}${await machine.ok("systemctl", "--failed", "--no-pager")}`);
  }

  async mendNetwork(): Promise<void> {
    await this.machine.ok("iptables", "-D", "OUTPUT", "-o", "eth0", "-j", "DROP");
  }

  /** As systemd does it: what runs is asked to end first. */
  async shutDown(): Promise<void> {
    const { machine } = this;
    await machine.run("systemctl", "poweroff");
    await until(() => !existsSync(machine.path("/run")), bootWithinMs);
    await machine.cutPower();
  }

  /** Debian's containerd, by its own unit, with the site's registry in the place of Docker Hub. */
  async startContainerd(): Promise<void> {
    const dir = this.onDisk("etc/containerd");
    mkdirSync(dir, { recursive: true });
    containerd.configure(dir, this.#site.registry.host);
    const config = readFileSync(join(dir, "containerd.toml"), "utf8");
    writeFileSync(join(dir, "config.toml"), config.replaceAll(dir, "/etc/containerd"));
    await this.systemctl("enable", "--now", "--quiet", "containerd.service");
  }

  systemctl(...args: readonly string[]): Promise<string> {
    return this.machine.ok("systemctl", ...args);
  }

  /** A property of the agent's service. */
  async property(name: string): Promise<string> {
    return (await this.systemctl("show", "--value", "--property", name, "lares-agent.service")).trim();
  }

  async agentPid(): Promise<number> {
    return Number(await this.property("MainPID"));
  }

  lares(...args: readonly string[]): Promise<Output> {
    return this.node("/usr/local/bin/lares", ...args);
  }

  /** A program of the agent's, with nothing in its surroundings of whoever tests it. */
  node(program: string, ...args: readonly string[]): Promise<Output> {
    const clean = ["-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin"];
    return this.machine.run("env", ...clean, "node", program, "agent", ...args);
  }

  async join(runtime: string): Promise<Output> {
    const token = await this.#site.joinToken(this.name);
    const options = ["--runtime", runtime, "--ca-file", "/root/ca.crt", "--timeout", "60s"];
    return this.lares("join", token, this.#site.server, ...options);
  }

  /** How exposed systemd takes the service to be, from 0 to 10. */
  async exposure(): Promise<number> {
    const printed = await this.machine.ok("systemd-analyze", "security", "--no-pager", "lares-agent.service");
    return Number(/Overall exposure level for lares-agent.service: ([\d.]+)/.exec(printed)?.[1]);
  }
}
