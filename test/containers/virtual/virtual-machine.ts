// A machine with a kernel of its own, Debian's: it sees the programs of this one below /usr, and has a disk for all else.
import type { ChildProcess } from "node:child_process";
import { execFileSync, spawn } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import type { Output } from "../machine.ts";
import type { Segment } from "../segment.ts";
import { diskOf, putSystemd } from "../systemd.ts";
import { initialFile, kernelFile, kernelFiles } from "./kernel-dir.ts";

const emulator = "/usr/bin/qemu-system-x86_64";
const sources = fileURLToPath(new URL("../../..", import.meta.url));
const memoryMebibytes = 1280;
const diskSize = "8G";

/** A /dev/kvm that is none of the processor's own takes only kernels that are made for it. */
const isAccelerated =
  existsSync("/dev/kvm") && ["kvm_intel", "kvm_amd"].some((name) => existsSync(join("/sys/module", name)));
/** How much longer everything takes where the processor is an emulated one. */
export const slowness = isAccelerated ? 1 : 8;
const bootWithinMs = 40_000 * slowness;

/** Starts what lets commands in, before anything else and until the end. */
const commandsUnit = `[Unit]
DefaultDependencies=no
Conflicts=umount.target
[Service]
ExecStart=/bin/sh /shares/sources/test/containers/virtual/commands.sh
OOMScoreAdjust=-1000
KillMode=process
Environment=HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin
`;

/** The console is for reading what is said there: nobody logs in. */
const masked: readonly string[] = ["getty.target", "serial-getty@ttyS0.service", "systemd-logind.service"];

type VirtualMachineOptions = { readonly name: string; readonly dir: string };

export class VirtualMachine {
  readonly name: string;
  /** Holds its disk, as a folder until it is first started, and what is said on its console. */
  readonly dir: string;
  readonly address: string;
  readonly #segment: Segment;
  #child: ChildProcess | null = null;
  #port: Socket | null = null;
  #sent = 0;
  #starts = 0;
  readonly #asked = new Map<number, (output: Output) => void>();

