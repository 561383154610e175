// What a table says of a pod.
// Source: the behaviour of pkg/printers/internalversion printPod.
import type { ContainerStatus } from "./container-status.ts";
import { parseTimeMs } from "./instant.ts";
import type { Pod } from "./pod.ts";
import { ageColumn, humanDuration, nameColumn, orNone } from "./printing.ts";
import type { Column, RowCondition } from "./resource.ts";

type Summary = {
  readonly ready: number;
  readonly total: number;
  readonly reason: string;
  readonly restarts: number;
  /** When a container last ended before it was restarted. */
  readonly lastRestartMs: number | null;
};

function summarisePod(pod: Pod): Summary {
  const init = summariseInit(pod);
  const sidecars = restartsOf(init.sidecars);
  const total = pod.spec.containers.length + sidecarNames(pod).size;
  if (init.reason !== null && !hasCondition(pod, "Initialized")) {
    const counted = restartsOf(init.seen);
    return { ready: init.ready, total, reason: deletionReason(pod, init.reason), ...counted };
  }
  const containers = summariseContainers(pod, init.reason ?? ownReason(pod));
  const counted = addRestarts(sidecars, restartsOf(pod.status.containerStatuses ?? []));
  const reason = deletionReason(pod, containers.reason);
  return { ready: init.ready + containers.ready, total, reason, ...counted };
}

function sidecarNames({ spec }: Pod): ReadonlySet<string> {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  return new Set(sidecars.map(({ name }) => name));
}

function ownReason({ status }: Pod): string {
  const gated = (status.conditions ?? []).some(
    ({ type, reason }) => type === "PodScheduled" && reason === "SchedulingGated",
  );
  return gated ? "SchedulingGated" : (status.reason ?? status.phase ?? "");
}

function hasCondition({ status }: Pod, type: string): boolean {
  return (status.conditions ?? []).some((condition) => condition.type === type && condition.status === "True");
}

type Init = {
  readonly ready: number;
  /** What initialisation waits for; null once it is past. */
  readonly reason: string | null;
  /** The statuses that were looked at, and those among them of sidecars. */
  readonly seen: readonly ContainerStatus[];
  readonly sidecars: readonly ContainerStatus[];
};

function summariseInit(pod: Pod): Init {
  const statuses = pod.status.initContainerStatuses ?? [];
  const names = sidecarNames(pod);
  const isDone = (status: ContainerStatus) =>
    status.state.terminated?.exitCode === 0 || (names.has(status.name) && status.started === true);
  const stuckAt = statuses.findIndex((status) => !isDone(status));
  const stuck = statuses[stuckAt];
  const seen = stuck === undefined ? statuses : statuses.slice(0, stuckAt + 1);
  const done = stuck === undefined ? statuses : statuses.slice(0, stuckAt);
  const ready = done.filter((status) => status.state.terminated?.exitCode !== 0 && status.ready).length;
  const total = (pod.spec.initContainers ?? []).length;
  return {
    ready,
    reason: stuck === undefined ? null : initReason(stuck, `Init:${stuckAt}/${total}`),
    seen,
    sidecars: seen.filter(({ name }) => names.has(name)),
  };
}

function initReason({ state }: ContainerStatus, progress: string): string {
  if (state.terminated !== undefined) return `Init:${terminationReason(state.terminated)}`;
  const waiting = state.waiting?.reason;
  return waiting === undefined || waiting === "PodInitializing" ? progress : `Init:${waiting}`;
}

function terminationReason({ reason, signal, exitCode }: NonNullable<ContainerStatus["state"]["terminated"]>): string {
  if (reason !== undefined) return reason;
  return signal === undefined ? `ExitCode:${exitCode}` : `Signal:${signal}`;
}

