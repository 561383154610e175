// Leases of nodes: made up when they are asked for, out of when each node was last heard. None is ever written.

import type { Env } from "../env.ts";
import { qualifiedResource } from "../model/api-error.ts";
import { goMicroTime } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";
import { nodes } from "../model/node.ts";
import { nodeShard, shardCount, shardOfNode } from "../pokes.ts";
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
    return leaseOf(node, await lastSeenOf(this.#env, name));
  }

  async list({ namespace, name, after, limit }: ListRequest): Promise<Listing> {
    const { DB } = this.#env;
    const place = after === null ? null : { namespace: "", name: after.name };
    const query = { resource: qualifiedResource(nodes), namespace: "", after: place, limit };
    const [rv, found] = await runBatch(DB, [readHead(DB), readObjects(DB, query)]);
    if (namespace !== null && namespace !== leaseNamespace) return { objects: [], rv };
    const lastSeen = await lastSeenOfAll(this.#env);
    const wanted = found.filter(({ metadata }) => name === null || metadata.name === name);
    return { objects: wanted.map((node) => leaseOf(node, lastSeen.get(node.metadata.name ?? "") ?? 0)), rv };
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

/** When a node was last heard, in milliseconds since 1970; 0: not since anybody can tell. */
export async function lastSeenOf(env: Env, node: string): Promise<number> {
  const all = await nodeShard(env, shardOfNode(env, node)).lastSeen();
  return all[node] ?? 0;
}

export async function lastSeenOfAll(env: Env): Promise<ReadonlyMap<string, number>> {
  const shards = await Promise.all(
    Array.from({ length: shardCount(env) }, (_, shard) => nodeShard(env, shard).lastSeen()),
  );
  return new Map(shards.flatMap((shard) => Object.entries(shard)));
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
