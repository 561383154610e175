// One pass of a DaemonSet's control loop: read what happened, decide, write, and again until there is nothing to do.
import { withControllerStatus } from "../core/apply/controller-status.ts";
import { daemonSetFacts, daemonSetStatus } from "../core/daemonset.ts";
import type { DaemonSetPlan } from "../core/daemonset-plan.ts";
import { planDaemonSet } from "../core/daemonset-plan.ts";
import type { EventSubject, Happening } from "../core/event-correlator.ts";
import { nextFailureBackoff } from "../core/failure-backoff.ts";
import { placementOf } from "../core/placement.ts";
import { revisionData } from "../core/revisions.ts";
import { ApiError } from "../model/api-error.ts";
import type { DaemonSet } from "../model/daemonset.ts";
import { runBatch, StalePremise } from "../store/batch.ts";
import type { Told } from "../store/event-recorder.ts";
import { EventRecorder } from "../store/event-recorder.ts";
import type { DecidedWith } from "../store/ledger.ts";
import { requireNothingLostSince } from "../store/log.ts";
import { updateObjects } from "../store/objects.ts";
import { deletePods, insertPods, insertTemplates } from "../store/pods.ts";
import { catchUp, rebuild, recount, redecide, wakeDue } from "./daemonset-catch-up.ts";
import type { History } from "./daemonset-history.ts";
import { findHistory, pruneHistory } from "./daemonset-history.ts";
import type { CurrentTemplate } from "./daemonset-pods.ts";
import {
  adoptPods,
  currentTemplate,
  deletionsOf,
  needsScheduler,
  newDaemonPod,
  releasePods,
  removalHappening,
} from "./daemonset-pods.ts";
import type { Reconciling } from "./reconciling.ts";

/** A pass that would go on longer lets others have the object and goes on later. */
const mostRounds = 400;
const claimsAtOnce = 2_000;
/** Recounting everything finds nothing unless there is a bug; it is done this rarely. */
const recountEveryMs = 6 * 60 * 60_000;

export type PassOutcome =
  /** The DaemonSet is no more, and nothing is left to remember. */
  | { readonly outcome: "gone" }
  /** `wakeAtMs` null: nothing to do until something happens. */
  | { readonly outcome: "done"; readonly wakeAtMs: number | null };

/**
 * Is told of the nodes whose pods were written, after each write; of none if other objects were. `unscheduled`: some of
 * the pods are to be looked at by the scheduler.
 */
type Touched = (nodes: readonly string[], unscheduled?: boolean) => void;

type Writing = {
  readonly status: DaemonSet["status"];
  /** Absent: no pods are made. */
  readonly current?: CurrentTemplate;
  /** Why none could be made. */
  readonly refused?: ApiError;
  readonly nowMs: number;
};

export class DaemonSetPass {
  readonly #context: Reconciling;
  readonly #touched: Touched;
  readonly #events = new EventRecorder();
  #history: History | null = null;
  #template: CurrentTemplate | null = null;
  #refusals = 0;

  constructor(context: Reconciling, touched: Touched) {
    this.#context = context;
    this.#touched = touched;
  }

  async run(): Promise<PassOutcome> {
    for (let round = 0; round < mostRounds; round += 1) {
      const outcome = await this.#round(Date.now());
      if (outcome !== "again") return outcome;
    }
    return { outcome: "done", wakeAtMs: Date.now() };
  }

