// A node agent that says what a test tells it to say, in the protocol that real agents speak.
import { env } from "cloudflare:workers";
import { assert } from "vitest";

import { nodeShard, shardOfNode } from "../../../src/pokes.ts";
import { digestOf, insertNodeCredential } from "../../../src/store/credentials.ts";
import type {
  AssignedObject,
  AssignedPod,
  NodeReport,
  PodReport,
  SyncAnswer,
  SyncRequest,
} from "../../../src/sync/messages.ts";
import type { Grant } from "../../../src/sync/node-object.ts";
import { run } from "./cluster.ts";

type Have = SyncRequest["have"];
type Content = Partial<Omit<SyncRequest, "protocol" | "node" | "sequence">>;

/** A node that is well. */
export function nodeReport(fields: Partial<NodeReport> = {}): NodeReport {
  return {
    labels: { "kubernetes.io/os": "linux" },
    addresses: [],
    capacity: { cpu: "4", memory: "8Gi" },
    allocatable: { cpu: "4", memory: "8Gi" },
    conditions: [{ type: "Ready", status: "True", reason: "KubeletReady", message: "" }],
    nodeInfo: { kubeletVersion: "v1.34.0" },
    ...fields,
  };
}

export function runningStatus(isReady = true): Record<string, unknown> {
  const status = isReady ? "True" : "False";
  return { phase: "Running", conditions: [{ type: "Ready", status, lastTransitionTime: "1970-01-01T00:00:00Z" }] };
}

export const failedStatus = { phase: "Failed", reason: "Evicted", conditions: [{ type: "Ready", status: "False" }] };

export class Agent {
  readonly node: string;
  readonly token: string;
  /** What it was last told to run, by uid. */
  pods: ReadonlyMap<string, AssignedPod> = new Map();
  templates: Readonly<Record<string, unknown>> = {};
  have: Have = { revision: 0, etag: "", templates: [] };
  /** What it holds of ConfigMaps and Secrets, by `Kind/namespace/name`; null: it is an agent that knows of none. */
  objects: ReadonlyMap<string, AssignedObject> | null = null;
  #sequence = 0;
  readonly #observations = new Map<string, number>();
  /** What `obey` said last of each pod. */
  readonly #reported = new Map<string, string>();

  private constructor(node: string, token: string) {
    this.node = node;
    this.token = token;
  }

  /** An agent with a credential, as enrolment would have given it. */
  static async enrolled(node: string, grant: Grant = {}): Promise<Agent> {
    const token = `laresnode_${node}_${"0".repeat(64)}`;
    const credential = { node, digest: digestOf(token), createdMs: Date.now(), grant: JSON.stringify(grant) };
    await run(insertNodeCredential(env.DB, credential));
    return new Agent(node, token);
  }

  /** An agent whose node is registered and well. */
  static async registered(node: string, report: Partial<NodeReport> = {}): Promise<Agent> {
    const agent = await Agent.enrolled(node);
    await agent.sync({ register: true, nodeReport: nodeReport(report) });
    return agent;
  }

  message(content: Content = {}): SyncRequest {
    this.#sequence += 1;
    return { protocol: 1, node: this.node, sequence: this.#sequence, have: this.have, ...content };
  }

  async sync(content: Content = {}): Promise<SyncAnswer> {
    const shard = nodeShard(env, shardOfNode(env, this.node));
    const answer = await shard.sync(this.message(content), digestOf(this.token), 0);
    assert(answer !== "unauthorized", `${this.node} is let in`);
    this.take(answer);
    return answer;
  }

  /** Keeps what it is told, as agents do. */
  take({ revision, etag, pods, templates = {}, objects }: SyncAnswer): void {
    this.templates = { ...this.templates, ...templates };
    if (pods !== undefined) this.pods = new Map(pods.map((pod) => [pod.uid, pod]));
    this.have = { revision, etag, templates: Object.keys(this.templates) };
    if (this.objects === null) return;
    if (objects !== undefined) this.#keep(this.objects, objects);
    const held = [...this.objects.values()].filter(({ content }) => content !== undefined);
    this.have = { ...this.have, objects: held.map(({ version }) => version) };
  }

  #keep(before: ReadonlyMap<string, AssignedObject>, told: readonly AssignedObject[]): void {
    const kept = told.map((object) => {
      const key = `${object.kind}/${object.namespace}/${object.name}`;
      const known = before.get(key);
      return [key, known?.version === object.version ? { ...known, ...object } : object] as const;
    });
    this.objects = new Map(kept);
    if (kept.some(([, { version, content }]) => version !== "" && content === undefined)) this.have.etag = "";
  }

  /** From now on it is one that knows of ConfigMaps and Secrets. */
  wantObjects(): this {
    this.objects = new Map();
    this.have = { ...this.have, objects: [] };
    return this;
  }

  /** A report about a pod, numbered above all before it. */
  report(uid: string, fields: Partial<PodReport> = {}): PodReport {
    const known = this.pods.get(uid)?.observation ?? 0;
    const observation = Math.max(known, this.#observations.get(uid) ?? 0) + 1;
    this.#observations.set(uid, observation);
    return { uid, observation, status: runningStatus(), ...fields };
  }

  /** Fetches what it is to run, runs it, and ends what it is to end; says only what is new. */
  async obey(status: Record<string, unknown> = runningStatus()): Promise<void> {
    await this.sync();
    const reports = [...this.pods.values()].flatMap(({ uid, deletion }) => {
      const state = JSON.stringify(deletion === undefined ? status : "ended");
      if (this.#reported.get(uid) === state) return [];
      this.#reported.set(uid, state);
      return [this.report(uid, deletion === undefined ? { status } : { ended: true })];
    });
    if (reports.length > 0) await this.sync({ pods: reports });
  }
}
