// What the scheduler tells of pods, whoever plays it.
// Source: pkg/scheduler; framework/preemption.
import type { EventSource, Happening } from "./event-correlator.ts";

export const scheduler: EventSource = { component: "default-scheduler" };

type NamedPod = { readonly namespace: string; readonly name: string; readonly uid: string };
type Told = Pick<Happening, "type" | "reason" | "message">;

export function podHappening({ namespace, name, uid }: NamedPod, told: Told): Happening {
  return { subject: { kind: "Pod", namespace, name, uid, apiVersion: "v1" }, ...told };
}

export function foundNode({ namespace, name }: NamedPod, node: string): Told {
  const message = `Successfully assigned ${namespace}/${name} to ${node}`;
  return { type: "Normal", reason: "Scheduled", message };
}

export function foundNone(message: string): Told {
  return { type: "Warning", reason: "FailedScheduling", message };
}

/** Of a victim. */
export function lostItsPlace(preemptor: NamedPod, node: string): Told {
  return { type: "Normal", reason: "Preempted", message: `Preempted by pod ${preemptor.uid} on node ${node}` };
}

/** Why a victim goes, in its condition DisruptionTarget. */
export const preemptionReason = {
  reason: "PreemptionByScheduler",
  message: "default-scheduler: preempting to accommodate a higher priority pod",
} as const;
