// What nodes and pods use, asked of their agents when it is read. None of it is kept anywhere.
import type { Env } from "../env.ts";
import { notFoundError } from "../model/api-error.ts";
import { apiVersionOf } from "../model/decode.ts";
import { goTime } from "../model/instant.ts";
import { pageObjects } from "../model/limits.ts";
import type { KubeObject } from "../model/meta.ts";
import type { NodeMetrics, PodMetrics } from "../model/metrics.ts";
import { nodeMetrics, podMetrics } from "../model/metrics.ts";
import type { Pod } from "../model/pod.ts";
import type { Resource } from "../model/resource.ts";
import type { NodeUsage } from "../model/usage-report.ts";
import { nodeShard, shardOfNode } from "../pokes.ts";
import type { CreateOutcome, Listing, ListRequest, Place, Removed, Storage, UpdateOutcome } from "./storage.ts";

type Usages = ReadonlyMap<string, NodeUsage>;
/** Null: nothing is known of what it uses. */
type Measure = (object: KubeObject, usages: Usages) => KubeObject | null;

type Measuring = { readonly nodeOf: (object: KubeObject) => string; readonly measure: Measure };

export class MetricsStorage implements Storage {
  readonly #env: Env;
  /** Where the nodes or pods themselves are. */
  readonly #measured: Storage;
  readonly #nodeOf: (object: KubeObject) => string;
  readonly #measure: Measure;
  readonly #resource: Resource;

  private constructor(env: Env, measured: Storage, resource: Resource, { nodeOf, measure }: Measuring) {
    this.#env = env;
    this.#measured = measured;
    this.#resource = resource;
    this.#nodeOf = nodeOf;
    this.#measure = measure;
  }

  static ofNodes(env: Env, nodes: Storage): MetricsStorage {
    const nodeOf = ({ metadata }: KubeObject) => metadata.name ?? "";
    return new MetricsStorage(env, nodes, nodeMetrics, { nodeOf, measure: measureNode });
  }

  static ofPods(env: Env, pods: Storage): MetricsStorage {
    // The storage of pods holds nothing else.
    const nodeOf = (pod: KubeObject) => (pod as Pod).spec.nodeName ?? "";
    return new MetricsStorage(env, pods, podMetrics, { nodeOf, measure: measurePod });
  }

  async read(place: Place): Promise<KubeObject | null> {
    const object = await this.#measured.read(place);
    const [metrics] = object === null ? [] : await this.#metricsOf([object]);
    if (metrics !== undefined) return metrics;
    // Named after the kind, as metrics-server says it.
    throw notFoundError({ ...this.#resource, plural: this.#resource.kind.toLowerCase() }, place.name);
  }

  /** All at once: by the time of a second page the first would be of another moment. */
  async list(request: ListRequest): Promise<Listing> {
    const objects: KubeObject[] = [];
    for (let { after } = request; ; ) {
      const page = await this.#measured.list({ ...request, after, limit: pageObjects });
      objects.push(...page.objects);
      const { namespace = "", name = "" } = page.objects.at(-1)?.metadata ?? {};
      if (page.objects.length < pageObjects) {
        return { objects: [], preceding: await this.#metricsOf(objects), rv: page.rv };
      }
      after = { namespace, name };
    }
  }

  async #metricsOf(objects: readonly KubeObject[]): Promise<readonly KubeObject[]> {
    const nodes = new Set(objects.map(this.#nodeOf).filter((node) => node !== ""));
    const usages = await usageOf(this.#env, nodes);
    return objects.flatMap((object) => this.#measure(object, usages) ?? []);
  }

  // Discovery offers no verb that writes, so none of these is reached.
  async create(): Promise<CreateOutcome> {
    throw new Error("metrics are measured, not created");
  }

  async update(): Promise<UpdateOutcome> {
    throw new Error("metrics are measured, not updated");
  }

  async remove(): Promise<readonly Removed[]> {
    throw new Error("metrics are measured, not removed");
  }
}

async function usageOf(env: Env, nodes: ReadonlySet<string>): Promise<Usages> {
  const byShard = Map.groupBy(nodes, (node) => shardOfNode(env, node));
  const answers = await Promise.all([...byShard].map(([shard, names]) => nodeShard(env, shard).usage(names)));
  return new Map(answers.flatMap((answer) => Object.entries(answer)));
}

function amounts(usage: { readonly cpuNanoCores: number; readonly workingSetBytes: number }) {
  return { cpu: `${usage.cpuNanoCores}n`, memory: `${Math.ceil(usage.workingSetBytes / 1024)}Ki` };
}

function moment({ atMs, windowMs }: NodeUsage) {
  return { timestamp: goTime(atMs), window: `${(windowMs / 1000).toFixed(3)}s` };
}

function measureNode({ metadata }: KubeObject, usages: Usages): NodeMetrics | null {
  const { name = "", labels } = metadata;
  const usage = usages.get(name);
  if (usage === undefined) return null;
  return {
    kind: nodeMetrics.kind,
    apiVersion: apiVersionOf(nodeMetrics),
    metadata: { name, creationTimestamp: goTime(usage.atMs), ...(labels === undefined ? {} : { labels }) },
    ...moment(usage),
    usage: amounts(usage.node),
  };
}

function measurePod(pod: KubeObject, usages: Usages): PodMetrics | null {
  // The storage of pods holds nothing else.
  const { metadata, spec } = pod as Pod;
  const { name = "", namespace = "", uid, labels } = metadata;
  const usage = usages.get(spec.nodeName ?? "");
  const containers = (usage?.containers ?? []).filter(({ podUid }) => podUid === uid);
  if (usage === undefined || containers.length === 0) return null;
  return {
    kind: podMetrics.kind,
    apiVersion: apiVersionOf(podMetrics),
    metadata: { name, namespace, creationTimestamp: goTime(usage.atMs), ...(labels === undefined ? {} : { labels }) },
    ...moment(usage),
    containers: containers.map((container) => ({ name: container.name, usage: amounts(container) })),
  };
}
