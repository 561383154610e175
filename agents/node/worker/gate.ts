// Cuts an agent that was stopped off from the world: what it was waiting for never comes, as after a crash.

import type { TokenSource } from "../assignment/objects.ts";
import type { PodSurroundings } from "../pod/environment.ts";
import type { Network } from "../ports.ts";
import type {
  ContainerConfig,
  PodSandboxConfig,
  Runtime,
  RuntimeContainerStatus,
  RuntimeFilter,
  RuntimeImages,
} from "../runtime/runtime.ts";
import type { MountInput, PodOnDisk, TearDown, Volumes } from "../volume/volumes.ts";

export class Gate {
  #isClosed = false;
  readonly #making = new Set<Promise<unknown>>();

  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** The answer, unless the gate has been closed meanwhile: then the caller waits for ever, and is forgotten with it. */
  async pass<T>(answer: Promise<T>): Promise<T> {
    try {
      const value = await answer;
      if (!this.#isClosed) return value;
    } catch (error) {
      if (!this.#isClosed) throw error;
    }
    return forever();
  }

  /** As `pass`, for what brings something into the world: once the gate is closed, nothing more is begun. */
  async make<T>(begin: () => Promise<T>): Promise<T> {
    if (this.#isClosed) return forever();
    const made = begin();
    this.#making.add(made);
    const forget = () => void this.#making.delete(made);
    made.then(forget, forget);
    return this.pass(made);
  }

  /** Resolves when all that was begun is there, or has failed. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#making);
  }
}

function forever<T>(): Promise<T> {
  return new Promise<T>(() => {});
}

export class GatedRuntime implements Runtime {
  readonly #runtime: Runtime;
  readonly #gate: Gate;
  readonly name: string;
  readonly images?: RuntimeImages;

  constructor(runtime: Runtime, gate: Gate) {
    this.#runtime = runtime;
    this.#gate = gate;
    this.name = runtime.name;
    if (runtime.images !== undefined) this.images = gatedImages(runtime.images, gate);
  }

  refusal(...args: Parameters<Runtime["refusal"]>) {
    return this.#runtime.refusal(...args);
  }
  caveat(...args: Parameters<Runtime["caveat"]>) {
    return this.#runtime.caveat(...args);
  }
  version() {
    return this.#gate.pass(this.#runtime.version());
  }
  status() {
    return this.#gate.pass(this.#runtime.status());
  }
  runPodSandbox(config: PodSandboxConfig) {
    return this.#gate.make(() => this.#runtime.runPodSandbox(config));
  }
  stopPodSandbox(id: string) {
    return this.#gate.pass(this.#runtime.stopPodSandbox(id));
  }
  removePodSandbox(id: string) {
    return this.#gate.pass(this.#runtime.removePodSandbox(id));
  }
  listPodSandboxes(filter: RuntimeFilter) {
    return this.#gate.pass(this.#runtime.listPodSandboxes(filter));
  }
  pullImage(...args: Parameters<Runtime["pullImage"]>) {
    return this.#gate.pass(this.#runtime.pullImage(...args));
  }
  imageStatus(image: string) {
    return this.#gate.pass(this.#runtime.imageStatus(image));
  }
  createContainer(sandboxId: string, config: ContainerConfig, sandbox: PodSandboxConfig) {
    return this.#gate.make(() => this.#runtime.createContainer(sandboxId, config, sandbox));
  }
  startContainer(id: string) {
    return this.#gate.make(() => this.#runtime.startContainer(id));
  }
  stopContainer(id: string, timeoutSeconds: number) {
    return this.#gate.pass(this.#runtime.stopContainer(id, timeoutSeconds));
  }
  removeContainer(id: string) {
    return this.#gate.pass(this.#runtime.removeContainer(id));
  }
  listContainers(filter: RuntimeFilter) {
    return this.#gate.pass(this.#runtime.listContainers(filter));
  }
  listContainerStats() {
    return this.#gate.pass(this.#runtime.listContainerStats());
  }
  containerStatus(id: string) {
    return this.#gate.pass(this.#runtime.containerStatus(id));
  }
  execSync(id: string, command: readonly string[], timeoutSeconds: number) {
    return this.#gate.pass(this.#runtime.execSync(id, command, timeoutSeconds));
  }
  reopenContainerLog(id: string) {
    return this.#gate.pass(this.#runtime.reopenContainerLog(id));
  }
  get streams() {
    return this.#runtime.streams;
  }
  onChange(listener: (podUid: string) => void) {
    return this.#runtime.onChange(listener);
  }
  close() {
    this.#runtime.close();
  }
}

function gatedImages(images: RuntimeImages, gate: Gate): RuntimeImages {
  return {
    list: () => gate.pass(images.list()),
    remove: (image) => gate.pass(images.remove(image)),
    directory: () => gate.pass(images.directory()),
  };
}

function gatedTokens(tokens: TokenSource, gate: Gate): TokenSource {
  return { token: (request) => gate.pass(tokens.token(request)) };
}

class GatedVolumes implements Volumes {
  readonly #volumes: Volumes;
  readonly #gate: Gate;

  constructor(volumes: Volumes, gate: Gate) {
    this.#volumes = volumes;
    this.#gate = gate;
  }

  setUp(pod: PodSurroundings) {
    return this.#gate.make(() => this.#volumes.setUp(pod));
  }
  mounts(input: MountInput) {
    return this.#gate.make(() => this.#volumes.mounts(input));
  }
  terminationMessage(container: RuntimeContainerStatus) {
    return this.#gate.pass(this.#volumes.terminationMessage(container));
  }
  tearDown(podUid: string, what: TearDown) {
    return this.#gate.make(() => this.#volumes.tearDown(podUid, what));
  }
  list() {
    return this.#gate.pass(this.#volumes.list());
  }
  usage(pod: PodOnDisk) {
    return this.#gate.pass(this.#volumes.usage(pod));
  }
  resolver() {
    return this.#gate.pass(this.#volumes.resolver());
  }
}

class GatedNetwork implements Network {
  readonly #network: Network;
  readonly #gate: Gate;

  constructor(network: Network, gate: Gate) {
    this.#network = network;
    this.#gate = gate;
  }

  httpGet(...args: Parameters<Network["httpGet"]>) {
    return this.#gate.pass(this.#network.httpGet(...args));
  }
  tcpConnect(...args: Parameters<Network["tcpConnect"]>) {
    return this.#gate.pass(this.#network.tcpConnect(...args));
  }
  grpcHealth(...args: Parameters<Network["grpcHealth"]>) {
    return this.#gate.pass(this.#network.grpcHealth(...args));
  }
}

type Surroundings = { readonly network: Network; readonly volumes: Volumes; readonly tokens: TokenSource };

/** All that an agent touches beside its runtime. */
export function gatedSurroundings({ network, volumes, tokens }: Surroundings, gate: Gate): Surroundings {
  return {
    network: new GatedNetwork(network, gate),
    volumes: new GatedVolumes(volumes, gate),
    tokens: gatedTokens(tokens, gate),
  };
}
