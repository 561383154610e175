// Which ControllerRevision a DaemonSet's template is: found, made, renumbered and cleared of twins.
import { ownerReference } from "../core/daemonset.ts";
import { goJson } from "../core/go-json.ts";
import type { HistoryPlan, Revision } from "../core/revisions.ts";
import { hashLabel, planHistory, revisionData, superfluousRevisions } from "../core/revisions.ts";
import type { DaemonSet } from "../model/daemonset.ts";
import { goTime } from "../model/instant.ts";
import { labelSelectorMatches } from "../model/labels.ts";
import type { KubeObject } from "../model/meta.ts";
import { controllerOf } from "../model/meta.ts";
import type { Pod } from "../model/pod.ts";
import type { Part } from "../store/batch.ts";
import { runBatch, StalePremise } from "../store/batch.ts";
import type { Written } from "../store/objects.ts";
import { insertObjects, readObject, readObjects, removeObjects, requireRv, updateObjects } from "../store/objects.ts";
import type { PodRow } from "../store/pod-rows.ts";
import type { PodKey } from "../store/pods.ts";
import { rewritePods } from "./daemonset-pods.ts";
import type { Reconciling } from "./reconciling.ts";

const resource = "controllerrevisions.apps";
const mostRevisions = 5_000;

/** The history as a pass found it. */
export type History = {
  readonly hash: string;
  /** `revisionData` and collisionCount it was made for. */
  readonly data: string;
  readonly collisionCount: number | null;
  readonly old: readonly Revision[];
};

export type HistoryOutcome =
  | { readonly outcome: "known"; readonly history: History }
  /** Something was written or changed underneath: look again. */
  | { readonly outcome: "again" }
  /** Another object has the name that the new revision would get. */
  | { readonly outcome: "collision" }
  /** The namespace takes no new objects. */
  | { readonly outcome: "refused" };

/** Brings the revisions in line with the template. */
export async function findHistory(context: Reconciling, set: DaemonSet, nowMs: number): Promise<HistoryOutcome> {
  const collisionCount = set.status.collisionCount ?? null;
  const objects = await claimedRevisions(context, set, nowMs);
  if (objects === null) return { outcome: "again" };
  const revisions = objects.map(toRevision);
  const template = set.spec.template;
  const plan = planHistory({ setName: context.owner.name, template, collisionCount, revisions });
  const history = { hash: plan.current.hash, data: revisionData(template), collisionCount, old: plan.old };
  if (plan.create) return createRevision(context, set, plan, history, nowMs);
  if (plan.duplicates.length > 0) await mergeDuplicates(context, plan, nowMs);
  const written = await settleRevisions(context, plan, objects, nowMs);
  return written === "complete" ? { outcome: "known", history } : { outcome: "again" };
}

function toRevision(object: KubeObject): Revision {
  return {
    name: object.metadata.name ?? "",
    uid: object.metadata.uid ?? "",
    hash: object.metadata.labels?.[hashLabel] ?? "",
    revision: Number(object["revision"] ?? 0),
    data: goJson(object["data"]),
  };
}

/**
 * The revisions that are the DaemonSet's; null: some had to be adopted or released first, or the DaemonSet has changed,
 * so they must be read again.
 */
async function claimedRevisions(
  context: Reconciling,
  set: DaemonSet,
  nowMs: number,
): Promise<readonly KubeObject[] | null> {
  const { db, owner } = context;
  const [all] = await runBatch(db, [
    readObjects(db, { resource, namespace: owner.namespace, after: null, limit: mostRevisions }),
  ]);
  const matches = (object: KubeObject) => labelSelectorMatches(set.spec.selector, object.metadata.labels);
  const isOwn = (object: KubeObject) => controllerOf(object.metadata)?.uid === owner.uid;
  const release = all.filter((object) => isOwn(object) && !matches(object));
  const adopt = all.filter(
    (object) => controllerOf(object.metadata) === undefined && matches(object) && !object.metadata.deletionTimestamp,
  );
  if (release.length + adopt.length === 0) return all.filter((object) => isOwn(object));
  const changes = [
    ...release.map((object) => ({ ...object, metadata: withoutOwner(object.metadata, owner.uid) })),
    ...adopt.map((object) => ({ ...object, metadata: withOwner(object.metadata, set) })),
  ];
  const key = { resource: "daemonsets.apps", namespace: owner.namespace, name: owner.name };
  try {
    // A DaemonSet that is going adopts nothing: it would be left with an owner that is gone.
    await runBatch(db, [
      requireRv(db, key, Number(set.metadata.resourceVersion)),
      changedRevisions(context, changes, nowMs),
    ]);
  } catch (error) {
    if (!(error instanceof StalePremise)) throw error;
  }
  return null;
}

function withoutOwner(metadata: KubeObject["metadata"], uid: string): KubeObject["metadata"] {
  return { ...metadata, ownerReferences: (metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid) };
}

