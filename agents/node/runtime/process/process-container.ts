// One container of the process runtime: a command under its shim, its logs on their way to a file, and its end.
import { execFile, spawn } from "node:child_process";
import { closeSync, constants, openSync, statSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

import { labels } from "../../pod/labels.ts";
import type { Clock } from "../../ports.ts";
import type { LogFiles } from "../log-files.ts";
import type { LogLimits } from "../rotating-file.ts";
import type { Result, RuntimeContainerStatus } from "../runtime.ts";
import { done, fail } from "../runtime.ts";
import type { ControlGroups } from "./control-groups.ts";
import { launchOf, launchProblem, rightsPrefix } from "./launch.ts";
import type { LogStream } from "./log-writer.ts";
import { LogWriter } from "./log-writer.ts";
import type { ProcessIdentity } from "./process-table.ts";
import { isAlive, killAll, readIdentity, signal } from "./process-table.ts";
import type { ContainerRecord, Records } from "./record.ts";
import { readText, writeWhole } from "./record.ts";
import { runScript } from "./shim.ts";

export type ProcessHost = {
  readonly records: Records;
  readonly clock: Clock;
  readonly bootId: string;
  readonly shimPath: string;
  readonly setpriv: string | null;
  /** Null where limits are not enforced. */
  readonly controlGroups: ControlGroups | null;
  readonly logLimits: LogLimits;
  readonly logFiles: LogFiles;
  changed(podUid: string): void;
};

type Ending = { readonly atMs: number; readonly exitCode: number; readonly reason: string; readonly message: string };

const runFile = promisify(execFile);
const drainTimeoutMs = 1000;
const ackRetryMs = 5;
const ackRetries = 400;
const pollMs = 1000;
const lateKillMs = 10_000;

export class ProcessContainer {
  readonly record: ContainerRecord;
  readonly podUid: string;
  readonly #host: ProcessHost;
  readonly #directory: string;
  readonly #logPath: string;
  readonly #readers: Socket[] = [];
  readonly #waiters: (() => void)[] = [];
  #log: LogWriter | undefined;
  #main: ProcessIdentity | null = null;
  #startedAtMs: number | undefined;
  #ending: Ending | undefined;
  #isReleased = false;
  #isEnding = false;
  #cancelKill: (() => void) | undefined;
  #killAtMs = Number.POSITIVE_INFINITY;

  constructor(record: ContainerRecord, host: ProcessHost) {
    this.record = record;
    this.#host = host;
    this.podUid = record.config.labels[labels.podUid] ?? "";
    this.#directory = host.records.containerDirectory(record.id);
    this.#logPath = join(record.sandbox.logDirectory, record.config.logPath);
  }

  get status(): RuntimeContainerStatus {
    const { id, sandboxId, config, createdAtMs } = this.record;
    const { metadata, image, labels: given, annotations: noted } = config;
    const ending = this.#ending;
    return {
      id,
      podSandboxId: sandboxId,
      metadata,
      image,
      imageRef: "",
      state: ending !== undefined ? "exited" : this.#main === null ? "created" : "running",
      createdAtMs,
      labels: given,
      annotations: noted,
      ...(this.#startedAtMs === undefined ? {} : { startedAtMs: this.#startedAtMs }),
      ...(ending === undefined ? {} : { finishedAtMs: ending.atMs, exitCode: ending.exitCode, reason: ending.reason }),
      ...(ending === undefined || ending.message === "" ? {} : { message: ending.message }),
    };
  }

  get logPath(): string {
    return this.#logPath;
  }

  get isRunning(): boolean {
    return this.#main !== null && this.#ending === undefined;
  }

  /** Of its processes, while they run. */
  get session(): number | null {
    return this.isRunning ? (this.#main?.pid ?? null) : null;
  }

  async start(): Promise<Result<null>> {
    const launch = launchOf(this.record.id, this.record.config, this.record.sandbox);
    const problem = launchProblem(launch);
    if (problem !== null) {
      this.#host.records.saveExit(this.record.id, problem);
      this.#finish();
      return fail("failed", problem.message);
    }
    const { linux } = this.record.config;
    const script = runScript({
      ...launch,
      directory: this.#directory,
      prefix: rightsPrefix(linux.securityContext, this.#host.setpriv),
      controlGroups: this.#host.controlGroups?.create(this.record.id, linux.resources) ?? [],
      oomScoreAdjust: linux.resources.oomScoreAdjust,
    });
    writeWhole(join(this.#directory, "run"), script);
    await runFile("mkfifo", ["-m", "600", ...[...pipeNames, "ack"].map((name) => this.#file(name))]);
    this.#host.logFiles.make(this.record.id, this.record.config, this.record.sandbox);
    // Whoever finds this and no shim knows that one may be about to start.
    writeWhole(this.#file("starting"), this.#host.bootId);
    const started = await this.#spawn();
    if (started) return done;
    await this.#ended();
    return fail("failed", this.status.message ?? "the command could not be started");
  }

  /** Takes over what an earlier agent left. */
  async adopt(): Promise<void> {
    const started = readText(this.#file("starting"));
    if (started === null) return;
    const isThisBoot = started === this.#host.bootId;
    const shim = isThisBoot ? await this.#awaitShim() : null;
    this.#main = readIdentity(readText(this.#file("pid")) ?? "");
    if (this.#main !== null) this.#startedAtMs = Math.floor(statSync(this.#file("pid")).mtimeMs);
    const isShimAlive = shim !== null && isAlive(shim);
    if (isShimAlive) this.#attach();
    if (this.#host.records.exitOf(this.record.id) !== null) {
      this.#isEnding = true;
      // Its processes' numbers may be others' by now: only those that carry its mark are ended.
      this.#killAll(null);
      await this.#drain(isShimAlive);
      this.#finish();
    } else if (!isThisBoot) this.#lost({ exitCode: 255, reason: "Unknown", message: undefined });
    else if (!isShimAlive) this.#supervisorDied();
  }

  /** Asks it to end, and kills it when `timeoutSeconds` have passed. A later call may only shorten the wait. */
  async stop(timeoutSeconds: number): Promise<Result<null>> {
    if (!this.isRunning) return done;
    const { clock } = this.#host;
    const main = this.#main;
    const killAtMs = clock.monotonicMs() + timeoutSeconds * 1000;
    if (this.#killAtMs === Number.POSITIVE_INFINITY && main !== null) signal(-main.pid, "SIGTERM");
    if (killAtMs < this.#killAtMs) {
      this.#killAtMs = killAtMs;
      this.#cancelKill?.();
      this.#cancelKill = clock.setTimer(timeoutSeconds * 1000, () => this.kill());
    }
    const ended = this.#ended().then(() => true);
    let cancel = () => {};
    const tooLong = new Promise<boolean>((resolve) => {
      cancel = clock.setTimer(timeoutSeconds * 1000 + lateKillMs, () => resolve(false));
    });
    const hasEnded = await Promise.race([ended, tooLong]);
    cancel();
    return hasEnded ? done : fail("failed", `container ${this.record.id} does not die`);
  }

  kill(): void {
    if (this.isRunning) this.#killAll(this.#main?.pid ?? null);
  }

  async remove(): Promise<void> {
    if (this.isRunning) await this.stop(0);
    this.release();
    this.#host.records.removeContainer(this.record.id);
    this.#host.controlGroups?.remove(this.record.id);
    this.#host.logFiles.remove(this.record.id);
  }

  async reopenLog(): Promise<void> {
    await this.#log?.reopen();
  }

  /** Lets go of it; the process runs on, and blocks when its output fills the pipe. */
  release(): void {
    this.#isReleased = true;
    this.#cancelKill?.();
    const [out, err] = this.#readers;
    // What has left the pipe is nowhere else any more.
    for (const reader of [out, err]) drainBuffer(reader);
    for (const reader of this.#readers.splice(0)) reader.destroy();
    void this.#log?.close();
  }

  async #spawn(): Promise<boolean> {
    const { O_RDWR } = constants;
    // Both ends at once: opening them never blocks, and the command itself keeps a read end while no agent does.
    const [out, err, life] = pipeNames.map((name) => openSync(this.#file(name), O_RDWR));
    const whenStarted = new Promise<boolean>((resolve) => this.#attach(resolve));
    const child = spawn("/bin/sh", [this.#host.shimPath, this.#directory], {
      cwd: "/",
      detached: true,
      env: { PATH: process.env["PATH"] },
      stdio: ["ignore", out, err, life],
    });
    child.on("error", () => this.#readers[2]?.destroy());
    child.unref();
    for (const descriptor of [out, err, life]) if (descriptor !== undefined) closeSync(descriptor);
    return whenStarted;
  }

  /** Reads what the pipes bring. `onStart`: true when the command was reached, false when its shim ended before. */
  #attach(onStart?: (started: boolean) => void): void {
    const { logLimits, clock } = this.#host;
    this.#log = new LogWriter(this.#logPath, { limits: logLimits, nowMs: () => clock.nowMs() });
    this.#read("out", (chunk) => this.#pass("stdout", chunk));
    this.#read("err", (chunk) => this.#pass("stderr", chunk));
    let heard = "";
    const life = this.#read("life", async (chunk) => {
      heard += chunk.toString("latin1");
      if (heard.includes("started\n") && this.#main === null) {
        this.#main = readIdentity(readText(this.#file("pid")) ?? "");
        this.#startedAtMs = this.#host.clock.nowMs();
        onStart?.(true);
      }
      if (heard.includes("exit\n")) await this.#end();
    });
    life.on("close", () => {
      onStart?.(false);
      if (!this.#isReleased && !heard.includes("exit\n")) this.#supervisorDied();
    });
  }

  #read(name: PipeName, take: (chunk: Buffer) => Promise<void>): Socket {
    const fd = openSync(this.#file(name), constants.O_RDONLY | constants.O_NONBLOCK);
    const socket = new Socket({ fd, readable: true, writable: false });
    this.#readers.push(socket);
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      // Back-pressure: a command that writes faster than the disk waits on its pipe.
      socket.pause();
      void take(chunk).then(() => socket.resume());
    });
    return socket;
  }

  async #pass(stream: LogStream, chunk: Buffer): Promise<void> {
    await this.#log?.write(stream, chunk);
  }

  /** The shim says that the command has ended. */
  async #end(): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#killAll(this.#main?.pid ?? null);
    await this.#drain(true);
    this.#finish();
  }

  /** Lets the shim go, and waits until the last of the output is in the log. */
  async #drain(isShimAlive: boolean): Promise<void> {
    const ended = this.#readers.slice(0, 2).map((reader) => {
      if (reader.destroyed) return Promise.resolve();
      return new Promise<void>((resolve) => reader.once("close", () => resolve()));
    });
    if (isShimAlive) await this.#acknowledge();
    let cancel = () => {};
    const tooLong = new Promise<void>((resolve) => {
      cancel = this.#host.clock.setTimer(drainTimeoutMs, resolve);
    });
    await Promise.race([Promise.all(ended), tooLong]);
    cancel();
    await this.#log?.end();
  }

  async #acknowledge(): Promise<void> {
    for (let attempt = 0; attempt < ackRetries; attempt++) {
      try {
        // Fails while nobody reads: the shim is on its way there, or gone.
        const fd = openSync(this.#file("ack"), constants.O_WRONLY | constants.O_NONBLOCK);
        writeSync(fd, "ok\n");
        closeSync(fd);
        return;
      } catch {
        const shim = readIdentity(readText(this.#file("shim")) ?? "");
        if (shim === null || !isAlive(shim)) return;
        await this.#wait(ackRetryMs);
      }
    }
  }

  /** Nobody will write down how the command ends; whether it still runs must be looked up. */
  #supervisorDied(): void {
    if (this.#ending !== undefined || this.#isReleased) return;
    if (this.#host.records.exitOf(this.record.id) !== null) {
      void this.#end();
      return;
    }
    if (this.#main !== null && isAlive(this.#main)) {
      this.#host.clock.setTimer(pollMs, () => this.#supervisorDied());
      return;
    }
    const message = this.#main === null ? "the command could not be started" : "the process was lost sight of";
    const reason = this.#main === null ? "StartError" : "ContainerStatusUnknown";
    this.#lost({ exitCode: this.#main === null ? 128 : 137, reason, message });
  }

  #lost(exit: { readonly exitCode: number; readonly reason: string; readonly message: string | undefined }): void {
    this.#killAll(null);
    this.#host.records.saveExit(this.record.id, exit);
    this.#finish();
  }

  /** Takes over the exit that is on record. */
  #finish(): void {
    const exit = this.#host.records.exitOf(this.record.id);
    if (exit === null || this.#ending !== undefined) return;
    const { exitCode, atMs } = exit;
    const reason = exit.reason ?? this.#exitReason(exitCode);
    this.#ending = { atMs, exitCode, reason, message: exit.message ?? "" };
    this.#cancelKill?.();
    for (const reader of this.#readers.splice(0)) reader.destroy();
    for (const resolve of this.#waiters.splice(0)) resolve();
    this.#host.changed(this.podUid);
  }

  #exitReason(exitCode: number): string {
    if (this.#host.controlGroups?.ranOutOfMemory(this.record.id) === true) return "OOMKilled";
    return exitCode === 0 ? "Completed" : "Error";
  }

  #killAll(session: number | null): void {
    const { id } = this.record;
    killAll(id, session, () => this.#host.controlGroups?.processes(id) ?? []);
  }

  /** The shim's identity, for which it gets a moment: an agent may have died right after starting it. */
  async #awaitShim(): Promise<ProcessIdentity | null> {
    for (let waitedMs = 0; ; waitedMs += 20) {
      const shim = readIdentity(readText(this.#file("shim")) ?? "");
      if (shim !== null || waitedMs >= drainTimeoutMs) return shim;
      await this.#wait(20);
    }
  }

  #ended(): Promise<void> {
    if (this.#ending !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#host.clock.setTimer(delayMs, resolve));
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }
}

const pipeNames = ["out", "err", "life"] as const;
type PipeName = (typeof pipeNames)[number];

/** Its listener gets what the reader holds already. */
function drainBuffer(reader: Socket | undefined): void {
  let chunk: unknown;
  do chunk = reader?.read() ?? null;
  while (chunk !== null);
}
