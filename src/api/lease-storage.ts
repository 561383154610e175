// Leases: those that programs wrote, and those of nodes, which are made up when they are asked for, out of when each node was
// last heard.

import type { Env } from "../env.ts";
import { forbiddenError, qualifiedResource } from "../model/api-error.ts";
import { goMicroTime } from "../model/instant.ts";
import { leases, nodeLeaseNamespace } from "../model/lease.ts";
import type { KubeObject } from "../model/meta.ts";
import { nodes } from "../model/node.ts";
import { nodeShard, shardOfNode } from "../pokes.ts";
import { runBatch } from "../store/batch.ts";
import { readHead } from "../store/log.ts";
import { readObject, readObjects } from "../store/objects.ts";
import { ObjectStorage } from "./object-storage.ts";
import type {
  CreateOutcome,
  Listing,
  ListRequest,
  Place,
  RemovalOptions,
  Removed,
  Storage,
  UpdateOutcome,
} from "./storage.ts";

const leaseSeconds = 40;

export class LeaseStorage implements Storage {
  readonly #env: Env;
  readonly #written: ObjectStorage;

  constructor(env: Env) {
    this.#env = env;
    this.#written = new ObjectStorage(env.DB, leases);
  }

  read(place: Place): Promise<KubeObject | null> {
    return place.namespace === nodeLeaseNamespace ? this.#readOfNode(place.name) : this.#written.read(place);
  }

  async #readOfNode(name: string): Promise<KubeObject | null> {
    const key = { resource: qualifiedResource(nodes), namespace: "", name };
    const [node] = await runBatch(this.#env.DB, [readObject(this.#env.DB, key)]);
    if (node === null) return null;
    const lastSeen = await lastSeenOf(this.#env, [node]);
    return leaseOf(node, lastSeen(node));
  }

  async list(request: ListRequest): Promise<Listing> {
    const { namespace, after, limit } = request;
    if (namespace === nodeLeaseNamespace) return this.#listOfNodes(request);
    const written = await this.#written.list(request);
    const isPast = after !== null && after.namespace > nodeLeaseNamespace;
    if (namespace !== null || isPast) return written;
    const begin = after?.namespace === nodeLeaseNamespace ? after : null;
    const ofNodes = await this.#listOfNodes({ ...request, after: begin });
    const objects = [...written.objects, ...ofNodes.objects].sort(byPlace).slice(0, limit);
    return { objects, rv: Math.min(written.rv, ofNodes.rv) };
  }

  async #listOfNodes({ name, after, limit }: ListRequest): Promise<Listing> {
    const { DB } = this.#env;
    if (name !== null) {
      const [[rv], lease] = await Promise.all([runBatch(DB, [readHead(DB)]), this.#readOfNode(name)]);
      return { objects: lease === null ? [] : [lease], rv };
    }
    const place = after === null ? null : { namespace: "", name: after.name };
    const query = { resource: qualifiedResource(nodes), namespace: "", after: place, limit };
    const [rv, found] = await runBatch(DB, [readHead(DB), readObjects(DB, query)]);
    const lastSeen = await lastSeenOf(this.#env, found);
    return { objects: found.map((node) => leaseOf(node, lastSeen(node))), rv };
  }

  async create(object: KubeObject, nowMs: number): Promise<CreateOutcome> {
    requireWritable(object);
    return this.#written.create(object, nowMs);
  }

  async update(before: KubeObject, after: KubeObject, nowMs: number): Promise<UpdateOutcome> {
    requireWritable(before);
    return this.#written.update(before, after, nowMs);
  }

  async remove(objects: readonly KubeObject[], how: RemovalOptions, nowMs: number): Promise<readonly Removed[]> {
    for (const object of objects) requireWritable(object);
    return this.#written.remove(objects, how, nowMs);
  }
}

/** Throws Forbidden for those of nodes. */
function requireWritable({ metadata: { namespace, name = "" } }: KubeObject): void {
  if (namespace !== nodeLeaseNamespace) return;
  const detail = `those of ${nodeLeaseNamespace} are made up from when nodes were last heard`;
  throw forbiddenError(leases, name, detail);
}

/** In the order in which objects are stored and lists go on. */
function byPlace(a: KubeObject, b: KubeObject): number {
  const [one, other] = [a, b].map(({ metadata: { namespace = "", name = "" } }) => `${namespace}\0${name}`);
  return (one ?? "") < (other ?? "") ? -1 : 1;
}

/** When the nodes were last heard, in milliseconds since 1970; 0: not since anybody can tell. Asks their shards alone. */
export async function lastSeenOf(env: Env, nodes: readonly KubeObject[]): Promise<(node: KubeObject) => number> {
  const names = nodes.map(({ metadata }) => metadata.name ?? "");
  const byShard = Map.groupBy(names, (name) => shardOfNode(env, name));
  const answers = await Promise.all([...byShard].map(([shard, of]) => nodeShard(env, shard).lastSeen(of)));
  const seen = new Map(answers.flatMap((answer) => Object.entries(answer)));
  return ({ metadata }) => seen.get(metadata.name ?? "") ?? 0;
}

function leaseOf({ metadata }: KubeObject, lastSeenMs: number): KubeObject {
  const { name = "", uid = "", resourceVersion, creationTimestamp } = metadata;
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      name,
      namespace: nodeLeaseNamespace,
      uid,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid }],
    },
    spec: {
      holderIdentity: name,
      leaseDurationSeconds: leaseSeconds,
      ...(lastSeenMs === 0 ? {} : { renewTime: goMicroTime(lastSeenMs) }),
    },
  };
}
