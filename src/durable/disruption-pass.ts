// One pass over PodDisruptionBudgets: whose pods have changed is counted anew, and what has changed of its status written.
import type { Scale } from "../core/disruption.ts";
import { budgetStatus, disruptionMs, needsScale, recentDisruptions } from "../core/disruption.ts";
import { qualifiedResource } from "../model/api-error.ts";
import { apiVersionOf } from "../model/decode.ts";
import { semanticEqual } from "../model/equality.ts";
import { labelSelectorMatches } from "../model/labels.ts";
import { controllerOf } from "../model/meta.ts";
import type { PodDisruptionBudget } from "../model/pod-disruption-budget.ts";
import { resources } from "../model/resources.ts";
import { runBatch } from "../store/batch.ts";
import { EventRecorder } from "../store/event-recorder.ts";
import { readHead, readLog } from "../store/log.ts";
import { readObject, readObjects, updateObjects } from "../store/objects.ts";
import type { CountedPods } from "../store/pod-counts.ts";
import { countPods, readLivingNames } from "../store/pod-counts.ts";

const origin = "disruption";
const budgetResource = "poddisruptionbudgets.policy";
const cursorKey = "budgetCursor";
const namespacesKey = "budgetNamespaces";
/** When evictions that nobody saw the end of count no more; the cron's next round after it sees to that. */
const recountKey = "recountMs";
const changesAtOnce = 2_000;
const mostBudgets = 10_000;
const passedOver = 1_000;

export class DisruptionPass {
  readonly #db: D1Database;
  readonly #storage: DurableObjectStorage;
  readonly #recorder = new EventRecorder();
  /** Of budgets. Null: not read yet. */
  #namespaces: readonly string[] | null = null;

  constructor(db: D1Database, storage: DurableObjectStorage) {
    this.#db = db;
    this.#storage = storage;
  }

  /** Namespaces that have budgets, as far as is known. */
  get namespaces(): readonly string[] {
    this.#namespaces ??= this.#storage.kv.get<readonly string[]>(namespacesKey) ?? [];
    return this.#namespaces;
  }

