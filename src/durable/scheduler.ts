// The default scheduler of pods that are nobody's daemons, and of daemons whose place depends on pods of other nodes: a
// latch, an alarm, and what it has tried in vain. With no such pod it asks one question a minute, whose answer is empty.
import { DurableObject } from "cloudflare:workers";

import { isHelpedByOthers } from "../core/neighbours.ts";
import type { Env } from "../env.ts";
import { defaultScheduler } from "../model/pod-spec.ts";
import type { PodStatus } from "../model/pod-status.ts";
import { pokeDaemonSets, pokeNodes, pokeWatchHub } from "../pokes.ts";
import { runBatch } from "../store/batch.ts";
import { readHead, readLog } from "../store/log.ts";
import type { PodRow } from "../store/pod-rows.ts";
import { readUnscheduledPods } from "../store/pods.ts";
import { TemplateCache } from "../store/template-cache.ts";
import { Latch } from "./latch.ts";
import { SchedulerPass } from "./scheduler-pass.ts";

const podsAtOnce = 10_000;
/** Each time the whole fleet may have to be read. */
const placedAtOnce = 2_500;
/** So many of these may be bare pods, which are looked for on every node. */
const bareAtOnce = 1_000;
const changesAtOnce = 1_000;
const retryMs = 5_000;
/** How long a pod that found no node waits before it is tried again, even if something has changed. */
const firstWaitMs = 1_000;
const longestWaitMs = 10_000;
/** How often it is looked whether something has changed; then only each minute, by the cron. */
const mostLooks = 30;
const cursorKey = "cursor";

type Waiting = { readonly tries: number; readonly nextAtMs: number };

type Placing = {
  /** Pods that are to be tried. */
  readonly due: readonly PodRow[];
  /** All pods that have no node, or wait for theirs, and might get it. */
  readonly unbound: readonly PodRow[];
  /** The end of the log when they were read. */
  readonly head: number;
};

export class Scheduler extends DurableObject<Env> {
  readonly #latch = new Latch(() => this.#run());
  readonly #templates = new TemplateCache(this.env.DB);
  readonly #pass = new SchedulerPass(this.env.DB, this.#templates);
  /** Pods that found no node, by uid. */
  #waiting = new Map<string, Waiting>();
  /** Pods that found none and may find one now. */
  #hopeful = new Set<string>();
  #looks = 0;

  /** Something may have happened: a pod may have come, or room for one. */
  async poke(): Promise<void> {
    this.#looks = 0;
    await this.#latch.run();
  }

  override async alarm(): Promise<void> {
    await this.#latch.run();
  }

  async #run(): Promise<void> {
    try {
      await this.#schedule(Date.now());
    } catch (error) {
      console.error({ message: "pods could not be scheduled", error: String(error) });
      await this.ctx.storage.setAlarm(Date.now() + retryMs);
    }
  }

  async #schedule(nowMs: number): Promise<void> {
    const { head, unbound } = await this.#unboundPods();
    if (unbound.length === 0) return this.#forget();
    const tried = unbound.filter(wasTried);
    if (tried.length > 0 && (await this.#isRoomPossible(tried))) {
      this.#hopeful = new Set(tried.map(({ uid }) => uid));
    }
    const allDue = unbound.filter((row) => this.#isDue(row, nowMs));
    const bare = allDue.filter(({ node }) => node === "").slice(0, bareAtOnce);
    const due = [...bare, ...allDue.filter(({ node }) => node !== "")].slice(0, placedAtOnce);
    if (due.length > 0) await this.#place({ due, unbound, head }, nowMs);
    if (due.length < allDue.length) await this.ctx.storage.setAlarm(nowMs);
    else await this.#lookAgain(nowMs);
  }

  async #unboundPods(): Promise<Pick<Placing, "head" | "unbound">> {
    const [head, rows] = await runBatch(this.env.DB, [
      readHead(this.env.DB),
      readUnscheduledPods(this.env.DB, podsAtOnce),
    ]);
    await this.#templates.load(rows.map(({ template }) => template));
    const unbound = rows.filter((row) => {
      const { schedulerName, schedulingGates } = this.#templates.get(row.template).spec;
      const isOver = row.deletionMs !== null || row.phase !== "Pending";
      if (row.node !== "") return !isOver;
      return schedulerName === defaultScheduler && schedulingGates === undefined && !isOver;
    });
    return { head, unbound };
  }

  #isDue(row: PodRow, nowMs: number): boolean {
    if (!wasTried(row)) return true;
    return this.#hopeful.has(row.uid) && (this.#waiting.get(row.uid)?.nextAtMs ?? 0) <= nowMs;
  }

  /** Whether nodes changed, or pods went, or came where that may help, since the last try. */
  async #isRoomPossible(tried: readonly PodRow[]): Promise<boolean> {
    const cursor = this.ctx.storage.kv.get<number>(cursorKey);
    if (cursor === undefined) return true;
    const wantsCompany = tried.some(({ template }) => isHelpedByOthers(this.#templates.get(template)));
    const concern = { kind: wantsCompany ? "company" : "room" } as const;
    const [page] = await runBatch(this.env.DB, [readLog(this.env.DB, { cursor, limit: changesAtOnce, concern })]);
    return page.hasGap || page.changes.length > 0;
  }

  async #place({ due, unbound, head }: Placing, nowMs: number): Promise<void> {
    const { left, nodes, owners } = await this.#pass.run(due, unbound, nowMs);
    for (const { uid } of due) this.#hopeful.delete(uid);
    this.#note(due, new Set(left), nowMs);
    // Those that are still to be tried go by what has changed since they were tried last.
    if (left.length > 0 && this.#hopeful.size === 0) this.ctx.storage.kv.put(cursorKey, head);
    const { env } = this;
    this.ctx.waitUntil(Promise.all([pokeWatchHub(env), pokeNodes(env, nodes), pokeDaemonSets(env, owners)]));
  }

  #note(due: readonly PodRow[], left: ReadonlySet<string>, nowMs: number): void {
    for (const { uid } of due) {
      if (!left.has(uid)) this.#waiting.delete(uid);
      else {
        const tries = this.#waiting.get(uid)?.tries ?? 0;
        const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** tries);
        this.#waiting.set(uid, { tries: tries + 1, nextAtMs: nowMs + waitMs });
      }
    }
  }

  async #lookAgain(nowMs: number): Promise<void> {
    if (this.#waiting.size === 0 && this.#hopeful.size === 0) return;
    this.#looks += 1;
    if (this.#looks > mostLooks && this.#hopeful.size === 0) return;
    const times = [...this.#waiting.values()].map(({ nextAtMs }) => nextAtMs);
    await this.ctx.storage.setAlarm(Math.max(nowMs + firstWaitMs, Math.min(nowMs + longestWaitMs, ...times)));
  }

  #forget(): void {
    this.#waiting = new Map();
    this.#hopeful = new Set();
  }
}

/** Whether the pod was looked at and found no node. */
function wasTried({ status }: PodRow): boolean {
  // Statuses are decoded before they are stored.
  const { conditions = [] } = (status ?? {}) as PodStatus;
  return conditions.some(
    ({ type, status: value, reason }) => type === "PodScheduled" && value === "False" && reason === "Unschedulable",
  );
}
