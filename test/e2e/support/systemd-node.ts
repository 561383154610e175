// A node of a site whose agent is systemd's, on a machine that is made of parts of this one's kernel.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Machine } from "../../containers/machine.ts";
import { bootSystemd, diskOf, putSystemd } from "../../containers/systemd.ts";
import { until } from "./cluster.ts";
import { InstalledNode } from "./installed-node.ts";
import { containerd } from "./node-runtimes.ts";
import type { Site } from "./site.ts";

const bootWithinMs = 40_000;

export class SystemdNode extends InstalledNode<Machine> {
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
    containerd.configure(dir, this.site.registry.host);
    const config = readFileSync(join(dir, "containerd.toml"), "utf8");
    writeFileSync(join(dir, "config.toml"), config.replaceAll(dir, "/etc/containerd"));
    await this.systemctl("enable", "--now", "--quiet", "containerd.service");
  }
}
