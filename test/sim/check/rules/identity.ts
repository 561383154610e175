// I8, A5: a uid is one object's for ever, what is gone stays gone, and what identifies an object never changes.
import type { Rule } from "../history.ts";
import type { Subject } from "../state.ts";

/** Fields that no write may change. */
function fixedFields(subject: Subject): string {
  if (subject.kind === "pod") {
    const { uid, createdMs } = subject.pod;
    return JSON.stringify([uid, createdMs]);
  }
  const { metadata, kind, spec } = subject.body;
  // Of a DaemonSet; others have no such field.
  const selector = kind === "DaemonSet" ? (spec as { readonly selector?: unknown }).selector : null;
  return JSON.stringify([metadata.uid, metadata.creationTimestamp, selector]);
}

/** A pod that is on no node may be put on one, once. */
function hasMoved(before: Subject, after: Subject): boolean {
  if (before.kind !== "pod" || after.kind !== "pod") return false;
  return before.pod.node !== "" && before.pod.node !== after.pod.node;
}

export const identity: Rule = {
  id: "I8",
  name: "uids, names and fixed fields",
  check: ({ entry, before, state }) => {
    switch (entry.type) {
      case "ADDED":
        if (state.everUid.has(entry.uid)) return `uid ${entry.uid} has been used before`;
        return before === null ? null : `the name is taken by uid ${before.uid}`;
      case "MODIFIED":
      case "DELETED":
        if (before === null) return "there is no such object";
        if (before.uid !== entry.uid) return `the object of that name is ${before.uid}, not ${entry.uid}`;
        if (hasMoved(before.subject, entry.subject)) return "the pod is on another node than before";
        return fixedFields(before.subject) === fixedFields(entry.subject) ? null : "an immutable field changed";
      default:
        return `there is no change of type ${entry.type}`;
    }
  },
};