  async #round(nowMs: number): Promise<PassOutcome | "again"> {
    const { set, continuous, more, revisionsChanged } = await catchUp(this.#context, nowMs);
    if (set === null) return { outcome: "gone" };
    if (revisionsChanged) this.#history = null;
    if (more) return "again";
    if (set.metadata.deletionTimestamp !== undefined) return { outcome: "done", wakeAtMs: null };
    const history = await this.#currentHistory(set, nowMs);
    if (history === "again") return "again";
    if (history === "refused") return this.#later(nowMs);
    const decidedWith = { facts: daemonSetFacts(set, history.hash), placement: placementOf(set.spec.template.spec) };
    if (!continuous) await rebuild(this.#context, set, decidedWith, nowMs);
    else await redecide(this.#context, decidedWith, nowMs);
    wakeDue(this.#context, nowMs);
    if (await this.#settleClaims(set, nowMs)) return "again";
    await this.#recountIfDue(set, nowMs);
    return this.#act(set, history, decidedWith, nowMs);
  }

  /** The history, read again only when the template or a revision changed. */
  async #currentHistory(set: DaemonSet, nowMs: number): Promise<History | "again" | "refused"> {
    const known = this.#history;
    const data = revisionData(set.spec.template);
    if (known !== null && known.data === data && known.collisionCount === (set.status.collisionCount ?? null))
      return known;
    const found = await findHistory(this.#context, set, nowMs);
    switch (found.outcome) {
      case "known":
        this.#history = found.history;
        this.#template = null;
        this.#touched([]);
        return found.history;
      case "collision":
        await this.#writeStatus(set, { ...set.status, collisionCount: (set.status.collisionCount ?? 0) + 1 }, nowMs);
        return "again";
      case "again":
      case "refused":
        return found.outcome;
    }
  }

  /** True: something was written, or what the claims were read on holds no more. */
  async #settleClaims(set: DaemonSet, nowMs: number): Promise<boolean> {
    const claims = this.#context.ledger.claims(claimsAtOnce);
    if (claims.length === 0) return false;
    const adopt = claims.filter(({ action }) => action === "adopt");
    const release = claims.filter(({ action }) => action === "release");
    try {
      const adopted = await adoptPods(this.#context, set, adopt, nowMs);
      const released = await releasePods(this.#context, set, release, nowMs);
      if (adopted + released === 0) return false;
    } catch (error) {
      if (error instanceof StalePremise) return true;
      throw error;
    }
    this.#touched([]);
    return true;
  }

  async #recountIfDue(set: DaemonSet, nowMs: number): Promise<void> {
    const state = this.#context.ledger.state;
    if (state === null || nowMs - state.recountedAtMs < recountEveryMs) return;
    const wrong = await recount(this.#context, set, nowMs);
    if (wrong.length > 0)
      console.error({ message: "the ledger was wrong", ...this.#context.owner, nodes: wrong.slice(0, 20) });
  }

  async #act(set: DaemonSet, history: History, { facts }: DecidedWith, nowMs: number): Promise<PassOutcome | "again"> {
    const { ledger } = this.#context;
    const totals = ledger.state?.totals;
    if (totals === undefined) return "again";
    const view = {
      totals,
      acting: (limit: number) => ledger.acting(limit),
      ofRollout: (rollout: Parameters<typeof ledger.ofRollout>[0], limit: number) => ledger.ofRollout(rollout, limit),
    };
    const plan = planDaemonSet(facts, view, nowMs);
    const status = daemonSetStatus(set, totals);
    const isIdle = plan.create.length === 0 && plan.remove.length === 0;
    if (isIdle && status === set.status) return this.#prune(set, history, nowMs);
    const written = await this.#apply(set, plan, status, nowMs);
    if (written > 0) this.#refusals = 0;
    return written > 0 || isIdle ? "again" : this.#later(nowMs);
  }

  /** With nothing else to do, old revisions beyond the limit go. */
  async #prune(set: DaemonSet, history: History, nowMs: number): Promise<PassOutcome | "again"> {
    const { db, ledger } = this.#context;
    const part = pruneHistory(this.#context, set, history, nowMs);
    if (part.statements.length === 0) return { outcome: "done", wakeAtMs: ledger.nextWakeMs() };
    await runBatch(db, [part]);
    this.#history = null;
    this.#touched([]);
    return "again";
  }

  /** Writes a plan and the status in one batch; returns how much of it took place. */
  async #apply(set: DaemonSet, plan: DaemonSetPlan, status: DaemonSet["status"], nowMs: number): Promise<number> {
    const current = await this.#currentTemplate(set);
    if (current instanceof ApiError) {
      await this.#write(set, { ...plan, create: [] }, { status, refused: current, nowMs });
      return 0;
    }
    return this.#write(set, plan, { status, current, nowMs });
  }

  async #write(set: DaemonSet, plan: DaemonSetPlan, { status, current, refused, nowMs }: Writing): Promise<number> {
    const { db, owner, templates, ledger } = this.#context;
    const unscheduled =
      current !== undefined && plan.create.length > 0 && (await needsScheduler(this.#context, current.template));
    const pods =
      current === undefined
        ? []
        : plan.create.map((entry) => newDaemonPod(this.#context, { ...current, unscheduled, nowMs }, entry));
    // With every creation, known or not: a template that no pod used since may have been forgotten.
    const used = current === undefined || pods.length === 0 ? [] : [[current.id, current.template] as const];
    const told = this.#told(plan, pods, refused);
    try {
      const [, , created, removed, changed] = await runBatch(db, [
        requireNothingLostSince(db, plan.budgeted ? (ledger.state?.cursor ?? 0) : null, owner),
        insertTemplates(db, new Map(used)),
        insertPods(db, pods, owner, { nowMs }),
        deletePods(db, deletionsOf(this.#context, plan), { nowMs }),
        this.#statusWrite(set, status, nowMs),
        this.#events.record(db, told, { nowMs }),
      ]);
      for (const [id, template] of used) templates.add(id, template);
      this.#noteFailures(plan, nowMs);
      const entries = [...plan.create, ...plan.remove.map(({ entry }) => entry)];
      this.#touched(
        entries.map(({ name }) => name),
        unscheduled,
      );
      return created.size + removed.size + changed.size;
    } catch (error) {
      if (error instanceof StalePremise) return 1;
      throw error;
    }
  }

  /** The template of new pods, or why none can be made. */
  async #currentTemplate(set: DaemonSet): Promise<CurrentTemplate | ApiError> {
    try {
      this.#template ??= await currentTemplate(this.#context, set, this.#history?.hash ?? "");
      return this.#template;
    } catch (error) {
      if (error instanceof ApiError) return error;
      throw error;
    }
  }

  #statusWrite(set: DaemonSet, status: DaemonSet["status"], nowMs: number) {
    const { db, owner } = this.#context;
    const key = { resource: "daemonsets.apps", namespace: owner.namespace, name: owner.name };
    const expectRv = Number(set.metadata.resourceVersion);
    if (status === set.status) return updateObjects(db, [], { nowMs });
    const object = withControllerStatus(set, status, nowMs);
    return updateObjects(db, [{ ...key, object, expectRv, previous: null }], { nowMs });
  }

  async #writeStatus(set: DaemonSet, status: DaemonSet["status"], nowMs: number): Promise<void> {
    await runBatch(this.#context.db, [this.#statusWrite(set, status, nowMs)]);
  }

  #told(plan: DaemonSetPlan, created: readonly { readonly name: string }[], refused?: ApiError): readonly Told[] {
    const { namespace, name, uid } = this.#context.owner;
    const subject: EventSubject = { kind: "DaemonSet", namespace, name, uid, apiVersion: "apps/v1" };
    const happenings: readonly Happening[] = [
      ...plan.remove.flatMap((removal) => removalHappening(subject, removal) ?? []),
      ...(refused === undefined ? [] : [failedCreate(subject, refused)]),
      ...created.map((pod) => happened(subject, "SuccessfulCreate", `Created pod: ${pod.name}`)),
      ...plan.remove.map(({ pod }) => happened(subject, "SuccessfulDelete", `Deleted pod: ${pod.name}`)),
    ];
    return happenings.map((happening) => ({ happening, source: { component: "daemonset-controller" } }));
  }

  /** Failed pods that were deleted lengthen the wait for the next one on their node. */
  #noteFailures(plan: DaemonSetPlan, nowMs: number): void {
    const { ledger, storage } = this.#context;
    const failed = plan.remove.filter(({ why }) => why === "failed").map(({ entry }) => entry);
    if (failed.length === 0) return;
    const generation = ledger.state?.decidedWith.facts.observedGeneration ?? 0;
    storage.transactionSync(() => {
      for (const { name } of failed) {
        ledger.changeBackoff(name, (backoff) => nextFailureBackoff(backoff, generation, nowMs));
      }
    });
  }

  /** The store took nothing (the namespace is going, say): try again after a while, ever longer. */
  #later(nowMs: number): PassOutcome {
    this.#refusals = Math.min(this.#refusals + 1, 8);
    return { outcome: "done", wakeAtMs: nowMs + 500 * 2 ** this.#refusals };
  }
}

function failedCreate(subject: EventSubject, { message }: ApiError): Happening {
  return { subject, type: "Warning", reason: "FailedCreate", message: `Error creating: ${message}` };
}

function happened(subject: EventSubject, reason: string, message: string): Happening {
  return { subject, type: "Normal", reason, message };
}
