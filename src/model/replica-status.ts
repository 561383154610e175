// What the statuses of workloads have in common whose pods are counted and alike: ReplicaSets and what they replaced.
// Source: apps/v1 ReplicaSetStatus and core/v1 ReplicationControllerStatus; pkg/printers/internalversion.
import type * as z from "zod";

import { always, int32, int64, list, omitempty, string, struct, text, timestamp } from "./fields.ts";
import type { KubeObject } from "./meta.ts";
import { notRunCondition, notRunMessage, notRunReason } from "./not-run-here.ts";
import type { Column } from "./resource.ts";

/** A condition of apps/v1, which differs from newer ones in what may be left out. `id` is its schema's name. */
export function workloadCondition(id: string, kind: string) {
  return struct(
    id,
    {
      type: always(string, ""),
      status: always(string, ""),
      lastTransitionTime: timestamp,
      reason: text,
      message: text,
    },
    {
      about: `One thing that is, is not, or may be so of a ${kind}.`,
      type: "What is said to be so.",
      status: "Whether it is so: True, False or Unknown.",
      lastTransitionTime: "When the status last changed.",
      reason: "Why, in one word for programs.",
      message: "Why, in a sentence for people.",
    },
  );
}

/** `named` makes the name of a schema in the kind's group. */
export function replicaStatus(named: (name: string) => string, kind: string) {
  return struct(
    named(`${kind}Status`),
    {
      replicas: always(int32, 0),
      fullyLabeledReplicas: omitempty(int32),
      readyReplicas: omitempty(int32),
      availableReplicas: omitempty(int32),
      observedGeneration: omitempty(int64),
      conditions: list(workloadCondition(named(`${kind}Condition`), kind), { mergeKey: "type" }),
    },
    {
      about: `What became of a ${kind}. Here that is always that it is not run.`,
      replicas: "How many pods there are.",
      fullyLabeledReplicas: "How many of them have all labels of the template.",
      readyReplicas: "How many of them are ready.",
      availableReplicas: "How many of them have been ready for long enough.",
      observedGeneration: "The generation that this is about.",
      conditions: "What is so of it now.",
    },
  );
}
type ReplicaStatus = z.output<ReturnType<typeof replicaStatus>>;

/** The status of what is not run here. `several` is as people call several of its kind. */
export function notRunReplicaStatus({ metadata }: KubeObject, several: string): ReplicaStatus {
  const { creationTimestamp: lastTransitionTime = null, generation } = metadata;
  const failure = { type: "ReplicaFailure", status: "True", reason: notRunReason, message: notRunMessage(several) };
  const conditions = [failure, notRunCondition(several)].map((condition) => ({ ...condition, lastTransitionTime }));
  return { replicas: 0, ...(generation === undefined ? {} : { observedGeneration: generation }), conditions };
}

type Counted = KubeObject & { readonly spec: { readonly replicas: number }; readonly status: ReplicaStatus };

function replicasColumn<T extends Counted>(name: string, description: string, cell: (object: T) => number): Column<T> {
  return { name, type: "integer", description, cell };
}

export function replicaColumns<T extends Counted>(): readonly Column<T>[] {
  return [
    replicasColumn("Desired", "How many pods are wanted.", ({ spec }) => spec.replicas),
    replicasColumn("Current", "How many pods there are.", ({ status }) => status.replicas),
    replicasColumn("Ready", "How many of them are ready.", ({ status }) => status.readyReplicas ?? 0),
  ];
}
