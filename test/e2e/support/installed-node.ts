// A node whose agent is systemd's: installed and asked by the commands that somebody at the machine has.
import type { Output } from "../../containers/machine.ts";
import type { Site } from "./site.ts";

/** A machine that commands can be run in. */
export type Console = {
  readonly name: string;
  run(command: string, ...args: readonly string[]): Promise<Output>;
  /** For commands that must succeed; returns what they print. */
  ok(command: string, ...args: readonly string[]): Promise<string>;
};

export class InstalledNode<M extends Console> {
  readonly name: string;
  readonly machine: M;
  protected readonly site: Site;

  protected constructor(site: Site, machine: M) {
    this.name = machine.name;
    this.machine = machine;
    this.site = site;
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

  /** Without a runtime: as README has it. */
  async join(runtime?: string, timeout = "60s"): Promise<Output> {
    const token = await this.site.joinToken(this.name);
    const named = runtime === undefined ? [] : ["--runtime", runtime];
    const options = [...named, "--ca-file", "/root/ca.crt", "--timeout", timeout];
    return this.lares("join", token, this.site.server, ...options);
  }

  /** How exposed systemd takes the service to be, from 0 to 10. */
  async exposure(): Promise<number> {
    const printed = await this.machine.ok("systemd-analyze", "security", "--no-pager", "lares-agent.service");
    return Number(/Overall exposure level for lares-agent.service: ([\d.]+)/.exec(printed)?.[1]);
  }
}