  constructor(segment: Segment, { name, dir }: VirtualMachineOptions) {
    for (const path of [emulator, kernelFile]) {
      if (!existsSync(path)) throw new Error(`there is no ${path}: Debian's qemu-system-x86, and npm run kernel`);
    }
    this.name = name;
    this.dir = dir;
    this.address = segment.newAddress();
    this.#segment = segment;
    putSystemd(this, masked);
    const at = (path: string) => join(diskOf(this), path);
    for (const folder of [".usr/upper/local/bin", ".usr/work", "shares/node", "shares/sources"]) {
      mkdirSync(at(folder), { recursive: true });
    }
    symlinkSync("/shares/node/node", at(".usr/upper/local/bin/node"));
    this.putUnit("commands.service", commandsUnit, "sysinit.target");
    this.putUnit("network.service", this.#networkUnit(), "sysinit.target");
    writeFileSync(at("etc/hostname"), `${name}\n`);
    // What a container's first process does not heed is waited for that long at a reboot.
    mkdirSync(at("etc/systemd/system.conf.d"), { recursive: true });
    writeFileSync(at("etc/systemd/system.conf.d/short.conf"), "[Manager]\nDefaultTimeoutStopSec=10s\n");
  }

  /** A unit that is started with another one, on a machine that has not been started yet. */
  putUnit(name: string, text: string, wantedBy: string): void {
    const units = join(diskOf(this), "etc/systemd/system");
    writeFileSync(join(units, name), text);
    this.enable(name, wantedBy, units);
  }

  enable(name: string, wantedBy: string, from = "/usr/lib/systemd/system"): void {
    const wants = join(diskOf(this), "etc/systemd/system", `${wantedBy}.wants`);
    mkdirSync(wants, { recursive: true });
    symlinkSync(from.startsWith("/usr") ? join(from, name) : `../${name}`, join(wants, name));
  }

  /** Power on: resolves when commands can be run. */
  async start(): Promise<void> {
    const disk = join(this.dir, "disk.ext4");
    if (!existsSync(disk)) {
      execFileSync("mke2fs", ["-q", "-t", "ext4", "-d", diskOf(this), disk, diskSize]);
      rmSync(diskOf(this), { recursive: true });
    }
    const tap = this.#segment.openTap(this.name);
    const log = openSync(join(this.dir, "qemu.log"), "a");
    const args = ["--pdeathsig", "KILL", emulator, ...this.#arguments(disk, tap)];
    // Not left behind when the tests themselves are ended.
    const child = spawn("setpriv", args, { stdio: ["ignore", log, log] });
    closeSync(log);
    this.#child = child;
    await this.#untilUp(0, () => this.#connect());
  }

  /** As systemd does it: what runs is asked to end first. Resolves when it can be asked again. */
  async reboot({ withNetwork }: { readonly withNetwork: boolean } = { withNetwork: true }): Promise<void> {
    const starts = this.#starts;
    await this.run("systemctl", "--no-block", "reboot");
    if (!withNetwork) this.#segment.cut(this.name);
    await this.#untilUp(starts, () => {});
  }

  mendNetwork(): void {
    this.#segment.mend(this.name);
  }

  /** Power off, as when the plug is pulled: what is in memory is gone, and what was not written to the disk. */
  async cutPower(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await ended;
    }
    this.#port?.destroy();
    this.#port = null;
    this.#starts = 0;
    this.#forget();
    this.#segment.disconnect(this.name);
  }

  /** Runs a command in the machine to its end. */
  run(command: string, ...args: readonly string[]): Promise<Output> {
    const port = this.#port;
    if (port === null) throw new Error(`machine ${this.name} is off`);
    this.#sent += 1;
    const id = this.#sent;
    const words = ["timeout", "--signal", "KILL", String(60 * slowness), command, ...args];
    const script = `exec ${words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ")}`;
    const startedAtMs = Date.now();
    return new Promise((resolve) => {
      this.#asked.set(id, (output) => {
        const said = `${output.stdout}${output.stderr}`.slice(0, 1000);
        appendFileSync(
          join(this.dir, "commands.log"),
          `${script}\n${said}[${output.code}] ${Date.now() - startedAtMs} ms\n`,
        );
        resolve(output);
      });
      port.write(`${id} ${Buffer.from(script).toString("base64")}\n`);
    });
  }

  /** As `run`, for commands that must succeed; returns what they print. */
  async ok(command: string, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, ...args);
    if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }

  read(path: string): Promise<string> {
    return this.ok("cat", path);
  }

  /** What was said on its console since it was first started. */
  get said(): string {
    return ["qemu.log", "console.log"].map((file) => readIfThere(join(this.dir, file))).join("");
  }

  #connect(): void {
    const path = join(this.dir, "commands.sock");
    if (this.#port !== null || !existsSync(path)) return;
    const port = connect(path);
    this.#port = port;
    port.on("error", () => {
      if (this.#port === port) this.#port = null;
    });
    createInterface({ input: port }).on("line", (line) => {
      const [id, code, ...texts] = line.split(" ");
      if (id === "0") {
        this.#starts += 1;
        this.#forget();
        return;
      }
      const [stdout = "", stderr = ""] = texts
        .join(" ")
        .split("-")
        .map((text) => Buffer.from(text, "base64").toString());
      this.#asked.get(Number(id))?.({ code: Number(code), stdout, stderr });
      this.#asked.delete(Number(id));
    });
  }

  /** Of commands that the machine was switched off over, nothing is heard any more. */
  #forget(): void {
    for (const resolve of this.#asked.values()) resolve({ code: 1, stdout: "", stderr: "the machine has ended" });
    this.#asked.clear();
  }

  async #untilUp(starts: number, look: () => void): Promise<void> {
    const deadlineMs = Date.now() + bootWithinMs;
    while (this.#starts <= starts) {
      look();
      const child = this.#child;
      if (child === null || child.exitCode !== null || child.signalCode !== null || Date.now() > deadlineMs) {
        throw new Error(`machine ${this.name} does not start:\n${this.said.slice(-4000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #networkUnit(): string {
    const commands = [
      "ip link set lo up",
      `ip address add ${this.address}/24 dev eth0`,
      "ip link set eth0 up",
      // Nothing is to be reached but what is on the segment.
      "ip route add unreachable default",
    ];
    const steps = commands.map((line) => `ExecStart=/usr/sbin/${line}\n`).join("");
    return `[Unit]
DefaultDependencies=no
Before=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
${steps}`;
  }

  #arguments(disk: string, tap: string): readonly string[] {
    const share = (tag: string, path: string) => [
      "-virtfs",
      `local,path=${path},mount_tag=${tag},security_model=none,readonly=on,multidevs=remap`,
    ];
    return [
      ...["-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35"],
      ...["-accel", isAccelerated ? "kvm" : "tcg", "-cpu", "max", "-smp", "2", "-m", `${memoryMebibytes}`],
      ...["-kernel", kernelFile, "-initrd", initialFile],
      ...["-append", "mitigations=off nokaslr console=ttyS0 quiet panic=1 net.ifnames=0 systemd.show_status=0"],
      ...["-chardev", `file,id=console,path=${join(this.dir, "console.log")},append=on`, "-serial", "chardev:console"],
      ...["-drive", `file=${disk},format=raw,if=virtio,cache=unsafe`],
      ...share("usr", "/usr"),
      ...share("kernel", kernelFiles),
      ...share("node", dirname(process.execPath)),
      ...share("sources", sources),
      ...["-device", "virtio-serial-pci"],
      ...["-chardev", `socket,id=commands,path=${join(this.dir, "commands.sock")},server=on,wait=off`],
      ...["-device", "virtserialport,chardev=commands,name=commands"],
      ...["-netdev", `tap,id=net,ifname=${tap},script=no,downscript=no`, "-device", "virtio-net-pci,netdev=net"],
    ];
  }
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
