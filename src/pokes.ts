// Who is woken after a write. A poke carries no data and may be lost: whoever is poked reads the log, and so does the
// next minute's cron.
import { bucketOf, shardOf } from "./core/buckets.ts";
import type { Env } from "./env.ts";
import type { KubeObject, ObjectMeta } from "./model/meta.ts";
import { controllerOf } from "./model/meta.ts";
import { runBatch } from "./store/batch.ts";
import { readFollowers } from "./store/named-objects.ts";
import type { KeyedObject } from "./store/objects.ts";
import { readObjects } from "./store/objects.ts";
import type { Owner } from "./store/pods.ts";

type Pokable = { poke(): Promise<void> };

/** Wakes `target` without waiting for what it does. */
function poke(target: Pokable): Promise<void> {
  return target.poke().catch((error: unknown) => {
    console.warn({ message: "a poke was lost; cron will make up for it", error: String(error) });
  });
}

export function shardCount(env: Env): number {
  return Number(env.NODE_SHARD_COUNT);
}

function shardName(shard: number): string {
  return `shard-${shard}`;
}

export function nodeShard(env: Env, shard: number) {
  return env.NODE_SHARDS.get(env.NODE_SHARDS.idFromName(shardName(shard)));
}

export function shardOfNode(env: Env, node: string): number {
  return shardOf(bucketOf(node), shardCount(env));
}

/** The Durable Object of a DaemonSet is named after all that tells it from others. */
export function daemonSetController(env: Env, { namespace, name, uid }: Owner) {
  return env.DAEMON_SETS.get(env.DAEMON_SETS.idFromName(`${namespace}/${name}/${uid}`));
}

export function watchHub(env: Env) {
  return env.WATCH_HUB.get(env.WATCH_HUB.idFromName("hub"));
}

export function controllerManager(env: Env) {
  return env.CONTROLLER_MANAGER.get(env.CONTROLLER_MANAGER.idFromName("manager"));
}

export async function pokeWatchHub(env: Env): Promise<void> {
  await poke(watchHub(env));
}

export async function pokeControllerManager(env: Env): Promise<void> {
  await poke(controllerManager(env));
}

export async function pokeScheduler(env: Env): Promise<void> {
  await poke(env.SCHEDULER.get(env.SCHEDULER.idFromName("scheduler")));
}

export async function pokeSelectorController(env: Env): Promise<void> {
  await poke(env.SELECTOR_CONTROLLER.get(env.SELECTOR_CONTROLLER.idFromName("selectors")));
}

export async function pokeDaemonSets(env: Env, owners: Iterable<Owner>): Promise<void> {
  await Promise.all([...owners].map((owner) => poke(daemonSetController(env, owner))));
}

/** Wakes the shards of the nodes named. */
export async function pokeNodes(env: Env, nodes: Iterable<string>): Promise<void> {
  await pokeShards(env, new Set([...nodes].map((node) => shardOfNode(env, node))));
}

async function pokeShards(env: Env, shards: ReadonlySet<number>): Promise<void> {
  await Promise.all([...shards].map((shard) => poke(nodeShard(env, shard))));
}

/** What was written: the nodes of pods, and other objects. */
export type Touched = {
  readonly nodes: readonly string[];
  readonly objects: readonly KeyedObject[];
  /** True: some of them were removed, and may leave things behind. */
  readonly gone?: boolean;
};

const mostDaemonSets = 10_000;
/** What picks pods and is looked after by who looks after selectors. */
const selecting: ReadonlySet<string> = new Set(["services", "poddisruptionbudgets.policy"]);

/** What pods name, and the shards of their nodes hand out. */
const handedOut: ReadonlySet<string> = new Set(["configmaps", "secrets", "serviceaccounts"]);

/** Wakes the shards whose nodes are given one of the objects. */
async function pokeFollowers(env: Env, objects: readonly KeyedObject[]): Promise<void> {
  const keys = objects.map(({ key }) => key).filter(({ resource }) => handedOut.has(resource));
  if (keys.length === 0) return;
  try {
    const [shards] = await runBatch(env.DB, [readFollowers(env.DB, keys)]);
    // There may have been more shards once.
    await pokeShards(env, new Set(shards.filter((shard) => shard < shardCount(env))));
  } catch (error) {
    console.warn({ message: "nobody knows which shards to poke; cron will make up for it", error: String(error) });
  }
}

/** Wakes whoever acts on what was written. */
export async function pokeAfter(env: Env, { nodes, objects, gone = false }: Touched): Promise<void> {
  const named = objects.filter(({ key }) => key.resource === "nodes").map(({ key }) => key.name);
  // Any DaemonSet may want a pod on a node that changed, or own a pod that has no owner yet.
  const ownerless = objects.filter(
    ({ key, object }) => key.resource === "pods" && daemonSetOf(object.metadata) === null,
  );
  const everySet = named.length + ownerless.length > 0 ? await everyDaemonSet(env.DB) : [];
  const owners = objects.flatMap(({ key, object }) => ownerOf(key.resource, object) ?? []);
  const deletes = gone || objects.some(({ object }) => object.metadata.deletionTimestamp !== undefined);
  await Promise.all([
    pokeWatchHub(env),
    pokeDaemonSets(env, new Map([...everySet, ...owners].map((owner) => [owner.uid, owner])).values()),
    pokeNodes(env, [...nodes, ...named]),
    pokeFollowers(env, objects),
    ...(deletes ? [pokeControllerManager(env)] : []),
    ...(objects.some(concernsScheduler) ? [pokeScheduler(env)] : []),
    ...(objects.some(({ key }) => selecting.has(key.resource)) ? [pokeSelectorController(env)] : []),
  ]);
}

/** A pod that has no node and is nobody's daemon, or what may make room for one. Daemons come and go by themselves. */
function concernsScheduler({ key, object }: KeyedObject): boolean {
  if (key.resource === "nodes") return true;
  return key.resource === "pods" && daemonSetOf(object.metadata) === null;
}

export async function everyDaemonSet(db: D1Database): Promise<readonly Owner[]> {
  const [sets] = await runBatch(db, [
    readObjects(db, { resource: "daemonsets.apps", namespace: null, after: null, limit: mostDaemonSets }),
  ]);
  return sets.map(({ metadata }) => ({
    namespace: metadata.namespace ?? "",
    name: metadata.name ?? "",
    uid: metadata.uid ?? "",
  }));
}

/** The DaemonSet that a change of this object is the business of; null: none's. */
function ownerOf(resource: string, { metadata }: KubeObject): Owner | null {
  const namespace = metadata.namespace ?? "";
  if (resource === "daemonsets.apps") return { namespace, name: metadata.name ?? "", uid: metadata.uid ?? "" };
  return daemonSetOf(metadata);
}

/** The DaemonSet that controls an object; null: none does. */
export function daemonSetOf(metadata: ObjectMeta): Owner | null {
  const owner = controllerOf(metadata);
  if (owner?.kind !== "DaemonSet" || !owner.apiVersion.startsWith("apps/")) return null;
  return { namespace: metadata.namespace ?? "", name: owner.name, uid: owner.uid };
}
