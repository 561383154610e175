// What the agent remembers of a pod beyond what its runtime can tell.
import type { PodStatus } from "../../../src/model/pod-status.ts";
import type { BackOff } from "./back-off.ts";

type Failures = BackOff & { readonly failedAtMs: number };

/** Why a container does not run, as its status shows it. */
type Waiting = { readonly reason: string; readonly message?: string };

/** What probes found out about one container; it says nothing of the container's successors. */
export type ContainerHealth = {
  readonly containerId: string;
  /** The startup probe succeeded. */
  readonly started?: boolean;
  /** The readiness probe's standing verdict. */
  readonly ready?: boolean;
  /** The probe because of which the container must go. */
  readonly unhealthy?: "liveness" | "startup";
};

export type ContainerMemory = {
  /** The highest attempt that ever ran. */
  readonly attempt?: number | undefined;
  readonly waiting?: Waiting | undefined;
  /** When the exit of this container was first seen; its own word may come from a clock that jumped. */
  readonly exit?: { readonly containerId: string; readonly atMs: number } | undefined;
  /** Holds off restarts. */
  readonly crashes?: BackOff | undefined;
  /** Holds off starts after one that failed at `failedAtMs`. */
  readonly failures?: Failures | undefined;
  readonly health?: ContainerHealth | undefined;
  /** The container whose pre-stop hook was run before its turn to end. */
  readonly preStopped?: string | undefined;
  /** What the back-offs are about; a container that is changed in place starts without any. */
  readonly hash?: string | undefined;
};

type VolumesMemory = {
  /** Of what they were made from. */
  readonly version: string;
  readonly renewAtMs?: number | undefined;
  /** What was wrong with them; empty when nothing was. */
  readonly trouble: string;
};

type Failure = {
  readonly reason: string;
  readonly message: string;
  readonly graceSeconds?: number;
  /** For the sake of its node. */
  readonly isDisruption?: boolean;
};

export type PodMemory = {
  /** When the agent first saw the pod. */
  readonly startedAtMs: number;
  readonly containers: Readonly<Record<string, ContainerMemory>>;
  /** Holds off sandboxes after one that failed at `failedAtMs`. */
  readonly sandboxFailures?: Failures | undefined;
  /** How its volumes were when they were last set up. */
  readonly volumes?: VolumesMemory | undefined;
  /** What of its directory is gone. */
  readonly tornDown?: "volumes" | "all" | undefined;
  /** When the agent began to end the pod. */
  readonly endingSinceMs?: number | undefined;
  /** Ids of the containers of which it has been told that they end with the pod. */
  readonly toldToEnd?: readonly string[] | undefined;
  /** Every container of the pod, which is to be ended, has ended. */
  readonly ended?: boolean | undefined;
  /** Why the agent itself gave the pod up. */
  readonly failure?: Failure | undefined;
  /** The status as it was computed last. */
  readonly status?: PodStatus | undefined;
};

const noContainerMemory: ContainerMemory = {};

export function newPodMemory(nowMs: number): PodMemory {
  return { startedAtMs: nowMs, containers: {} };
}

/**
 * What an earlier life of the agent remembered. The machine's clock may have been set back since, to 1970 say if it has
 * no battery: what would lie ahead happened just now, or a pod would be held off until the clock is there again.
 */
export function recalledPodMemory(memory: PodMemory, nowMs: number): PodMemory {
  const { startedAtMs, containers, sandboxFailures, endingSinceMs, volumes, ...rest } = memory;
  const recalled = Object.entries(containers).map(([name, container]) => [name, recalledContainer(container, nowMs)]);
  return {
    ...rest,
    startedAtMs: Math.min(startedAtMs, nowMs),
    containers: Object.fromEntries(recalled),
    ...(sandboxFailures === undefined ? {} : { sandboxFailures: recalledFailures(sandboxFailures, nowMs) }),
    ...(endingSinceMs === undefined ? {} : { endingSinceMs: Math.min(endingSinceMs, nowMs) }),
    ...(volumes === undefined ? {} : { volumes: recalledVolumes(volumes, nowMs) }),
  };
}

/** Whether tokens have got old is seen from themselves. */
function recalledVolumes(volumes: VolumesMemory, nowMs: number): VolumesMemory {
  return volumes.renewAtMs === undefined ? volumes : { ...volumes, renewAtMs: Math.min(volumes.renewAtMs, nowMs) };
}

function recalledContainer(memory: ContainerMemory, nowMs: number): ContainerMemory {
  const { exit, crashes, failures, ...rest } = memory;
  return {
    ...rest,
    ...(exit === undefined ? {} : { exit: { ...exit, atMs: Math.min(exit.atMs, nowMs) } }),
    ...(crashes === undefined ? {} : { crashes: recalledBackOff(crashes, nowMs) }),
    ...(failures === undefined ? {} : { failures: recalledFailures(failures, nowMs) }),
  };
}

function recalledBackOff(backOff: BackOff, nowMs: number): BackOff {
  return { ...backOff, updatedAtMs: Math.min(backOff.updatedAtMs, nowMs) };
}

function recalledFailures(failures: Failures, nowMs: number): Failures {
  return { ...recalledBackOff(failures, nowMs), failedAtMs: Math.min(failures.failedAtMs, nowMs) };
}

/** A pod that has succeeded or failed stays so. */
export function isFinished({ failure, status }: PodMemory): boolean {
  return failure !== undefined || status?.phase === "Succeeded" || status?.phase === "Failed";
}

/** What it wrote is not only of no use any more, it is in the way of others. Source: kubelet eviction.PodIsEvicted. */
export function isEvicted({ failure }: PodMemory): boolean {
  return failure?.reason === "Evicted";
}

export function containerMemory(memory: PodMemory, name: string): ContainerMemory {
  return memory.containers[name] ?? noContainerMemory;
}

/** The memory with `change` made to what it holds about one container. */
export function withContainer(memory: PodMemory, name: string, change: Partial<ContainerMemory>): PodMemory {
  return {
    ...memory,
    containers: { ...memory.containers, [name]: { ...containerMemory(memory, name), ...change } },
  };
}
