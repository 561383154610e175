// What the node serves to those on it: opened before the agent, so that its address is known to the first pod, and served
// once there is an agent to ask. Little of it is in memory until somebody asks.
import { execFile } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";

import { readSecretFile, writeSecretFile } from "../host/secret-file.ts";
import type { Address, Clock, LocalApi, Log, NodeFacts } from "../ports.ts";
import type { Api } from "./api.ts";
import { AuthorityFiles } from "./authority-files.ts";
import type { Seal } from "./copies.ts";
import type { Connected } from "./listener.ts";
import { Listener } from "./listener.ts";
import type { NodeState } from "./node-state.ts";
import { TokenBook } from "./tokens.ts";

export type NodeApiOptions = {
  readonly node: string;
  readonly stateDirectory: string;
  readonly server: string;
  readonly ca: string | undefined;
  /** Undefined: one that pods reach, whatever their network. */
  readonly address: string | undefined;
  /** 0: any that is free, and the same from then on. */
  readonly port: number;
  /** Pods have networks of their own. */
  readonly hasPodNetworks: boolean;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeFacts: NodeFacts;
};

const loopback = "127.0.0.1";
/** Link-local, on the loopback device: pods reach it through their gateway, which is this machine, and nobody else does. */
const nodeLocal = "169.254.77.1";
const careEveryMs = 12 * 3_600_000;
const listenAgainMs = 10_000;

export class NodeApi implements LocalApi {
  readonly tokens: TokenBook;
  readonly #options: NodeApiOptions;
  readonly #authority: AuthorityFiles;
  readonly #listener = new Listener(() => this.#load());
  readonly #cleanups: (() => void)[] = [];
  #state: NodeState | undefined;
  #host = loopback;
  #port = 0;

  private constructor(options: NodeApiOptions, authority: AuthorityFiles) {
    this.#options = options;
    this.#authority = authority;
    const path = join(options.stateDirectory, "local-api", "tokens");
    this.tokens = new TokenBook({ read: () => readSecretFile(path), write: (text) => writeSecretFile(path, text) });
  }

  static async open(options: NodeApiOptions): Promise<NodeApi> {
    const { stateDirectory, node, clock } = options;
    const authority = new AuthorityFiles(join(stateDirectory, "local-api"), node, clock.nowMs());
    const api = new NodeApi(options, authority);
    await api.#listen();
    return api;
  }

  ca(): string {
    return this.#authority.ca;
  }

  address({ sharesNetwork }: { readonly sharesNetwork: boolean }): Address {
    return { host: sharesNetwork ? loopback : this.#host, port: this.#port };
  }

  /** From now on there are answers. */
  serve(state: NodeState): void {
    this.#state = state;
  }

  close(): void {
    this.#listener.close();
    for (const cleanup of this.#cleanups) cleanup();
  }

  async #listen(): Promise<void> {
    const { stateDirectory, port: wished } = this.#options;
    this.#host = await this.#podAddress();
    const path = join(stateDirectory, "local-api", "port");
    const kept = Number(readSecretFile(path) ?? 0);
    try {
      this.#port = await this.#listener.listen(loopback, kept || wished);
    } catch (error) {
      // Pods that run were told of the port: another would be of no use to them.
      if (kept !== 0) {
        this.#port = kept;
        return this.#listenLater(error, loopback);
      }
      this.#port = await this.#listener.listen(loopback, 0);
    }
    if (this.#port !== kept) writeSecretFile(path, String(this.#port));
    if (this.#host !== loopback)
      await this.#listener
        .listen(this.#host, this.#port)
        .catch((error: unknown) => this.#listenLater(error, this.#host));
  }

  #listenLater(error: unknown, host: string): void {
    const { clock, log } = this.#options;
    log.warn("cannot listen for daemons", { host, port: this.#port, problem: String(error) });
    const again = () =>
      this.#listener.listen(host, this.#port).then(
        () => {},
        (problem: unknown) => this.#listenLater(problem, host),
      );
    this.#cleanups.push(clock.setTimer(listenAgainMs, () => void again()));
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
    const state = this.#state;
    if (state === undefined) throw new Error("there is no agent yet");
    const { Api } = await import("./api.ts");
    const { server, ca, seal, clock, log, stateDirectory } = this.#options;
    const directory = join(stateDirectory, "local-api", "copies");
    const api = new Api({ state, tokens: this.tokens, server, ca, directory, seal, clock, log });
    this.#cleanups.push(
      () => api.close(),
      this.#every(careEveryMs, () => this.#tidy(state, api)),
    );
    return this.#secured((request, response) => api.handle(request, response));
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
