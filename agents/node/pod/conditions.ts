// The conditions of a pod that its node answers for.
// Source: kubelet status/generate.go.
import type { ContainerStatus } from "../../../src/model/container-status.ts";
import { goTime } from "../../../src/model/instant.ts";
import type { PodCondition } from "../../../src/model/pod-status.ts";
import type { Statuses } from "./container-statuses.ts";
import { readySandbox } from "./observation.ts";
import type { PodPhase } from "./phase.ts";
import type { ReportInput } from "./report.ts";

export type ConditionsInput = Pick<ReportInput, "assigned" | "definition" | "memory" | "observation" | "nowMs"> & {
  readonly statuses: Statuses;
  readonly phase: PodPhase;
  readonly before: readonly PodCondition[];
};

type Verdict = { readonly status: "True" | "False"; readonly reason?: string; readonly message?: string };

const holds: Verdict = { status: "True" };

export function conditionsOf(input: ConditionsInput): PodCondition[] {
  const hasSandbox = readySandbox(input.observation) !== undefined;
  const containersReady = containersReadyVerdict(input);
  return [
    ...disruptions(input),
    condition(input, "PodReadyToStartContainers", hasSandbox ? holds : { status: "False" }),
    condition(input, "Initialized", initializedVerdict(input)),
    condition(input, "Ready", readyVerdict(input, containersReady)),
    condition(input, "ContainersReady", containersReady),
    condition(input, "PodScheduled", holds),
  ];
}

/** Source: eviction_manager.go evictPod, PodReasonTerminationByKubelet. */
function disruptions(input: ConditionsInput): PodCondition[] {
  const { failure } = input.memory;
  if (failure?.isDisruption !== true) return [];
  const verdict: Verdict = { status: "True", reason: "TerminationByKubelet", message: failure.message };
  return [condition(input, "DisruptionTarget", verdict)];
}

/** The time changes with the status alone. */
function condition({ before, nowMs, assigned }: ConditionsInput, type: string, verdict: Verdict): PodCondition {
  const earlier = before.find((one) => one.type === type);
  const since = type === "PodScheduled" ? assigned.createdAtMs : nowMs;
  const lastTransitionTime = earlier?.status === verdict.status ? earlier.lastTransitionTime : goTime(since);
  return { type, lastProbeTime: null, lastTransitionTime, ...verdict };
}

function initializedVerdict({ definition, statuses, phase }: ConditionsInput): Verdict {
  if (phase === "Succeeded") return { status: "True", reason: "PodCompleted" };
  const everStarted = statuses.regulars.some(
    ({ state, lastState, started }) =>
      started === true ||
      state.running !== undefined ||
      state.terminated !== undefined ||
      lastState.terminated !== undefined,
  );
  if (everStarted) return holds;
  const incomplete = statuses.inits.filter((status, index) =>
    definition.inits[index]?.kind === "sidecar" ? status.started !== true : !status.ready,
  );
  if (incomplete.length === 0) return holds;
  const message = `containers with incomplete status: ${names(incomplete)}`;
  return { status: "False", reason: "ContainersNotInitialized", message };
}

function containersReadyVerdict({ definition, statuses, phase }: ConditionsInput): Verdict {
  if (phase === "Succeeded") return { status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  const sidecars = statuses.inits.filter((_, index) => definition.inits[index]?.kind === "sidecar");
  const unready = [...sidecars, ...statuses.regulars].filter(({ ready }) => !ready);
  if (unready.length === 0) return holds;
  return {
    status: "False",
    reason: "ContainersNotReady",
    message: `containers with unready status: ${names(unready)}`,
  };
}

function readyVerdict({ definition, assigned }: ConditionsInput, containersReady: Verdict): Verdict {
  const gates = definition.spec.readinessGates ?? [];
  if (containersReady.status !== "True") return containersReady;
  const closed = gates.flatMap(({ conditionType }) => closedGate(conditionType, assigned.conditions?.[conditionType]));
  if (closed.length === 0) return containersReady;
  return { status: "False", reason: "ReadinessGatesNotReady", message: closed.join(", ") };
}

/** Nothing for one that is open. `status`: that of the condition that it goes by. */
function closedGate(type: string, status: string | undefined): readonly string[] {
  if (status === "True") return [];
  if (status === undefined) return [`corresponding condition of pod readiness gate "${type}" does not exist.`];
  return [`the status of pod readiness gate "${type}" is not "True", but ${status}`];
}

function names(statuses: readonly ContainerStatus[]): string {
  return `[${statuses.map(({ name }) => name).join(" ")}]`;
}
