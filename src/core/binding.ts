// What puts a pod on a node, and what of a pod forbids it.
// Source: pkg/registry/core/pod/storage setPodNodeAndMetadata.
import type { Binding } from "../model/binding.ts";
import type { FieldError } from "../model/field-error.ts";
import { notSupported, required } from "../model/field-error.ts";
import type { Pod } from "../model/pod.ts";
import type { PodCondition, PodStatus } from "../model/pod-status.ts";

export function validateBinding({ target }: Binding): readonly FieldError[] {
  const { kind, name } = target;
  return [
    ...(kind === undefined || kind === "Node" ? [] : [notSupported("target.kind", kind, ["Node", "<empty>"])]),
    ...(name === undefined ? [required("target.name")] : []),
  ];
}

/** Why the pod cannot be put on a node; null: it can. */
export function bindingRefusal({ metadata, spec }: Pod): string | null {
  if (metadata.deletionTimestamp !== undefined) {
    return `pod ${metadata.name} is being deleted, cannot be assigned to a host`;
  }
  if (spec.nodeName !== undefined) return `pod ${metadata.name} is already assigned to node "${spec.nodeName}"`;
  return spec.schedulingGates === undefined ? null : `pod ${metadata.name} has non-empty .spec.schedulingGates`;
}

/** The pod on its node. `now` in RFC 3339. */
export function boundPod(pod: Pod, node: string, now: string): Pod {
  const { nominatedNodeName: _nominated, ...status } = pod.status;
  return { ...pod, spec: { ...pod.spec, nodeName: node }, status: withCondition(status, scheduled("True", now)) };
}

/** The condition that says whether a pod has a node. */
export function scheduled(
  status: "True" | "False",
  now: string,
  why?: { readonly reason: string; readonly message: string },
): PodCondition {
  return { type: "PodScheduled", status, lastProbeTime: null, lastTransitionTime: now, ...why };
}

/** The status with the condition in place of the one of its type; the time of a transition that was none stays. */
export function withCondition(status: PodStatus, condition: PodCondition): PodStatus {
  const conditions = status.conditions ?? [];
  const before = conditions.find(({ type }) => type === condition.type);
  const since = before?.status === condition.status ? before.lastTransitionTime : condition.lastTransitionTime;
  const next = { ...condition, lastTransitionTime: since };
  if (before === undefined) return { ...status, conditions: [...conditions, next] };
  return { ...status, conditions: conditions.map((known) => (known === before ? next : known)) };
}
