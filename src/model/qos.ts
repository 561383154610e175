// How well a pod is treated when its node runs out of something.
// Source: pkg/apis/core/helper/qos ComputePodQOS.
import type { PodSpec } from "./pod-spec.ts";
import { addQuantities, compareQuantities } from "./quantity.ts";
import type { ResourceList } from "./resource-requirements.ts";

export type QosClass = "BestEffort" | "Burstable" | "Guaranteed";

const resources = ["cpu", "memory"] as const;

/** Guaranteed: every container has limits for CPU and memory, and requests as much. */
export function qosClass(spec: PodSpec): QosClass {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const limits = containers.map((container) => positiveAmounts(container.resources.limits));
  const requests = containers.map((container) => positiveAmounts(container.resources.requests));
  const totals = resources.map((name) => ({ limit: total(limits, name), request: total(requests, name) }));
  if (totals.every(({ limit, request }) => limit === null && request === null)) return "BestEffort";
  const limited = limits.every((amounts) => resources.every((name) => amounts.has(name)));
  const equal = totals.every(
    ({ limit, request }) => limit !== null && request !== null && compareQuantities(limit, request) === 0,
  );
  return limited && equal ? "Guaranteed" : "Burstable";
}

type Amounts = ReadonlyMap<string, string>;

function positiveAmounts(list: ResourceList | undefined): Amounts {
  return new Map(Object.entries(list ?? {}).filter(([, amount]) => compareQuantities(amount, "0") > 0));
}

function total(amounts: readonly Amounts[], name: string): string | null {
  const given = amounts.map((list) => list.get(name)).filter((amount) => amount !== undefined);
  return given.length === 0 ? null : given.reduce((sum, amount) => addQuantities(sum, amount));
}
