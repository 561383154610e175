// The runtime without containers: each is a supervised process group on this host. No image is pulled and nothing is
// isolated; what a pod asks beyond that is refused, never left out in silence (refusal.ts says what and why).
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Container } from "../../../../src/model/container.ts";
import type { PodSpec } from "../../../../src/model/pod-spec.ts";
import { findProgram } from "../../host/programs.ts";
import { hashText } from "../../pod/hash.ts";
import type { Clock } from "../../ports.ts";
import { version } from "../../version.ts";
import { LogFiles } from "../log-files.ts";
import type { LogLimits } from "../rotating-file.ts";
import { defaultLogLimits } from "../rotating-file.ts";
import type {
  ContainerConfig,
  ContainerStats,
  ExecResult,
  ImageStatus,
  PodSandbox,
  PodSandboxConfig,
  Result,
  Runtime,
  RuntimeCondition,
  RuntimeContainerStatus,
  RuntimeFilter,
  RuntimeStreams,
} from "../runtime.ts";
import { done, fail, ok } from "../runtime.ts";
import { ControlGroups } from "./control-groups.ts";
import { launchOf, rightsPrefix } from "./launch.ts";
import type { ProcessHost } from "./process-container.ts";
import { ProcessContainer } from "./process-container.ts";
import { readBootId, readUsage, signal, usageOfSession } from "./process-table.ts";
import type { SandboxRecord } from "./record.ts";
import { Records } from "./record.ts";
import type { HostRights } from "./refusal.ts";
import { caveatOf, refusalOf } from "./refusal.ts";
import { shimScript } from "./shim.ts";

export type ProcessRuntimeOptions = {
  /** Where the runtime keeps its records, for itself alone. */
  readonly directory: string;
  /** `containers`, with links to all logs, is below it. */
  readonly logsDirectory: string;
  readonly clock: Clock;
  readonly logLimits?: LogLimits;
  /** Control group below which each container gets its own; absent: limits are not enforced. */
  readonly controlGroup?: string;
  /** The boot of the host; a test may say that it is another. */
  readonly bootId?: string;
};

const neededPrograms = ["setsid", "mkfifo", "env", "mv"];
const longestExecOutputBytes = 16 * 1024;
const lateOutputMs = 100;
const killedExitCode = 137;

/** Opens the runtime and takes over the processes that an earlier one left running. */
export async function openProcessRuntime(options: ProcessRuntimeOptions): Promise<ProcessRuntime> {
  const missing = neededPrograms.filter((name) => findProgram(name) === null);
  if (missing.length > 0) throw new Error(`the process runtime needs ${missing.join(", ")} on the path`);
  const runtime = new ProcessRuntime(options);
  await runtime.adopt();
  return runtime;
}

export class ProcessRuntime implements Runtime {
  readonly name = "process";
  readonly #options: ProcessRuntimeOptions;
  readonly #host: ProcessHost;
  readonly #rights: HostRights;
  readonly #records: Records;
  readonly #sandboxes = new Map<string, SandboxRecord>();
  readonly #containers = new Map<string, ProcessContainer>();
  readonly #listeners = new Set<(podUid: string) => void>();

  constructor(options: ProcessRuntimeOptions) {
    this.#options = options;
    this.#records = new Records(options.directory);
    const userId = process.getuid?.() ?? -1;
    this.#rights = { isRoot: userId === 0, userId, setpriv: findProgram("setpriv") };
    this.#host = {
      records: this.#records,
      clock: options.clock,
      bootId: options.bootId ?? readBootId(),
      shimPath: installShim(options.directory),
      setpriv: this.#rights.setpriv,
      controlGroups: options.controlGroup === undefined ? null : ControlGroups.open(options.controlGroup),
      logLimits: options.logLimits ?? defaultLogLimits,
      logFiles: new LogFiles(options.logsDirectory),
      changed: (podUid) => {
        for (const listener of this.#listeners) listener(podUid);
      },
    };
  }

  async adopt(): Promise<void> {
    for (const record of this.#records.sandboxes()) this.#sandboxes.set(record.id, record);
    const adopted = this.#records.containers().map(async (record) => {
      const container = new ProcessContainer(record, this.#host);
      this.#containers.set(record.id, container);
      await container.adopt();
    });
    await Promise.all(adopted);
  }

