// I9: pods change hands only as selectors and deletions say, and the collector takes only what nobody owns any more.
import type { Rule, Step } from "../history.ts";
import { selects } from "../oracle.ts";
import type { ClusterState, DaemonSetBody, Owner } from "../state.ts";
import { controlledBy, recentSets } from "./daemon-pods.ts";

export const changeOfHands: Rule = {
  id: "I9",
  name: "pods that change hands",
  check: (step) => {
    const { entry, before, state } = step;
    if (entry.type !== "MODIFIED" || entry.subject.kind !== "pod" || before?.subject.kind !== "pod") return undefined;
    const [then, now] = [before.subject.pod, entry.subject.pod];
    if (then.ownerUid === now.ownerUid) return undefined;
    if (then.ownerUid !== null && now.ownerUid !== null) return "a pod went from one owner straight to another";
    return now.ownerUid === null ? release(step, then.ownerUid ?? "") : adoption(state, entry, now.ownerUid);
  },
};

function adoption(state: ClusterState, entry: Step["entry"], owner: string): string | null {
  if (controlledBy(entry) !== owner) return "a pod was adopted by somebody else than its new owner";
  const set = state.set(owner);
  if (set === null || set.metadata.deletionTimestamp !== undefined)
    return "a pod was adopted by a set that is going or gone";
  if (entry.subject.kind !== "pod") return null;
  if (entry.subject.pod.deletionMs !== null) return "a pod that is going was adopted";
  return selects(set.spec.selector, entry.subject.pod.labels)
    ? null
    : "a pod was adopted that the selector does not pick";
}

/** A revision that a set adopts while it goes is left behind with it. */
export const revisionAdoption: Rule = {
  id: "I9",
  name: "revisions that are adopted",
  check: ({ entry, before, state }) => {
    const controller = controlledBy(entry);
    if (controller === null || entry.type !== "MODIFIED" || entry.resource !== "controllerrevisions.apps")
      return undefined;
    const isOwn = (owners: readonly Owner[]) => owners.some(({ uid }) => uid === controller);
    if (before === null || isOwn(ownersOf(before.subject)) || !isOwn(ownersOf(entry.subject))) return undefined;
    const set = state.set(controller);
    const isThere = set !== null && set.metadata.deletionTimestamp === undefined;
    return isThere ? null : "a revision was adopted by a set that is going or gone";
  },
};

function release({ entry, state }: Step, owner: string): string | null {
  if (entry.subject.kind !== "pod") return null;
  const set = state.set(owner);
  if (entry.writer === "ControllerManager") {
    const orphans = ({ metadata }: DaemonSetBody) => metadata.finalizers?.includes("orphan") === true;
    return set === null || recentSets(state, set, entry.committedMs).some(orphans)
      ? null
      : "a pod was orphaned though its owner is not to go so";
  }
  if (controlledBy(entry) !== owner) return null;
  if (set === null) return null;
  return selects(set.spec.selector, entry.subject.pod.labels) ? "a pod was released that the selector picks" : null;
}

/** Whether the owner is there and means to keep its dependents. */
function isSolid(state: ClusterState, owner: Owner): boolean {
  for (const { subject } of state.latest.values()) {
    if (subject.kind !== "object" || subject.body.metadata.uid !== owner.uid) continue;
    const { deletionTimestamp, finalizers = [] } = subject.body.metadata;
    return deletionTimestamp === undefined || !finalizers.includes("foregroundDeletion");
  }
  return false;
}

export const collection: Rule = {
  id: "I9",
  name: "owners of what is collected",
  check: ({ entry, before, state }) => {
    if (entry.writer !== "ControllerManager" || before === null) return undefined;
    const begins = entry.type === "DELETED" || isGoing(entry.subject);
    if (!begins || isGoing(before.subject)) return undefined;
    const namespace = state.find("namespaces", "", entry.namespace);
    if (namespace?.metadata.deletionTimestamp !== undefined) return null;
    const owners = ownersOf(before.subject);
    if (owners.length === 0) return "something without an owner was collected";
    const keeper = owners.find((owner) => isSolid(state, owner));
    return keeper === undefined ? null : `it was collected though its owner ${keeper.kind} ${keeper.name} is there`;
  },
};

function isGoing(subject: Step["entry"]["subject"]): boolean {
  if (subject.kind === "pod") return subject.pod.deletionMs !== null;
  return subject.body.metadata.deletionTimestamp !== undefined;
}

function ownersOf(subject: Step["entry"]["subject"]): readonly Owner[] {
  return subject.kind === "pod" ? subject.pod.owners : (subject.body.metadata.ownerReferences ?? []);
}