  /** Returns how many budgets were written. */
  async run(nowMs: number): Promise<number> {
    const cursor = this.#storage.kv.get<number>(cursorKey) ?? null;
    const isDue = (this.#storage.kv.get<number>(recountKey) ?? Number.POSITIVE_INFINITY) <= nowMs;
    if (isDue) this.#storage.kv.delete(recountKey);
    // That there are none is quicker seen in the table than in the log.
    const mustBegin = cursor === null || isDue || this.namespaces.length === 0;
    const { touched, reached } = mustBegin ? await this.#begin() : await this.#follow(cursor);
    if (touched !== null && touched.size === 0) {
      if (cursor === null || reached - cursor >= passedOver) this.#storage.kv.put(cursorKey, reached);
      return 0;
    }
    const query = { resource: budgetResource, namespace: null, after: null, limit: mostBudgets };
    const [objects] = await runBatch(this.#db, [readObjects(this.#db, query)]);
    // Stored as budgets, so they are.
    const budgets = objects as unknown as readonly PodDisruptionBudget[];
    if (budgets.length === 0 && this.namespaces.length === 0) return 0;
    this.#remember(budgets);
    let written = 0;
    for (const budget of budgets) {
      if (touched !== null && !touched.has(budget.metadata.namespace ?? "")) continue;
      if (await this.#count(budget, nowMs)) written += 1;
    }
    this.#storage.kv.put(cursorKey, reached);
    return written;
  }

  async #begin(): Promise<Touched> {
    const [reached] = await runBatch(this.#db, [readHead(this.#db)]);
    return { touched: null, reached };
  }

  async #follow(from: number): Promise<Touched> {
    const touched = new Set<string>();
    let cursor = from;
    for (;;) {
      const concern = {
        kind: "selected",
        always: budgetResource,
        within: ["pods"],
        namespaces: this.namespaces,
        exceptOrigin: origin,
      } as const;
      const [page] = await runBatch(this.#db, [readLog(this.#db, { cursor, limit: changesAtOnce, concern })]);
      if (page.hasGap) return { touched: null, reached: page.head };
      for (const { namespace } of page.changes) touched.add(namespace);
      cursor = page.reached;
      if (!page.hasMore) return { touched, reached: cursor };
    }
  }

  #remember(budgets: readonly PodDisruptionBudget[]): void {
    const namespaces = [...new Set(budgets.map(({ metadata }) => metadata.namespace ?? ""))];
    if (JSON.stringify(namespaces) === JSON.stringify(this.namespaces)) return;
    this.#namespaces = namespaces;
    this.#storage.kv.put(namespacesKey, namespaces);
  }

  /** True: the status was written. */
  async #count(budget: PodDisruptionBudget, nowMs: number): Promise<boolean> {
    const { namespace = "", name = "", uid = "", resourceVersion } = budget.metadata;
    const disrupted = recentDisruptions(budget.status, nowMs).map(([pod]) => pod);
    const [counted, living] = await runBatch(this.#db, [
      countPods(this.#db, namespace, disrupted),
      readLivingNames(this.#db, namespace, disrupted),
    ]);
    if (living.size > 0) this.#storage.kv.put(recountKey, nowMs + disruptionMs);
    const groups = counted.filter(({ template }) =>
      labelSelectorMatches(budget.spec.selector, template.metadata.labels),
    );
    const scale = needsScale(budget.spec) ? await this.#scaleOf(groups, namespace) : { replicas: 0 };
    const status = budgetStatus(budget, { groups, scale, living }, nowMs);
    if (semanticEqual(status, budget.status)) return false;
    const object = { ...budget, status: JSON.parse(JSON.stringify(status)) };
    const row = {
      resource: budgetResource,
      namespace,
      name,
      object,
      expectRv: Number(resourceVersion),
      previous: null,
    };
    const isNews = "failure" in scale && status.disruptionsAllowed === 0 && !isFailed(budget);
    const happening = {
      subject: { apiVersion: "policy/v1", kind: "PodDisruptionBudget", namespace, name, uid },
      type: "Warning",
      reason: "CalculateExpectedPodCountFailed",
      message: `Failed to calculate the number of expected pods: ${"failure" in scale ? scale.failure : ""}`,
    } as const;
    const told = isNews ? [{ happening, source: { component: "controllermanager" } }] : [];
    await runBatch(this.#db, [
      updateObjects(this.#db, [row], { nowMs, origin }),
      this.#recorder.record(this.#db, told, { nowMs }),
    ]);
    return true;
  }

  /** How many pods the controllers of these want, each counted once. Pods without one are passed over. */
  async #scaleOf(groups: readonly CountedPods[], namespace: string): Promise<Scale> {
    const owners = new Map(
      groups.flatMap(({ template, example }) => {
        const owner = controllerOf(template.metadata);
        return owner === undefined ? [] : [[owner.uid, { ...owner, example }] as const];
      }),
    );
    let replicas = 0;
    for (const { apiVersion, kind, name, uid, example } of owners.values()) {
      const resource = resources.find((one) => one.kind === kind && apiVersionOf(one) === apiVersion);
      const plural = resource === undefined ? "" : qualifiedResource(resource);
      const [object] = await runBatch(this.#db, [readObject(this.#db, { resource: plural, namespace, name })]);
      // Workloads are decoded before they are stored.
      const spec = object?.["spec"] as { readonly replicas?: number } | undefined;
      if (kind === "DaemonSet" || (object?.metadata.uid === uid && spec?.replicas === undefined)) {
        return { failure: `${plural} does not implement the scale subresource` };
      }
      if (object?.metadata.uid !== uid) return { failure: `found no controllers for pod ${JSON.stringify(example)}` };
      replicas += spec?.replicas ?? 0;
    }
    return { replicas };
  }
}

/** `touched` null: all namespaces. */
type Touched = { readonly touched: ReadonlySet<string> | null; readonly reached: number };

function isFailed({ status }: PodDisruptionBudget): boolean {
  return (status.conditions ?? []).some(({ reason }) => reason === "SyncFailed");
}
