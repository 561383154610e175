// What the rules about daemon pods have in common: whose write it is, which revision counts, what premises it may have.
import { budgetOf, eligibility, hashLabel, isAvailable, isLive } from "../oracle.ts";
import type { Body, ClusterState, DaemonSetBody, Entry, NodeBody, PodState } from "../state.ts";

/** A plan may be as old as the slowest calls to the database that it took. */
const oldestPremiseMs = 45_000;

/** The uid of the DaemonSet that a controller is for; null: the writer is none. */
export function controlledBy({ writer, writerName }: Entry): string | null {
  if (writer !== "DaemonSetController") return null;
  // "DaemonSetController namespace/name/uid #life"
  return /\/([0-9a-f-]{36}) #/.exec(writerName)?.[1] ?? null;
}

const revisions = "controllerrevisions.apps";

/** The hash that pods of the current template carry; empty when there is no revision yet. */
export function currentHash(state: ClusterState, setUid: string): string {
  return hashOfLast(state.ofResource(revisions), setUid);
}

/** The hashes that a plan written now may have taken for the current one: a revision may have been collected since. */
export function recentHashes(state: ClusterState, setUid: string, nowMs: number): readonly string[] {
  const ever = [...state.ofResource(revisions), ...state.goneSince(revisions, nowMs - oldestPremiseMs)];
  return [currentHash(state, setUid), hashOfLast(ever, setUid)];
}

function hashOfLast(among: Iterable<Body>, setUid: string): string {
  let highest = -1;
  let hash = "";
  for (const revision of among) {
    const number = Number(revision["revision"]);
    const isOwn = revision.metadata.ownerReferences?.some(({ uid }) => uid === setUid) === true;
    if (!isOwn || number <= highest) continue;
    highest = number;
    hash = revision.metadata.labels?.[hashLabel] ?? "";
  }
  return hash;
}

/** Versions of the set that a plan written now may have been made for. */
export function recentSets(state: ClusterState, set: DaemonSetBody, nowMs: number): readonly DaemonSetBody[] {
  const { namespace = "", name, uid } = set.metadata;
  const key = { resource: "daemonsets.apps", namespace, name };
  const versions = state.versionsSince(key, nowMs - oldestPremiseMs);
  // Stored under the DaemonSets, so they are.
  return versions.filter((body) => body !== null && body.metadata.uid === uid) as DaemonSetBody[];
}

export function recentNodes(state: ClusterState, name: string, nowMs: number): readonly NodeBody[] {
  const versions = state.versionsSince({ resource: "nodes", namespace: "", name }, nowMs - oldestPremiseMs);
  // Stored under the nodes, so they are.
  return versions.filter((body) => body !== null) as NodeBody[];
}

/** Whether there was no such node some time in which a plan may have been made. */
export function wasGone(state: ClusterState, name: string, nowMs: number): boolean {
  return state.versionsSince({ resource: "nodes", namespace: "", name }, nowMs - oldestPremiseMs).includes(null);
}

export function recentPods(state: ClusterState, pod: PodState, nowMs: number): readonly PodState[] {
  return podsSince(state, pod, nowMs - oldestPremiseMs);
}

/** The versions of a pod that were in force at some time since `sinceMs`. */
export function podsSince(
  state: ClusterState,
  { namespace, name, uid }: PodState,
  sinceMs: number,
): readonly PodState[] {
  const versions = state.history({ resource: "pods", namespace, name }).filter((entry) => entry.uid === uid);
  const first = versions.findLastIndex(({ committedMs }) => committedMs < sinceMs);
  return versions.slice(Math.max(0, first)).flatMap(({ subject }) => (subject.kind === "pod" ? [subject.pod] : []));
}

/** Whether some recent version of the set and of the node agree that `wish` holds. */
export function everHeld(
  sets: readonly DaemonSetBody[],
  nodes: readonly NodeBody[],
  wish: (eligible: { readonly run: boolean; readonly stay: boolean }) => boolean,
): boolean {
  return sets.some((set) => nodes.some((node) => wish(eligibility(set.spec.template.spec, node))));
}

export function podsOn(state: ClusterState, setUid: string, node: string): readonly PodState[] {
  return [...state.podsOf(setUid)].filter((pod) => pod.node === node);
}

export type Serving = {
  readonly desired: number;
  /** Nodes that should run a pod, and have none that is available and stays. */
  readonly unavailable: number;
  readonly budget: ReturnType<typeof budgetOf>;
};

/** How the set stands at `atMs`, were `gone` not there. */
export function servingWithout(state: ClusterState, set: DaemonSetBody, gone: string, atMs: number): Serving {
  const serving = new Set<string>();
  for (const pod of state.podsOf(set.metadata.uid)) {
    if (pod.uid !== gone && isLive(pod) && isAvailable(pod, set, atMs)) serving.add(pod.node);
  }
  let desired = 0;
  let unavailable = 0;
  for (const node of state.nodes()) {
    if (!eligibility(set.spec.template.spec, node).run) continue;
    desired += 1;
    if (!serving.has(node.metadata.name)) unavailable += 1;
  }
  return { desired, unavailable, budget: budgetOf(set, desired) };
}
