// What an agent may do to a pod, and how it can turn out.
import type { PodEvent } from "./pod-event.ts";

/** Why a running container is stopped. */
export type KillReason = "changed" | "ending" | "liveness" | "sandbox" | "startup" | "surplus";

export type Action =
  | { readonly kind: "run-sandbox"; readonly attempt: number }
  | {
      readonly kind: "start-container";
      readonly name: string;
      readonly attempt: number;
      readonly sandboxId: string;
    }
  | {
      readonly kind: "kill-container";
      readonly containerId: string;
      readonly name: string;
      readonly graceSeconds: number;
      /** True when the container was told before that it ends: its pre-stop hook is not run now. */
      readonly hurry: boolean;
    }
  /** Of a container whose turn to end has not come. */
  | {
      readonly kind: "run-pre-stop";
      readonly containerId: string;
      readonly name: string;
      readonly graceSeconds: number;
    }
  | { readonly kind: "remove-container"; readonly containerId: string }
  | { readonly kind: "stop-sandbox"; readonly sandboxId: string }
  | { readonly kind: "remove-sandbox"; readonly sandboxId: string }
  | { readonly kind: "update-volumes" }
  | { readonly kind: "tear-down"; readonly what: "volumes" | "all" };

/** Names what the action is about: two actions with one key never run at a time. */
export function actionKey(action: Action): string {
  switch (action.kind) {
    case "run-sandbox":
      return "sandbox";
    case "start-container":
      return startKey(action.name);
    case "kill-container":
      return killKey(action.containerId);
    case "run-pre-stop":
      return preStopKey(action.containerId);
    case "remove-container":
      return `remove/${action.containerId}`;
    case "stop-sandbox":
      return `stop/${action.sandboxId}`;
    case "remove-sandbox":
      return `remove/${action.sandboxId}`;
    case "update-volumes":
    case "tear-down":
      return volumesKey;
    default:
      return action satisfies never;
  }
}

export const volumesKey = "volumes";

export function startKey(name: string): string {
  return `start/${name}`;
}

export function killKey(containerId: string): string {
  return `kill/${containerId}`;
}

export function preStopKey(containerId: string): string {
  return `pre-stop/${containerId}`;
}

/** How far a start has come. From "create" on it may leave a container behind; in "post-start" one runs. */
export type StartStage = "pull" | "create" | "post-start";

/** An action that has been taken and has not turned out yet. */
export type InFlight = {
  readonly action: Action;
  readonly stage: StartStage | undefined;
  /** By when a killed container is dead, and a pre-stop hook is through. */
  readonly deadlineMs: number | undefined;
};

/** How the volumes are after they were set up. */
export type VolumesFound = {
  /** Of what they were made from. */
  readonly version: string;
  readonly renewAfterMs?: number | undefined;
  /** What is wrong with them; empty when nothing is. */
  readonly trouble: string;
};

export type Outcome =
  | { readonly kind: "done"; readonly events: readonly PodEvent[]; readonly volumes?: VolumesFound }
  /** Somebody lost interest meanwhile; nothing was left behind. */
  | { readonly kind: "abandoned" }
  /** `reason` is the one a waiting container's status shows. */
  | {
      readonly kind: "failed";
      readonly reason: string;
      readonly message: string;
      readonly events: readonly PodEvent[];
      readonly volumes?: VolumesFound;
    };

/** A sandbox or a container is just being made. */
export function isMidStart(inFlight: Iterable<InFlight>): boolean {
  for (const { action, stage } of inFlight) {
    if (action.kind === "run-sandbox" || (action.kind === "start-container" && stage === "create")) return true;
  }
  return false;
}
