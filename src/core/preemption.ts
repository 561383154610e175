// Which less important pods have to go from a node so that another fits there.
// Source: pkg/scheduler/framework/plugins/defaultpreemption SelectVictimsOnNode; framework/preemption pickOneNodeForPreemption.
import type { PodDemand } from "./pod-demand.ts";

/** A pod that is on a node, or that room there is kept for. */
export type Tenant = {
  readonly uid: string;
  readonly priority: number;
  readonly createdMs: number;
  readonly demand: PodDemand;
  /** It is on its way out, and holds what it has until it is gone. */
  readonly leaving: boolean;
};

/** The least that has to go, the most important first; null: no going of less important ones is of help. */
export function victimsFor<Pod extends Tenant>(
  priority: number,
  tenants: readonly Pod[],
  /** Whether the pod that room is wanted for fits beside these. */
  fitsBeside: (kept: readonly Pod[]) => boolean,
): readonly Pod[] | null {
  const mayGo = (pod: Pod) => pod.priority < priority && !pod.leaving;
  const kept = tenants.filter((pod) => !mayGo(pod));
  if (!fitsBeside(kept)) return null;
  const victims: Pod[] = [];
  for (const pod of tenants.filter(mayGo).sort(byImportance)) {
    kept.push(pod);
    if (fitsBeside(kept)) continue;
    kept.pop();
    victims.push(pod);
  }
  return victims.length === 0 ? null : victims;
}

/** The more important first: of the higher priority, then the older. */
export function byImportance(a: Tenant, b: Tenant): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.createdMs !== b.createdMs) return a.createdMs - b.createdMs;
  return a.uid < b.uid ? -1 : 1;
}

const signed = 2 ** 31;

/** Negative: the first node's victims are the smaller loss. Each list is as `victimsFor` gave it, and not empty. */
export function compareLosses(a: readonly Tenant[], b: readonly Tenant[]): number {
  const highest = (pods: readonly Tenant[]) => Math.max(...pods.map(({ priority }) => priority));
  // Priorities are signed; counted from the lowest, each pod more is a loss.
  const sum = (pods: readonly Tenant[]) => pods.reduce((total, { priority }) => total + priority + signed, 0);
  const youngest = (pods: readonly Tenant[]) =>
    Math.min(...pods.filter(({ priority }) => priority === highest(pods)).map(({ createdMs }) => createdMs));
  return highest(a) - highest(b) || sum(a) - sum(b) || a.length - b.length || youngest(b) - youngest(a);
}
