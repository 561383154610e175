// What this host is, as a Node object shows it.
// Source of reasons and messages: kubelet nodestatus/setters.go.
import { readFileSync, statfsSync } from "node:fs";
import { arch, availableParallelism, cpus, hostname, networkInterfaces, platform, release, totalmem } from "node:os";

import type { NodeReport } from "../../../src/sync/messages.ts";
import type { Clock, NodeFacts } from "../ports.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Pressure } from "../upkeep/pressure.ts";
import { kubeletVersion } from "../version.ts";
import { memoryReading } from "./resources.ts";

export type HostFactsOptions = {
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** On the file system that pods write to. */
  readonly stateDirectory: string;
  /** What the machine is short of. */
  readonly pressures: () => ReadonlySet<Pressure>;
};

const lookEveryMs = 10_000;
const mostPods = "110";

export class HostFacts implements NodeFacts {
  readonly #options: HostFactsOptions;
  readonly #listeners = new Set<() => void>();
  #report: NodeReport;
  #text: string;
  #cancelTimer: (() => void) | undefined;

  constructor(options: HostFactsOptions, runtimeVersion: string) {
    this.#options = options;
    this.#fixed = fixedFacts(options, runtimeVersion);
    this.#report = this.#compose(null);
    this.#text = JSON.stringify(this.#report);
  }

  readonly #fixed: Pick<NodeReport, "capacity" | "allocatable" | "labels" | "nodeInfo">;

  current(): NodeReport {
    return this.#report;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  usage() {
    const busyMs = cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
    return {
      usageCoreNanoSeconds: busyMs * 1_000_000,
      workingSetBytes: Math.max(0, totalmem() - memoryReading().available),
    };
  }

  /** Looks now and then whether something has changed. */
  start(): void {
    this.#cancelTimer = this.#options.clock.setTimer(lookEveryMs, () => void this.look().then(() => this.start()));
  }

  stop(): void {
    this.#cancelTimer?.();
  }

  async look(): Promise<void> {
    const report = this.#compose(await runtimeProblem(this.#options.runtime));
    const text = JSON.stringify(report);
    if (text === this.#text) return;
    this.#text = text;
    this.#report = report;
    for (const listener of this.#listeners) listener();
  }

  #compose(problem: string | null): NodeReport {
    return {
      ...this.#fixed,
      addresses: [
        ...internalAddresses().map((address) => ({ type: "InternalIP", address })),
        { type: "Hostname", address: hostname() },
      ],
      conditions: nodeConditions(this.#options.pressures(), problem),
    };
  }
}

/** Opens the facts with everything looked up once. */
export async function openHostFacts(options: HostFactsOptions): Promise<HostFacts> {
  const { runtimeName, runtimeVersion } = await options.runtime.version();
  const facts = new HostFacts(options, `${runtimeName}://${runtimeVersion}`);
  await facts.look();
  facts.start();
  return facts;
}

/** Null when all is well. */
async function runtimeProblem(runtime: Runtime): Promise<string | null> {
  try {
    const broken = (await runtime.status()).filter(({ status }) => !status);
    if (broken.length === 0) return null;
    return broken.map(({ type, reason, message }) => `${type}=false reason:${reason} message:${message}`).join(", ");
  } catch (error) {
    return `container runtime is down: ${String(error)}`;
  }
}

export function nodeConditions(pressures: ReadonlySet<Pressure>, problem: string | null): NodeReport["conditions"] {
  return [
    pressures.has("memory")
      ? condition("MemoryPressure", "True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available")
      : condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    pressures.has("disk")
      ? condition("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure")
      : condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    pressures.has("pids")
      ? condition("PIDPressure", "True", "KubeletHasInsufficientPID", "kubelet has insufficient PID available")
      : condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    problem === null
      ? condition("Ready", "True", "KubeletReady", "kubelet is posting ready status")
      : condition("Ready", "False", "KubeletNotReady", problem),
  ];
}

function condition(type: string, status: "True" | "False", reason: string, message: string) {
  return { type, status, reason, message };
}

const goArchitectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", arm64: "arm64", arm: "arm" };

function fixedFacts({ node, labels, stateDirectory }: HostFactsOptions, runtimeVersion: string) {
  const os = platform() === "win32" ? "windows" : platform();
  const architecture = goArchitectures[arch()] ?? arch();
  const capacity = {
    cpu: String(availableParallelism()),
    "ephemeral-storage": `${Math.floor(diskOf(stateDirectory).totalBytes / 1024)}Ki`,
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    pods: mostPods,
  };
  return {
    labels: {
      "beta.kubernetes.io/arch": architecture,
      "beta.kubernetes.io/os": os,
      "kubernetes.io/arch": architecture,
      "kubernetes.io/hostname": node,
      "kubernetes.io/os": os,
      ...labels,
    },
    capacity,
    allocatable: capacity,
    nodeInfo: {
      architecture,
      bootID: readLine("/proc/sys/kernel/random/boot_id"),
      containerRuntimeVersion: runtimeVersion,
      kernelVersion: release(),
      kubeProxyVersion: kubeletVersion,
      kubeletVersion,
      machineID: readLine("/etc/machine-id"),
      operatingSystem: os,
      osImage: osImage(),
      systemUUID: readLine("/sys/class/dmi/id/product_uuid"),
    },
  };
}

/** Empty where there is none, or none that the agent may read. */
function readLine(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function osImage(): string {
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readLine("/etc/os-release"))?.[1] ?? platform();
}

/** IPv4 if there is one: addresses of IPv6 may change daily. The way out leads by the address that others know. */
function internalAddresses(): readonly string[] {
  const interfaces = networkInterfaces();
  const way = /^(\S+)\t00000000\t/m.exec(readLine("/proc/net/route"))?.[1] ?? "";
  const all = [...(interfaces[way] ?? []), ...Object.values(interfaces).flatMap((addresses) => addresses ?? [])];
  const usable = all.filter(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/.test(address));
  const found = usable.find(({ family }) => family === "IPv4") ?? usable[0];
  return [found?.address ?? "127.0.0.1"];
}

function diskOf(path: string): { readonly totalBytes: number; readonly freeBytes: number } {
  try {
    const { blocks, bavail, bsize } = statfsSync(path);
    return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
  } catch {
    return { totalBytes: 0, freeBytes: 0 };
  }
}
