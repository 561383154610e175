// I5: one revision for each template, kept as long as the limit and the pods ask for.
import { isDeepStrictEqual } from "node:util";
import type { Rule } from "../history.ts";
import { hashLabel } from "../oracle.ts";
import type { Body, ClusterState } from "../state.ts";
import { controlledBy } from "./daemon-pods.ts";

export function revisionsOf(state: ClusterState, setUid: string): readonly Body[] {
  return [...state.ofResource("controllerrevisions.apps")].filter(
    ({ metadata }) =>
      metadata.ownerReferences?.some(({ uid, controller }) => uid === setUid && controller === true) === true,
  );
}

export const noTwins: Rule = {
  id: "I5",
  name: "twins of a new revision",
  check: ({ entry, state }) => {
    const controller = controlledBy(entry);
    if (controller === null || entry.type !== "ADDED" || entry.resource !== "controllerrevisions.apps")
      return undefined;
    if (entry.subject.kind !== "object") return undefined;
    const { body } = entry.subject;
    const twin = revisionsOf(state, controller).find((other) => isDeepStrictEqual(other["data"], body["data"]));
    return twin === undefined ? null : `revision ${twin.metadata.name} has the same content`;
  },
};

export const keptWhileUsed: Rule = {
  id: "I5",
  name: "use of a revision that is deleted",
  check: ({ entry, before, state }) => {
    const controller = controlledBy(entry);
    if (controller === null || entry.type !== "DELETED" || before?.subject.kind !== "object") return undefined;
    if (entry.resource !== "controllerrevisions.apps") return undefined;
    const gone = before.subject.body;
    const own = revisionsOf(state, controller);
    if (own.some((other) => other !== gone && isDeepStrictEqual(other["data"], gone["data"]))) return null;
    const hash = gone.metadata.labels?.[hashLabel];
    const user = [...state.podsOf(controller)].find(({ labels }) => labels[hashLabel] === hash);
    if (user !== undefined) return `pod ${user.name} still is of this revision`;
    const limit = state.set(controller)?.spec.revisionHistoryLimit ?? 0;
    return own.length - 1 > limit ? null : `there are ${own.length - 1} old revisions, and ${limit} are to be kept`;
  },
};
