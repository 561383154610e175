// A containerd of a test's own: it shares nothing with another one on the machine, and leaves nothing when it goes.
import type { ChildProcess } from "node:child_process";
import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CriClient, methods } from "../../../agents/node/runtime/cri/service.ts";

const binary = "containerd";
const startWithinMs = 20_000;

export type ContainerdOptions = {
  readonly sandboxImage: string;
  /** Without it there is no network for pods but the host's. Default: true. */
  readonly podNetwork?: boolean;
};

export class Containerd {
  readonly directory: string;
  readonly socketPath: string;
  /** For control groups of pods; nobody else uses it. */
  readonly controlGroup = `lares-test-${process.pid}-${counter++}`;
  readonly #network: string;
  #child: ChildProcess | null = null;

  private constructor({ sandboxImage, podNetwork = true }: ContainerdOptions) {
    this.directory = mkdtempSync(join(tmpdir(), "lares-containerd-"));
    this.socketPath = join(this.directory, "c.sock");
    const subnet = freeSubnet();
    this.#network = `lares-${process.pid.toString(36)}-${(counter++).toString(36)}`;
    mkdirSync(join(this.directory, "cni"));
    writeFileSync(join(this.directory, "config.toml"), this.#config(sandboxImage));
    if (podNetwork) {
      writeFileSync(join(this.directory, "cni/10-test.conflist"), JSON.stringify(this.#networkConfig(subnet)));
    }
  }

  /** Resolves once it answers. Throws when Debian's containerd is not installed. */
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

  async resume(): Promise<void> {
    if (this.#child !== null) return;
    const log = openSync(join(this.directory, "log"), "a");
    const child = spawn(binary, ["--config", join(this.directory, "config.toml")], { stdio: ["ignore", log, log] });
    this.#child = child;
    const failed = new Promise<never>((_, reject) => child.once("error", reject));
    const end = () => child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
    await Promise.race([failed, this.#answering(child)]);
  }

  /** Everything that ran is gone, and so is what was kept in memory; the disk is as it was. */
  async cutPower(): Promise<void> {
    await this.kill();
    this.#killAll();
    this.#unmountAll(join(this.directory, "state"));
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
    this.#killAll();
    this.#removeNetwork();
    this.#unmountAll(this.directory);
    removeControlGroups(this.controlGroup);
    rmSync(this.directory, { recursive: true, force: true });
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

  #networkConfig(subnet: string) {
    return {
      cniVersion: "0.4.0",
      name: this.#network,
      plugins: [
        {
          type: "bridge",
          bridge: this.#network,
          isGateway: true,
          ipMasq: true,
          hairpinMode: true,
          ipam: {
            type: "host-local",
            dataDir: join(this.directory, "addresses"),
            ranges: [[{ subnet }]],
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
          throw new Error(`${binary} does not answer:\n${read(join(this.directory, "log"))}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } finally {
      client.close();
    }
  }

  /** Shims and what they run: they name the directory in their command lines, or are in the groups of the pods. */
  #killAll(): void {
    for (let round = 0; round < 50; round++) {
      const pids = processes().filter((pid) => this.#owns(pid));
      if (pids.length === 0) return;
      for (const pid of pids) signal(pid);
      execFileSync("sleep", ["0.02"]);
    }
  }

  #owns(pid: number): boolean {
    if (pid === process.pid || pid === this.#child?.pid) return false;
    const groups = read(`/proc/${pid}/cgroup`);
    if (groups.includes(`/${this.controlGroup}/`)) return true;
    const command = read(`/proc/${pid}/cmdline`);
    return command.includes("containerd-shim") && command.includes(this.socketPath);
  }

  #unmountAll(below: string): void {
    const points = read("/proc/self/mounts")
      .split("\n")
      .map((line) => line.split(" ")[1] ?? "")
      .filter((point) => point.startsWith(`${below}/`));
    for (const point of points.reverse()) run("umount", "--lazy", point);
  }

  /** What containerd took away by itself is not there any more. */
  #removeNetwork(): void {
    const results = "/var/lib/cni/results";
    for (const name of names(results).filter((one) => one.startsWith(`${this.#network}-`))) {
      for (const [, namespace = ""] of read(join(results, name)).matchAll(/\/(cni-[0-9a-f-]+)"/g)) {
        run("umount", "--lazy", `/run/netns/${namespace}`);
        rmSync(`/run/netns/${namespace}`, { force: true });
      }
      rmSync(join(results, name), { force: true });
    }
    if (existsSync(`/sys/class/net/${this.#network}`)) run("ip", "link", "delete", this.#network);
    const rules = run("iptables-save", "-t", "nat").split("\n");
    const mine = rules.filter((rule) => rule.startsWith("-A ") && rule.includes(`name: \\"${this.#network}\\"`));
    for (const rule of mine) run("iptables", "-w", "-t", "nat", "-D", ...words(rule).slice(1));
    for (const chain of new Set(mine.flatMap((rule) => rule.match(/CNI-[0-9A-Za-z-]+/g) ?? []))) {
      if (/^CNI-HOSTPORT/.test(chain)) continue;
      run("iptables", "-w", "-t", "nat", "-F", chain);
      run("iptables", "-w", "-t", "nat", "-X", chain);
    }
  }
}

let counter = 0;

/** Words of a rule as `iptables-save` quotes them. */
function words(rule: string): readonly string[] {
  return [...rule.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? "") : quoted.replaceAll('\\"', '"'),
  );
}

/** By process: files run side by side, each in a process of its own. */
function freeSubnet(): string {
  const routes = read("/proc/net/route");
  for (let tries = 0; tries < 256; tries++) {
    const third = (process.pid + tries) % 256;
    const little = `00${third.toString(16).padStart(2, "0")}C90A`.toUpperCase();
    if (!routes.includes(little)) return `10.201.${third}.0/24`;
  }
  throw new Error("every subnet of 10.201.0.0/16 is in use");
}

function removeControlGroups(name: string): void {
  const root = "/sys/fs/cgroup";
  for (const hierarchy of ["", ...names(root)]) removeTree(join(root, hierarchy, name));
}

function removeTree(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  for (const name of names(directory)) {
    if (statSync(join(directory, name), { throwIfNoEntry: false })?.isDirectory()) removeTree(join(directory, name));
  }
  try {
    rmdirSync(directory);
  } catch {
    // Something is still on its way out.
  }
}

function processes(): readonly number[] {
  return names("/proc")
    .map(Number)
    .filter((pid) => pid > 1);
}

function signal(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

function names(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** What it prints; cleaning up goes on when something is gone already. */
function run(command: string, ...args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return "";
  }
}
