// What the outcome of an action changes in what is remembered of a pod.
import type { Action, Outcome } from "./action.ts";
import { nextBackOff } from "./back-off.ts";
import type { ContainerMemory, PodMemory } from "./memory.ts";
import { containerMemory, withContainer } from "./memory.ts";

/** Drivers may have much to say. */
const longestMessage = 1024;

export function remember(known: PodMemory, action: Action, outcome: Outcome, nowMs: number): PodMemory {
  const memory = withVolumes(known, outcome, nowMs);
  switch (action.kind) {
    case "run-sandbox":
      return rememberSandbox(memory, outcome, nowMs);
    case "start-container":
      return rememberStart(memory, action.name, outcome, nowMs);
    case "run-pre-stop":
      // A hook that failed was run all the same. Where the runtime could not be asked, there may have been none yet.
      return outcome.kind === "done" ? withContainer(memory, action.name, { preStopped: action.containerId }) : memory;
    case "kill-container":
    case "remove-container":
    case "stop-sandbox":
    case "remove-sandbox":
    case "update-volumes":
      return memory;
    case "tear-down":
      return outcome.kind === "done" ? { ...memory, volumes: undefined, tornDown: action.what } : memory;
    default:
      return action satisfies never;
  }
}

/** Why containers wait that another ConfigMap or Secret may help. */
const missesObjects: ReadonlySet<string> = new Set(["CreateContainerConfigError", "ErrImagePull", "ImagePullBackOff"]);

/** The memory of a pod of which something that it names has changed: starts that lacked it are held off no longer. */
export function forgiven(memory: PodMemory): PodMemory {
  let left = memory;
  for (const [name, { waiting, failures }] of Object.entries(memory.containers)) {
    if (failures === undefined || !missesObjects.has(waiting?.reason ?? "")) continue;
    left = withContainer(left, name, { failures: undefined });
  }
  return left;
}

function withVolumes(memory: PodMemory, outcome: Outcome, nowMs: number): PodMemory {
  if (outcome.kind === "abandoned" || outcome.volumes === undefined) return memory;
  const { version, renewAfterMs, trouble } = outcome.volumes;
  const renewAtMs = renewAfterMs === undefined ? undefined : nowMs + renewAfterMs;
  return { ...memory, volumes: { version, renewAtMs, trouble }, tornDown: undefined };
}

function rememberSandbox(memory: PodMemory, outcome: Outcome, nowMs: number): PodMemory {
  switch (outcome.kind) {
    case "abandoned":
      return memory;
    case "done":
      return memory.sandboxFailures === undefined ? memory : { ...memory, sandboxFailures: undefined };
    case "failed":
      return {
        ...memory,
        sandboxFailures: { ...nextBackOff(memory.sandboxFailures, nowMs, nowMs), failedAtMs: nowMs },
      };
    default:
      return outcome satisfies never;
  }
}

function rememberStart(memory: PodMemory, name: string, outcome: Outcome, nowMs: number): PodMemory {
  switch (outcome.kind) {
    case "abandoned":
      return memory;
    case "done":
      return withContainer(memory, name, { waiting: undefined, failures: undefined });
    case "failed":
      return withContainer(memory, name, failedStart(containerMemory(memory, name), outcome, nowMs));
    default:
      return outcome satisfies never;
  }
}

function failedStart(
  { failures }: ContainerMemory,
  { reason, message }: Extract<Outcome, { kind: "failed" }>,
  nowMs: number,
): Partial<ContainerMemory> {
  const waiting = message === "" ? { reason } : { reason, message: message.slice(0, longestMessage) };
  // A container whose post-start hook failed did start: it counts as crashed, which holds it off already.
  if (reason === "PostStartHookError") return { waiting, failures: undefined };
  return { waiting, failures: { ...nextBackOff(failures, nowMs, nowMs), failedAtMs: nowMs } };
}
