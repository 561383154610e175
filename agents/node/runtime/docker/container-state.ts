// What the engine says of a container, in the words of the CRI. Source: dockershim docker_container.go ContainerStatus.
import type { PodSandbox, RuntimeContainerStatus } from "../runtime.ts";
import { containerOf, engineLabels, podOf, readLabels } from "./engine-labels.ts";
import type { InspectedContainer, ListedContainer } from "./engine-types.ts";
import { timeOf } from "./engine-types.ts";

type ListedState = RuntimeContainerStatus["state"];

/** A start that failed, which not every engine remembers. */
export type FailedStart = { readonly exitCode: number; readonly message: string; readonly atMs: number };

/** `failed`: it could not be started. */
export function listedContainer(listed: ListedContainer, failed: boolean) {
  const all = listed.Labels ?? {};
  return {
    id: listed.Id,
    podSandboxId: all[engineLabels.sandboxId] ?? "",
    metadata: containerOf(all),
    image: listed.Image,
    imageRef: listed.ImageID,
    state: failed ? "exited" : stateOf(listed.State.toLowerCase()),
    createdAtMs: listed.Created * 1000,
    ...readLabels(all),
  } as const;
}

function stateOf(status: string): ListedState {
  switch (status) {
    case "created":
    case "configured":
    case "initialized":
      return "created";
    case "running":
    case "paused":
    case "restarting":
    case "stopping":
      return "running";
    case "exited":
    case "stopped":
    case "dead":
    case "removing":
      return "exited";
    default:
      return "unknown";
  }
}

export function listedSandbox(listed: ListedContainer, facts: { readonly isReady: boolean; readonly ip?: string }) {
  const all = listed.Labels ?? {};
  const sandbox: PodSandbox = {
    id: listed.Id,
    metadata: podOf(all),
    state: facts.isReady ? "ready" : "notready",
    createdAtMs: listed.Created * 1000,
    ...readLabels(all),
    ...(facts.ip === undefined ? {} : { ip: facts.ip }),
  };
  return sandbox;
}

export type StatusInput = {
  readonly container: InspectedContainer;
  readonly imageRef: string;
  readonly failedStart: FailedStart | undefined;
  /** The kernel ended it, which not every engine notices. */
  readonly ranOutOfMemory: boolean;
};

export function containerStatus(input: StatusInput): RuntimeContainerStatus {
  const { container, imageRef } = input;
  const all = container.Config.Labels ?? {};
  const createdAtMs = timeOf(container.Created) ?? 0;
  const common = {
    id: container.Id,
    podSandboxId: all[engineLabels.sandboxId] ?? "",
    metadata: containerOf(all),
    image: container.Config.Image,
    imageRef,
    createdAtMs,
    ...readLabels(all),
  };
  const failed = failedStartOf(container) ?? input.failedStart;
  const state = stateOf(container.State.Status.toLowerCase());
  if (state === "created" && failed !== undefined) {
    const { exitCode, message, atMs } = failed;
    const reason = "ContainerCannotRun";
    return { ...common, state: "exited", startedAtMs: atMs, finishedAtMs: atMs, exitCode, reason, message };
  }
  const startedAtMs = timeOf(container.State.StartedAt);
  const started = startedAtMs === undefined ? {} : { startedAtMs };
  return { ...common, state, ...started, ...(state === "exited" ? ending(input) : {}) };
}

function ending({ container: { State }, ranOutOfMemory }: StatusInput) {
  const exitCode = State.ExitCode;
  const message = State.Error ?? "";
  const finishedAtMs = timeOf(State.FinishedAt);
  return {
    exitCode,
    reason: State.OOMKilled || ranOutOfMemory ? "OOMKilled" : exitCode === 0 ? "Completed" : "Error",
    ...(finishedAtMs === undefined ? {} : { finishedAtMs }),
    ...(message === "" ? {} : { message }),
  };
}

/** Docker notes it on the container, which stays `created`. */
export function failedStartOf({ State, Created }: InspectedContainer): FailedStart | undefined {
  if (State.Error === undefined || State.Error === "" || State.Status !== "created") return undefined;
  return { exitCode: State.ExitCode || startFailedCode, message: State.Error, atMs: timeOf(Created) ?? 0 };
}

const startFailedCode = 128;

/** The code that a shell would give. */
export function startExitCode(message: string): number {
  if (/permission denied/i.test(message)) return 126;
  return /not found|no such file/i.test(message) ? 127 : startFailedCode;
}
