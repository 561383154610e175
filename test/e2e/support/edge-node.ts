// A node of a site: a machine with a runtime and an agent, each started, stopped and killed on its own.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine, MachineProgram } from "../../containers/machine.ts";
import { containerd, type NodeRuntime } from "./node-runtimes.ts";
import type { Site } from "./site.ts";

/** A container that runs, as its runtime sees it. */
export type RunningContainer = {
  readonly id: string;
  readonly pod: string;
  readonly name: string;
  /** In the machine. */
  readonly pid: number;
};

export class EdgeNode {
  readonly name: string;
  readonly machine: Machine;
  readonly #site: Site;
  #runtime: MachineProgram | undefined;
  #agent: MachineProgram | undefined;
  readonly #configDir: string;
  readonly #kind: NodeRuntime;

  private constructor(site: Site, machine: Machine, kind: NodeRuntime) {
    this.#kind = kind;
    this.name = machine.name;
    this.machine = machine;
    this.#site = site;
    this.#configDir = join(machine.dir, "etc");
  }

  /** A machine that is on, with everything there for its agent to join. */
  static async set(site: Site, name: string, runtime = containerd): Promise<EdgeNode> {
    const node = new EdgeNode(site, site.newMachine(name), runtime);
    mkdirSync(node.#configDir, { recursive: true });
    runtime.configure(node.#configDir, site.registry.host);
    writeFileSync(node.#file("join-token"), await site.joinToken(name), { mode: 0o600 });
    await node.machine.start();
    return node;
  }

  #file(name: string): string {
    return join(this.#configDir, name);
  }

  async startRuntime(): Promise<void> {
    this.#runtime = await this.#kind.start(this.machine, this.#configDir);
  }

  /** Without the chance to put anything in order. */
  async killRuntime(): Promise<void> {
    await this.#runtime?.kill("SIGKILL");
  }

  /** Started as on a machine of its own: nothing is said that has a default. */
  async startAgent(): Promise<void> {
    this.#agent = await this.machine.program(
      "agent",
      process.execPath,
      this.#site.agentProgram,
      ...["--server", this.#site.server, "--ca-file", this.#site.authorityFile],
      ...["--node", this.name, "--runtime", this.#kind.kind, "--join-token-file", this.#file("join-token")],
      // Tests wait for a cut line to be noticed.
      ...["--ping-every", "10"],
    );
  }

  async killAgent(): Promise<void> {
    await this.#agent?.kill("SIGKILL");
  }

  get agentPid(): number {
    return this.#agent?.pid ?? 0;
  }

  /** What runs there, whoever knows of it; in the order of pods and containers. */
  running(): readonly RunningContainer[] {
    const dir = this.machine.path(this.#kind.tasksDir);
    if (!this.machine.isUp || !existsSync(dir)) return [];
    const found = readdirSync(dir).flatMap((id) => this.#runningOne(id) ?? []);
    return found.sort((a, b) => `${a.pod}/${a.name}/${a.id}`.localeCompare(`${b.pod}/${b.name}/${b.id}`));
  }

  #runningOne(id: string): RunningContainer | null {
    try {
      const names = this.#kind.namesOf(this.machine, id);
      const pid = Number(readFileSync(this.machine.path(join(this.#kind.tasksDir, id, this.#kind.pidFile)), "utf8"));
      return names === null || !this.#isAlive(pid) ? null : { id, pid, ...names };
    } catch {
      // It came or went just now.
      return null;
    }
  }

  #isAlive(pid: number): boolean {
    const stat = readFileSync(this.machine.path(`/proc/${pid}/stat`), "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z";
  }

  /** What the agent has logged with this message. */
  logged(message: string): readonly string[] {
    return this.machine
      .printed("agent")
      .split("\n")
      .filter((line) => line.includes(`"${message}"`));
  }

  /** What goes wrong on the way: packets to this machine, from it, or both, are lost from now on. */
  async cut(direction: "both" | "in" | "out"): Promise<void> {
    const { machine } = this;
    if (direction !== "out") await machine.ok("iptables", "-A", "INPUT", "-i", "eth0", "-j", "DROP");
    if (direction !== "in") await machine.ok("iptables", "-A", "OUTPUT", "-o", "eth0", "-j", "DROP");
    // Of pods with a network of their own.
    if (direction !== "in") await machine.ok("iptables", "-I", "FORWARD", "-o", "eth0", "-j", "DROP");
  }

  async mend(): Promise<void> {
    const { machine } = this;
    for (const [chain, way] of [
      ["INPUT", "-i"],
      ["OUTPUT", "-o"],
      ["FORWARD", "-o"],
    ] as const) {
      await machine.run("iptables", "-D", chain, way, "eth0", "-j", "DROP");
    }
  }

  /** Power off and on; the runtime and the agent are started as after a boot. */
  async boot({ withNetwork }: { readonly withNetwork: boolean } = { withNetwork: true }): Promise<void> {
    await this.machine.start();
    if (!withNetwork) await this.cut("both");
    await this.startRuntime();
    await this.startAgent();
  }
}
