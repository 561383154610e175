// What an agent can say of itself, for those who wait for it and those who look at it.

import type { KeptPod } from "./upkeep/ports.ts";
import type { PodWorker } from "./worker/pod-worker.ts";

export type AgentSummary = {
  /** An answer has been taken in since the start. */
  readonly isSynced: boolean;
  /** False once the control plane has said that there is no such node. */
  readonly isRegistered: boolean;
  readonly revision: number;
  readonly etag: string;
  readonly pods: number;
  readonly readyPods: number;
  /** Nothing is left to do or to tell. */
  readonly isSettled: boolean;
};

export type PodSummary = {
  readonly uid: string;
  /** Null where no assignment names the pod: it ends. */
  readonly pod: { readonly namespace: string; readonly name: string } | null;
  readonly phase: string;
  readonly isReady: boolean;
  /** Nothing of it runs any more. */
  readonly hasEnded: boolean;
};

type Known = Pick<AgentSummary, "isSynced" | "isRegistered" | "revision" | "etag"> & {
  /** Nothing but pods may be left to do. */
  readonly isQuiet: boolean;
};

export function summaryOf(workers: Iterable<PodWorker>, { isQuiet, ...known }: Known): AgentSummary {
  let pods = 0;
  let readyPods = 0;
  let isSettled = isQuiet;
  for (const worker of workers) {
    if (!worker.isWanted) isSettled = false;
    else {
      pods += 1;
      if (isReady(worker)) readyPods += 1;
      if (!worker.isAcknowledged) isSettled = false;
    }
  }
  return { ...known, pods, readyPods, isSettled };
}

export function podSummary(worker: PodWorker): PodSummary {
  const { memory, wanted } = worker;
  const pod = wanted === undefined ? null : { namespace: wanted.assigned.namespace, name: wanted.assigned.name };
  const { phase = "Pending" } = memory.status ?? {};
  return { uid: worker.uid, pod, phase, isReady: isReady(worker), hasEnded: memory.ended === true };
}

/** As the node's upkeep sees it; null: nobody asks for the pod. */
export function keptPod({ uid, wanted, isActive, isCleanedUp, deadContainers }: PodWorker): KeptPod | null {
  if (wanted === undefined) return null;
  const { assigned, definition } = wanted;
  const { namespace, name } = assigned;
  return { uid, namespace, name, definition, isActive, isCleanedUp, deadContainers };
}

/** What an earlier life of the agent has seen is no answer: the machine may have been off since. */
function isReady({ memory, isObserved }: PodWorker): boolean {
  if (!isObserved) return false;
  const { conditions = [] } = memory.status ?? {};
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}
