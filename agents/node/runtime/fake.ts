// A runtime that runs nothing and says what one that did would say. It lives by the clock it is given.

import { hashText } from "../pod/hash.ts";
import { labels } from "../pod/labels.ts";
import type { Clock, Network } from "../ports.ts";
import type { FakeBehaviour, FakeScript } from "./fake-script.ts";
import { behaviourOf } from "./fake-script.ts";
import { fakeStreams } from "./fake-streams.ts";
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
} from "./runtime.ts";
import { done, fail, ok } from "./runtime.ts";

type FakeContainer = {
  status: RuntimeContainerStatus;
  readonly uid: string;
  readonly behaviour: FakeBehaviour;
  /** Calls off what would happen to it by itself. */
  cancel: (() => void) | undefined;
  readonly whenEnded: (() => void)[];
};

type FakeSandbox = { sandbox: PodSandbox; readonly uid: string };

export type FakeRuntimeOptions = {
  readonly clock: Clock;
  readonly script?: FakeScript;
  /** Address of a sandbox that is not on the host's network; absent: all use the node's. */
  readonly podIp?: (config: PodSandboxConfig) => string;
};

const killedExitCode = 137;
const fakeWorkingSetBytes = 8 * 1024 * 1024;

export class FakeRuntime implements Runtime {
  readonly name = "fake";
  readonly #clock: Clock;
  readonly #script: FakeScript | undefined;
  readonly #podIp: ((config: PodSandboxConfig) => string) | undefined;
  readonly #sandboxes = new Map<string, FakeSandbox>();
  readonly #containers = new Map<string, FakeContainer>();
  readonly #images = new Set<string>();
  readonly #listeners = new Set<(podUid: string) => void>();
  #lastId = 0;

  constructor({ clock, script, podIp }: FakeRuntimeOptions) {
    this.#clock = clock;
    this.#script = script;
    this.#podIp = podIp;
  }

  refusal(): null {
    return null;
  }

  caveat(): null {
    return null;
  }

  async version() {
    return { runtimeName: "fake", runtimeVersion: "1.0.0" };
  }

