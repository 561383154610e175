// Which pod has to go when a node runs out of something, and what is said of it.
// Source: pkg/kubelet/eviction (helpers.go, eviction_manager.go).
import type { Container } from "../../../src/model/container.ts";
import { canonicalQuantity, quantityUnits } from "../../../src/model/quantity.ts";
import type { PodDefinition } from "../pod/definition.ts";
import { isStatic } from "../static-pods/static-pod.ts";
import type { PodDisk } from "./disk-use.ts";
import { layersOf, logsOf, volumesOnDisk } from "./disk-use.ts";
import type { Reading, Signal, Threshold } from "./thresholds.ts";
import { amountIn } from "./thresholds.ts";

export type Resource = "memory" | "ephemeral-storage" | "inodes" | "pids";

export const resourceOf: Readonly<Record<Signal, Resource>> = {
  "memory.available": "memory",
  "nodefs.available": "ephemeral-storage",
  "nodefs.inodesFree": "inodes",
  "imagefs.available": "ephemeral-storage",
  "imagefs.inodesFree": "inodes",
  "pid.available": "pids",
};

export type PodUse = {
  readonly uid: string;
  readonly definition: PodDefinition;
  /** False: nothing of it is there that could be measured. */
  readonly isMeasured: boolean;
  /** By container. Empty where it cannot be told. */
  readonly memoryBytes: ReadonlyMap<string, number>;
  readonly disk: PodDisk;
  readonly processes: number;
};

/** Source: pkg/apis/scheduling SystemCriticalPriority. */
const criticalPriority = 2_000_000_000;

/**
 * A pod without which the node, or its control plane, does not work is never evicted, nor refused for lack of anything.
 * Nobody would make another one in place of one that the node runs by itself. Source: kubelet IsCriticalPod.
 */
export function isCritical(definition: PodDefinition, uid: string): boolean {
  return (definition.spec.priority ?? 0) >= criticalPriority || isStatic(definition.template, uid);
}

export type Ranking = {
  readonly signal: Signal;
  /** Images, and what containers write beside their volumes, lie on a disk of their own. */
  readonly hasImageDisk: boolean;
};

/** The pods that may go, the first to go first. */
export function rankedForEviction(ranking: Ranking, pods: readonly PodUse[]): readonly PodUse[] {
  const resource = resourceOf[ranking.signal];
  const used = new Map(pods.map((pod) => [pod, usedOf(pod, ranking)]));
  const over = (pod: PodUse) => (used.get(pod) ?? 0) - requestedOf(pod, resource);
  const priority = ({ definition }: PodUse) => definition.spec.priority ?? 0;
  const exceeds = (pod: PodUse) => (resource === "pids" || over(pod) > 0 ? 0 : 1);
  // First what cannot be measured, in the place of what exceeds its request where that counts before the priority does.
  const rank = (pod: PodUse) => (resource === "pids" || pod.isMeasured ? exceeds(pod) : -1);
  return pods
    .filter(({ definition, uid }) => !isCritical(definition, uid))
    .toSorted(
      (a, b) => rank(a) - rank(b) || priority(a) - priority(b) || over(b) - over(a) || (a.uid < b.uid ? -1 : 1),
    );
}

function usedOf(pod: PodUse, { signal, hasImageDisk }: Ranking): number {
  switch (signal) {
    case "memory.available":
      return [...pod.memoryBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
    case "nodefs.available":
    case "nodefs.inodesFree":
    case "imagefs.available":
    case "imagefs.inodesFree":
      return diskUsedOf(pod, { signal, hasImageDisk });
    case "pid.available":
      return pod.processes;
    default:
      return signal satisfies never;
  }
}

/** Of the disk in question: what is on another one frees nothing there. Source: helpers.go buildSignalToRankFunc. */
function diskUsedOf({ disk }: PodUse, { signal, hasImageDisk }: Ranking): number {
  const { bytes, inodes } = !hasImageDisk
    ? layersOf(disk, logsOf(disk, volumesOnDisk(disk)))
    : signal.startsWith("imagefs.")
      ? layersOf(disk)
      : logsOf(disk, volumesOnDisk(disk));
  return resourceOf[signal] === "inodes" ? inodes : bytes;
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
export function evictionMessage({ signal, least }: Threshold, reading: Reading, pod: PodUse): string {
  const resource = resourceOf[signal];
  const isBytes = resource === "memory" || resource === "ephemeral-storage";
  const text = (amount: number) => (isBytes ? quantityText(amount) : String(amount));
  const quantities = `Threshold quantity: ${text(amountIn(least, reading))}, available: ${text(reading.available)}. `;
  const low = `The node was low on resource: ${resource}. ${quantities}`;
  if (!isBytes) return low;
  const greedy = pod.definition.containers.flatMap(({ name, container }) => {
    const used = resource === "memory" ? pod.memoryBytes.get(name) : diskBytesOf(pod, name);
    const request = requestOf(container, resource);
    if (used === undefined || used <= request) return [];
    const what = `Container ${name} was using ${quantityText(used)}, request is ${quantityText(request)}`;
    return [`${what}, has larger consumption of ${resource}. `];
  });
  return low + greedy.join("");
}

/** Undefined where only a part of it can be told. */
function diskBytesOf({ disk: { layers, logs } }: PodUse, name: string): number | undefined {
  const [layer, log] = [layers.get(name), logs.get(name)];
  return layer === undefined || log === undefined ? undefined : layer.bytes + log.bytes;
}

type Condition = { readonly type: string; readonly status: string };

const pressures: ReadonlySet<string> = new Set(["MemoryPressure", "DiskPressure", "PIDPressure"]);

/** Why a pod that has not begun may not begin on a node under pressure; null: it may. Source: managerImpl.Admit. */
export function refusalUnderPressure(conditions: readonly Condition[], pod: PodDefinition, uid: string): string | null {
  const pressing = conditions
    .filter(({ type, status }) => status === "True" && pressures.has(type))
    .map(({ type }) => type);
  if (pressing.length === 0 || isCritical(pod, uid)) return null;
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
