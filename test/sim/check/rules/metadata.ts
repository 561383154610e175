// I7, I10: generations follow the spec, and a deletion once begun neither stops nor skips those who hold it up.

import { isDeepStrictEqual } from "node:util";
import type { Rule, Step } from "../history.ts";
import type { Body } from "../state.ts";

function bodies({ entry, before }: Step): { readonly now: Body; readonly was: Body } | null {
  if (entry.type !== "MODIFIED" || before === null) return null;
  if (entry.subject.kind !== "object" || before.subject.kind !== "object") return null;
  return { now: entry.subject.body, was: before.subject.body };
}

export const generations: Rule = {
  id: "I7",
  name: "generations",
  check: (step) => {
    const changed = bodies(step);
    if (changed === null || step.entry.resource !== "daemonsets.apps") return undefined;
    const { now, was } = changed;
    const [after = 0, generation = 0] = [now.metadata.generation, was.metadata.generation];
    const sameSpec = isDeepStrictEqual(now["spec"], was["spec"]);
    const sameStatus = isDeepStrictEqual(now["status"], was["status"]);
    const beginsDeletion = now.metadata.deletionTimestamp !== undefined && was.metadata.deletionTimestamp === undefined;
    const wanted = generation + (sameSpec ? 0 : 1) + (beginsDeletion ? 1 : 0);
    if (after !== wanted) return `generation went from ${generation} to ${after}, and should be ${wanted}`;
    if (!sameSpec && !sameStatus) return "one write changed both spec and status";
    if (step.entry.writer === "DaemonSetController" && !sameSpec) return "the controller changed the spec";
    if (step.entry.writer === "worker" && !sameStatus) return "a user's write changed the status";
    return null;
  },
};

function deletionOf({ entry }: { readonly entry: Step["entry"] }): string | null {
  const { subject } = entry;
  if (subject.kind === "object") return subject.body.metadata.deletionTimestamp ?? null;
  return subject.pod.deletionMs === null ? null : "set";
}

/** Finalizers that are the collector's to take away; all others are the users'. */
const collectors: ReadonlySet<string> = new Set(["orphan", "foregroundDeletion"]);

function finalizersOf({ subject }: Step["entry"]): readonly string[] {
  return subject.kind === "pod" ? subject.pod.finalizers : (subject.body.metadata.finalizers ?? []);
}

export const deletions: Rule = {
  id: "I10",
  name: "deletions go on and wait for finalizers",
  check: (step) => {
    const { entry, before } = step;
    if (before === null) return undefined;
    const was = deletionOf({ entry: before });
    if (entry.type === "MODIFIED") {
      if (was === null) return undefined;
      if (deletionOf({ entry }) !== was) return "a deletion timestamp was changed or cleared";
      const [a, b] = [before.subject, entry.subject];
      const isLonger =
        a.kind === "pod" && b.kind === "pod" && (b.pod.graceSeconds ?? 1e9) > (a.pod.graceSeconds ?? 1e9);
      return isLonger ? "a grace period was made longer" : null;
    }
    if (entry.type !== "DELETED") return undefined;
    const held = finalizersOf(before).filter((name) => !mayGo(step, name));
    return held.length === 0 ? null : `it went in spite of its finalizers ${held.join(", ")}`;
  },
};

/**
 * The row that removes an object that is going may be the very write that lets go of it. A user who deletes again, in the
 * background, takes the collector's away too.
 */
function mayGo({ entry, before }: Step, finalizer: string): boolean {
  const isCollectors = collectors.has(finalizer);
  if (entry.writer !== "worker") return isCollectors && entry.writer === "ControllerManager";
  return isCollectors || (before !== null && deletionOf({ entry: before }) !== null);
}

/** What the set's dependents must be when it goes, as its finalizers promised. */
export const dependentsOfGone: Rule = {
  id: "I10",
  name: "dependents of a set that goes",
  check: ({ entry, before, state }) => {
    if (entry.type !== "DELETED" || entry.resource !== "daemonsets.apps" || before === null) return undefined;
    if (entry.writer !== "ControllerManager") return undefined;
    const finalizers = finalizersOf(before);
    const dependents = [...state.pods.values()].filter(({ owners }) => owners.some(({ uid }) => uid === entry.uid));
    if (finalizers.includes("orphan") && dependents.length > 0) {
      return `it was to orphan its pods, and ${dependents.length} are still its own`;
    }
    const blocking = dependents.filter(({ owners }) =>
      owners.some(({ uid, blockOwnerDeletion }) => uid === entry.uid && blockOwnerDeletion === true),
    );
    if (finalizers.includes("foregroundDeletion") && blocking.length > 0) {
      return `it was to wait for its pods, and ${blocking.length} are still there`;
    }
    return null;
  },
};
