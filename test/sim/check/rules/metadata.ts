// I7, I10: generations follow the spec, and a deletion once begun neither stops nor skips those who hold it up.

import { isDeepStrictEqual } from "node:util";
import type { Rule, Step } from "../history.ts";
import type { Body } from "../state.ts";

function bodies({ entry, before }: Step): { readonly now: Body; readonly then: Body } | null {
  if (entry.type !== "MODIFIED" || before === null) return null;
  if (entry.subject.kind !== "object" || before.subject.kind !== "object") return null;
  return { now: entry.subject.body, then: before.subject.body };
}

export const generations: Rule = {
  id: "I7",
  check: (step) => {
    const changed = bodies(step);
    if (changed === null || step.entry.resource !== "daemonsets.apps") return null;
    const { now, then } = changed;
    const [after = 0, generation = 0] = [now.metadata.generation, then.metadata.generation];
    const sameSpec = isDeepStrictEqual(now["spec"], then["spec"]);
    const sameStatus = isDeepStrictEqual(now["status"], then["status"]);
    const beginsDeletion =
      now.metadata.deletionTimestamp !== undefined && then.metadata.deletionTimestamp === undefined;
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
  check: (step) => {
    const { entry, before } = step;
    if (before === null) return null;
    const then = deletionOf({ entry: before });
    if (entry.type === "MODIFIED") {
      if (then !== null && deletionOf({ entry }) !== then) return "a deletion timestamp was changed or cleared";
      const [a, b] = [before.subject, entry.subject];
      const isLonger =
        a.kind === "pod" && b.kind === "pod" && (b.pod.graceSeconds ?? 1e9) > (a.pod.graceSeconds ?? 1e9);
      return isLonger ? "a grace period was made longer" : null;
    }
    if (entry.type !== "DELETED") return null;
    const held = finalizersOf(before).filter((name) => !mayGo(step, name));
    return held.length === 0 ? null : `it went in spite of its finalizers ${held.join(", ")}`;
  },
};

/**
 * The row that removes an object may be the very write that lets go of it. A user who deletes again, in the background,
 * takes the collector's away too.
 */
function mayGo({ entry }: Step, finalizer: string): boolean {
  return entry.writer === "worker" || (collectors.has(finalizer) && entry.writer === "ControllerManager");
}

/** What the set's dependents must be when it goes, as its finalizers promised. */
export const dependentsOfGone: Rule = {
  id: "I10",
  check: ({ entry, before, state }) => {
    if (entry.type !== "DELETED" || entry.resource !== "daemonsets.apps" || before === null) return null;
    if (entry.writer !== "ControllerManager") return null;
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
