// The runtime of Docker and of Podman, through the one API that both speak. All that it knows is in the engine: labels mark
// what is this agent's, and nothing else is touched.

import { join } from "node:path";
import type { Container } from "../../../../src/model/container.ts";
import type { PodSpec } from "../../../../src/model/pod-spec.ts";
import { hostAbilities } from "../../host/abilities.ts";
import { labels } from "../../pod/labels.ts";
import { refusalOfContainer } from "../../pod/refusal.ts";
import type { Clock, Log } from "../../ports.ts";
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
  RegistryCredentials,
  Result,
  Runtime,
  RuntimeCondition,
  RuntimeContainerStatus,
  RuntimeFilter,
} from "../runtime.ts";
import { done, fail, ok } from "../runtime.ts";
import { readSeccompProfile } from "../seccomp-profile.ts";
import { caveatOf, warnOfRestarts } from "./caveat.ts";
import { ContainerLogs } from "./container-logs.ts";
import type { FailedStart } from "./container-state.ts";
import { containerStatus, failedStartOf, listedContainer, startExitCode } from "./container-state.ts";
import type { CreateContext } from "./create-bodies.ts";
import { containerBody, containerName } from "./create-bodies.ts";
import type { EngineAddress } from "./engine-client.ts";
import { EngineClient, isStatus, problemText } from "./engine-client.ts";
import { EngineEvents } from "./engine-events.ts";
import { engineLabels } from "./engine-labels.ts";
import type { EngineKind, InspectedContainer, ListedContainer } from "./engine-types.ts";
import { kindOf } from "./engine-types.ts";
import { execSync } from "./execs.ts";
import { EngineImages } from "./images.ts";
import { wasKilledForMemory } from "./oom-kills.ts";
import { lowestOomScore } from "./oom-score.ts";
import { Sandboxes } from "./sandboxes.ts";
import { readLayers, readStats } from "./stats.ts";
import { Stopping } from "./stopping.ts";
import { EngineStreams } from "./streams.ts";

export type DockerRuntimeOptions = {
  readonly address: EngineAddress;
  /** Marks what is this agent's: several may share an engine. */
  readonly owner: string;
  /** For the driver's own notes. */
  readonly directory: string;
  /** What /var/log is to the kubelet. */
  readonly logsDirectory: string;
  /** Where seccomp profiles are that pods name; the first that has one counts. */
  readonly seccompDirectories: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** What sandboxes are made of; absent: the agent brings its own. */
  readonly sandboxImage?: string;
  readonly logLimits?: LogLimits;
};

/** Opens the runtime and takes over what runs. Throws when no engine answers. */
export async function openDockerRuntime(options: DockerRuntimeOptions): Promise<DockerRuntime> {
  const client = new EngineClient(options.address);
  const runtime = new DockerRuntime(options, client, kindOf(await client.negotiate()));
  runtime.start();
  return runtime;
}

export class DockerRuntime implements Runtime {
  readonly name: EngineKind;
  readonly images: EngineImages;
  readonly streams: EngineStreams;
  readonly writableLayers: NonNullable<Runtime["writableLayers"]>;
  readonly #options: DockerRuntimeOptions;
  readonly #client: EngineClient;
  readonly #context: CreateContext;
  readonly #sandboxes: Sandboxes;
  readonly #logs: ContainerLogs;
  readonly #logFiles: LogFiles;
  readonly #stopping: Stopping;
  readonly #events: EngineEvents;
  readonly #failedStarts = new Map<string, FailedStart>();
  readonly #listeners = new Set<(podUid: string) => void>();
  /** Answers to questions that were asked at the same moment. */
  readonly #lists = new Map<string, Promise<readonly ListedContainer[]>>();

