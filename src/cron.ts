// What runs each minute. Everything here is repair: a lost poke, alarm or socket costs a minute, never correctness.
import type { Env } from "./env.ts";
import {
  everyDaemonSet,
  nodeShard,
  pokeControllerManager,
  pokeDaemonSets,
  pokeScheduler,
  pokeSelectorController,
  shardCount,
  watchHub,
} from "./pokes.ts";
import { aggregateClusterRoles } from "./store/aggregation.ts";
import { runBatch } from "./store/batch.ts";
import { removeExpiredTokens } from "./store/credentials.ts";
import { trimLog } from "./store/log.ts";
import { removeExpired } from "./store/objects.ts";
import { removeUnusedTemplates } from "./store/pods.ts";

/** Watches and controllers may come back this late and go on where they were. */
const logKeptMs = 10 * 60_000;
const logKeptRows = 10_000;
const atOnce = 20_000;
/** Templates are few; looking for unused ones reads every pod, so it is done once an hour. */
const templatesEveryMinutes = 60;

export async function everyMinute(env: Env, nowMs: number): Promise<void> {
  const steps: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["forget events and join tokens", () => runBatch(env.DB, [removeExpired(env.DB, nowMs, atOnce)])],
    ["forget tokens", () => removeExpiredTokens(env.DB, nowMs)],
    [
      "trim the log",
      () => runBatch(env.DB, [trimLog(env.DB, { beforeMs: nowMs - logKeptMs, keep: logKeptRows, limit: atOnce })]),
    ],
    ["forget templates", () => forgetTemplates(env, nowMs)],
    ["put ClusterRoles together", () => aggregate(env, nowMs)],
    ["wake the DaemonSets", async () => pokeDaemonSets(env, await everyDaemonSet(env.DB))],
    ["sweep the shards", () => sweepShards(env)],
    ["collect garbage", () => pokeControllerManager(env)],
    ["schedule pods", () => pokeScheduler(env)],
    ["look after endpoints and budgets", () => pokeSelectorController(env)],
    ["tick the watches", () => watchHub(env).tick()],
  ];
  // One step that fails keeps none of the others from running.
  for (const [what, step] of steps) {
    await step().catch((error: unknown) => console.error({ message: `cron could not ${what}`, error: String(error) }));
  }
}

/** Each write of a ClusterRole does so; this is for those whose own did not come to it. */
async function aggregate(env: Env, nowMs: number): Promise<void> {
  if (Math.floor(nowMs / 60_000) % templatesEveryMinutes === 0) await aggregateClusterRoles(env.DB, nowMs);
}

async function forgetTemplates(env: Env, nowMs: number): Promise<void> {
  if (Math.floor(nowMs / 60_000) % templatesEveryMinutes === 0) await runBatch(env.DB, [removeUnusedTemplates(env.DB)]);
}

async function sweepShards(env: Env): Promise<void> {
  await Promise.all(Array.from({ length: shardCount(env) }, (_, shard) => nodeShard(env, shard).sweep()));
}