  async status(): Promise<readonly RuntimeCondition[]> {
    const well = { status: true, reason: "", message: "" };
    return [
      { type: "RuntimeReady", ...well },
      { type: "NetworkReady", ...well },
    ];
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<Result<string>> {
    const { sandboxMs, sandboxError } = this.#behaviour("", config, undefined);
    if (sandboxMs > 0) await this.#wait(sandboxMs);
    if (sandboxError !== undefined) return fail("failed", sandboxError);
    const { metadata, labels: given, annotations } = config;
    const id = this.#newId();
    const ip = config.hostNetwork ? undefined : this.#podIp?.(config);
    const sandbox: PodSandbox = {
      id,
      metadata,
      state: "ready",
      createdAtMs: this.#clock.nowMs(),
      labels: given,
      annotations,
      ...(ip === undefined ? {} : { ip }),
    };
    this.#sandboxes.set(id, { sandbox, uid: metadata.uid });
    return ok(id);
  }

  async stopPodSandbox(id: string): Promise<Result<null>> {
    const entry = this.#sandboxes.get(id);
    if (entry?.sandbox.state !== "ready") return done;
    for (const container of this.#containers.values()) {
      if (container.status.podSandboxId === id) this.#end(container, killedExitCode, "Error");
    }
    entry.sandbox = { ...entry.sandbox, state: "notready" };
    return done;
  }

  async removePodSandbox(id: string): Promise<Result<null>> {
    await this.stopPodSandbox(id);
    for (const [containerId, container] of this.#containers) {
      if (container.status.podSandboxId === id) this.#containers.delete(containerId);
    }
    this.#sandboxes.delete(id);
    return done;
  }

  async listPodSandboxes({ podUid }: RuntimeFilter): Promise<readonly PodSandbox[]> {
    const found: PodSandbox[] = [];
    for (const { sandbox, uid } of this.#sandboxes.values()) {
      if (podUid === undefined || uid === podUid) found.push(sandbox);
    }
    return found;
  }

  async pullImage(image: string, sandbox: PodSandboxConfig): Promise<Result<string>> {
    const { pullMs, pullError } = this.#behaviour(image, sandbox, undefined);
    if (pullMs > 0) await this.#wait(pullMs);
    if (pullError !== undefined) return fail("failed", pullError);
    this.#images.add(image);
    return ok(imageRef(image));
  }

  async imageStatus(image: string): Promise<ImageStatus | null> {
    return this.#images.has(image) ? { id: imageRef(image), repoDigests: [], sizeBytes: 0 } : null;
  }

  async createContainer(
    sandboxId: string,
    config: ContainerConfig,
    sandbox: PodSandboxConfig,
  ): Promise<Result<string>> {
    const entry = this.#sandboxes.get(sandboxId);
    if (entry?.sandbox.state !== "ready") return fail("not-found", `sandbox ${sandboxId} is not running`);
    const behaviour = this.#behaviour(config.image, sandbox, config);
    if (behaviour.createError !== undefined) return fail("failed", behaviour.createError);
    const id = this.#newId();
    const status: RuntimeContainerStatus = {
      id,
      podSandboxId: sandboxId,
      metadata: config.metadata,
      image: config.image,
      imageRef: imageRef(config.image),
      state: "created",
      createdAtMs: this.#clock.nowMs(),
      labels: config.labels,
      annotations: config.annotations,
    };
    const uid = config.labels[labels.podUid] ?? "";
    this.#containers.set(id, { status, uid, behaviour, cancel: undefined, whenEnded: [] });
    return ok(id);
  }

  async startContainer(id: string): Promise<Result<null>> {
    const container = this.#containers.get(id);
    if (container?.status.state !== "created") return fail("not-found", `container ${id} is not there to be started`);
    const { startMs, startError } = container.behaviour;
    if (startMs > 0) await this.#wait(startMs);
    if (!this.#containers.has(id)) return fail("not-found", `container ${id} was removed`);
    const sandboxId = container.status.podSandboxId;
    if (this.#sandboxes.get(sandboxId)?.sandbox.state !== "ready") {
      return fail("not-found", `sandbox ${sandboxId} is not running`);
    }
    const startedAtMs = this.#clock.nowMs();
    if (startError !== undefined) {
      this.#end(container, 128, "StartError", startError);
      return fail("failed", startError);
    }
    container.status = { ...container.status, state: "running", startedAtMs };
    this.#live(container);
    return done;
  }

  async stopContainer(id: string, timeoutSeconds: number): Promise<Result<null>> {
    const container = this.#containers.get(id);
    if (container === undefined || container.status.state !== "running") return done;
    const { stopMs, stopExitCode } = container.behaviour;
    const isKilled = stopMs > timeoutSeconds * 1000;
    const exitCode = isKilled ? killedExitCode : stopExitCode;
    const delayMs = isKilled ? timeoutSeconds * 1000 : stopMs;
    if (delayMs === 0) {
      this.#end(container, exitCode);
      return done;
    }
    await new Promise<void>((resolve) => {
      container.whenEnded.push(resolve);
      this.#clock.setTimer(delayMs, () => this.#end(container, exitCode));
    });
    return done;
  }

  async removeContainer(id: string): Promise<Result<null>> {
    const container = this.#containers.get(id);
    if (container !== undefined) this.#end(container, killedExitCode);
    this.#containers.delete(id);
    return done;
  }

  async listContainers({ podUid }: RuntimeFilter): Promise<readonly RuntimeContainerStatus[]> {
    const found: RuntimeContainerStatus[] = [];
    for (const { status, uid } of this.#containers.values()) {
      if (podUid === undefined || uid === podUid) found.push(status);
    }
    return found;
  }

  /** Made up: each uses a thousandth of a processor all the time, and as much memory as a small daemon does. */
  async listContainerStats(): Promise<readonly ContainerStats[]> {
    const nowMs = this.#clock.nowMs();
    return [...this.#containers.values()]
      .filter(({ status }) => status.state === "running")
      .map(({ status: { id, metadata, startedAtMs = nowMs }, uid }) => ({
        podUid: uid,
        name: metadata.name,
        id,
        usageCoreNanoSeconds: (nowMs - startedAtMs) * 1000,
        workingSetBytes: fakeWorkingSetBytes,
      }));
  }

  async containerStatus(id: string): Promise<RuntimeContainerStatus | null> {
    return this.#containers.get(id)?.status ?? null;
  }

  async execSync(id: string, command: readonly string[]): Promise<Result<ExecResult>> {
    const container = this.#containers.get(id);
    if (container?.status.state !== "running") return fail("not-found", `container ${id} is not running`);
    const exitCode = !container.behaviour.healthy || command[0] === "false" ? 1 : 0;
    return ok({ stdout: "", stderr: "", exitCode });
  }

  /** Made when it is asked for: of most fakes nobody asks. */
  get streams(): RuntimeStreams {
    return fakeStreams({
      status: (id) => this.#containers.get(id)?.status,
      onEnd: (id, told) => void this.#containers.get(id)?.whenEnded.push(told),
      hasSandbox: (id) => this.#sandboxes.get(id)?.sandbox.state === "ready",
    });
  }

  async reopenContainerLog(): Promise<Result<null>> {
    return done;
  }

  onChange(listener: (podUid: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    for (const container of this.#containers.values()) container.cancel?.();
  }

  /** Lets running containers end by themselves, as by a crash. */
  exit(podUid: string, exitCode: number): void {
    for (const container of this.#containers.values()) {
      if (container.uid === podUid && container.status.state === "running") this.#end(container, exitCode);
    }
  }

  /** The host goes down and comes up again: nothing runs, and records of what ran are left. */
  reboot(): void {
    for (const container of this.#containers.values()) this.#end(container, 255, "Unknown");
    for (const entry of this.#sandboxes.values()) entry.sandbox = { ...entry.sandbox, state: "notready" };
  }

  /** What its probes are answered. */
  isHealthy(id: string): boolean {
    const container = this.#containers.get(id);
    return container?.status.state === "running" && container.behaviour.healthy;
  }

  /** How many containers of one pod and name run; more than one is a mistake of the agent's. */
  running(podUid: string, name: string): number {
    let count = 0;
    for (const { uid, status } of this.#containers.values()) {
      if (uid === podUid && status.metadata.name === name && status.state === "running") count += 1;
    }
    return count;
  }

  #behaviour(image: string, sandbox: PodSandboxConfig, config: ContainerConfig | undefined): FakeBehaviour {
    return behaviourOf(image, sandbox, { config, script: this.#script });
  }

  /** What becomes of a container that nobody touches. */
  #live(container: FakeContainer): void {
    const { exitAfterMs, exitCode, exits, ready, readyAfterMs } = container.behaviour;
    const isReadyAtOnce = ready && readyAfterMs === 0;
    if (!isReadyAtOnce) container.status = { ...container.status, ready: false };
    const exitsItself =
      exitAfterMs !== undefined && container.status.metadata.attempt < (exits ?? Number.POSITIVE_INFINITY);
    const cancels: (() => void)[] = [];
    if (exitsItself) cancels.push(this.#clock.setTimer(exitAfterMs, () => this.#end(container, exitCode)));
    if (ready && readyAfterMs > 0) cancels.push(this.#clock.setTimer(readyAfterMs, () => this.#turnReady(container)));
    if (cancels.length === 0) return;
    container.cancel = () => {
      for (const cancel of cancels) cancel();
    };
  }

  #turnReady(container: FakeContainer): void {
    if (container.status.state !== "running") return;
    const { ready: _, ...status } = container.status;
    container.status = status;
    this.#tell(container.uid);
  }

  #end(container: FakeContainer, exitCode: number, reason?: string, message?: string): void {
    const { state } = container.status;
    if (state === "exited" || (state === "created" && reason !== "StartError")) return;
    container.cancel?.();
    container.cancel = undefined;
    const finishedAtMs = this.#clock.nowMs();
    container.status = {
      ...container.status,
      state: "exited",
      finishedAtMs,
      exitCode,
      reason: reason ?? (exitCode === 0 ? "Completed" : "Error"),
      ...(message === undefined ? {} : { message }),
    };
    for (const resolve of container.whenEnded.splice(0)) resolve();
    this.#tell(container.uid);
  }

  #tell(podUid: string): void {
    for (const listener of this.#listeners) listener(podUid);
  }

  #newId(): string {
    this.#lastId += 1;
    return this.#lastId.toString(16).padStart(12, "0");
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimer(delayMs, resolve));
  }
}

const refs = new Map<string, string>();

/** The same for all fakes of a process. */
function imageRef(image: string): string {
  const known = refs.get(image);
  if (known !== undefined) return known;
  const digest = [0, 1, 2, 3, 4, 5, 6, 7].map((part) => hashText(`${part}${image}`).padStart(8, "0")).join("");
  const ref = `${image.replace(/[:@][^/]*$/, "")}@sha256:${digest}`;
  refs.set(image, ref);
  return ref;
}

/** The network of fake containers: they answer while they are healthy. */
export class FakeNetwork implements Network {
  readonly #runtime: FakeRuntime;

  constructor(runtime: FakeRuntime) {
    this.#runtime = runtime;
  }

  async httpGet({ containerId }: { readonly containerId: string }) {
    return { ok: true as const, statusCode: this.#runtime.isHealthy(containerId) ? 200 : 503, leftHost: false };
  }

  async tcpConnect({ containerId }: { readonly containerId: string }) {
    return this.#runtime.isHealthy(containerId)
      ? { ok: true as const }
      : { ok: false as const, message: "connection refused" };
  }

  async grpcHealth({ containerId }: { readonly containerId: string }) {
    return this.tcpConnect({ containerId });
  }
}
