// A machine of its own on this one: its network, processes, mounts, name and control groups, with nothing but its disk to
// outlive it. Programs in it find everything at its usual place: /var/lib, /var/log and /run are the machine's own.
import type { ChildProcess, StdioOptions } from "node:child_process";
import { execFile, execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import type { Segment } from "./segment.ts";

export type Output = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** A program that was started in a machine. */
export type MachineProgram = {
  /** As seen from outside of the machine. */
  readonly pid: number;
  readonly ended: Promise<void>;
  readonly isRunning: () => boolean;
  readonly kill: (signal: "SIGKILL" | "SIGTERM") => Promise<void>;
};

const controlGroups = "/sys/fs/cgroup";
const startWithinMs = 10_000;

/** What the first process does, in the words of a shell: everything is the machine's own from here on. */
export type Boot = (
  machine: Pick<Machine, "dir" | "name">,
  /** The words that bring the control groups of the machine below a folder. */
  mountControlGroups: (folder: string) => readonly string[],
) => readonly string[];

/** On the disk of this machine but for what programs write: the first process waits, and all others come from outside. */
const plain: Boot = ({ dir, name }, mountControlGroups) => [
  "mount -t sysfs sysfs /sys",
  ...mountControlGroups(controlGroups),
  "mount -t tmpfs -o mode=755 tmpfs /run",
  `mount --bind ${dir}/log /var/log`,
  `mount --bind ${dir}/lib /var/lib`,
  // Another start of the machine is to be told from this one, as after a real one.
  `mount --bind ${dir}/boot-id /proc/sys/kernel/random/boot_id`,
  "mount --make-rshared /",
  `hostname ${name}`,
  "ip link set lo up",
  `touch ${dir}/is-up`,
  "exec tini -s -- sleep infinity",
];

function initScript(machine: Machine, controllers: readonly string[], boot: Boot): string {
  const joins = controllers.map((it) => `echo $$ >${controlGroups}/${it}/${machine.controlGroup}/cgroup.procs`);
  const mounts = (folder: string) => [
    `mount -t tmpfs -o mode=755 tmpfs ${folder}`,
    ...controllers.map((it) => {
      const options = it === "systemd" ? "none,name=systemd" : it;
      const kind = it === "unified" ? "-t cgroup2 cgroup2" : `-t cgroup -o ${options} cgroup`;
      return `mkdir ${folder}/${it} && mount ${kind} ${folder}/${it}`;
    }),
  ];
  const namespaces = "--net --mount --pid --uts --ipc --cgroup --fork --kill-child --mount-proc --propagation private";
  const inside = ["set -e", ...boot(machine, mounts)];
  return [...joins, `exec unshare ${namespaces} sh -c '${inside.join("\n")}'`].join("\n");
}

type MachineOptions = { readonly name: string; readonly dir: string; readonly boot?: Boot };

export class Machine {
  readonly name: string;
  /** On this machine's disk; holds `log` (its /var/log), `lib` (its /var/lib) and what its programs print. */
  readonly dir: string;
  readonly address: string;
  readonly controlGroup: string;
  readonly #segment: Segment;
  readonly #controllers: readonly string[];
  readonly #boot: Boot;
  #child: ChildProcess | null = null;
  #initPid = 0;

  constructor(segment: Segment, { name, dir, boot = plain }: MachineOptions) {
    this.name = name;
    this.#boot = boot;
    this.dir = dir;
    this.#segment = segment;
    this.address = segment.newAddress();
    this.controlGroup = `${segment.bridge}-${name}`;
    // Where there is one tree for all controllers, the machine's containers are in the tree of the host.
    const isDivided = !existsSync(join(controlGroups, "cgroup.controllers"));
    this.#controllers = isDivided ? readdirSync(controlGroups) : [];
    for (const folder of ["log", "lib"]) mkdirSync(join(dir, folder), { recursive: true });
  }

  get isUp(): boolean {
    return this.#child !== null;
  }

  /** Power on: resolves when programs can be started. */
  async start(): Promise<void> {
    writeFileSync(join(this.dir, "boot-id"), `${randomUUID()}\n`);
    for (const controller of this.#controllers) makeControlGroup(join(controlGroups, controller, this.controlGroup));
    const up = join(this.dir, "is-up");
    execFileSync("rm", ["-f", up]);
    const log = openSync(join(this.dir, "init.log"), "a");
    const script = initScript(this, this.#controllers, this.#boot);
    // Not left behind when the tests themselves are ended.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "sh", "-ec", script], { stdio: ["ignore", log, log] });
    closeSync(log);
    this.#child = child;
    const deadlineMs = Date.now() + startWithinMs;
    while (!existsSync(up)) {
      if (child.exitCode !== null || Date.now() > deadlineMs) {
        throw new Error(`machine ${this.name} does not start:\n${readFileSync(join(this.dir, "init.log"), "utf8")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.#initPid = childOf(child.pid ?? 0);
    this.#segment.connect({ name: this.name, address: this.address, pid: this.#initPid });
  }

  /** Power off: every process of it is gone at once, and what is in memory too. */
  async cutPower(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null && child.signalCode === null) {
      // One that has ended by itself just now has nothing to be killed.
      if (this.#initPid === 0) child.kill("SIGKILL");
      else if (existsSync(`/proc/${this.#initPid}`)) process.kill(this.#initPid, "SIGKILL");
      await ended;
    }
    this.#initPid = 0;
    this.#segment.disconnect(this.name);
    // The kernel ends the processes in its own time, and the groups can be removed when they are empty.
    const deadlineMs = Date.now() + startWithinMs;
    while (!this.#removeControlGroups() && Date.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** A path in the machine, as it is reached from outside. */
  path(inside: string): string {
    return join(`/proc/${this.#initPid}/root`, inside);
  }

  /** Runs a command in the machine to its end. */
  run(command: string, ...args: readonly string[]): Promise<Output> {
    return new Promise((resolve) => {
      execFile("nsenter", [...this.#entrance(), command, ...args], { timeout: 60_000 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      });
    });
  }

  /** As `run`, for commands that must succeed; returns what they print. */
  async ok(command: string, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, ...args);
    if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** Starts a program that goes on; what it prints is appended to `<dir>/<name>.log`. */
  async program(name: string, command: string, ...args: readonly string[]): Promise<MachineProgram> {
    const log = openSync(join(this.dir, `${name}.log`), "a");
    const stdio: StdioOptions = ["ignore", log, log];
    const entry = spawn("nsenter", [...this.#entrance(), command, ...args], { cwd: this.dir, stdio });
    closeSync(log);
    const ended = new Promise<void>((resolve) => entry.once("exit", () => resolve()));
    const deadlineMs = Date.now() + startWithinMs;
    let pid = 0;
    while (pid === 0 && entry.exitCode === null && Date.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      pid = childOf(entry.pid ?? 0);
    }
    const isRunning = () => entry.exitCode === null && entry.signalCode === null;
    const kill = async (signal: "SIGKILL" | "SIGTERM") => {
      if (isRunning() && pid > 0) process.kill(pid, signal);
      await ended;
    };
    return { pid, ended, isRunning, kill };
  }

  /** What a program printed. */
  printed(name: string): string {
    const file = join(this.dir, `${name}.log`);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  #entrance(): readonly string[] {
    if (this.#child === null) throw new Error(`machine ${this.name} is off`);
    const namespaces = ["--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup"];
    // Whoever comes in is not in the machine's control groups by that alone.
    const groups = this.#controllers.map((controller) => `${controlGroups}/${controller}/cgroup.procs`);
    const join = `for group in ${groups.join(" ")}; do echo $$ >$group; done; exec "$@"`;
    return ["--target", String(this.#initPid), ...namespaces, "--", "sh", "-ec", join, "sh"];
  }

  #removeControlGroups(): boolean {
    return this.#controllers.every((controller) =>
      removeControlGroup(join(controlGroups, controller, this.controlGroup)),
    );
  }
}

function makeControlGroup(path: string): void {
  mkdirSync(path, { recursive: true });
  // Nothing can be in a group that has no processors and no memory, and a new one has neither.
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    if (!existsSync(join(path, file))) continue;
    writeFileSync(join(path, "cgroup.clone_children"), "1");
    writeFileSync(join(path, file), readFileSync(join(path, "..", file)));
  }
}

/** False when a process is left in it. */
function removeControlGroup(path: string): boolean {
  if (!existsSync(path)) return true;
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory() && !removeControlGroup(join(path, entry.name))) return false;
    }
    rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The process that another one started; 0: none yet. */
function childOf(parent: number): number {
  const found = readdirSync("/proc").find((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent;
    } catch {
      return false;
    }
  });
  return Number(found ?? 0);
}
