// What the node serves to those on it: opened before the agent, so that its address is known to the first pod, and served
// once there is an agent to ask. Little of it is in memory until somebody asks.
import { execFile } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import type { HttpClient } from "../connection/http-client.ts";
import type { Reviewer } from "../connection/reviews.ts";
import type { Seal } from "../host/seal.ts";
import { readSecretFile, writeSecretFile } from "../host/secret-file.ts";
import type { Address, Clock, LocalApi, Log, NodeFacts } from "../ports.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Api } from "./api.ts";
import { AuthorityFiles } from "./authority-files.ts";
import type { Connected } from "./listener.ts";
import { Listener } from "./listener.ts";
import { nodeLocal } from "./node-local.ts";
import type { NodeState } from "./node-state.ts";
import type { TokenStore } from "./tokens.ts";
import { TokenBook } from "./tokens.ts";

export type NodeApiOptions = {
  readonly node: string;
  readonly stateDirectory: string;
  readonly client: HttpClient;
  /** Undefined: one that pods reach, whatever their network. */
  readonly address: string | undefined;
  /** 0: any that is free, and the same from then on. */
  readonly port: number;
  /** Of what a kubelet serves; 0 as above, null: nothing of it is. */
  readonly kubeletPort: number | null;
  /** Pods have networks of their own. */
  readonly hasPodNetworks: boolean;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeFacts: NodeFacts;
};

/** What is asked on behalf of those who ask the node. */
export type NodeApiBackends = { readonly state: NodeState; readonly review: Reviewer; readonly runtime: Runtime };

const loopback = "127.0.0.1";
const careEveryMs = 12 * 3_600_000;
const listenAgainMs = 10_000;

