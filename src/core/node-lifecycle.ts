// What the control plane makes of what it hears, and does not hear, of a node.
// Source: pkg/controller/nodelifecycle.
import type { Taint } from "./tolerations.ts";

/** Without a sign of life for this long, a node is Unknown. Source: node-monitor-grace-period since 1.32. */
export const nodeGraceMs = 50_000;
/** A Node whose agent was never heard is Unknown after this long. Source: node-startup-grace-period. */
export const nodeStartupGraceMs = 60_000;
/** Pods of a removed Node are collected after this long, unless the Node returns. Source: pkg/controller/podgc. */
export const nodeQuarantineMs = 40_000;

export type NodeCondition = {
  readonly type: string;
  readonly status: string;
  readonly lastHeartbeatTime?: string | null | undefined;
  readonly lastTransitionTime?: string | null | undefined;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
};

/** The parts of a Node that its life cycle reads. */
export type LifecycleNode = {
  readonly spec?:
    | { readonly unschedulable?: boolean | undefined; readonly taints?: readonly Taint[] | undefined }
    | undefined;
  readonly status?: { readonly conditions?: readonly NodeCondition[] | undefined } | undefined;
};

const lifecycleKeys = {
  notReady: "node.kubernetes.io/not-ready",
  unreachable: "node.kubernetes.io/unreachable",
  memoryPressure: "node.kubernetes.io/memory-pressure",
  diskPressure: "node.kubernetes.io/disk-pressure",
  pidPressure: "node.kubernetes.io/pid-pressure",
  networkUnavailable: "node.kubernetes.io/network-unavailable",
  unschedulable: "node.kubernetes.io/unschedulable",
} as const;

const keyOfCondition: Readonly<Record<string, string>> = {
  MemoryPressure: lifecycleKeys.memoryPressure,
  DiskPressure: lifecycleKeys.diskPressure,
  PIDPressure: lifecycleKeys.pidPressure,
  NetworkUnavailable: lifecycleKeys.networkUnavailable,
};

export function conditionStatus(node: LifecycleNode, type: string): string | undefined {
  return node.status?.conditions?.find((condition) => condition.type === type)?.status;
}

function readinessKey(node: LifecycleNode): string | null {
  const ready = conditionStatus(node, "Ready");
  if (ready === "False") return lifecycleKeys.notReady;
  return ready === "Unknown" ? lifecycleKeys.unreachable : null;
}

/** Keys that the node's conditions and `unschedulable` call for, with effect NoSchedule. */
function noScheduleKeys(node: LifecycleNode): readonly string[] {
  const readiness = readinessKey(node);
  const pressures = (node.status?.conditions ?? [])
    .filter(({ status }) => status === "True")
    .flatMap(({ type }) => keyOfCondition[type] ?? []);
  return [
    ...(readiness === null ? [] : [readiness]),
    ...pressures,
    ...(node.spec?.unschedulable === true ? [lifecycleKeys.unschedulable] : []),
  ];
}

/**
 * The node's taints as its conditions and `unschedulable` call for: the life cycle's own are added and removed, all
 * others stay. `now` (RFC 3339) is when a new one was added. Null: they are as they should be.
 */
export function lifecycleTaints(node: LifecycleNode, now: string): readonly Taint[] | null {
  const given = node.spec?.taints ?? [];
  const wanted = noScheduleKeys(node).map((key) => ({ key, effect: "NoSchedule" }));
  const readiness = readinessKey(node);
  const all = readiness === null ? wanted : [...wanted, { key: readiness, effect: "NoExecute" }];
  const kept = given.filter((taint) => !isOwn(taint) || all.some((other) => isSameTaint(taint, other)));
  const added = all.filter((taint) => !given.some((other) => isSameTaint(taint, other)));
  if (kept.length === given.length && added.length === 0) return null;
  return [...kept, ...added.map((taint) => ({ ...taint, timeAdded: now }))];
}

const ownKeys: ReadonlySet<string> = new Set(Object.values(lifecycleKeys));

function isOwn(taint: Taint): boolean {
  if (taint.effect === "NoSchedule") return ownKeys.has(taint.key);
  return (
    taint.effect === "NoExecute" && (taint.key === lifecycleKeys.notReady || taint.key === lifecycleKeys.unreachable)
  );
}

function isSameTaint(a: Taint, b: Taint): boolean {
  return a.key === b.key && a.effect === b.effect;
}

const monitored = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] as const;

/** The conditions of a node that is not heard any more. `now` in RFC 3339. */
export function unknownConditions(conditions: readonly NodeCondition[], now: string): readonly NodeCondition[] {
  const changed = conditions.map((condition) =>
    monitored.some((type) => type === condition.type) && condition.status !== "Unknown"
      ? {
          ...condition,
          status: "Unknown",
          reason: "NodeStatusUnknown",
          message: "Kubelet stopped posting node status.",
          lastTransitionTime: now,
        }
      : condition,
  );
  const missing = monitored.filter((type) => !conditions.some((condition) => condition.type === type));
  return [
    ...changed,
    ...missing.map((type) => ({
      type,
      status: "Unknown",
      reason: "NodeStatusNeverUpdated",
      message: "Kubelet never posted node status.",
      lastTransitionTime: now,
    })),
  ];
}

/**
 * The conditions after an agent's report: its own replace those of the same type, others stay; a transition is dated
 * by the control plane's clock. `now` in RFC 3339.
 */
export function reportedConditions(
  stored: readonly NodeCondition[],
  reported: readonly NodeCondition[],
  now: string,
): readonly NodeCondition[] {
  const merged = reported.map((condition) => {
    const before = stored.find(({ type }) => type === condition.type);
    const lastTransitionTime = before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
    return { ...condition, lastTransitionTime };
  });
  const others = stored.filter((condition) => !reported.some(({ type }) => type === condition.type));
  return [...others, ...merged];
}

/** The part of a pod's status that `podStatusOnLostNode` changes. */
type ConditionedStatus = {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[] | undefined;
};

/** A pod's status once its node is not ready: Ready is False, all else stays. Null when it says so already. */
export function podStatusOnLostNode<Status extends ConditionedStatus>(status: Status, now: string): Status | null {
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  if (ready === undefined || ready.status === "False") return null;
  const conditions = (status.conditions ?? []).map((condition) =>
    condition === ready ? { ...condition, status: "False", lastTransitionTime: now } : condition,
  );
  return { ...status, conditions };
}
