// What the control plane does about nodes that fall silent, nodes with NoExecute taints, and pods whose node is gone.
// Source: pkg/controller/nodelifecycle, pkg/controller/tainteviction, pkg/controller/podgc.
import { stayOnTaintedNode } from "./eviction.ts";
import { nodeGraceMs, nodeQuarantineMs, nodeStartupGraceMs } from "./node-lifecycle.ts";
import type { Taint, Toleration } from "./tolerations.ts";

export type TendedPod = {
  readonly uid: string;
  readonly deleting: boolean;
  readonly tolerations: readonly Toleration[];
};

export type TendedNode = {
  readonly name: string;
  /** False: pods are bound to it, but there is no such Node. */
  readonly exists: boolean;
  /** What its Ready condition says; null: its agent never posted one. "Unknown": it counts as lost already. */
  readonly ready: string | null;
  /** The last sign of life; for a node never heard, when listening began. */
  readonly lastSeenMs: number;
  /**
   * True: it holds a socket, or polls. Looked at each minute for connections that died unnoticed, and needs no alarm of
   * its own, for an alarm is a row written and an idle fleet writes none.
   */
  readonly connected: boolean;
  readonly taints: readonly Taint[];
  readonly pods: readonly TendedPod[];
};

/** What is remembered between looks: when a pod must leave its node, and since when a node is gone. */
export type Timers = {
  readonly evictions: ReadonlyMap<string, number>;
  readonly goneSince: ReadonlyMap<string, number>;
};

export type ShardPlan = {
  /** Nodes to be counted as lost. */
  readonly lost: readonly string[];
  /** Pods that a NoExecute taint drives away, by uid. */
  readonly evict: readonly string[];
  /** Nodes whose pods are to be collected. */
  readonly collect: readonly string[];
  readonly timers: Timers;
  /** When to look again; null: not before something happens. */
  readonly lookAgainAtMs: number | null;
};

export function planShard(nodes: readonly TendedNode[], timers: Timers, nowMs: number): ShardPlan {
  const evictions = evictionTimes(nodes, timers, nowMs);
  const goneSince = goneTimes(nodes, timers, nowMs);
  const silent = nodes.filter(({ exists, ready }) => exists && ready !== "Unknown");
  const isLost = (node: TendedNode) => lostAtMs(node) <= nowMs;
  const isOver = ([, sinceMs]: readonly [string, number]) => nowMs - sinceMs >= nodeQuarantineMs;
  const due = [...evictions].filter(([, atMs]) => atMs <= nowMs);
  const waiting = [
    ...[...evictions.values()].filter((atMs) => atMs > nowMs),
    ...[...goneSince].filter((gone) => !isOver(gone)).map(([, sinceMs]) => sinceMs + nodeQuarantineMs),
    ...silent.filter((node) => !node.connected && !isLost(node)).map(lostAtMs),
  ];
  return {
    lost: silent.filter(isLost).map(({ name }) => name),
    evict: due.map(([uid]) => uid),
    collect: [...goneSince].filter(isOver).map(([name]) => name),
    timers: { evictions, goneSince },
    lookAgainAtMs: waiting.length === 0 ? null : Math.min(...waiting),
  };
}

function lostAtMs({ ready, lastSeenMs }: TendedNode): number {
  return lastSeenMs + (ready === null ? nodeStartupGraceMs : nodeGraceMs);
}

/** A running timer goes on, unless the taint now allows less; it stops when nothing drives the pod away any more. */
function evictionTimes(nodes: readonly TendedNode[], timers: Timers, nowMs: number): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const { exists, taints, pods } of nodes) {
    if (!exists || !taints.some(({ effect }) => effect === "NoExecute")) continue;
    for (const { uid, deleting, tolerations } of pods) {
      const stay = deleting ? "stays" : stayOnTaintedNode(taints, tolerations);
      if (stay !== "stays")
        times.set(uid, Math.min(timers.evictions.get(uid) ?? Number.MAX_SAFE_INTEGER, nowMs + stay));
    }
  }
  return times;
}

function goneTimes(nodes: readonly TendedNode[], timers: Timers, nowMs: number): ReadonlyMap<string, number> {
  const gone = nodes.filter(({ exists, pods }) => !exists && pods.length > 0);
  return new Map(gone.map(({ name }) => [name, timers.goneSince.get(name) ?? nowMs]));
}
