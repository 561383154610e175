// ReplicaSets: so many pods of one template. They are kept and not run here, and their status says so.
// Source: apps/v1 ReplicaSet; pkg/printers/internalversion printReplicaSet.
import type * as z from "zod";

import {
  always,
  apps,
  defaultedPointer,
  embedded,
  int32,
  int64,
  list,
  mandatory,
  nullWhenAbsent,
  omitempty,
  string,
  struct,
  text,
  timestamp,
} from "./fields.ts";
import { countingGenerations } from "./generation.ts";
import { LabelSelector, ObjectMeta, typeMeta } from "./meta.ts";
import { notRunCondition, notRunMessage, notRunReason } from "./not-run-here.ts";
import { PodTemplateSpec } from "./pod-spec.ts";
import { warningsOfTemplate } from "./pod-warnings.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { workloadScale } from "./scale.ts";
import { storedOnly } from "./support.ts";
import { containerColumns, selectorColumn } from "./template-columns.ts";
import { validateReplicaSet } from "./validation/deployment.ts";
import { validateImmutable, validateMetadataStatusUpdate, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

const ReplicaSetSpec = struct(
  apps("ReplicaSetSpec"),
  {
    replicas: defaultedPointer(int32, 1),
    minReadySeconds: omitempty(int32),
    selector: mandatory(nullWhenAbsent(LabelSelector)),
    template: embedded(PodTemplateSpec),
  },
  {
    about: "Which pods are wanted.",
    replicas: "How many.",
    minReadySeconds: "For how long a pod has to be ready to count as available.",
    selector: "The labels of the pods. Cannot be changed.",
    template: "What each of them is.",
  },
);

const ReplicaSetCondition = struct(
  apps("ReplicaSetCondition"),
  {
    type: always(string, ""),
    status: always(string, ""),
    lastTransitionTime: timestamp,
    reason: text,
    message: text,
  },
  {
    about: "One thing that is, is not, or may be so of a ReplicaSet.",
    type: "What is said to be so.",
    status: "Whether it is so: True, False or Unknown.",
    lastTransitionTime: "When the status last changed.",
    reason: "Why, in one word for programs.",
    message: "Why, in a sentence for people.",
  },
);

const ReplicaSetStatus = struct(
  apps("ReplicaSetStatus"),
  {
    replicas: always(int32, 0),
    fullyLabeledReplicas: omitempty(int32),
    readyReplicas: omitempty(int32),
    availableReplicas: omitempty(int32),
    observedGeneration: omitempty(int64),
    conditions: list(ReplicaSetCondition, { mergeKey: "type" }),
  },
  {
    about: "What became of a ReplicaSet. Here that is always that it is not run.",
    replicas: "How many pods there are.",
    fullyLabeledReplicas: "How many of them have all labels of the template.",
    readyReplicas: "How many of them are ready.",
    availableReplicas: "How many of them have been ready for long enough.",
    observedGeneration: "The generation that this is about.",
    conditions: "What is so of it now.",
  },
);

const ReplicaSet = struct(
  apps("ReplicaSet"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(ReplicaSetSpec),
    status: embedded(ReplicaSetStatus),
  },
  {
    about: "So many pods of one template. It is kept here and not run.",
    metadata: "Standard object metadata.",
    spec: "Which pods are wanted.",
    status: "What became of it.",
  },
);
export type ReplicaSet = z.output<typeof ReplicaSet>;

function withNotRun(set: ReplicaSet): ReplicaSet {
  const { creationTimestamp: lastTransitionTime = null, generation } = set.metadata;
  const failure = {
    type: "ReplicaFailure",
    status: "True",
    reason: notRunReason,
    message: notRunMessage("ReplicaSets"),
  };
  const conditions = [failure, notRunCondition("ReplicaSets")].map((condition) => ({
    ...condition,
    lastTransitionTime,
  }));
  return {
    ...set,
    status: { replicas: 0, ...(generation === undefined ? {} : { observedGeneration: generation }), conditions },
  };
}

const counted = countingGenerations<ReplicaSet>((set) => set);

export const replicaSets: Resource<ReplicaSet> = defineResource<ReplicaSet>({
  group: "apps",
  version: "v1",
  kind: "ReplicaSet",
  plural: "replicasets",
  shortNames: ["rs"],
  categories: ["all"],
  statusSubresource: true,
  scale: workloadScale,
  schema: ReplicaSet,
  support: storedOnly("**not run**, and says so in its status and an Event"),
  validateName: nameRule(dns1123Subdomain),
  prepareForCreate: (set) => withNotRun(counted.prepareForCreate(set)),
  prepareForUpdate: (set, old) => {
    const next = counted.prepareForUpdate(set, old);
    return next.metadata.generation === old.metadata.generation ? next : withNotRun(next);
  },
  prepareForStatusUpdate: counted.prepareForStatusUpdate,
  validate: validateReplicaSet,
  warnings: warningsOfTemplate<ReplicaSet>("spec.template", ({ spec }) => spec.template),
  validateUpdate: ({ metadata, spec }, old) => [
    ...validateMetadataUpdate(metadata, old.metadata),
    ...validateImmutable(spec.selector, old.spec.selector, "spec.selector"),
  ],
  validateStatusUpdate: ({ metadata }, old) => validateMetadataStatusUpdate(metadata, old.metadata),
  selectableFields: ({ status }) => ({ "status.replicas": String(status.replicas) }),
  columns: [
    nameColumn,
    {
      name: "Desired",
      type: "integer",
      description: "How many pods are wanted.",
      cell: ({ spec }) => spec.replicas,
    },
    {
      name: "Current",
      type: "integer",
      description: "How many pods there are.",
      cell: ({ status }) => status.replicas,
    },
    {
      name: "Ready",
      type: "integer",
      description: "How many of them are ready.",
      cell: ({ status }) => status.readyReplicas ?? 0,
    },
    ageColumn,
    ...containerColumns<ReplicaSet>(({ spec }) => spec.template),
    selectorColumn<ReplicaSet>(({ spec }) => spec.selector),
  ],
});