function withOwner(metadata: KubeObject["metadata"], set: DaemonSet): KubeObject["metadata"] {
  return { ...metadata, ownerReferences: [...(metadata.ownerReferences ?? []), ownerReference(set)] };
}

function changedRevisions({ db }: Reconciling, objects: readonly KubeObject[], nowMs: number): Part<Written> {
  const rows = objects.map((object) => ({
    resource,
    namespace: object.metadata.namespace ?? "",
    name: object.metadata.name ?? "",
    object,
    expectRv: Number(object.metadata.resourceVersion),
    previous: null,
  }));
  return updateObjects(db, rows, { nowMs });
}

async function createRevision(
  context: Reconciling,
  set: DaemonSet,
  plan: HistoryPlan,
  history: History,
  nowMs: number,
): Promise<HistoryOutcome> {
  const { db, owner } = context;
  const { current } = plan;
  const object: KubeObject = {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: current.name,
      namespace: owner.namespace,
      uid: crypto.randomUUID(),
      creationTimestamp: goTime(nowMs),
      labels: { ...set.spec.template.metadata.labels, [hashLabel]: current.hash },
      ...(set.metadata.annotations === undefined ? {} : { annotations: set.metadata.annotations }),
      ownerReferences: [ownerReference(set)],
    },
    data: JSON.parse(history.data),
    revision: current.revision,
  };
  const key = { resource, namespace: owner.namespace, name: current.name };
  const [written, existing] = await runBatch(db, [
    insertObjects(db, [{ ...key, object }], { nowMs }),
    readObject(db, key),
  ]);
  if (written.size > 0) return { outcome: "known", history };
  if (existing === null) return { outcome: "refused" };
  if (goJson(existing["data"]) !== history.data) return { outcome: "collision" };
  return { outcome: "known", history: { ...history, hash: existing.metadata.labels?.[hashLabel] ?? current.name } };
}

/** Writes what the plan asks of existing revisions. */
async function settleRevisions(
  context: Reconciling,
  plan: HistoryPlan,
  objects: readonly KubeObject[],
  nowMs: number,
): Promise<"complete" | "again"> {
  const changed = objects.flatMap((object) => {
    const name = object.metadata.name ?? "";
    const labelled = plan.unlabelled.some((revision) => revision.name === name);
    const raised = plan.raise && plan.current.name === name;
    if (!labelled && !raised) return [];
    const labels = labelled ? { ...object.metadata.labels, [hashLabel]: name } : object.metadata.labels;
    const metadata = { ...object.metadata, ...(labels === undefined ? {} : { labels }) };
    return [{ ...object, metadata, revision: raised ? plan.current.revision : object["revision"] }];
  });
  if (changed.length === 0) return "complete";
  const [written] = await runBatch(context.db, [changedRevisions(context, changed, nowMs)]);
  return written.size === changed.length ? "complete" : "again";
}

/** Gives the pods of revisions with the same content the hash of the one that is kept, then deletes the others. */
async function mergeDuplicates(
  context: Reconciling,
  { current, duplicates }: HistoryPlan,
  nowMs: number,
): Promise<void> {
  // Upstream relabels all daemon pods here, outdated ones too, which then count as updated; only these are meant.
  const hashes = new Set(duplicates.map(({ hash }) => hash));
  const relabelled = (pod: Pod): Pod => ({
    ...pod,
    metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, [hashLabel]: current.hash } },
  });
  const isMeant = ({ ownerUid }: PodRow) => ownerUid === context.owner.uid;
  await rewritePods(context, everyPodWith(context, hashes), { nowMs, isMeant, change: relabelled });
  await runBatch(context.db, [removedRevisions(context, duplicates, nowMs)]);
}

function everyPodWith({ ledger, owner }: Reconciling, hashes: ReadonlySet<string>): readonly PodKey[] {
  const keys: PodKey[] = [];
  for (let page = ledger.page("", 1000); page.length > 0; page = ledger.page(page.at(-1)?.name ?? "", 1000)) {
    const pods = page.flatMap((entry) => entry.pods).filter((pod) => hashes.has(pod.hash));
    keys.push(...pods.map(({ name, uid }) => ({ namespace: owner.namespace, name, uid })));
  }
  return keys;
}

/** Deletes the old revisions beyond the limit, but none that a pod still carries. */
export function pruneHistory(context: Reconciling, set: DaemonSet, history: History, nowMs: number): Part<Written> {
  const live = new Set(Object.keys(context.ledger.state?.hashes ?? {}));
  return removedRevisions(context, superfluousRevisions(history.old, set.spec.revisionHistoryLimit, live), nowMs);
}

function removedRevisions({ db, owner }: Reconciling, revisions: readonly Revision[], nowMs: number): Part<Written> {
  const rows = revisions.map(({ name, uid }) => ({
    resource,
    namespace: owner.namespace,
    name,
    uid,
    expectRv: null,
    owners: [owner.uid],
  }));
  return removeObjects(db, rows, { nowMs });
}