export class NodeApi implements LocalApi {
  readonly tokens: TokenBook;
  readonly #options: NodeApiOptions;
  readonly #authority: AuthorityFiles;
  readonly #listener = new Listener(() => this.#load());
  readonly #kubeletListener = new Listener(
    () => this.#loadKubelet(),
    (socket) => this.#isFromHere(socket),
  );
  readonly #cleanups: (() => void)[] = [];
  #backends: NodeApiBackends | undefined;
  #api: Api | undefined;
  #kubeletPort = 0;
  #host = loopback;
  #port = 0;

  private constructor(options: NodeApiOptions, authority: AuthorityFiles) {
    this.#options = options;
    this.#authority = authority;
    this.tokens = new TokenBook(fileStore(join(options.stateDirectory, "local-api", "tokens")));
  }

  static async open(options: NodeApiOptions): Promise<NodeApi> {
    const { stateDirectory, node, clock } = options;
    const authority = new AuthorityFiles(join(stateDirectory, "local-api"), node, clock.nowMs());
    const api = new NodeApi(options, authority);
    await api.#listen();
    await api.#listenAsKubelet();
    return api;
  }

  ca(): string {
    return this.#authority.ca;
  }

  address({ sharesNetwork }: { readonly sharesNetwork: boolean }): Address {
    return { host: sharesNetwork ? loopback : this.#host, port: this.#port };
  }

  /** From now on there are answers. */
  serve(backends: NodeApiBackends): void {
    this.#backends = backends;
  }

  /** Where what a kubelet serves is; undefined: nowhere. */
  get kubeletPort(): number | undefined {
    return this.#kubeletPort === 0 ? undefined : this.#kubeletPort;
  }

  close(): void {
    this.#listener.close();
    this.#kubeletListener.close();
    for (const cleanup of this.#cleanups) cleanup();
  }

  async #listen(): Promise<void> {
    const { stateDirectory, port: wished } = this.#options;
    this.#host = await this.#podAddress();
    const path = join(stateDirectory, "local-api", "port");
    const kept = Number(readSecretFile(path) ?? 0);
    try {
      this.#port = await this.#listener.listen(loopback, kept || wished);
    } catch {
      // Pods that run were told of the port: another would be of no use to them.
      if (kept !== 0) {
        this.#port = await this.#keepListening(this.#listener, loopback, kept);
        return;
      }
      this.#port = await this.#listener.listen(loopback, 0);
    }
    if (this.#port !== kept) writeSecretFile(path, String(this.#port));
    if (this.#host !== loopback) await this.#keepListening(this.#listener, this.#host, this.#port);
  }

  async #listenAsKubelet(): Promise<void> {
    const { kubeletPort, stateDirectory, nodeFacts } = this.#options;
    if (kubeletPort === null) return;
    const path = join(stateDirectory, "local-api", "kubelet-port");
    const wished = kubeletPort === 0 ? Number(readSecretFile(path) ?? 0) : kubeletPort;
    this.#kubeletPort = await this.#keepListening(this.#kubeletListener, loopback, wished);
    if (kubeletPort === 0 && wished === 0) writeSecretFile(path, String(this.#kubeletPort));
    const own = nodeFacts.current().addresses.flatMap(({ type, address }) => (type === "InternalIP" ? [address] : []));
    for (const host of new Set([this.#host, ...own])) {
      if (host !== loopback) await this.#keepListening(this.#kubeletListener, host, this.#kubeletPort);
    }
  }

  /** Resolves to the port at once, and listens there as soon as it is free. */
  async #keepListening(listener: Listener, host: string, port: number): Promise<number> {
    try {
      return await listener.listen(host, port);
    } catch (error) {
      this.#options.log.warn("cannot listen for daemons", { host, port, problem: String(error) });
      this.#listenLater(listener, host, port);
      return port;
    }
  }

  #listenLater(listener: Listener, host: string, port: number): void {
    let cancel = () => {};
    const later = () => {
      cancel = this.#options.clock.setTimer(listenAgainMs, () => void listener.listen(host, port).catch(later));
    };
    later();
    this.#cleanups.push(() => cancel());
  }

  async #podAddress(): Promise<string> {
    const { address, hasPodNetworks, nodeFacts, log } = this.#options;
    if (address !== undefined) return address;
    if (!hasPodNetworks) return loopback;
    try {
      await promisify(execFile)("ip", ["address", "replace", `${nodeLocal}/32`, "dev", "lo", "scope", "link"]);
      return nodeLocal;
    } catch (error) {
      log.warn("pods reach the node's API by the node's own address", { problem: String(error) });
      return nodeFacts.current().addresses.find(({ type }) => type === "InternalIP")?.address ?? loopback;
    }
  }

  async #load(): Promise<Connected> {
    const state = this.#backends?.state;
    if (state === undefined) throw new Error("there is no agent yet");
    const { Api } = await import("./api.ts");
    const { client, seal, clock, log, stateDirectory } = this.#options;
    const directory = join(stateDirectory, "local-api", "copies");
    const api = new Api({ state, tokens: this.tokens, client, directory, seal, clock, log });
    this.#api = api;
    this.#cleanups.push(
      () => api.close(),
      this.#every(careEveryMs, () => this.#tidy(state, api)),
    );
    return this.#secured((request, response) => api.handle(request, response));
  }

  async #loadKubelet(): Promise<Connected> {
    const backends = this.#backends;
    if (backends === undefined) throw new Error("there is no agent yet");
    const { Kubelet } = await import("./kubelet/kubelet.ts");
    const { clock, nodeFacts, stateDirectory } = this.#options;
    const store = fileStore(join(stateDirectory, "local-api", "permissions"));
    const numbers = () => this.#api?.numbers() ?? {};
    const own = { tokens: this.tokens, store, clock, nodeFacts, stateDirectory, numbers };
    const kubelet = new Kubelet({ ...backends, ...own });
    return this.#secured((request, response) => kubelet.handle(request, response));
  }

  /** The node opens no port to others: its own programs and its pods are let in, and nobody else. */
  #isFromHere({ remoteAddress = "" }: Socket): boolean {
    const address = remoteAddress.replace(/^::ffff:/, "");
    const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    if (own.some((known) => known.address === address)) return true;
    const pods = this.#backends?.state.livePods() ?? [];
    return [...pods].some(({ status }) => status?.podIPs?.some(({ ip }) => ip === address) === true);
  }

  #tidy(state: NodeState, api: Api): void {
    if (!state.isKnown()) return;
    api.tidy();
    const here = new Set([...state.livePods()].map(({ assigned }) => assigned.uid));
    this.tokens.keepOnly((uid) => here.has(uid));
  }

  async #secured(handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Promise<Connected> {
    const { createServer } = await import("node:https");
    const { log, nodeFacts } = this.#options;
    const secure = createServer(this.#serving(), (request, response) => {
      handle(request, response).catch((error: unknown) => {
        log.warn("a request of a daemon failed", { path: request.url ?? "", problem: String(error) });
        response.destroy();
      });
    });
    secure.on("tlsClientError", (_error, socket) => socket.destroy());
    const renew = () => secure.setSecureContext(this.#serving());
    this.#cleanups.push(this.#every(careEveryMs, renew), nodeFacts.onChange(renew));
    return (socket) => void secure.emit("connection", socket);
  }

  #serving(): { readonly key: string; readonly cert: string } {
    const { nodeFacts, clock } = this.#options;
    const own = nodeFacts.current().addresses.flatMap(({ type, address }) => (type === "InternalIP" ? [address] : []));
    const { key, certificate } = this.#authority.serving([loopback, "::1", this.#host, ...own], clock.nowMs());
    return { key, cert: certificate };
  }

  #every(periodMs: number, run: () => void): () => void {
    let cancel = () => {};
    const again = () => {
      cancel = this.#options.clock.setTimer(periodMs, () => {
        run();
        again();
      });
    };
    again();
    return () => cancel();
  }
}

function fileStore(path: string): TokenStore {
  return { read: () => readSecretFile(path), write: (text) => writeSecretFile(path, text) };
}
