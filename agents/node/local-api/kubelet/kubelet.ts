// What node monitors read of a kubelet: health, pods, statistics and metrics, for those whom the control plane lets.
// Source: pkg/kubelet/server/server.go, auth.go.
import { statfsSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { availableParallelism, totalmem } from "node:os";

import type { Reviewer } from "../../connection/reviews.ts";
import type { Clock, NodeFacts } from "../../ports.ts";
import { UsageMeter } from "../../reporting/usage-meter.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Failure } from "../answers.ts";
import { answer, bearerOf, refuse, unauthorized } from "../answers.ts";
import type { NodeState } from "../node-state.ts";
import { accountOf, PodObjects } from "../node-state.ts";
import type { TokenBook, TokenStore } from "../tokens.ts";
import type { Observed } from "./metrics.ts";
import { cadvisorMetrics, ownMetrics, resourceMetrics } from "./metrics.ts";
import { Permissions } from "./permissions.ts";
import type { FileSystem } from "./summary.ts";
import { summaryOf } from "./summary.ts";

export type KubeletOptions = {
  readonly state: NodeState;
  readonly tokens: TokenBook;
  readonly review: Reviewer;
  /** What was allowed, from one life of the agent to the next. */
  readonly store: TokenStore;
  readonly runtime: Pick<Runtime, "listContainerStats" | "images">;
  readonly nodeFacts: NodeFacts;
  readonly clock: Clock;
  /** On the file system that pods write to. */
  readonly stateDirectory: string;
  readonly numbers: () => Readonly<Record<string, number>>;
};

const metricsType = "text/plain; version=0.0.4; charset=utf-8";

export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #permissions: Permissions;
  readonly #pods: PodObjects;
  readonly #usage: UsageMeter;
  readonly #startedAtMs: number;

  constructor(options: KubeletOptions) {
    const { review, clock, store, state } = options;
    this.#options = options;
    this.#permissions = new Permissions(review, clock, store);
    this.#pods = new PodObjects(state, () => clock.nowMs());
    this.#usage = new UsageMeter(options);
    this.#startedAtMs = clock.nowMs() - 1000 * process.uptime();
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "https://node");
    const path = pathname.length > 1 ? pathname.replace(/\/$/, "") : pathname;
    const refused = await this.#refusal(request, path);
    if (refused !== null) return refuse(response, refused);
    if (request.method !== "GET" && request.method !== "HEAD") return refuse(response, methodNotAllowed);
    switch (path) {
      case "/healthz":
      case "/healthz/ping":
      case "/healthz/syncloop":
        return text(response, "ok", "text/plain; charset=utf-8");
      case "/pods":
      case "/runningpods": {
        const items = [...this.#pods.current().values()];
        return answer(response, 200, { kind: "PodList", apiVersion: "v1", metadata: {}, items });
      }
      case "/stats/summary":
        return answer(response, 200, await this.#summary());
      case "/metrics":
        return text(response, ownMetrics(await this.#observed()), metricsType);
      case "/metrics/cadvisor":
        return text(response, cadvisorMetrics(await this.#observed()), metricsType);
      case "/metrics/resource":
        return text(response, resourceMetrics(await this.#observed()), metricsType);
      default:
        return refuse(response, { code: 404, reason: "NotFound", message: `${path} is not served here` });
    }
  }

  async #refusal(request: IncomingMessage, path: string): Promise<Failure | null> {
    const token = bearerOf(request);
    if (token === null) return unauthorized;
    const wanted = partsOf(path);
    switch (await this.#permissions.of(token, this.#subjectOf(token), wanted)) {
      case "allowed":
        return null;
      case "unauthorized":
        return unauthorized;
      case "forbidden": {
        const what = `nodes/${wanted.at(0) ?? "proxy"}`;
        const message = `Forbidden (verb=get, resource=${what}, node=${this.#options.state.node})`;
        return { code: 403, reason: "Forbidden", message };
      }
      case "unknown":
        return {
          code: 503,
          reason: "ServiceUnavailable",
          message: "the control plane is away, and never spoke of you",
        };
    }
  }

  #subjectOf(token: string): string {
    const { tokens, state } = this.#options;
    const uid = tokens.podOf(token);
    if (uid === undefined) return "";
    for (const pod of state.livePods()) {
      if (pod.assigned.uid !== uid) continue;
      const { namespace, name } = accountOf(pod);
      return `${namespace}/${name}`;
    }
    return "";
  }

  async #observed(): Promise<Observed> {
    const { state, runtime, nodeFacts, numbers } = this.#options;
    const { user, system } = process.cpuUsage();
    return {
      node: state.node,
      pods: [...state.livePods()],
      containers: await runtime.listContainerStats(),
      usage: nodeFacts.usage(),
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      own: {
        cpuSeconds: (user + system) / 1e6,
        residentBytes: process.memoryUsage.rss(),
        startedAtMs: this.#startedAtMs,
        numbers: numbers(),
      },
    };
  }

  async #summary() {
    const { clock, stateDirectory } = this.#options;
    const rates = await this.#usage.read();
    const fileSystem = fileSystemOf(stateDirectory);
    const imageFileSystem = (await this.#imageFileSystem()) ?? fileSystem;
    return summaryOf({ observed: await this.#observed(), rates, fileSystem, imageFileSystem, nowMs: clock.nowMs() });
  }

  /** Null where images mean nothing, and while the runtime does not say where they are. */
  async #imageFileSystem(): Promise<FileSystem | null> {
    try {
      const directory = await this.#options.runtime.images?.directory();
      return directory === undefined ? null : fileSystemOf(directory);
    } catch {
      return null;
    }
  }
}

function fileSystemOf(path: string): FileSystem {
  const { bsize, blocks, bavail, files, ffree } = statfsSync(path);
  return { capacityBytes: bsize * blocks, availableBytes: bsize * bavail, inodes: files, inodesFree: ffree };
}

/** The parts of the Node of which one must be allowed. */
function partsOf(path: string): readonly string[] {
  const [, first] = path.split("/");
  switch (first) {
    case "stats":
      return ["stats"];
    case "metrics":
      return ["metrics"];
    case "pods":
    case "runningpods":
      return ["pods", "proxy"];
    case "healthz":
      return ["healthz", "proxy"];
    default:
      return ["proxy"];
  }
}

function text(response: ServerResponse, body: string, type: string): void {
  response.writeHead(200, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

const methodNotAllowed: Failure = { code: 405, reason: "MethodNotAllowed", message: "this is for reading only" };
