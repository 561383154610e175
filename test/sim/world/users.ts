// People at work: what each deed of theirs asks of the API. What they act on is chosen from what there is.

import type { ClusterState, DaemonSetBody, NodeBody, PodState } from "../check/state.ts";
import { Actor } from "../engine/actor.ts";
import type { Random } from "../engine/random.ts";
import type { ApiAnswer, ApiRequest, Json } from "./client.ts";
import { ApiClient } from "./client.ts";
import { imageOf } from "./images.ts";
import { Recorder } from "./recorder.ts";
import { anyTrait, daemonSet, nodeLabels } from "./specs.ts";
import type { World } from "./world.ts";
import { adminToken } from "./world.ts";

export const mergePatch = "application/merge-patch+json";
export const strategicPatch = "application/strategic-merge-patch+json";
export const jsonPatch = "application/json-patch+json";

const mostTries = 6;

export class Users {
  readonly world: World;
  readonly random: Random;
  readonly recorder: Recorder;
  readonly #state: () => ClusterState;
  readonly #clients: readonly [ApiClient, ApiClient];
  #names = 0;
  #versions = 1;

  constructor(world: World, state: () => ClusterState) {
    this.world = world;
    this.random = world.random.fork();
    this.recorder = new Recorder(() => world.kernel.nowMs);
    this.#state = state;
    const client = (name: string) => new ApiClient({ ...world, actor: new Actor("user", name), token: adminToken });
    this.#clients = [client("alice"), client("bob")];
  }

  get state(): ClusterState {
    return this.#state();
  }

  get alice(): ApiClient {
    return this.#clients[0];
  }

  get bob(): ApiClient {
    return this.#clients[1];
  }

  send(request: ApiRequest, client = this.random.pick(this.#clients)): Promise<ApiAnswer> {
    return this.recorder.send(client, request);
  }

  /** Tries again while nobody knows whether it was done: for what must be. */
  async insist(request: ApiRequest): Promise<ApiAnswer> {
    for (let tries = 1; ; tries += 1) {
      const answer = await this.send(request, this.alice);
      const isSettled = answer.outcome === "answered" && answer.status < 500;
      if (isSettled || tries === mostTries) return answer;
      await this.sleep(2_000);
    }
  }

  sleep(delayMs: number): Promise<void> {
    return this.world.kernel.sleep(delayMs, this.alice.actor);
  }

  newName(prefix: string): string {
    this.#names += 1;
    return `${prefix}-${this.#names}`;
  }

  newImage(): string {
    this.#versions += 1;
    return imageOf(anyTrait(this.random), this.#versions);
  }

  aSet(): DaemonSetBody | undefined {
    return this.random.pickOf([...this.state.sets()]);
  }

  aNode(): NodeBody | undefined {
    return this.random.pickOf([...this.state.nodes()]);
  }

  aPod(): PodState | undefined {
    return this.random.pickOf([...this.state.pods.values()]);
  }

  /** One in which things may be made. */
  aNamespace(): string {
    const own = [...this.state.ofResource("namespaces")]
      .filter(({ metadata }) => metadata.name.startsWith("ns-") && metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.name);
    return this.random.pick(["default", ...own]);
  }

  createSet(namespace: string, app = this.newName("app"), image = this.newImage()): Promise<ApiAnswer> {
    const name = this.newName("set");
    const { isTight, isConfigured } = this.world.swarm;
    const body = daemonSet({ isTight, isConfigured, namespace, name, app, image }, this.random);
    return this.send({ method: "POST", path: setsPath(namespace), body });
  }

  patchSet(set: DaemonSetBody, body: Json, contentType = mergePatch): Promise<ApiAnswer> {
    return this.send({ method: "PATCH", path: setPath(set), body, contentType });
  }

  async read(path: string): Promise<Json | null> {
    const answer = await this.send({ method: "GET", path });
    return answer.outcome === "answered" && answer.status === 200 ? answer.body : null;
  }

  /** The token, and the first sets and machines. */
  async begin(): Promise<void> {
    const spec = { maxUses: 0, replace: true, expirationSeconds: 604_800 };
    const body = { apiVersion: "lares.dev/v1alpha1", kind: "JoinToken", metadata: { name: "all" }, spec };
    const answer = await this.insist({ method: "POST", path: "/apis/lares.dev/v1alpha1/jointokens", body });
    if (answer.outcome !== "answered") throw new Error("no join token could be had");
    // The answer to a creation is the object.
    this.world.joinToken = (answer.body["status"] as { readonly token: string }).token;
    const { nodes, sets } = this.world.swarm;
    for (let index = 0; index < nodes; index += 1) {
      const machine = this.world.addMachine(`node-${index}`, nodeLabels(this.random));
      const happening = { actor: this.world.kernel.nobody, label: "" };
      this.world.kernel.schedule(this.random.between(0, 20_000), happening, () => machine.start());
    }
    for (let index = 0; index < sets; index += 1) await this.createSet("default");
  }
}

function setsPath(namespace: string): string {
  return `/apis/apps/v1/namespaces/${namespace}/daemonsets`;
}

export function setPath({ metadata }: DaemonSetBody): string {
  return `${setsPath(metadata.namespace ?? "")}/${metadata.name}`;
}

export function podPath({ namespace, name }: Pick<PodState, "namespace" | "name">): string {
  return `/api/v1/namespaces/${namespace}/pods/${name}`;
}

export function nodePath({ metadata }: NodeBody): string {
  return `/api/v1/nodes/${metadata.name}`;
}
