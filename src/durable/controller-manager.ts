// The controllers that look after no DaemonSet and no node: garbage collection and the end of Namespaces.
import { DurableObject } from "cloudflare:workers";

import { foregroundFinalizer, orphanFinalizer } from "../core/deletion.ts";
import { lookAgainInMs } from "../core/garbage.ts";
import type { Env } from "../env.ts";
import { cleanupFinalizer, definitionsResource } from "../model/custom/definition.ts";
import { pokeAfter } from "../pokes.ts";
import { runBatch } from "../store/batch.ts";
import type { Change } from "../store/log.ts";
import { readLog } from "../store/log.ts";
import type { KeyedObject } from "../store/objects.ts";
import { readDeletingObjects, readObjectsByKey, withResourceVersion } from "../store/objects.ts";
import { ServedKinds } from "../store/served-kinds.ts";
import { TemplateCache } from "../store/template-cache.ts";
import { acceptFreedNames, terminateDefinition } from "./definition-terminator.ts";
import { GarbageCollector } from "./garbage-collector.ts";
import { Latch } from "./latch.ts";
import { terminateNamespace } from "./namespace-terminator.ts";

const changesAtOnce = 1_000;
const passedOver = 1_000;
const retryMs = 5_000;
const cursorKey = "cursor";
const standstillKey = "standstill";

/** What deletions wait for, and since when it is that. */
type Standstill = { readonly left: string; readonly sinceMs: number };

export class ControllerManager extends DurableObject<Env> {
  readonly #latch = new Latch(() => this.#run());
  readonly #templates = new TemplateCache(this.env.DB);
  readonly #kinds = new ServedKinds(this.env.DB);
  readonly #collector = new GarbageCollector(
    this.env.DB,
    { templates: this.#templates, kinds: this.#kinds },
    (nodes, objects) => this.#touched(nodes, objects),
  );
  /** Objects whose deletion waits for something; null: not read yet. */
  #waiting: Map<string, KeyedObject["key"]> | null = null;

  async poke(): Promise<void> {
    await this.#latch.run();
  }

  override async alarm(): Promise<void> {
    await this.#latch.run();
  }

  async #run(): Promise<void> {
    try {
      while (await this.#follow(Date.now()));
      await this.#carryOut(Date.now());
    } catch (error) {
      console.error({ message: "garbage collection failed", error: String(error) });
      await this.ctx.storage.setAlarm(Date.now() + retryMs);
    }
  }

  #touched(nodes: readonly string[], objects: readonly KeyedObject[]): void {
    this.ctx.waitUntil(pokeAfter(this.env, { nodes, objects }));
  }

  /** Reads on in the log; true: there is more. */
  async #follow(nowMs: number): Promise<boolean> {
    const cursor = this.ctx.storage.kv.get<number>(cursorKey) ?? 0;
    const [page] = await runBatch(this.env.DB, [
      readLog(this.env.DB, { cursor, limit: changesAtOnce, concern: { kind: "garbage" } }),
    ]);
    if (this.#waiting === null || page.hasGap) await this.#readWaiting();
    if (page.hasGap) await this.#collector.collectAll(nowMs);
    for (const change of page.changes) await this.#take(change, nowMs);
    // What was acted on has to be remembered; the rest is passed over again, as long as it is little.
    const isWorthKeeping = page.changes.length > 0 || page.hasGap || page.reached - cursor >= passedOver;
    if (isWorthKeeping) this.ctx.storage.kv.put(cursorKey, page.reached);
    return page.hasMore;
  }

  async #readWaiting(): Promise<void> {
    const [deleting] = await runBatch(this.env.DB, [readDeletingObjects(this.env.DB)]);
    this.#waiting = new Map(deleting.map(({ key }) => [keyText(key), key]));
  }

  async #take(change: Change, nowMs: number): Promise<void> {
    const { resource, namespace, name, uid } = change;
    const key = { resource, namespace, name };
    if (change.type === "DELETED") {
      if (resource === definitionsResource) {
        await acceptFreedNames(this.env.DB, this.#kinds, nowMs, this.#touched.bind(this));
      }
      return this.#collector.collect(uid, namespace, nowMs);
    }
    const object = withResourceVersion(change.body, change.seq);
    if (object.metadata.deletionTimestamp !== undefined) this.#waiting?.set(keyText(key), key);
    else await this.#collector.judge([{ key, object }], nowMs);
  }

  /** Takes each waiting deletion a step further. */
  async #carryOut(nowMs: number): Promise<void> {
    const waiting = this.#waiting ?? new Map();
    if (waiting.size === 0) return;
    const [objects] = await runBatch(this.env.DB, [readObjectsByKey(this.env.DB, [...waiting.values()])]);
    const present = new Set(objects.map(({ key }) => keyText(key)));
    for (const key of waiting.keys()) if (!present.has(key)) waiting.delete(key);
    const left: string[] = [];
    for (const stored of objects) {
      const count = await this.#step(stored, nowMs);
      if (count === null) waiting.delete(keyText(stored.key));
      else left.push(`${keyText(stored.key)} ${count}`);
    }
    if (waiting.size > 0) await this.ctx.storage.setAlarm(nowMs + lookAgainInMs(this.#idleMs(left.join(" "), nowMs)));
  }

  /** For how long nothing has changed of what deletions wait for. Kept, for between two looks the object may sleep. */
  #idleMs(left: string, nowMs: number): number {
    const { kv } = this.ctx.storage;
    const standstill = kv.get<Standstill>(standstillKey);
    if (standstill?.left === left) return nowMs - standstill.sinceMs;
    kv.put<Standstill>(standstillKey, { left, sinceMs: nowMs });
    return 0;
  }

  /** How many others it still waits for; null: there is nothing here to wait for. */
  async #step(stored: KeyedObject, nowMs: number): Promise<number | null> {
    const { metadata } = stored.object;
    if (metadata.deletionTimestamp === undefined) return null;
    if (stored.key.resource === "namespaces") {
      const touched = this.#touched.bind(this);
      return terminateNamespace(this.env.DB, stored, nowMs, touched);
    }
    if (stored.key.resource === definitionsResource && metadata.finalizers?.includes(cleanupFinalizer)) {
      return terminateDefinition(this.env.DB, stored, nowMs, this.#touched.bind(this));
    }
    if (metadata.finalizers?.includes(orphanFinalizer)) return this.#collector.orphan(stored, nowMs);
    if (metadata.finalizers?.includes(foregroundFinalizer)) return this.#collector.foreground(stored, nowMs);
    return null;
  }
}

function keyText({ resource, namespace, name }: KeyedObject["key"]): string {
  return `${resource}/${namespace}/${name}`;
}