  constructor(options: DockerRuntimeOptions, client: EngineClient, kind: EngineKind) {
    this.#options = options;
    this.#client = client;
    this.name = kind;
    const { clock, log, owner, seccompDirectories } = options;
    const seccompProfile = (name: string) => readSeccompProfile(seccompDirectories, name);
    this.#context = { kind, owner, lowestOomScore: lowestOomScore(), seccompProfile };
    this.images = new EngineImages(client, join(options.directory, "pulled-images.json"));
    this.writableLayers = ({ podUid }) => readLayers(client, owner, podUid);
    const { images } = this;
    this.#sandboxes = new Sandboxes({
      client,
      clock,
      images,
      context: this.#context,
      ...(options.sandboxImage === undefined ? {} : { image: options.sandboxImage }),
    });
    this.#logs = new ContainerLogs({ client, kind, clock, limits: options.logLimits ?? defaultLogLimits });
    this.#logFiles = new LogFiles(options.logsDirectory);
    this.#stopping = new Stopping(client, clock);
    this.streams = new EngineStreams({ client, clock, inspect: (id) => this.#inspect(id) });
    this.#events = new EngineEvents(client, owner, { clock, log });
  }

  start(): void {
    this.#events.start({
      happened: ({ id, action, labels: all }) => this.#happened(id, action, all[labels.podUid]),
      connected: () => this.#connected(),
    });
  }

  refusal(spec: PodSpec, container: Container): string | null {
    return refusalOfContainer(spec, container, hostAbilities());
  }

  caveat(_spec: PodSpec, container: Container): string | null {
    return caveatOf(this.name, container);
  }

  async version() {
    const { Version: runtimeVersion } = await this.#client.negotiate();
    return { runtimeName: this.name, runtimeVersion };
  }

  async status(): Promise<readonly RuntimeCondition[]> {
    // Of all that shows the engine at work, the least: Podman looks for the packages of its programs when asked for more.
    await this.#client.get<unknown>("/containers/json?limit=1");
    const well = { status: true, reason: "", message: "" };
    return [
      { type: "RuntimeReady", ...well },
      { type: "NetworkReady", ...well },
    ];
  }

  runPodSandbox(config: PodSandboxConfig): Promise<Result<string>> {
    return this.#sandboxes.run(config);
  }

  async stopPodSandbox(id: string): Promise<Result<null>> {
    if ((await this.#inspect(id)) === null) return done;
    const inside = await this.#inSandbox(id);
    const results = await Promise.all(inside.map((container) => this.#stopping.stop(container, 0)));
    return results.find(({ ok: isOk }) => !isOk) ?? this.#sandboxes.stop(id);
  }

  /** With the last sandbox of a pod go its logs. */
  async removePodSandbox(id: string): Promise<Result<null>> {
    const sandbox = await this.#inspect(id);
    if (sandbox === null) return done;
    for (const container of await this.#inSandbox(id)) {
      const removed = await this.removeContainer(container);
      if (!removed.ok) return removed;
    }
    this.#sandboxes.changed(id);
    const removed = await this.#delete(id);
    if (!removed.ok) return removed;
    const uid = sandbox.Config.Labels?.[labels.podUid] ?? "";
    if (uid !== "" && (await this.#list({ podUid: uid })).length === 0) this.#logFiles.removePod(uid);
    return done;
  }

  async listPodSandboxes(filter: RuntimeFilter): Promise<readonly PodSandbox[]> {
    const listed = (await this.#list(filter)).filter(isSandbox);
    return Promise.all(listed.map((one) => this.#sandboxes.read(one)));
  }

  pullImage(
    image: string,
    _sandbox: PodSandboxConfig,
    credentials: readonly RegistryCredentials[],
  ): Promise<Result<string>> {
    return this.images.pull(image, credentials);
  }

  imageStatus(image: string): Promise<ImageStatus | null> {
    return this.images.status(image);
  }

  async createContainer(
    sandboxId: string,
    config: ContainerConfig,
    sandbox: PodSandboxConfig,
  ): Promise<Result<string>> {
    if ((await this.#inspect(sandboxId)) === null) return fail("not-found", `there is no sandbox ${sandboxId}`);
    try {
      const logPath = join(sandbox.logDirectory, config.logPath);
      const { runAsUser, runAsGroup } = config.linux.securityContext;
      const needsUser = runAsGroup !== undefined && runAsUser === undefined;
      const imageUser = needsUser ? await this.images.userOf(config.image) : "";
      const content = containerBody({ config, sandbox, sandboxId, logPath, imageUser }, this.#context);
      const id = await this.#create(containerName(config, sandbox, sandboxId), content);
      this.#logFiles.make(id, config, sandbox);
      return ok(id);
    } catch (error) {
      return fail(isStatus(error, 400) ? "invalid-config" : "failed", problemText(error));
    }
  }

  /** What an agent that died in the middle has left under the name, and never started, is taken away. */
  async #create(name: string, content: unknown): Promise<string> {
    const create = () => this.#client.post<{ readonly Id: string }>("/containers/create", { query: { name }, content });
    try {
      return (await create()).Id;
    } catch (error) {
      const other = isStatus(error, 409, 500) ? await this.#inspect(name) : null;
      if (other?.State.Status !== "created") throw error;
      await this.#delete(other.Id);
      return (await create()).Id;
    }
  }

  async startContainer(id: string): Promise<Result<null>> {
    const container = await this.#inspect(id);
    const isFresh = container?.State.Status === "created" && !this.#failedStarts.has(id);
    if (!isFresh || failedStartOf(container) !== undefined) {
      return fail("not-found", `container ${id} is not there to be started`);
    }
    try {
      await this.#client.post(`/containers/${id}/start`);
    } catch (error) {
      const message = problemText(error);
      // An engine that was away may have started it all the same.
      const isRefused = isStatus(error, 400, 404, 409, 500);
      if (isRefused) {
        this.#failedStarts.set(id, { exitCode: startExitCode(message), message, atMs: this.#options.clock.nowMs() });
      }
      return fail("failed", message);
    }
    this.#logs.follow({ ...container, State: { ...container.State, Status: "running", Running: true } });
    return done;
  }

  async stopContainer(id: string, timeoutSeconds: number): Promise<Result<null>> {
    try {
      return (await this.#inspect(id)) === null ? done : await this.#stopping.stop(id, timeoutSeconds);
    } catch (error) {
      return fail("failed", problemText(error));
    }
  }

  async removeContainer(id: string): Promise<Result<null>> {
    const container = await this.#inspect(id);
    if (container === null) return done;
    if (container.State.Running) await this.#stopping.stop(id, 0);
    const removed = await this.#delete(id);
    if (!removed.ok) return removed;
    await this.#logs.forget(id);
    this.#failedStarts.delete(id);
    this.#logFiles.remove(id);
    return done;
  }

  async listContainers(filter: RuntimeFilter) {
    const listed = (await this.#list(filter)).filter((one) => !isSandbox(one));
    return listed.map((one) => listedContainer(one, this.#failedStarts.has(one.Id)));
  }

  async listContainerStats(): Promise<readonly ContainerStats[]> {
    const running = (await this.#list({})).filter((one) => !isSandbox(one) && one.State === "running");
    return readStats(this.#client, running);
  }

  async containerStatus(id: string): Promise<RuntimeContainerStatus | null> {
    const container = await this.#inspect(id);
    if (container === null) return null;
    if (!container.State.Running) await this.#logs.settle(id);
    return containerStatus({
      container,
      imageRef: await this.images.referenceOf(container.Image),
      failedStart: this.#failedStarts.get(id),
      ranOutOfMemory: this.#ranOutOfMemory(container),
    });
  }

  async execSync(id: string, command: readonly string[], timeoutSeconds: number): Promise<Result<ExecResult>> {
    try {
      if ((await this.#inspect(id)) === null) return fail("not-found", `there is no container ${id}`);
      return await execSync(this.#client, this.#options.clock, { id, command, timeoutMs: timeoutSeconds * 1000 });
    } catch (error) {
      return fail(isStatus(error, 404, 409) ? "not-found" : "failed", problemText(error));
    }
  }

  async reopenContainerLog(id: string): Promise<Result<null>> {
    try {
      await this.#logs.reopen(id);
      return done;
    } catch (error) {
      return fail("failed", problemText(error));
    }
  }

  onChange(listener: (podUid: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
    this.#events.stop();
    this.#logs.close();
    this.#client.close();
  }

  /** What this agent has made; null for anything else. */
  async #inspect(id: string): Promise<InspectedContainer | null> {
    try {
      const container = await this.#client.get<InspectedContainer>(`/containers/${encodeURIComponent(id)}/json`);
      return container.Config.Labels?.[engineLabels.agent] === this.#options.owner ? container : null;
    } catch (error) {
      if (isStatus(error, 404)) return null;
      throw error;
    }
  }

  /** Docker tells it. The kernel ends the process that takes the most, which need not be the container's first. */
  #ranOutOfMemory({ Id, State, HostConfig }: InspectedContainer): boolean {
    const mayHave = this.name === "podman" && !State.Running && State.ExitCode !== 0 && (HostConfig.Memory ?? 0) > 0;
    return mayHave && wasKilledForMemory(Id);
  }

  async #delete(id: string): Promise<Result<null>> {
    try {
      await this.#client.ask("DELETE", `/containers/${id}`, { query: { force: "1", v: "1" } });
    } catch (error) {
      // 409: it is being removed already.
      if (!isStatus(error, 404, 409)) return fail("failed", problemText(error));
    }
    return done;
  }

  /** Pod workers ask for sandboxes and containers at once: the engine is asked once. */
  #list({ podUid }: RuntimeFilter): Promise<readonly ListedContainer[]> {
    const key = podUid ?? "";
    const asked = this.#lists.get(key);
    if (asked !== undefined) return asked;
    const own = `${engineLabels.agent}=${this.#options.owner}`;
    const label = podUid === undefined ? [own] : [own, `${labels.podUid}=${podUid}`];
    const query = { all: "1", filters: JSON.stringify({ label }) };
    const answer = this.#client.get<readonly ListedContainer[]>("/containers/json", { query });
    this.#lists.set(key, answer);
    // Later questions are about a later state.
    queueMicrotask(() => this.#lists.delete(key));
    return answer;
  }

  async #inSandbox(id: string): Promise<readonly string[]> {
    const label = [`${engineLabels.agent}=${this.#options.owner}`, `${engineLabels.sandboxId}=${id}`];
    const query = { all: "1", filters: JSON.stringify({ label }) };
    const found = await this.#client.get<readonly ListedContainer[]>("/containers/json", { query });
    return found.map(({ Id }) => Id);
  }

  #happened(id: string, action: string, podUid: string | undefined): void {
    this.#sandboxes.changed(id);
    this.#stopping.changed(id);
    if (action === "start" && !this.#logs.isFollowed(id)) void this.#follow(id);
    if (podUid !== undefined) this.#tell(podUid);
  }

  /** The engine answers, for the first time or again. */
  async #connected(): Promise<void> {
    if (this.name === "docker") await warnOfRestarts(this.#client, this.#options.log);
    this.#sandboxes.forgetAll();
    const all = await this.#list({});
    for (const one of all) if (!isSandbox(one)) void this.#follow(one.Id);
    for (const uid of new Set(all.map(({ Labels }) => Labels?.[labels.podUid]))) if (uid !== undefined) this.#tell(uid);
  }

  async #follow(id: string): Promise<void> {
    try {
      const container = await this.#inspect(id);
      const isContainer = container?.Config.Labels?.[engineLabels.type] === "container";
      if (container !== null && isContainer) this.#logs.follow(container);
    } catch (error) {
      this.#options.log.warn("cannot copy a container's log", { container: id, problem: problemText(error) });
    }
  }

  #tell(podUid: string): void {
    for (const listener of this.#listeners) listener(podUid);
  }
}

function isSandbox({ Labels }: ListedContainer): boolean {
  return Labels?.[engineLabels.type] === "sandbox";
}
