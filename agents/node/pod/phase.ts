// Where a pod is in its life.
// Source: kubelet_pods.go getPhase, status_manager.go TerminatePod.
import type { ContainerStatus } from "../../../src/model/container-status.ts";
import type { Statuses } from "./container-statuses.ts";
import type { PodDefinition } from "./definition.ts";
import type { PodMemory } from "./memory.ts";

export type PodPhase = "Pending" | "Running" | "Succeeded" | "Failed";

export type PhaseInput = {
  readonly definition: PodDefinition;
  readonly memory: PodMemory;
  readonly statuses: Statuses;
  readonly before: string | undefined;
};

export function phaseOf(input: PhaseInput): PodPhase {
  const { before, memory } = input;
  if (before === "Succeeded" || before === "Failed") return before;
  if (memory.failure !== undefined) return "Failed";
  const phase = livePhase(input);
  // A pod that has been ended is over, whatever its policy would have done next.
  if (memory.ended === true && (phase === "Pending" || phase === "Running")) return endedPhase(input);
  return phase;
}

/** Sidecars do not count: they are killed when the others are through. */
function endedPhase({ definition, statuses: { inits, regulars } }: PhaseInput): PodPhase {
  const counted = [...inits.filter((_, index) => definition.inits[index]?.kind === "init"), ...regulars];
  return counted.every(({ state }) => state.terminated?.exitCode === 0) ? "Succeeded" : "Failed";
}

function livePhase({ definition, statuses }: PhaseInput): PodPhase {
  const init = initPhase(definition, statuses);
  if (init !== null) return init;
  if (statuses.regulars.some(isNew)) return "Pending";
  if (statuses.regulars.some(({ state }) => state.running !== undefined)) return "Running";
  if (definition.restartPolicy === "Always") return "Running";
  const succeeded = statuses.regulars.every(hasSucceeded);
  if (succeeded) return "Succeeded";
  return definition.restartPolicy === "Never" ? "Failed" : "Running";
}

/** What the init containers alone decide; null: they are through. */
function initPhase({ inits, restartPolicy }: PodDefinition, { inits: statuses, regulars }: Statuses): PodPhase | null {
  const everRan = regulars.some((status) => !isNew(status));
  for (const [index, { kind }] of inits.entries()) {
    const status = statuses[index];
    if (status === undefined) continue;
    if (kind === "sidecar") {
      if (!everRan && status.started !== true) return "Pending";
      continue;
    }
    const exit =
      status.state.terminated ?? (status.state.waiting === undefined ? undefined : status.lastState.terminated);
    if (exit !== undefined && exit.exitCode !== 0 && restartPolicy === "Never") return "Failed";
    if (!everRan && !(exit?.exitCode === 0)) return "Pending";
  }
  return null;
}

/** It has not run yet. */
function isNew({ state, lastState }: ContainerStatus): boolean {
  return state.waiting !== undefined && lastState.terminated === undefined;
}

function hasSucceeded({ state, lastState }: ContainerStatus): boolean {
  return (state.terminated ?? lastState.terminated)?.exitCode === 0;
}
