// How a DaemonSet's pods are made, deleted, adopted, released and relabelled: each a write that proves its premise.

import { bucketOf } from "../core/buckets.ts";
import type { PodFacts } from "../core/daemon-pods.ts";
import { freeSlot } from "../core/daemon-pods.ts";
import { daemonPodTemplate, ownerReference } from "../core/daemonset.ts";
import type { DaemonSetPlan, Removal } from "../core/daemonset-plan.ts";
import type { EventSubject, Happening } from "../core/event-correlator.ts";
import { generatedName, nameSuffix } from "../core/hash.ts";
import { caresBeyondNode, mayKeepAway } from "../core/neighbours.ts";
import type { NodeEntry } from "../core/node-decision.ts";
import type { DaemonSet } from "../model/daemonset.ts";
import { labelSelectorMatches } from "../model/labels.ts";
import type { Pod } from "../model/pod.ts";
import { pods } from "../model/pod.ts";
import { defaultPod } from "../model/pod-defaults.ts";
import type { PodTemplate } from "../model/pod-template.ts";
import { podFromTemplate, templateOfPod, unscheduledObservation } from "../model/pod-template.ts";
import type { PriorityClass } from "../model/priority-class.ts";
import type { Part } from "../store/batch.ts";
import { runBatch } from "../store/batch.ts";
import { readObjects, requireRv } from "../store/objects.ts";
import type { PodRow } from "../store/pod-rows.ts";
import { templateId } from "../store/pod-rows.ts";
import type { NewPod, PodDeletion, PodKey } from "../store/pods.ts";
import { insertTemplates, readKeepingAway, readPodsByKey, updatePods } from "../store/pods.ts";
import { previousOfPod } from "../store/previous.ts";
import type { Reconciling } from "./reconciling.ts";

/** The template of new pods, and its id. */
export type CurrentTemplate = { readonly id: string; readonly template: PodTemplate };

/** Whether the scheduler has to look at such pods first, because where they may be depends on pods of other nodes. */
export async function needsScheduler({ db }: Reconciling, template: PodTemplate): Promise<boolean> {
  if (caresBeyondNode(template)) return true;
  const [keeping] = await runBatch(db, [readKeepingAway(db)]);
  return keeping.some((other) => mayKeepAway(other, template));
}

/** The template of the pods of this DaemonSet, with the defaults that only pods get. */
export async function currentTemplate({ db }: Reconciling, set: DaemonSet, hash: string): Promise<CurrentTemplate> {
  const bare = daemonPodTemplate(set, hash);
  const [classes] = await runBatch(db, [
    readObjects(db, { resource: "priorityclasses.scheduling.k8s.io", namespace: "", after: null, limit: 1_000 }),
  ]);
  const pod = podFromTemplate(bare, emptyIdentity(set));
  // Stored as PriorityClasses, so they are.
  const { spec } = defaultPod(pod, classes as readonly PriorityClass[]);
  const template = { ...bare, spec };
  return { id: templateId(template), template };
}

function emptyIdentity(set: DaemonSet) {
  const namespace = set.metadata.namespace ?? "";
  return {
    namespace,
    name: "",
    uid: "",
    rv: 0,
    node: "",
    createdMs: 0,
    deletionMs: null,
    graceSeconds: null,
    observation: 0,
    status: null,
  };
}

type Making = CurrentTemplate & {
  /** True: the scheduler has to look at the pods before their nodes do. */
  readonly unscheduled: boolean;
  readonly nowMs: number;
};

/** A new pod for the node, in the first slot that is free there. */
export function newDaemonPod(
  { owner }: Reconciling,
  { id, template, unscheduled, nowMs }: Making,
  entry: NodeEntry,
): NewPod {
  const suffix = nameSuffix((below) => Math.floor(Math.random() * below));
  return {
    namespace: owner.namespace,
    name: generatedName(`${owner.name}-`, suffix),
    uid: crypto.randomUUID(),
    template: id,
    node: entry.name,
    bucket: bucketOf(entry.name),
    ownerUid: owner.uid,
    slot: freeSlot(entry.pods),
    createdMs: nowMs,
    hasFinalizers: (template.metadata.finalizers ?? []).length > 0,
    phase: "Pending",
    status: null,
    observation: unscheduled ? unscheduledObservation : 0,
  };
}

/** What the removals of a plan ask of the store. */
export function deletionsOf({ owner }: Reconciling, plan: DaemonSetPlan): readonly PodDeletion[] {
  return plan.remove.map(({ pod }) => ({
    namespace: owner.namespace,
    name: pod.name,
    uid: pod.uid,
    graceSeconds: null,
  }));
}

