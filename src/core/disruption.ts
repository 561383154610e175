// How many of the pods of a budget may be evicted, and whether this one may.
// Source: pkg/controller/disruption/disruption.go; pkg/registry/core/pod/storage/eviction.go.
import { parseTimeMs } from "../model/instant.ts";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "../model/pod-disruption-budget.ts";
import { scaledCountRoundedUp } from "./int-or-percent.ts";

/** A pod whose eviction was granted counts as missing for so long, even if nobody sees it end. */
export const disruptionMs = 2 * 60_000;
const conditionType = "DisruptionAllowed";
const syncFailed = "SyncFailed";

/** Pods of a budget that are of one template. */
type PodGroup = {
  readonly pods: number;
  /** Those that are ready and not ending, without those whose eviction was granted just now. */
  readonly healthy: number;
};

/** How many pods their controllers want; `failure`: why that cannot be told. */
export type Scale = { readonly replicas: number } | { readonly failure: string };

export type Counted = {
  readonly groups: readonly PodGroup[];
  readonly scale: Scale;
  /** Of the pods whose eviction was granted, those that are there and not ending yet. */
  readonly living: ReadonlySet<string>;
};

type Spec = PodDisruptionBudget["spec"];

/** Whether it matters how many pods are wanted, rather than how many there are. */
export function needsScale({ minAvailable, maxUnavailable }: Spec): boolean {
  return maxUnavailable !== undefined || typeof minAvailable === "string";
}

/** The status of a budget, by its pods and what their controllers want. */
export function budgetStatus(
  budget: PodDisruptionBudget,
  { groups, scale, living }: Counted,
  nowMs: number,
): PodDisruptionBudgetStatus {
  const { spec, status, metadata } = budget;
  const disrupted = recentDisruptions(status, nowMs).filter(([name]) => living.has(name));
  const disruptedPods = disrupted.length === 0 ? undefined : Object.fromEntries(disrupted);
  const observed = metadata.generation === undefined ? {} : { observedGeneration: metadata.generation };
  const now = new Date(nowMs).toISOString().replace(/\.\d+Z$/, "Z");
  if ("failure" in scale) {
    const condition = { status: "False", reason: syncFailed, message: scale.failure };
    return withCondition({ ...status, disruptedPods, disruptionsAllowed: 0 }, condition, now);
  }
  const pods = groups.reduce((sum, group) => sum + group.pods, 0);
  const healthy = groups.reduce((sum, group) => sum + group.healthy, 0);
  const { expected, desired } = wanted(spec, pods, scale.replicas);
  const disruptionsAllowed = expected <= 0 ? 0 : Math.max(0, healthy - desired);
  const counted: PodDisruptionBudgetStatus = {
    ...observed,
    disruptedPods,
    disruptionsAllowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    ...(status.conditions === undefined ? {} : { conditions: status.conditions }),
  };
  return withAllowance(counted, now);
}

/** How many pods are counted on, and how many of them have to be healthy. */
function wanted({ minAvailable, maxUnavailable }: Spec, pods: number, replicas: number) {
  if (maxUnavailable !== undefined) {
    const desired = replicas - scaledCountRoundedUp(maxUnavailable, replicas);
    return { expected: replicas, desired: Math.max(0, desired) };
  }
  if (typeof minAvailable === "string") {
    return { expected: replicas, desired: scaledCountRoundedUp(minAvailable, replicas) };
  }
  return { expected: pods, desired: minAvailable ?? 0 };
}

/** Pods whose eviction was granted not long ago, by name, with the time of it. */
export function recentDisruptions({ disruptedPods = {} }: PodDisruptionBudgetStatus, nowMs: number) {
  return Object.entries(disruptedPods).filter(([, at]) => (parseTimeMs(at) ?? 0) + disruptionMs > nowMs);
}

type ConditionNow = { readonly status: string; readonly reason: string; readonly message: string };

function withCondition(
  status: PodDisruptionBudgetStatus,
  condition: ConditionNow,
  now: string,
): PodDisruptionBudgetStatus {
  const { conditions = [], observedGeneration } = status;
  const before = conditions.find(({ type }) => type === conditionType);
  const lastTransitionTime = before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
  const observed = observedGeneration === undefined ? {} : { observedGeneration };
  const others = conditions.filter(({ type }) => type !== conditionType);
  return { ...status, conditions: [...others, { type: conditionType, ...observed, lastTransitionTime, ...condition }] };
}

function withAllowance(status: PodDisruptionBudgetStatus, now: string): PodDisruptionBudgetStatus {
  const allowed = status.disruptionsAllowed > 0;
  const reason = allowed ? "SufficientPods" : "InsufficientPods";
  return withCondition(status, { status: allowed ? "True" : "False", reason, message: "" }, now);
}

export type EvictionVerdict =
  /** `budget` is what it is after the eviction; null: the eviction does not count. */
  | { readonly verdict: "granted"; readonly status: PodDisruptionBudgetStatus | null }
  | { readonly verdict: "later"; readonly message: string; readonly retryAfterSeconds: number }
  | { readonly verdict: "forbidden"; readonly message: string };

type EvictedPod = { readonly name: string; readonly isReady: boolean };

const mostDisruptedPods = 2_000;

/** Whether a budget lets one of its pods go. */
export function judgeEviction(budget: PodDisruptionBudget, pod: EvictedPod, nowMs: number): EvictionVerdict {
  const { metadata, spec, status } = budget;
  const { name = "" } = metadata;
  if (!pod.isReady) {
    if (spec.unhealthyPodEvictionPolicy === "AlwaysAllow") return { verdict: "granted", status: null };
    const isHealthyEnough = status.currentHealthy >= status.desiredHealthy && status.desiredHealthy > 0;
    if (isHealthyEnough) return { verdict: "granted", status: null };
  }
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    const message = `The disruption budget ${name} is still being processed by the server.`;
    return { verdict: "later", message, retryAfterSeconds: 10 };
  }
  if (status.disruptionsAllowed < 0) return { verdict: "forbidden", message: "pdb disruptions allowed is negative" };
  if (Object.keys(status.disruptedPods ?? {}).length > mostDisruptedPods) {
    const message = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
    return { verdict: "forbidden", message };
  }
  if (status.disruptionsAllowed === 0) return { verdict: "later", message: whyNot(name, status), retryAfterSeconds: 0 };
  const now = new Date(nowMs).toISOString().replace(/\.\d+Z$/, "Z");
  const disruptedPods = { ...status.disruptedPods, [pod.name]: now };
  const left = { ...status, disruptionsAllowed: status.disruptionsAllowed - 1, disruptedPods };
  return { verdict: "granted", status: left.disruptionsAllowed === 0 ? withAllowance(left, now) : left };
}

function whyNot(name: string, { conditions = [], desiredHealthy, currentHealthy }: PodDisruptionBudgetStatus): string {
  const failed = conditions.find(
    ({ type, status, reason }) => type === conditionType && status === "False" && reason === syncFailed,
  );
  if (failed !== undefined) {
    return `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${failed.message}`;
  }
  return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
}