/** The first container with a problem decides, so the walk goes from last to first. */
function summariseContainers(pod: Pod, before: string): { readonly ready: number; readonly reason: string } {
  let reason = before;
  let ready = 0;
  for (const { state, ready: isReady } of (pod.status.containerStatuses ?? []).toReversed()) {
    if (state.waiting?.reason !== undefined) reason = state.waiting.reason;
    else if (state.terminated !== undefined) reason = terminationReason(state.terminated);
    else if (isReady && state.running !== undefined) ready += 1;
  }
  if (reason === "Completed" && ready > 0) reason = hasCondition(pod, "Ready") ? "Running" : "NotReady";
  return { ready, reason };
}

function deletionReason({ metadata, status }: Pod, reason: string): string {
  if (metadata.deletionTimestamp === undefined) return reason;
  if (status.reason === "NodeLost") return "Unknown";
  return status.phase === "Succeeded" || status.phase === "Failed" ? reason : "Terminating";
}

type Restarts = Pick<Summary, "restarts" | "lastRestartMs">;

function restartsOf(statuses: readonly ContainerStatus[]): Restarts {
  const ends = statuses
    .map(({ lastState }) => parseTimeMs(lastState.terminated?.finishedAt))
    .filter((ms) => ms !== null);
  return {
    restarts: statuses.reduce((sum, { restartCount }) => sum + restartCount, 0),
    lastRestartMs: ends.length === 0 ? null : Math.max(...ends),
  };
}

function addRestarts(a: Restarts, b: Restarts): Restarts {
  const ends = [a.lastRestartMs, b.lastRestartMs].filter((ms) => ms !== null);
  return { restarts: a.restarts + b.restarts, lastRestartMs: ends.length === 0 ? null : Math.max(...ends) };
}

function restartsText({ restarts, lastRestartMs }: Restarts, nowMs: number): string {
  if (restarts === 0 || lastRestartMs === null) return String(restarts);
  return `${restarts} (${humanDuration(nowMs - lastRestartMs)} ago)`;
}

function readinessGates({ spec, status }: Pod): string {
  const gates = spec.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  const open = gates.filter(({ conditionType }) => {
    const condition = (status.conditions ?? []).find(({ type }) => type === conditionType);
    return condition?.status === "True";
  });
  return `${open.length}/${gates.length}`;
}

export const podColumns: readonly Column<Pod>[] = [
  nameColumn,
  {
    name: "Ready",
    type: "string",
    description: "How many of the pod's containers are ready.",
    cell: (pod) => {
      const { ready, total } = summarisePod(pod);
      return `${ready}/${total}`;
    },
  },
  {
    name: "Status",
    type: "string",
    description: "The pod's phase, or what keeps it from running.",
    cell: (pod) => summarisePod(pod).reason,
  },
  {
    name: "Restarts",
    type: "string",
    description: "How often its containers were restarted, and when last.",
    cell: (pod, nowMs) => restartsText(summarisePod(pod), nowMs),
  },
  ageColumn,
  {
    name: "IP",
    type: "string",
    priority: 1,
    description: "The pod's first address.",
    cell: ({ status }) => orNone(status.podIPs?.[0]?.ip),
  },
  {
    name: "Node",
    type: "string",
    priority: 1,
    description: "The node the pod is bound to.",
    cell: ({ spec }) => orNone(spec.nodeName),
  },
  {
    name: "Nominated Node",
    type: "string",
    priority: 1,
    description: "The node on which room is being made for the pod.",
    cell: ({ status }) => orNone(status.nominatedNodeName),
  },
  {
    name: "Readiness Gates",
    type: "string",
    priority: 1,
    description: "How many of the extra conditions for readiness are met.",
    cell: readinessGates,
  },
];

export function podRowConditions({ status }: Pod): readonly RowCondition[] {
  const completed = { type: "Completed", status: "True" } as const;
  switch (status.phase) {
    case "Succeeded":
      return [{ ...completed, reason: "Succeeded", message: "The pod has completed successfully." }];
    case "Failed":
      return [{ ...completed, reason: "Failed", message: "The pod failed." }];
    default:
      return [];
  }
}
