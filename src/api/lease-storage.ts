// Leases of nodes: made up when they are asked for, out of when each node was last heard. None is ever written.

import type { Env } from "../env.ts";
import { qualifiedResource } from "../model/api-error.ts";
import { goMicroTime } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";
import { nodes } from "../model/node.ts";
import { nodeShard, shardOfNode } from "../pokes.ts";
import { runBatch } from "../store/batch.ts";
import { readHead } from "../store/log.ts";
import { readObject, readObjects } from "../store/objects.ts";
import type { CreateOutcome, Listing, ListRequest, Place, Removed, Storage, UpdateOutcome } from "./storage.ts";

const leaseNamespace = "kube-node-lease";
const leaseSeconds = 40;

export class LeaseStorage implements Storage {
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  async read({ namespace, name }: Place): Promise<KubeObject | null> {
    if (namespace !== leaseNamespace) return null;
    const key = { resource: qualifiedResource(nodes), namespace: "", name };
    const [node] = await runBatch(this.#env.DB, [readObject(this.#env.DB, key)]);
    if (node === null) return null;
    const lastSeen = await lastSeenOf(this.#env, [node]);
    return leaseOf(node, lastSeen(node));
  }

  async list({ namespace, name, after, limit }: ListRequest): Promise<Listing> {
    const { DB } = this.#env;
    const place = after === null ? null : { namespace: "", name: after.name };
    const query = { resource: qualifiedResource(nodes), namespace: "", after: place, limit };
    const [rv, found] = await runBatch(DB, [readHead(DB), readObjects(DB, query)]);
    if (namespace !== null && namespace !== leaseNamespace) return { objects: [], rv };
    const wanted = found.filter(({ metadata }) => name === null || metadata.name === name);
    const lastSeen = await lastSeenOf(this.#env, wanted);
    return { objects: wanted.map((node) => leaseOf(node, lastSeen(node))), rv };
  }

  // Discovery offers no verb that writes, so none of these is reached.
  async create(): Promise<CreateOutcome> {
    throw new Error("leases are computed, not created");
  }

  async update(): Promise<UpdateOutcome> {
    throw new Error("leases are computed, not updated");
  }

  async remove(): Promise<readonly Removed[]> {
    throw new Error("leases are computed, not removed");
  }
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
      namespace: leaseNamespace,
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
