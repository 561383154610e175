// What became of each container of a pod.
// Source: kubelet_pods.go convertToAPIContainerStatuses, prober_manager.go UpdatePodStatus.
import type { ContainerState, ContainerStatus } from "../../../src/model/container-status.ts";
import { goTime } from "../../../src/model/instant.ts";
import type { RuntimeContainerStatus } from "../runtime/runtime.ts";
import type { ContainerDefinition } from "./definition.ts";
import { restartPolicyOf } from "./definition.ts";
import type { ContainerMemory } from "./memory.ts";
import { containerMemory, isFinished } from "./memory.ts";
import { readySandbox } from "./observation.ts";
import type { ReportInput } from "./report.ts";

export type Statuses = {
  readonly inits: readonly ContainerStatus[];
  readonly regulars: readonly ContainerStatus[];
};

export function containerStatusesOf(input: ReportInput): Statuses {
  const { definition, memory } = input;
  const { initContainerStatuses = [], containerStatuses = [] } = memory.status ?? {};
  return {
    inits: definition.inits.map((container, index) => containerStatus(input, container, initContainerStatuses[index])),
    regulars: definition.regulars.map((container, index) =>
      containerStatus(input, container, containerStatuses[index]),
    ),
  };
}

type Attempts = {
  readonly newest: RuntimeContainerStatus | undefined;
  readonly previous: RuntimeContainerStatus | undefined;
};

/** Containers that were created and not started are not worth telling. */
function attemptsAt({ observation }: ReportInput, name: string): Attempts {
  let newest: RuntimeContainerStatus | undefined;
  for (const container of observation.containers) {
    if (container.metadata.name !== name || container.state === "created") continue;
    if (newest !== undefined) return { newest, previous: container };
    newest = container;
  }
  return { newest, previous: undefined };
}

function containerStatus(
  input: ReportInput,
  definition: ContainerDefinition,
  before: ContainerStatus | undefined,
): ContainerStatus {
  const attempts = attemptsAt(input, definition.name);
  const { newest } = attempts;
  const memory = containerMemory(input.memory, definition.name);
  // What of it the runtime has is removed when it is in the way; what was told of its end holds.
  const isOver = definition.kind === "init" || isFinished(input.memory);
  if (newest === undefined && before?.state.terminated !== undefined && isOver) return before;
  const isLost = newest === undefined && before?.state.running !== undefined;
  const restartCount = Math.max(newest?.metadata.attempt ?? 0, memory.attempt ?? 0, before?.restartCount ?? 0);
  const containerId = newest?.id ?? null;
  const state = stateOf(input, definition, attempts);
  const started = isStarted(definition, newest, memory);
  return {
    name: definition.name,
    state,
    lastState: isLost ? lostState(before) : lastStateOf(input, { attempts, state, before }),
    ready: isReady(definition, newest, memory, started),
    restartCount: isLost ? restartCount + 1 : restartCount,
    image: newest?.image ?? definition.container.image ?? "",
    imageID: newest?.imageRef ?? (isLost ? "" : (before?.imageID ?? "")),
    ...(containerId === null ? {} : { containerID: idText(input, containerId) }),
    started,
    ...resourcesOf(definition),
  };
}

/** What it was given is what it asked for: nothing changes the resources of a container that runs. */
function resourcesOf({ container: { resources } }: ContainerDefinition): Pick<ContainerStatus, "resources"> {
  const { limits, requests } = resources;
  return limits === undefined && requests === undefined ? {} : { resources };
}

function idText({ runtimeName }: ReportInput, id: string): string {
  return `${runtimeName}://${id}`;
}

function stateOf(input: ReportInput, definition: ContainerDefinition, { newest }: Attempts): ContainerState {
  const memory = containerMemory(input.memory, definition.name);
  if (newest?.state === "running") return { running: { startedAt: apiTime(newest.startedAtMs) } };
  const { waiting } = memory;
  if (waiting !== undefined && mayStartAgain(input, definition, newest)) return { waiting };
  if (newest?.state === "exited") return { terminated: terminated(input, newest) };
  if (input.memory.ended === true || isDown(input))
    return { terminated: unlocated("The container could not be located when the pod was terminated") };
  return { waiting: { reason: input.definition.inits.length > 0 ? "PodInitializing" : "ContainerCreating" } };
}

