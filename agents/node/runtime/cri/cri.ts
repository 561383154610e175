// The runtime of containerd, CRI-O and whatever else speaks the CRI: it keeps sandboxes and containers by itself, and all
// that this driver knows it asks of it. Only what carries this agent's label is touched.
import { basename } from "node:path";

import type { Container } from "../../../../src/model/container.ts";
import type { PodSpec } from "../../../../src/model/pod-spec.ts";
import { hostAbilities } from "../../host/abilities.ts";
import { labels } from "../../pod/labels.ts";
import { refusalOfContainer } from "../../pod/refusal.ts";
import type { Clock, Log } from "../../ports.ts";
import { LogFiles } from "../log-files.ts";
import type {
  ContainerConfig,
  ContainerStats,
  ExecResult,
  ImageStatus,
  PodSandbox,
  PodSandboxConfig,
  RegistryCredentials,
  Result,
  Runtime,
  RuntimeCondition,
  RuntimeContainerStatus,
  RuntimeFilter,
  WritableLayer,
} from "../runtime.ts";
import { done, fail, ok } from "../runtime.ts";
import { seccompProfilePath } from "../seccomp-profile.ts";
import type { Seen } from "./changes.ts";
import { Changes } from "./changes.ts";
import type { ConfigContext, ImageUser } from "./config.ts";
import { containerMessage, sandboxMessage } from "./config.ts";
import { eventSources } from "./events.ts";
import { attempt, attemptOnWhatMayBeGone, isNotFound } from "./failure.ts";
import { hasUnifiedGroups } from "./group-files.ts";
import { GroupsOfRuntime } from "./groups-of-runtime.ts";
import { CriImages } from "./images.ts";
import { LazyCriStreams } from "./lazy-streams.ts";
import { readContainer, readLayer, readSandbox, readStats, readStatus } from "./read.ts";
import { CriClient, methods } from "./service.ts";

export type CriRuntimeOptions = {
  readonly socketPath: string;
  /** Marks what is this agent's; the same whenever it is started. */
  readonly owner: string;
  /** What /var/log is to the kubelet. */
  readonly logsDirectory: string;
  /** Where seccomp profiles are that pods name; the first that has one counts. */
  readonly seccompDirectories: readonly string[];
  /** Control group that those of all pods are below. */
  readonly controlGroup: string;
  readonly clock: Clock;
  readonly log: Log;
};

const longestExecOutputBytes = 16 * 1024;
const slowMs = 240_000;
/** What is asked once, before anything else, and may find nobody there. */
const firstQuestionMs = 10_000;

/** Opens the runtime. One that is not there yet is found when it comes. */
export async function openCriRuntime(options: CriRuntimeOptions): Promise<CriRuntime> {
  const client = new CriClient(options.socketPath);
  const version = await attempt(() => client.call(methods.version, {}, { timeoutMs: firstQuestionMs }));
  const bySocket = basename(options.socketPath).startsWith("crio") ? "cri-o" : "containerd";
  const name = version.ok ? version.value.runtimeName : bySocket;
  return new CriRuntime({ ...options, name, client });
}

type Opened = CriRuntimeOptions & {
  readonly name: string;
  readonly client: CriClient;
};

export class CriRuntime implements Runtime {
  readonly name: string;
  readonly images: CriImages;
  readonly streams: LazyCriStreams;
  readonly #options: Opened;
  readonly #client: CriClient;
  readonly #ownLabels: Readonly<Record<string, string>>;
  readonly #logs: LogFiles;
  readonly #changes: Changes;
  readonly #groups: GroupsOfRuntime;
  /** Addresses of sandboxes that have one, which they keep. */
  readonly #addresses = new Map<string, string | undefined>();
  /** Sandboxes of containers, which the status of a container says nothing of. */
  readonly #sandboxes = new Map<string, string>();

