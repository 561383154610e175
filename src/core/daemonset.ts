// A DaemonSet as the controller reads it, the template of its pods, and the status it is given.
// Source: pkg/controller/daemon CreatePodTemplate, updateDaemonSetStatus.
import type { DaemonSet } from "../model/daemonset.ts";
import type { PodTemplate } from "../model/pod-template.ts";
import type { DaemonSetFacts } from "./daemon-pods.ts";
import type { NodeCounts } from "./node-decision.ts";
import { hashLabel, templateGenerationAnnotation, templateGenerationLabel } from "./revisions.ts";
import { daemonPodTolerations } from "./tolerations.ts";

const integer = /^-?\d+$/;

function templateGeneration(set: DaemonSet): string {
  const given = set.metadata.annotations?.[templateGenerationAnnotation] ?? "";
  return integer.test(given) ? given : "";
}

/** `hash` is that of the current ControllerRevision. */
export function daemonSetFacts(set: DaemonSet, hash: string): DaemonSetFacts {
  const { type, rollingUpdate } = set.spec.updateStrategy;
  return {
    uid: set.metadata.uid ?? "",
    namespace: set.metadata.namespace ?? "",
    name: set.metadata.name ?? "",
    observedGeneration: set.status.observedGeneration ?? 0,
    hash,
    templateGeneration: templateGeneration(set),
    strategy: type === "OnDelete" ? "OnDelete" : "RollingUpdate",
    maxUnavailable: rollingUpdate?.maxUnavailable ?? 0,
    maxSurge: rollingUpdate?.maxSurge ?? 0,
    minReadySeconds: set.spec.minReadySeconds ?? 0,
  };
}

/** The template of the pods of this DaemonSet, before the defaults that only pods get. */
export function daemonPodTemplate(set: DaemonSet, hash: string): PodTemplate {
  const { metadata } = set.spec.template;
  const { nodeName: _target, ...spec } = set.spec.template.spec;
  const generation = templateGeneration(set);
  const tolerations = daemonPodTolerations(spec.tolerations ?? [], spec.hostNetwork === true);
  return {
    metadata: {
      generateName: `${set.metadata.name}-`,
      labels: {
        ...metadata.labels,
        [hashLabel]: hash,
        ...(generation === "" ? {} : { [templateGenerationLabel]: generation }),
      },
      ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
      ...(metadata.finalizers === undefined ? {} : { finalizers: metadata.finalizers }),
      ownerReferences: [ownerReference(set)],
    },
    spec: { ...spec, tolerations: [...tolerations] },
    pinned: true,
  };
}

export function ownerReference(set: DaemonSet) {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    name: set.metadata.name ?? "",
    uid: set.metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}

type Status = DaemonSet["status"];

/** The status after a pass over the object as it is; the very same one when nothing changed. */
export function daemonSetStatus(set: DaemonSet, counts: NodeCounts): Status {
  const before = set.status;
  const generation = set.metadata.generation ?? 0;
  const status: Status = {
    ...before,
    currentNumberScheduled: counts.current,
    numberMisscheduled: counts.misscheduled,
    desiredNumberScheduled: counts.desired,
    numberReady: counts.ready,
    observedGeneration: generation,
    updatedNumberScheduled: counts.updated,
    numberAvailable: counts.available,
    numberUnavailable: counts.desired - counts.available,
  };
  return isSameStatus(before, status) ? before : zeroesLeftOut(status);
}

const counters = [
  "currentNumberScheduled",
  "numberMisscheduled",
  "desiredNumberScheduled",
  "numberReady",
  "updatedNumberScheduled",
  "numberAvailable",
  "numberUnavailable",
] as const satisfies readonly (keyof Status)[];

function isSameStatus(before: Status, after: Status): boolean {
  return (
    counters.every((counter) => (before[counter] ?? 0) === (after[counter] ?? 0)) &&
    (before.observedGeneration ?? 0) >= (after.observedGeneration ?? 0)
  );
}

/** Fields that upstream leaves out of its JSON when they are zero. */
function zeroesLeftOut(status: Status): Status {
  const { observedGeneration, updatedNumberScheduled, numberAvailable, numberUnavailable, ...always } = status;
  return {
    ...always,
    ...(observedGeneration ? { observedGeneration } : {}),
    ...(updatedNumberScheduled ? { updatedNumberScheduled } : {}),
    ...(numberAvailable ? { numberAvailable } : {}),
    ...(numberUnavailable ? { numberUnavailable } : {}),
  };
}
