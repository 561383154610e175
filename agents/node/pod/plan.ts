// What to do next for one pod: a pure function of what is wanted, what was observed and what is remembered.
import type { AssignedPod } from "../../../src/sync/messages.ts";
import type { Action, InFlight, KillReason } from "./action.ts";
import { killKey } from "./action.ts";
import type { ContainerDefinition, PodDefinition } from "./definition.ts";
import { restartPolicyOf } from "./definition.ts";
import type { ContainerMemory, PodMemory } from "./memory.ts";
import { isFinished, withContainer } from "./memory.ts";
import type { Observation } from "./observation.ts";
import { planEnding } from "./plan-ending.ts";
import { isEndPutOff, isRefused, waitsForRelease } from "./plan-held.ts";
import { planRunning } from "./plan-running.ts";
import type { PodEvent } from "./pod-event.ts";
import { containerFieldPath, normal } from "./pod-event.ts";

/** A pod as the planner sees it. One that is not assigned is known by what the runtime still has of it. */
export type PodView = {
  readonly uid: string;
  readonly wanted: { readonly assigned: AssignedPod; readonly definition: PodDefinition } | undefined;
  readonly observation: Observation;
  readonly memory: PodMemory;
  readonly inFlight: ReadonlyMap<string, InFlight>;
  /** It is not known yet what the ConfigMaps and Secrets are that the pod names: nothing of it is started. */
  readonly awaitsObjects: boolean;
  /** Of what the pod's volumes are to be made from. */
  readonly contentVersion: string;
} & Circumstances;

/** What of its node matters to whether a pod may begin, or be replaced. */
export type Circumstances = {
  /** Why nothing is to start or be replaced on this node for now; absent: it may. */
  readonly heldBecause?: string;
  /** The node's own conditions. */
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
};

export type PodPlan = {
  /** They may run side by side. */
  readonly actions: readonly Action[];
  readonly memory: PodMemory;
  readonly events: readonly PodEvent[];
  /** When time alone may change the plan; undefined: only news will. */
  readonly lookAgainAtMs: number | undefined;
  /** Nothing is left of the pod and nobody asks for it. */
  readonly forget: boolean;
};

/** The plan for one pod at `nowMs`, a time that never jumps. */
export function planPod(view: PodView, nowMs: number): PodPlan {
  const draft = new Draft(view, nowMs);
  const { wanted } = view;
  const isToEnd = wanted?.assigned.deletion !== undefined && !isEndPutOff(view);
  if (wanted === undefined || isToEnd || isFinished(view.memory)) planEnding(draft);
  else if (isRefused(draft, wanted.definition)) planEnding(draft);
  else if (!waitsForRelease(draft, wanted.definition)) planRunning(draft, wanted);
  return draft;
}

/** A plan in the making. */
export class Draft implements PodPlan {
  readonly view: PodView;
  readonly nowMs: number;
  readonly actions: Action[] = [];
  readonly events: PodEvent[] = [];
  memory: PodMemory;
  lookAgainAtMs: number | undefined;
  forget = false;

  constructor(view: PodView, nowMs: number) {
    this.view = view;
    this.nowMs = nowMs;
    this.memory = view.memory;
  }

  act(action: Action): void {
    this.actions.push(action);
  }

  lookAgain(atMs: number): void {
    this.lookAgainAtMs = Math.min(this.lookAgainAtMs ?? atMs, atMs);
  }

  remember(name: string, change: Partial<ContainerMemory>): void {
    this.memory = withContainer(this.memory, name, change);
  }

  isInFlight(key: string): boolean {
    return this.view.inFlight.has(key);
  }

  definitionOf(name: string): ContainerDefinition | undefined {
    return this.view.wanted?.definition.containers.find((container) => container.name === name);
  }

  /** Asks a container to end within `graceSeconds`, unless it has been asked to end as soon. */
  kill({ containerId, name, graceSeconds, why, hurry = false }: Kill): void {
    const seconds = Math.max(graceSeconds, 0);
    const before = this.view.inFlight.get(killKey(containerId));
    // A second of slack: a plan made a moment later must not hurry a container for that moment.
    const isSoonEnough = (before?.deadlineMs ?? Number.POSITIVE_INFINITY) <= this.nowMs + seconds * 1000 + 1000;
    if (before !== undefined && isSoonEnough) return;
    this.act({
      kind: "kill-container",
      containerId,
      name,
      graceSeconds: seconds,
      hurry: hurry || before !== undefined,
    });
    // Of a pod that ends, it was told when its end began.
    if (before === undefined && why !== "ending") this.tellKilling(name, why);
  }

  tellKilling(name: string, why: KillReason): void {
    this.events.push(normal("Killing", this.#killingMessage(name, why), this.fieldPath(name)));
  }

  #killingMessage(name: string, why: KillReason): string {
    switch (why) {
      case "changed":
        return `Container ${name} definition changed, will be restarted`;
      case "liveness":
      case "startup":
        return `Container ${name} failed ${why} probe${this.#isFinal(name) ? "" : ", will be restarted"}`;
      case "ending":
      case "sandbox":
      case "surplus":
        return `Stopping container ${name}`;
      default:
        return why satisfies never;
    }
  }

  #isFinal(name: string): boolean {
    const container = this.definitionOf(name);
    const pod = this.view.wanted?.definition;
    return container === undefined || pod === undefined || restartPolicyOf(pod, container) === "Never";
  }

  fieldPath(name: string): string {
    const kind = this.definitionOf(name)?.kind;
    return containerFieldPath(name, kind === "init" || kind === "sidecar");
  }
}

export type Kill = {
  readonly containerId: string;
  readonly name: string;
  readonly graceSeconds: number;
  readonly why: KillReason;
  readonly hurry?: boolean;
};
