// What the controller knows of one daemon pod, and the questions it asks about it.
// Source: pkg/controller/daemon, pkg/api/v1/pod IsPodAvailable, pkg/controller ActivePods order.

export type PodPhase = "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";

export type PodFacts = {
  readonly uid: string;
  readonly name: string;
  /** The resourceVersion these facts are of. */
  readonly rv: number;
  /** Distinguishes the pods of one DaemonSet on one node; unique among them. */
  readonly slot: number;
  /** False: meant for the node, but not bound to it. */
  readonly bound: boolean;
  /** Label controller-revision-hash; empty when there is none. */
  readonly hash: string;
  /** Label pod-template-generation; empty when there is none. */
  readonly templateGeneration: string;
  readonly createdAtMs: number;
  readonly deleting: boolean;
  readonly phase: PodPhase;
  /** When the Ready condition became True, by the control plane's clock; null: it is not True. */
  readonly readySinceMs: number | null;
};

/** The parts of a DaemonSet that decide what becomes of its pods. */
export type DaemonSetFacts = {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** status.observedGeneration: the failure back-off starts afresh with each. */
  readonly observedGeneration: number;
  /** Hash of the current ControllerRevision. */
  readonly hash: string;
  /** The annotation with the template's generation; empty when there is none. */
  readonly templateGeneration: string;
  readonly strategy: "RollingUpdate" | "OnDelete";
  readonly maxUnavailable: number | string;
  readonly maxSurge: number | string;
  readonly minReadySeconds: number;
};

export function isPodReady(pod: PodFacts): boolean {
  return pod.readySinceMs !== null;
}

/** When a ready pod counts as available; null: not while it is as it is. */
export function availableAtMs(pod: PodFacts, minReadySeconds: number): number | null {
  if (pod.readySinceMs === null) return null;
  // Strictly later than ready + minReadySeconds, to the millisecond.
  return minReadySeconds === 0 ? pod.readySinceMs : pod.readySinceMs + minReadySeconds * 1000 + 1;
}

export function isPodAvailable(pod: PodFacts, minReadySeconds: number, nowMs: number): boolean {
  if (pod.readySinceMs !== null && minReadySeconds === 0) return true;
  const atMs = availableAtMs(pod, minReadySeconds);
  return atMs !== null && atMs <= nowMs;
}

/** Whether the pod was made from the current template, by revision hash or by template generation. */
export function isPodUpdated(pod: PodFacts, set: DaemonSetFacts): boolean {
  if (pod.hash !== "" && pod.hash === set.hash) return true;
  return set.templateGeneration !== "" && pod.templateGeneration === set.templateGeneration;
}

export function isTerminal(pod: PodFacts): boolean {
  return pod.phase === "Failed" || pod.phase === "Succeeded";
}

/** Pods that count: all but those that ended and are being deleted. */
export function countedPods(pods: readonly PodFacts[]): readonly PodFacts[] {
  return pods.filter((pod) => !(isTerminal(pod) && pod.deleting)).sort(comparePods);
}

/** Bound pods first, then the older, then by name. */
export function comparePods(a: PodFacts, b: PodFacts): number {
  if (a.bound !== b.bound) return a.bound ? -1 : 1;
  if (a.createdAtMs !== b.createdAtMs) return a.createdAtMs - b.createdAtMs;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** The lowest slot no pod holds. */
export function freeSlot(pods: readonly Pick<PodFacts, "slot">[]): number {
  const taken = new Set(pods.map((pod) => pod.slot));
  let slot = 0;
  while (taken.has(slot)) slot += 1;
  return slot;
}