/** What is told of a removal before it is tried. Source: pkg/controller/daemon podsShouldBeOnNode. */
export function removalHappening(subject: EventSubject, { pod, why, entry }: Removal): Happening | null {
  const which = `daemon pod ${subject.namespace}/${pod.name} on node ${entry.name}, will try to`;
  switch (why) {
    case "failed":
      return { subject, type: "Warning", reason: "FailedDaemonPod", message: `Found failed ${which} kill it` };
    case "succeeded":
      return { subject, type: "Normal", reason: "SucceededDaemonPod", message: `Found succeeded ${which} delete it` };
    case "excess":
      return null;
  }
}

type Labels = Parameters<typeof labelSelectorMatches>[1];

type Rewrite = {
  readonly nowMs: number;
  /** Whether a pod, as it is now, is one to be written; others may have come first. */
  isMeant(row: PodRow, labels: Labels): boolean;
  change(pod: Pod): Pod;
  /** What else changes of the row. */
  columns?(row: PodRow): Partial<Pick<PodRow, "ownerUid" | "slot">>;
  /** What must hold as well; StalePremise is thrown when it does not. */
  readonly premise?: Part<null>;
};

/** Writes pods anew that are still as they were read; returns how many were changed. */
export async function rewritePods(context: Reconciling, keys: readonly PodKey[], rewrite: Rewrite): Promise<number> {
  const { db, templates } = context;
  if (keys.length === 0) return 0;
  const [found] = await runBatch(db, [readPodsByKey(db, keys)]);
  await templates.load(found.map(({ template }) => template));
  const rows = found.filter((row) => rewrite.isMeant(row, templates.get(row.template).metadata.labels));
  if (rows.length === 0) return 0;
  const changed = rows.map((row) => {
    const before = templates.get(row.template);
    const pod = podFromTemplate(before, row);
    const after = rewrite.change(pod);
    const { template } = templateOfPod(after, row.node);
    const previous = previousOfPod(pods, { pod, row }, after);
    return { row: { ...row, ...rewrite.columns?.(row), template: templateId(template), previous }, template };
  });
  const needed = new Map(changed.map(({ row, template }) => [row.template, template]));
  const rewritten = changed.map(({ row }) => row);
  const [, , written] = await runBatch(db, [
    rewrite.premise ?? { statements: [], read: () => null },
    insertTemplates(db, needed),
    updatePods(db, rewritten, { nowMs: rewrite.nowMs }),
  ]);
  return written.size;
}

/**
 * Makes orphans the DaemonSet's own, each in a slot that is free on its node. Throws StalePremise when the DaemonSet
 * changed meanwhile: it may be going, and what it adopted would be left with an owner that is gone.
 */
export async function adoptPods(
  context: Reconciling,
  set: DaemonSet,
  keys: readonly PodKey[],
  nowMs: number,
): Promise<number> {
  const taken = new Map<string, Pick<PodFacts, "slot">[]>();
  const freeSlotOn = (node: string): number => {
    const slots = taken.get(node) ?? [...(context.ledger.entry(node)?.pods ?? [])];
    const slot = freeSlot(slots);
    taken.set(node, [...slots, { slot }]);
    return slot;
  };
  const { db, owner } = context;
  const key = { resource: "daemonsets.apps", namespace: owner.namespace, name: owner.name };
  return rewritePods(context, keys, {
    nowMs,
    premise: requireRv(db, key, Number(set.metadata.resourceVersion)),
    isMeant: ({ ownerUid, deletionMs }, labels) =>
      ownerUid === null && deletionMs === null && labelSelectorMatches(set.spec.selector, labels),
    change: (pod) => withOwners(pod, [...(pod.metadata.ownerReferences ?? []), ownerReference(set)]),
    columns: (row) => ({ ownerUid: owner.uid, slot: freeSlotOn(row.node) }),
  });
}

/** Lets go of pods that the selector no longer picks; they live on as orphans. */
export async function releasePods(
  context: Reconciling,
  set: DaemonSet,
  keys: readonly PodKey[],
  nowMs: number,
): Promise<number> {
  const isOther = ({ uid }: { readonly uid: string }) => uid !== context.owner.uid;
  return rewritePods(context, keys, {
    nowMs,
    isMeant: ({ ownerUid }, labels) =>
      ownerUid === context.owner.uid && !labelSelectorMatches(set.spec.selector, labels),
    change: (pod) => withOwners(pod, (pod.metadata.ownerReferences ?? []).filter(isOther)),
    columns: () => ({ ownerUid: null }),
  });
}

function withOwners(pod: Pod, ownerReferences: NonNullable<Pod["metadata"]["ownerReferences"]>): Pod {
  return { ...pod, metadata: { ...pod.metadata, ownerReferences } };
}