/**
 * A pod has failed, and nothing of it is up any more: what has not started by now never will.
 * Source: status_manager.go TerminatePod.
 */
function isDown({ memory: { failure, status }, observation }: ReportInput): boolean {
  const isInitialized = status?.conditions?.some((one) => one.type === "Initialized" && one.status === "True") === true;
  const isUp = observation.sandboxes.length === 0 || readySandbox(observation) !== undefined;
  return failure !== undefined && isInitialized && !isUp;
}

/** A reason to wait is told of containers that are to start again only. Source: ShouldContainerBeRestarted. */
function mayStartAgain(
  { assigned, definition: pod, memory }: ReportInput,
  definition: ContainerDefinition,
  newest: RuntimeContainerStatus | undefined,
): boolean {
  if (assigned.deletion !== undefined || memory.failure !== undefined) return false;
  if (newest === undefined || newest.state !== "exited") return true;
  const policy = restartPolicyOf(pod, definition);
  return policy === "Always" || (policy === "OnFailure" && newest.exitCode !== 0);
}

type Past = {
  readonly attempts: Attempts;
  readonly state: ContainerState;
  readonly before: ContainerStatus | undefined;
};

function lastStateOf(input: ReportInput, { attempts, state, before }: Past): ContainerState {
  const { newest, previous } = attempts;
  if (state.waiting !== undefined && newest?.state === "exited") return { terminated: terminated(input, newest) };
  if (previous?.state === "exited") return { terminated: terminated(input, previous) };
  if (newest === undefined || before === undefined) return before?.lastState ?? {};
  // Its record may be gone from the runtime; what was told of it holds.
  const isSuccessor = before.containerID !== undefined && before.containerID !== idText(input, newest.id);
  return isSuccessor && before.state.terminated !== undefined
    ? { terminated: before.state.terminated }
    : before.lastState;
}

function terminated(input: ReportInput, container: RuntimeContainerStatus) {
  const { exitCode = 0, message, startedAtMs, finishedAtMs } = container;
  return {
    exitCode,
    reason: container.reason ?? (exitCode === 0 ? "Completed" : "Error"),
    ...(message === undefined || message === "" ? {} : { message: shortened(input, message) }),
    startedAt: apiTime(startedAtMs),
    finishedAt: apiTime(finishedAtMs),
    containerID: idText(input, container.id),
  };
}

/** Source: MaxPodTerminationMessageLogLength, status_manager.go normalizeStatus. */
const messageBytesOfPod = 12 * 1024;

/** All containers of a pod have equal parts of what it may say. */
function shortened({ definition }: ReportInput, message: string): string {
  const longest = Math.floor(messageBytesOfPod / definition.containers.length);
  const bytes = Buffer.from(message);
  return bytes.length <= longest ? message : bytes.subarray(0, longest).toString("utf8");
}

function apiTime(atMs: number | undefined): string | null {
  return atMs === undefined ? null : goTime(atMs);
}

function unlocated(message: string) {
  return { exitCode: 137, reason: "ContainerStatusUnknown", message, startedAt: null, finishedAt: null };
}

/** It ran when it was seen last, and the runtime knows nothing of it any more. */
function lostState(before: ContainerStatus): ContainerState {
  const text = "The container could not be located when the pod was deleted.  The container used to be Running";
  return {
    terminated: {
      ...unlocated(text),
      ...(before.containerID === undefined ? {} : { containerID: before.containerID }),
    },
  };
}

function isStarted(
  { kind, container }: ContainerDefinition,
  newest: RuntimeContainerStatus | undefined,
  { health }: ContainerMemory,
): boolean {
  if (newest?.state !== "running") return false;
  if (kind === "init" || container.startupProbe === undefined) return true;
  return health?.containerId === newest.id && health.started === true;
}

function isReady(
  { kind, container }: ContainerDefinition,
  newest: RuntimeContainerStatus | undefined,
  { health }: ContainerMemory,
  started: boolean,
): boolean {
  if (kind === "init") return newest?.state === "exited" && newest.exitCode === 0;
  if (!started || newest?.ready === false) return false;
  if (container.readinessProbe === undefined) return true;
  return health?.containerId === newest?.id && health?.ready === true;
}