  refusal(spec: PodSpec, container: Container): string | null {
    return refusalOf(spec, container, this.#rights);
  }

  caveat(spec: PodSpec, container: Container): string | null {
    const { isRoot } = this.#rights;
    return caveatOf(spec, container, { limits: this.#host.controlGroups !== null, memory: isRoot });
  }

  async version() {
    return { runtimeName: "process", runtimeVersion: version };
  }

  async status(): Promise<readonly RuntimeCondition[]> {
    const well = { status: true, reason: "", message: "" };
    return [
      { type: "RuntimeReady", ...well },
      { type: "NetworkReady", ...well },
    ];
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<Result<string>> {
    const record: SandboxRecord = {
      id: randomBytes(32).toString("hex"),
      config,
      createdAtMs: this.#options.clock.nowMs(),
      bootId: this.#host.bootId,
      isStopped: false,
    };
    this.#records.saveSandbox(record);
    this.#sandboxes.set(record.id, record);
    return ok(record.id);
  }

  async stopPodSandbox(id: string): Promise<Result<null>> {
    const record = this.#sandboxes.get(id);
    if (record === undefined || record.isStopped) return done;
    await Promise.all(this.#inSandbox(id).map((container) => container.stop(0)));
    const stopped = { ...record, isStopped: true };
    this.#records.saveSandbox(stopped);
    this.#sandboxes.set(id, stopped);
    return done;
  }

  /** With the last sandbox of a pod go its logs. */
  async removePodSandbox(id: string): Promise<Result<null>> {
    const record = this.#sandboxes.get(id);
    if (record === undefined) return done;
    for (const container of this.#inSandbox(id)) await this.removeContainer(container.record.id);
    this.#records.removeSandbox(id);
    this.#sandboxes.delete(id);
    const { uid } = record.config.metadata;
    if ([...this.#sandboxes.values()].some(({ config }) => config.metadata.uid === uid)) return done;
    this.#host.logFiles.removePod(uid);
    return done;
  }

  async listPodSandboxes({ podUid }: RuntimeFilter): Promise<readonly PodSandbox[]> {
    return [...this.#sandboxes.values()]
      .filter(({ config }) => podUid === undefined || config.metadata.uid === podUid)
      .map(({ id, config, createdAtMs, bootId, isStopped }) => ({
        id,
        metadata: config.metadata,
        state: isStopped || bootId !== this.#host.bootId ? "notready" : "ready",
        createdAtMs,
        labels: config.labels,
        annotations: config.annotations,
      }));
  }

  async pullImage(image: string): Promise<Result<string>> {
    return ok(image);
  }

  /** Images mean nothing here, and none is ever missing. */
  async imageStatus(image: string): Promise<ImageStatus | null> {
    return { id: image, repoDigests: [], sizeBytes: 0 };
  }

  async createContainer(
    sandboxId: string,
    config: ContainerConfig,
    sandbox: PodSandboxConfig,
  ): Promise<Result<string>> {
    if (!this.#sandboxes.has(sandboxId)) return fail("not-found", `there is no sandbox ${sandboxId}`);
    const id = randomBytes(32).toString("hex");
    const record = { id, sandboxId, config, sandbox, createdAtMs: this.#options.clock.nowMs() };
    this.#records.saveContainer(record);
    this.#containers.set(id, new ProcessContainer(record, this.#host));
    return ok(id);
  }

  async startContainer(id: string): Promise<Result<null>> {
    const container = this.#containers.get(id);
    if (container?.status.state !== "created") return fail("not-found", `container ${id} is not there to be started`);
    return container.start();
  }

  async stopContainer(id: string, timeoutSeconds: number): Promise<Result<null>> {
    return (await this.#containers.get(id)?.stop(timeoutSeconds)) ?? done;
  }

  async removeContainer(id: string): Promise<Result<null>> {
    await this.#containers.get(id)?.remove();
    this.#containers.delete(id);
    return done;
  }

  async listContainers({ podUid }: RuntimeFilter): Promise<readonly RuntimeContainerStatus[]> {
    return [...this.#containers.values()]
      .filter((container) => podUid === undefined || container.podUid === podUid)
      .map(({ status }) => status);
  }

  async listContainerStats(): Promise<readonly ContainerStats[]> {
    const table = readUsage();
    return [...this.#containers.values()].flatMap(({ record, podUid, session }) =>
      session === null
        ? []
        : [{ podUid, name: record.config.metadata.name, id: record.id, ...usageOfSession(table, session) }],
    );
  }

  async containerStatus(id: string): Promise<RuntimeContainerStatus | null> {
    return this.#containers.get(id)?.status ?? null;
  }

  async execSync(id: string, command: readonly string[], timeoutSeconds: number): Promise<Result<ExecResult>> {
    const container = this.#containers.get(id);
    if (container?.isRunning !== true) return fail("not-found", `container ${id} is not running`);
    const { config, sandbox } = container.record;
    const prefix = rightsPrefix(config.linux.securityContext, this.#rights.setpriv);
    const { environment, workingDirectory } = launchOf(id, config, sandbox);
    const [program = "", ...args] = [...prefix, ...command];
    const env = Object.fromEntries(environment);
    return run(program, args, { cwd: workingDirectory, env, timeoutMs: timeoutSeconds * 1000 });
  }

  readonly streams: RuntimeStreams = {
    exec: async (id, command, options) => {
      const container = this.#containers.get(id);
      if (container?.isRunning !== true) return fail("not-found", `container ${id} is not running`);
      const { config, sandbox } = container.record;
      const { securityContext } = config.linux;
      const beside = {
        launch: { ...launchOf(id, config, sandbox), command },
        prefix: rightsPrefix(securityContext, this.#rights.setpriv),
        controlGroups: this.#host.controlGroups?.directories(id) ?? [],
        runAsUser: this.#rights.isRoot ? securityContext.runAsUser : undefined,
      };
      const { execBeside } = await import("./process-streams.ts");
      return execBeside(beside, options);
    },
    attach: async (id, options) => {
      const container = this.#containers.get(id);
      if (container?.isRunning !== true) return fail("not-found", `container ${id} is not running`);
      const { attachToLog } = await import("./process-streams.ts");
      return attachToLog(container.logPath, options, async () => container.isRunning);
    },
    portForward: async (id, port) => {
      if (!this.#sandboxes.has(id)) return fail("not-found", `there is no sandbox ${id}`);
      const { connectLocally } = await import("./connect-locally.ts");
      return connectLocally(port);
    },
  };

  async reopenContainerLog(id: string): Promise<Result<null>> {
    await this.#containers.get(id)?.reopenLog();
    return done;
  }

  onChange(listener: (podUid: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
    for (const container of this.#containers.values()) container.release();
  }

  #inSandbox(id: string): readonly ProcessContainer[] {
    return [...this.#containers.values()].filter(({ record }) => record.sandboxId === id);
  }
}

/** Named after its content: a shell reads its script as it goes, so that a running one must never be overwritten. */
function installShim(directory: string): string {
  const path = join(directory, `shim-${hashText(shimScript)}.sh`);
  if (!existsSync(path)) writeFileSync(path, shimScript, { mode: 0o600 });
  return path;
}

type RunOptions = {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
};

/** Runs a program in a process group of its own, which is killed when it takes too long. */
function run(
  program: string,
  args: readonly string[],
  { timeoutMs, ...options }: RunOptions,
): Promise<Result<ExecResult>> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    const output = { stdout: "", stderr: "" };
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      if (child.pid !== undefined) signal(-child.pid, "SIGKILL");
    }, timeoutMs);
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8");
      child[name].on("data", (text: string) => {
        output[name] = (output[name] + text).slice(0, longestExecOutputBytes);
      });
    }
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve(fail("failed", error.message));
    });
    const finish = () => {
      if (timedOut) resolve(fail("timeout", `the command did not end within ${timeoutMs / 1000}s`));
      else resolve(ok({ ...output, exitCode: child.exitCode ?? killedExitCode }));
    };
    child.on("close", finish);
    child.on("exit", () => {
      clearTimeout(timer);
      // What it started in the background may hold its output open, and is not waited for.
      setTimeout(finish, lateOutputMs);
    });
  });
}