  constructor(options: Opened) {
    this.#options = options;
    this.name = options.name;
    this.#client = options.client;
    this.#ownLabels = { [labels.agent]: options.owner };
    this.#logs = new LogFiles(options.logsDirectory);
    this.#groups = new GroupsOfRuntime(options);
    this.images = new CriImages(options.client, this.#ownLabels);
    this.streams = new LazyCriStreams(options.client);
    this.#changes = new Changes({
      clock: options.clock,
      look: () => this.#look(),
      sources: eventSources(options.client),
    });
  }

  refusal(spec: PodSpec, container: Container): string | null {
    return refusalOfContainer(spec, container, hostAbilities());
  }

  caveat(): null {
    return null;
  }

  async version() {
    const { runtimeName, runtimeVersion } = await this.#client.call(methods.version, {});
    return { runtimeName, runtimeVersion };
  }

  async status(): Promise<readonly RuntimeCondition[]> {
    const { status } = await this.#client.call(methods.status, {}, { timeoutMs: firstQuestionMs });
    const known = (type: RuntimeCondition["type"]): RuntimeCondition => {
      const {
        status: isTrue = false,
        reason = "",
        message = "",
      } = status?.conditions.find((condition) => condition.type === type) ?? {};
      return { type, status: isTrue, reason, message };
    };
    return [known("RuntimeReady"), known("NetworkReady")];
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<Result<string>> {
    const lacking = config.hostNetwork ? null : await this.#lackOfNetwork();
    if (lacking !== null) return noPodNetwork(lacking);
    const run = await attempt(async () => {
      const request = { config: sandboxMessage(config, await this.#context(config)) };
      return this.#client.call(methods.runPodSandbox, request, { timeoutMs: slowMs });
    });
    if (!run.ok) return run;
    this.#changes.made(run.value.podSandboxId, { podUid: config.metadata.uid, state: "ready" });
    return ok(run.value.podSandboxId);
  }

  async stopPodSandbox(id: string): Promise<Result<null>> {
    const request = { podSandboxId: id };
    return attemptOnWhatMayBeGone(() => this.#client.call(methods.stopPodSandbox, request, { timeoutMs: slowMs }));
  }

  /** With the last sandbox of a pod go its logs and its control group. */
  async removePodSandbox(id: string): Promise<Result<null>> {
    const found = await attempt(() => this.#listSandboxes({}));
    if (!found.ok) return found;
    const sandbox = found.value.find((one) => one.id === id);
    if (sandbox === undefined) return done;
    const request = { podSandboxId: id };
    // It is stopped first, for runtimes take down the network of one that was.
    const stopped = await this.stopPodSandbox(id);
    if (!stopped.ok) return stopped;
    const containers = await attempt(() => this.#listContainers({}));
    if (!containers.ok) return containers;
    const removed = await attemptOnWhatMayBeGone(() => this.#client.call(methods.removePodSandbox, request));
    if (!removed.ok) return removed;
    for (const { id: containerId, podSandboxId } of containers.value) {
      if (podSandboxId === id) this.#forget(containerId);
    }
    this.#changes.removed(id);
    this.#addresses.delete(id);
    const podUid = podUidOf(sandbox);
    // Asked again: another one of the pod's may have been removed at the same time.
    const left = await attempt(() => this.#listSandboxes({ podUid }));
    if (!left.ok || left.value.length > 0) return done;
    this.#logs.removePod(podUid);
    const groups = await attempt(() => this.#groups.get());
    if (!groups.ok) return groups;
    await groups.value?.remove(podUid);
    return done;
  }

  async listPodSandboxes(filter: RuntimeFilter): Promise<readonly PodSandbox[]> {
    const items = await this.#listSandboxes(filter);
    return Promise.all(items.map(async (item) => readSandbox(item, await this.#address(item.id, item.state === 0))));
  }

  async pullImage(
    image: string,
    sandbox: PodSandboxConfig,
    credentials: readonly RegistryCredentials[],
  ): Promise<Result<string>> {
    const context = await attempt(() => this.#context(sandbox));
    if (!context.ok) return context;
    return this.images.pull(image, sandboxMessage(sandbox, context.value), credentials);
  }

  imageStatus(image: string): Promise<ImageStatus | null> {
    return this.images.status(image);
  }

  async createContainer(
    sandboxId: string,
    config: ContainerConfig,
    sandbox: PodSandboxConfig,
  ): Promise<Result<string>> {
    const podUid = sandbox.metadata.uid;
    const created = await attempt(async () => {
      const context = { ...(await this.#context(sandbox)), imageUser: await this.#imageUser(config) };
      const request = {
        podSandboxId: sandboxId,
        config: containerMessage(config, sandbox, context),
        sandboxConfig: sandboxMessage(sandbox, context),
      };
      const { containerId } = await this.#client.call(methods.createContainer, request, { timeoutMs: slowMs });
      this.#changes.made(containerId, { podUid, state: "created" });
      this.#sandboxes.set(containerId, sandboxId);
      return containerId;
    });
    if (!created.ok) return created;
    const linked = await attempt(async () => this.#logs.make(created.value, config, sandbox));
    if (linked.ok) return created;
    await this.removeContainer(created.value);
    return fail("failed", `there is no place for the log: ${linked.message}`);
  }

  async startContainer(id: string): Promise<Result<null>> {
    const request = { containerId: id };
    const started = await attempt(() => this.#client.call(methods.startContainer, request, { timeoutMs: slowMs }));
    if (!started.ok) return started;
    const podUid = this.#changes.podUidOf(id);
    if (podUid === undefined) return done;
    this.#changes.made(id, { podUid, state: "running" });
    // It runs, whatever becomes of its weight.
    const groups = await attempt(() => this.#groups.get());
    if (groups.ok) groups.value?.weigh(podUid);
    return done;
  }

  async stopContainer(id: string, timeoutSeconds: number): Promise<Result<null>> {
    const request = { containerId: id, timeout: Math.ceil(timeoutSeconds) };
    const timeoutMs = request.timeout * 1000 + slowMs;
    return attemptOnWhatMayBeGone(() => this.#client.call(methods.stopContainer, request, { timeoutMs }));
  }

  async removeContainer(id: string): Promise<Result<null>> {
    const request = { containerId: id };
    const removed = await attemptOnWhatMayBeGone(() => this.#client.call(methods.removeContainer, request));
    if (!removed.ok) return removed;
    this.#forget(id);
    return done;
  }

  async listContainers(filter: RuntimeFilter) {
    return (await this.#listContainers(filter)).map(readContainer);
  }

  async listContainerStats(): Promise<readonly ContainerStats[]> {
    const request = { filter: { labelSelector: this.#ownLabels } };
    const [{ stats }, containers] = await Promise.all([
      this.#client.call(methods.listContainerStats, request),
      this.#listContainers({}),
    ]);
    const running = new Set(
      containers.map(readContainer).flatMap(({ id, state }) => (state === "running" ? [id] : [])),
    );
    return stats.map((one) => readStats(one, labels.podUid)).filter(({ id }) => running.has(id));
  }

  async writableLayers({ podUid }: RuntimeFilter): Promise<readonly WritableLayer[]> {
    const own = podUid === undefined ? {} : { [labels.podUid]: podUid };
    const request = { filter: { labelSelector: { ...this.#ownLabels, ...own } } };
    const { stats } = await this.#client.call(methods.listContainerStats, request);
    return stats.flatMap((one) => readLayer(one, labels.podUid) ?? []);
  }

  async containerStatus(id: string): Promise<RuntimeContainerStatus | null> {
    try {
      const { status } = await this.#client.call(methods.containerStatus, { containerId: id });
      if (status === undefined) return null;
      if (!this.#sandboxes.has(id)) await this.#listContainers({});
      return readStatus(status, this.#sandboxes.get(id) ?? "");
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  async execSync(id: string, command: readonly string[], timeoutSeconds: number): Promise<Result<ExecResult>> {
    const timeout = Math.max(1, Math.ceil(timeoutSeconds));
    const request = { containerId: id, cmd: command, timeout };
    const options = { timeoutMs: timeout * 1000 + firstQuestionMs };
    const ended = await attempt(() => this.#client.call(methods.execSync, request, options));
    if (!ended.ok) return ended;
    const text = (bytes: Buffer) => bytes.subarray(0, longestExecOutputBytes).toString("utf8");
    const { stdout, stderr, exitCode } = ended.value;
    return ok({ stdout: text(stdout), stderr: text(stderr), exitCode });
  }

  async reopenContainerLog(id: string): Promise<Result<null>> {
    return attemptOnWhatMayBeGone(() => this.#client.call(methods.reopenContainerLog, { containerId: id }));
  }

  onChange(listener: (podUid: string) => void): () => void {
    return this.#changes.listen(listener);
  }

  close(): void {
    this.#changes.close();
    this.#client.close();
  }

  /** To be known beforehand: a runtime that has failed to connect a sandbox may be as unable to take it away again. */
  async #lackOfNetwork(): Promise<string | null> {
    const conditions = await attempt(() => this.status());
    const network = conditions.ok ? conditions.value.find(({ type }) => type === "NetworkReady") : undefined;
    return network?.status === false ? network.message : null;
  }

  #forget(containerId: string): void {
    this.#changes.removed(containerId);
    this.#sandboxes.delete(containerId);
    this.#logs.remove(containerId);
  }

  /** Throws as long as the runtime does not say what groups it wants: with another one, or none, the pod is not itself. */
  async #context({ metadata }: PodSandboxConfig): Promise<ConfigContext> {
    return {
      ownLabels: this.#ownLabels,
      seccompProfilePath: (name) => seccompProfilePath(this.#options.seccompDirectories, name),
      cgroupParent: (await this.#groups.get())?.pathOf(metadata.uid) ?? "",
      hasUnifiedGroups: hasUnifiedGroups(),
    };
  }

  #selector({ podUid }: RuntimeFilter): Readonly<Record<string, string>> {
    return podUid === undefined ? this.#ownLabels : { ...this.#ownLabels, [labels.podUid]: podUid };
  }

  async #listSandboxes(filter: RuntimeFilter) {
    const request = { filter: { labelSelector: this.#selector(filter) } };
    return (await this.#client.call(methods.listPodSandbox, request)).items;
  }

  async #listContainers(filter: RuntimeFilter) {
    const request = { filter: { labelSelector: this.#selector(filter) } };
    const { containers } = await this.#client.call(methods.listContainers, request);
    for (const { id, podSandboxId } of containers) this.#sandboxes.set(id, podSandboxId);
    return containers;
  }

  /** A sandbox of the node's network has none, and one that is stopped has lost it. */
  async #address(id: string, isReady: boolean): Promise<string | undefined> {
    if (!isReady) return undefined;
    if (this.#addresses.has(id)) return this.#addresses.get(id);
    const status = await attempt(() => this.#client.call(methods.podSandboxStatus, { podSandboxId: id }));
    if (!status.ok) return undefined;
    const ip = status.value.status?.network?.ip;
    const address = ip === "" ? undefined : ip;
    this.#addresses.set(id, address);
    return address;
  }

  async #imageUser({ image, linux: { securityContext } }: ContainerConfig): Promise<ImageUser> {
    const { runAsUser, runAsGroup } = securityContext;
    if (runAsUser !== undefined || runAsGroup === undefined) return {};
    return (await this.imageStatus(image)) ?? {};
  }

  async #look(): Promise<ReadonlyMap<string, Seen>> {
    const [sandboxes, containers] = await Promise.all([this.#listSandboxes({}), this.#listContainers({})]);
    return new Map<string, Seen>([
      ...sandboxes.map((one) => [one.id, { podUid: podUidOf(one), state: readSandbox(one, "").state }] as const),
      ...containers.map((one) => [one.id, { podUid: podUidOf(one), state: readContainer(one).state }] as const),
    ]);
  }
}

function podUidOf({ labels: given }: { readonly labels: Readonly<Record<string, string>> }): string {
  return given[labels.podUid] ?? "";
}

function noPodNetwork(message: string) {
  return fail(
    "failed",
    `spec.hostNetwork: the runtime of this node has no network for pods, so that only pods on the host's can run: ${message}`,
  );
}
