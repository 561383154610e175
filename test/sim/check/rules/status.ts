// I6: a status says what the rows said when it was counted, and the generation it is about never falls.

import { isDeepStrictEqual } from "node:util";
import type { Rule, Step } from "../history.ts";
import { differences, recount } from "../recount.ts";
import type { DaemonSetBody, Entry, PodState } from "../state.ts";
import { keyOf } from "../state.ts";
import { controlledBy, currentHash } from "./daemon-pods.ts";

type StatusWrite = { readonly now: DaemonSetBody; readonly was: DaemonSetBody };

function statusWriteIn({ entry, before }: Step): StatusWrite | null {
  if (entry.type !== "MODIFIED" || entry.resource !== "daemonsets.apps" || controlledBy(entry) === null) return null;
  if (entry.subject.kind !== "object" || before?.subject.kind !== "object") return null;
  // Stored under the DaemonSets, so they are.
  const [now, was] = [entry.subject.body as DaemonSetBody, before.subject.body as DaemonSetBody];
  return isDeepStrictEqual(now.status, was.status) ? null : { now, was };
}

export const observedGeneration: Rule = {
  id: "I6",
  name: "observedGeneration",
  check: (step) => {
    const write = statusWriteIn(step);
    if (write === null) return undefined;
    const [now = 0, was = 0] = [write.now.status["observedGeneration"], write.was.status["observedGeneration"]];
    if (now < was) return `observedGeneration fell from ${was} to ${now}`;
    return now <= (write.now.metadata.generation ?? 0) ? null : "observedGeneration is above the generation";
  },
};

/** The set's pods before the first row of the transaction. */
function podsBefore({ transaction, entry, state }: Step, setUid: string): readonly PodState[] {
  const pods = new Map([...state.podsOf(setUid)].map((pod) => [pod.uid, pod]));
  for (const { seq, uid, resource, namespace, name } of transaction.entries) {
    if (seq >= entry.seq || resource !== "pods") continue;
    const earlier = state
      .history({ resource, namespace, name })
      .findLast((version) => version.seq < transaction.firstSeq);
    if (earlier?.subject.kind === "pod" && earlier.type !== "DELETED" && earlier.uid === uid)
      pods.set(uid, earlier.subject.pod);
    else pods.delete(uid);
  }
  return [...pods.values()].filter(({ ownerUid }) => ownerUid === setUid);
}

/**
 * `readUpTo` tells the last row of the log that the controller of that name had counted; null: it cannot be told. A row
 * that came between makes the status late, and not wrong.
 */
export function countersMatch(readUpTo: (writerName: string) => number | null, entries: () => readonly Entry[]): Rule {
  return {
    id: "I6",
    name: "counters",
    check: (step) => {
      const write = statusWriteIn(step);
      const { entry, state, transaction } = step;
      const cursor = write === null ? null : readUpTo(entry.writerName);
      if (write === null || cursor === null) return undefined;
      const missed = entries().some(
        ({ seq, resource }) =>
          seq > cursor && seq < transaction.firstSeq && (resource === "pods" || resource === "nodes"),
      );
      if (missed) return undefined;
      const { uid } = write.now.metadata;
      const pods = podsBefore(step, uid);
      const hash = currentHash(state, uid);
      const counted = recount({ set: write.now, hash, nodes: state.nodes(), pods, atMs: entry.atMs });
      const wrong = differences(write.now.status, counted);
      return wrong === "" ? null : `${wrong} (${keyOf(entry)})`;
    },
  };
}
