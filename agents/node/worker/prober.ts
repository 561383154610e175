// Asks the probes of one pod's containers, each in its own rhythm, and tells what they found out.
import type { ContainerDefinition, PodDefinition } from "../pod/definition.ts";
import type { ContainerHealth, PodMemory } from "../pod/memory.ts";
import { containerMemory } from "../pod/memory.ts";
import type { Observation } from "../pod/observation.ts";
import type { PodEvent } from "../pod/pod-event.ts";
import { containerFieldPath, warning } from "../pod/pod-event.ts";
import type { ProbeAnswer, ProbeKind, ProbeRun } from "../pod/probe.ts";
import { ask, countAnswer, noRun, probeOf } from "../pod/probe.ts";
import type { Clock, Network, Random } from "../ports.ts";
import type { Runtime, RuntimeContainerStatus } from "../runtime/runtime.ts";

export type ProberPorts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly runtime: Runtime;
  readonly network: Network;
};

export type ProbedPod = {
  readonly definition: PodDefinition;
  readonly observation: Observation;
  readonly memory: PodMemory;
  readonly podIp: string;
  /** Only readiness still matters to a pod that is to end. */
  readonly isEnding: boolean;
};

export type ProbeFinding =
  | {
      readonly kind: "verdict";
      readonly name: string;
      readonly containerId: string;
      readonly probe: ProbeKind;
      readonly verdict: boolean;
    }
  /** Every probe that could be asked by now has been answered once. */
  | { readonly kind: "answered" }
  | {
      readonly kind: "unhealthy";
      readonly container: ContainerDefinition;
      readonly probe: ProbeKind;
      readonly answer: ProbeAnswer;
    };

type Task = {
  readonly containerId: string;
  readonly probe: ProbeKind;
  run: ProbeRun;
  isAsking: boolean;
  /** No answer is in yet. */
  isFirst: boolean;
  /** The container must go; asking it more is no use. */
  isOnHold: boolean;
  cancel: () => void;
};

const kinds: readonly ProbeKind[] = ["startup", "liveness", "readiness"];

/** The prober of one pod. `tell` may be called any time until `stop`. */
export class Prober {
  readonly #ports: ProberPorts;
  readonly #tell: (finding: ProbeFinding) => void;
  readonly #tasks = new Map<string, Task>();
  /** Containers that run longer than the agent are asked at random times first, so that a restart asks not all at once. */
  readonly #agentStartedAtMs: number;
  #pod: ProbedPod | undefined;

  constructor(ports: ProberPorts, agentStartedAtMs: number, tell: (finding: ProbeFinding) => void) {
    this.#ports = ports;
    this.#agentStartedAtMs = agentStartedAtMs;
    this.#tell = tell;
  }

