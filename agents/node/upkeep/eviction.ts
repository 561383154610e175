// Which pod has to go when a node runs out of something, and when that is.
// Source: pkg/kubelet/eviction (helpers.go, eviction_manager.go, defaults_linux.go).
import type { Container } from "../../../src/model/container.ts";
import { canonicalQuantity, quantityUnits } from "../../../src/model/quantity.ts";
import type { PodDefinition } from "../pod/definition.ts";

/** In the order in which they are seen to: memory first, for what lacks it does nothing else. */
const signals = [
  "memory.available",
  "nodefs.available",
  "nodefs.inodesFree",
  "imagefs.available",
  "pid.available",
] as const;
export type Signal = (typeof signals)[number];

export type Reading = { readonly available: number; readonly capacity: number };
/** Signals that cannot be read are not there, and cause nothing. */
export type Readings = Readonly<Partial<Record<Signal, Reading>>>;

/** What must be left: bytes or pieces, or a share of all. */
type Least = { readonly amount: number } | { readonly share: number };
export type Thresholds = Readonly<Record<Signal, Least>>;

export const defaultThresholds: Thresholds = {
  "memory.available": { amount: 100 * 1024 * 1024 },
  "nodefs.available": { share: 0.1 },
  "nodefs.inodesFree": { share: 0.05 },
  "imagefs.available": { share: 0.15 },
  "pid.available": { share: 0.05 },
};

function leastOf(least: Least, { capacity }: Reading): number {
  return "amount" in least ? least.amount : Math.floor(capacity * least.share);
}

/** The signals that are below what must be left, the most pressing first. */
export function signalsMet(readings: Readings, thresholds: Thresholds): readonly Signal[] {
  return signals.filter((signal) => {
    const reading = readings[signal];
    return reading !== undefined && reading.capacity > 0 && reading.available < leastOf(thresholds[signal], reading);
  });
}

export type Resource = "memory" | "ephemeral-storage" | "inodes" | "pids";

export const resourceOf: Readonly<Record<Signal, Resource>> = {
  "memory.available": "memory",
  "nodefs.available": "ephemeral-storage",
  "nodefs.inodesFree": "inodes",
  "imagefs.available": "ephemeral-storage",
  "pid.available": "pids",
};

export type PodUse = {
  readonly uid: string;
  readonly definition: PodDefinition;
  /** By container. Empty where it cannot be told. */
  readonly memoryBytes: ReadonlyMap<string, number>;
  readonly diskBytes: number;
  readonly processes: number;
};

/** Source: pkg/apis/scheduling SystemCriticalPriority. */
const criticalPriority = 2_000_000_000;

/** A pod without which the node, or its control plane, does not work is never evicted, nor refused for lack of anything. */
function isCritical({ spec }: PodDefinition): boolean {
  return (spec.priority ?? 0) >= criticalPriority;
}

/** The pods that may go, the first to go first. */
export function rankedForEviction(signal: Signal, pods: readonly PodUse[]): readonly PodUse[] {
  const resource = resourceOf[signal];
  const over = (pod: PodUse) => usedOf(pod, resource) - requestedOf(pod, resource);
  const priority = ({ definition }: PodUse) => definition.spec.priority ?? 0;
  const exceeds = (pod: PodUse) => (resource === "pids" || over(pod) > 0 ? 0 : 1);
  return pods
    .filter(({ definition }) => !isCritical(definition))
    .toSorted(
      (a, b) => exceeds(a) - exceeds(b) || priority(a) - priority(b) || over(b) - over(a) || (a.uid < b.uid ? -1 : 1),
    );
}

function usedOf({ memoryBytes, diskBytes, processes }: PodUse, resource: Resource): number {
  switch (resource) {
    case "memory":
      return [...memoryBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
    case "ephemeral-storage":
    case "inodes":
      return diskBytes;
    case "pids":
      return processes;
    default:
      return resource satisfies never;
  }
}

/** What the containers that run together ask for, or the largest of those that run before them. */
function requestedOf({ definition }: PodUse, resource: Resource): number {
  if (resource === "pids" || resource === "inodes") return 0;
  const request = ({ container }: { readonly container: Container }) => requestOf(container, resource);
  const together = definition.containers.filter(({ kind }) => kind !== "init").map(request);
  const before = definition.containers.filter(({ kind }) => kind === "init").map(request);
  return Math.max(
    together.reduce((sum, bytes) => sum + bytes, 0),
    ...before,
  );
}

/** A request that is absent is the limit, as the API's defaults have it. */
function requestOf({ resources }: Container, resource: "memory" | "ephemeral-storage"): number {
  return quantityUnits(resources?.requests?.[resource] ?? resources?.limits?.[resource] ?? "0");
}

function quantityText(bytes: number): string {
  return canonicalQuantity(`${Math.floor(bytes / 1024)}Ki`) ?? "0";
}

/** Why a pod was evicted, as its status and event tell it. */
export function evictionMessage(signal: Signal, reading: Reading, thresholds: Thresholds, pod: PodUse): string {
  const resource = resourceOf[signal];
  const isBytes = resource === "memory" || resource === "ephemeral-storage";
  const text = (amount: number) => (isBytes ? quantityText(amount) : String(amount));
  const threshold = text(leastOf(thresholds[signal], reading));
  const low = `The node was low on resource: ${resource}. Threshold quantity: ${threshold}, available: ${text(reading.available)}. `;
  if (resource !== "memory") return low;
  const greedy = pod.definition.containers.flatMap(({ name, container }) => {
    const used = pod.memoryBytes.get(name);
    const request = requestOf(container, "memory");
    if (used === undefined || used <= request) return [];
    return [
      `Container ${name} was using ${quantityText(used)}, request is ${quantityText(request)}, has larger consumption of memory. `,
    ];
  });
  return low + greedy.join("");
}

type Condition = { readonly type: string; readonly status: string };

const pressures: ReadonlySet<string> = new Set(["MemoryPressure", "DiskPressure", "PIDPressure"]);

/** Why a pod that has not begun may not begin on a node under pressure; null: it may. Source: managerImpl.Admit. */
export function refusalUnderPressure(conditions: readonly Condition[], pod: PodDefinition): string | null {
  const pressing = conditions
    .filter(({ type, status }) => status === "True" && pressures.has(type))
    .map(({ type }) => type);
  if (pressing.length === 0 || isCritical(pod)) return null;
  const isOnlyMemory = pressing.length === 1 && pressing[0] === "MemoryPressure";
  if (isOnlyMemory && (pod.qosClass !== "BestEffort" || toleratesMemoryPressure(pod))) return null;
  return `The node had condition: [${pressing.join(" ")}]. `;
}

function toleratesMemoryPressure({ spec }: PodDefinition): boolean {
  return (spec.tolerations ?? []).some(({ key = "", operator, effect }) => {
    if (effect !== undefined && effect !== "" && effect !== "NoSchedule") return false;
    const isForAll = key === "" && operator === "Exists";
    return isForAll || key === "node.kubernetes.io/memory-pressure";
  });
}
