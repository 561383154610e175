// A node of a site: a machine with containerd and an agent, each started, stopped and killed on its own.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { Machine, MachineProgram } from "../../containers/machine.ts";
import type { Site } from "./site.ts";

/** containerd as it is set up on a node, with the site's registry in the place of Docker Hub. */
function containerdConfig(dir: string, registry: string): string {
  return `
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${registry}/test/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${dir}"
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
    endpoint = ["http://${registry}"]
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."${registry}"]
    endpoint = ["http://${registry}"]
`;
}

const podNetwork = {
  cniVersion: "0.4.0",
  name: "pods",
  plugins: [
    {
      type: "bridge",
      bridge: "cni0",
      isGateway: true,
      ipMasq: true,
      hairpinMode: true,
      ipam: { type: "host-local", ranges: [[{ subnet: "10.88.0.0/16" }]], routes: [{ dst: "0.0.0.0/0" }] },
    },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};

/** What containerd has a task for: the container of a pod, or its sandbox. */
const Bundle = z.object({
  annotations: z.object({
    "io.kubernetes.cri.container-type": z.enum(["container", "sandbox"]),
    "io.kubernetes.cri.sandbox-name": z.string(),
    "io.kubernetes.cri.container-name": z.string().optional(),
  }),
});

const tasksDir = "/run/containerd/io.containerd.runtime.v2.task/k8s.io";

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

  private constructor(site: Site, machine: Machine) {
    this.name = machine.name;
    this.machine = machine;
    this.#site = site;
    this.#configDir = join(machine.dir, "etc");
  }

  /** A machine that is on, with everything there for its agent to join. */
  static async set(site: Site, name: string): Promise<EdgeNode> {
    const node = new EdgeNode(site, site.newMachine(name));
    mkdirSync(node.#configDir, { recursive: true });
    writeFileSync(node.#file("containerd.toml"), containerdConfig(node.#configDir, site.registry.host));
    writeFileSync(node.#file("10-pods.conflist"), JSON.stringify(podNetwork));
    writeFileSync(node.#file("join-token"), await site.joinToken(name), { mode: 0o600 });
    await node.machine.start();
    return node;
  }

  #file(name: string): string {
    return join(this.#configDir, name);
  }

  async startRuntime(): Promise<void> {
    this.#runtime = await this.machine.program("containerd", "containerd", "--config", this.#file("containerd.toml"));
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
      ...["--node", this.name, "--runtime", "cri", "--join-token-file", this.#file("join-token")],
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
    const dir = this.machine.path(tasksDir);
    if (!this.machine.isUp || !existsSync(dir)) return [];
    const found = readdirSync(dir).flatMap((id) => this.#runningOne(id) ?? []);
    return found.sort((a, b) => `${a.pod}/${a.name}/${a.id}`.localeCompare(`${b.pod}/${b.name}/${b.id}`));
  }

  #runningOne(id: string): RunningContainer | null {
    try {
      const text = (file: string) => readFileSync(this.machine.path(join(tasksDir, id, file)), "utf8");
      const { annotations } = Bundle.parse(JSON.parse(text("config.json")));
      const pid = Number(text("init.pid"));
      if (annotations["io.kubernetes.cri.container-type"] === "sandbox" || !this.#isAlive(pid)) return null;
      const name = annotations["io.kubernetes.cri.container-name"] ?? "";
      return { id, pid, name, pod: annotations["io.kubernetes.cri.sandbox-name"] };
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