  stop(): void {
    for (const task of this.#tasks.values()) task.cancel();
    this.#tasks.clear();
    this.#pod = undefined;
  }

  /** True while a probe that is being asked has never been answered. */
  isUndecided(): boolean {
    for (const task of this.#tasks.values()) if (task.isFirst && task.isAsking) return true;
    return false;
  }

  /** Takes in what the pod looks like now. */
  update(pod: ProbedPod): void {
    this.#pod = pod;
    for (const definition of pod.definition.containers) {
      if (definition.hasProbes) for (const kind of kinds) this.#updateTask(definition, kind, pod);
    }
  }

  #updateTask(definition: ContainerDefinition, kind: ProbeKind, pod: ProbedPod): void {
    if (probeOf(definition.container, kind) === undefined) return;
    const key = `${kind}/${definition.name}`;
    const running = pod.observation.containers.find(
      ({ metadata, state }) => metadata.name === definition.name && state === "running",
    );
    const task = this.#tasks.get(key);
    if (task !== undefined && (task.containerId !== running?.id || !isDue(definition, kind, pod, running))) {
      task.cancel();
      this.#tasks.delete(key);
    }
    if (running === undefined || this.#tasks.has(key) || !isDue(definition, kind, pod, running)) return;
    this.#start(definition, kind, running);
  }

  #start(definition: ContainerDefinition, kind: ProbeKind, { id, startedAtMs }: RuntimeContainerStatus): void {
    const probe = probeOf(definition.container, kind);
    if (probe === undefined) return;
    const { clock, random } = this.#ports;
    const task: Task = {
      containerId: id,
      probe: kind,
      run: noRun,
      isAsking: false,
      isFirst: true,
      isOnHold: false,
      cancel: () => {},
    };
    this.#tasks.set(`${kind}/${definition.name}`, task);
    const runningMs = Math.max(0, clock.nowMs() - (startedAtMs ?? 0));
    const initialMs = Math.max(0, (probe.initialDelaySeconds ?? 0) * 1000 - runningMs);
    const isAdopted = (startedAtMs ?? 0) < this.#agentStartedAtMs;
    const delayMs = isAdopted ? Math.max(initialMs, random.next() * probe.periodSeconds * 1000) : initialMs;
    if (delayMs === 0) void this.#round(definition, task);
    else task.cancel = clock.setTimer(delayMs, () => void this.#round(definition, task));
  }

  /** One question, its answer, and the timer for the next. */
  async #round(definition: ContainerDefinition, task: Task): Promise<void> {
    const probe = probeOf(definition.container, task.probe);
    const pod = this.#pod;
    if (probe === undefined || pod === undefined || task.isOnHold) return;
    const { clock } = this.#ports;
    const askedAtMs = clock.monotonicMs();
    task.isAsking = true;
    const { containerId } = task;
    const answer = await ask(
      probe,
      { container: definition.container, containerId, podIp: pod.podIp },
      this.#ports,
    ).catch((error: unknown): ProbeAnswer => ({ result: "error", output: String(error) }));
    task.isAsking = false;
    const isCurrent = () => this.#tasks.get(`${task.probe}/${definition.name}`) === task;
    if (!isCurrent()) return;
    const wasFirst = task.isFirst;
    task.isFirst = false;
    this.#take(definition, task, answer);
    if (wasFirst && !this.isUndecided()) this.#tell({ kind: "answered" });
    if (!isCurrent() || task.isOnHold) return;
    const periodMs = Math.max(1, probe.periodSeconds) * 1000;
    const spentMs = clock.monotonicMs() - askedAtMs;
    task.cancel = clock.setTimer(Math.max(0, periodMs - spentMs), () => void this.#round(definition, task));
  }

  #take(definition: ContainerDefinition, task: Task, answer: ProbeAnswer): void {
    if (answer.result !== "success") {
      this.#tell({ kind: "unhealthy", container: definition, probe: task.probe, answer });
    }
    const probe = probeOf(definition.container, task.probe);
    if (answer.result === "error" || probe === undefined) return;
    const { run, verdict } = countAnswer(probe, task.run, answer.result);
    task.run = run;
    if (verdict === null) return;
    if (!verdict && task.probe !== "readiness") task.isOnHold = true;
    const { containerId, probe: kind } = task;
    this.#tell({ kind: "verdict", name: definition.name, containerId, probe: kind, verdict });
  }
}

/** Whether the probe is to be asked at this point of the container's life. */
function isDue(
  { name, container }: ContainerDefinition,
  kind: ProbeKind,
  { memory, isEnding }: ProbedPod,
  running: RuntimeContainerStatus | undefined,
): boolean {
  if (running === undefined || (isEnding && kind !== "readiness")) return false;
  const { health } = containerMemory(memory, name);
  const hasStarted =
    container.startupProbe === undefined || (health?.containerId === running.id && health.started === true);
  return kind === "startup" ? !hasStarted : hasStarted;
}

type Verdict = { readonly containerId: string; readonly probe: ProbeKind; readonly verdict: boolean };

/** What is known of the container's health with one more verdict; the very object when it says nothing new. */
export function withVerdict(
  known: ContainerHealth | undefined,
  { containerId, probe, verdict }: Verdict,
): ContainerHealth {
  const health = known?.containerId === containerId ? known : { containerId };
  switch (probe) {
    case "readiness":
      return health.ready === verdict ? health : { ...health, ready: verdict };
    case "startup":
      return verdict ? { ...health, started: true } : { ...health, unhealthy: "startup" };
    case "liveness":
      return verdict || health.unhealthy !== undefined ? health : { ...health, unhealthy: "liveness" };
    default:
      return probe satisfies never;
  }
}

export function unhealthyEvent({ container, probe, answer }: Extract<ProbeFinding, { kind: "unhealthy" }>): PodEvent {
  const outcome = answer.result === "error" ? "errored" : "failed";
  const message = `${probe[0]?.toUpperCase()}${probe.slice(1)} probe ${outcome}: ${answer.output}`;
  return warning("Unhealthy", message, containerFieldPath(container.name, container.kind !== "regular"));
}
