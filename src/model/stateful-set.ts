// StatefulSets: pods with names and volumes of their own. They are kept and not run here, and their status says so.
// Source: apps/v1 StatefulSet; pkg/apis/apps/v1/defaults.go; pkg/printers/internalversion printStatefulSet.
import type * as z from "zod";

import {
  always,
  apps,
  defaulted,
  defaultedPointer,
  embedded,
  int32,
  int64,
  intOrString,
  list,
  mandatory,
  nullWhenAbsent,
  omitempty,
  oneOf,
  pointer,
  presentOr,
  string,
  struct,
  text,
  withDefault,
} from "./fields.ts";
import { countingNotRun } from "./generation.ts";
import { LabelSelector, ObjectMeta, typeMeta } from "./meta.ts";
import { notRunCondition } from "./not-run-here.ts";
import { PersistentVolumeClaim } from "./persistent-volume-claim.ts";
import { PodTemplateSpec } from "./pod-spec.ts";
import { warningsOfTemplate } from "./pod-warnings.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import { workloadCondition } from "./replica-status.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { workloadScale } from "./scale.ts";
import { storedOnly } from "./support.ts";
import { containerColumns } from "./template-columns.ts";
import { validateStatefulSet, validateStatefulSetUpdate } from "./validation/deployment.ts";
import { validateMetadataStatusUpdate, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

const RollingUpdateStatefulSetStrategy = struct(
  apps("RollingUpdateStatefulSetStrategy"),
  { partition: pointer(int32), maxUnavailable: pointer(intOrString) },
  {
    about: "How pods are replaced one after the other.",
    partition: "Pods below this number are left alone.",
    maxUnavailable: "How many may be missing meanwhile.",
  },
);

const UpdateStrategyFields = struct(
  apps("StatefulSetUpdateStrategy"),
  {
    type: defaulted(oneOf("OnDelete", "RollingUpdate"), "RollingUpdate"),
    rollingUpdate: pointer(RollingUpdateStatefulSetStrategy),
  },
  {
    about: "How the pods of an old template are replaced.",
    type: "RollingUpdate, or OnDelete to wait until they are deleted.",
    rollingUpdate: "How, if one after the other.",
  },
);

const StatefulSetUpdateStrategy = UpdateStrategyFields.transform((strategy): z.output<typeof UpdateStrategyFields> => {
  if (strategy.type !== "RollingUpdate") return strategy;
  return {
    ...strategy,
    rollingUpdate: { ...strategy.rollingUpdate, partition: strategy.rollingUpdate?.partition ?? 0 },
  };
});

const RetentionPolicy = struct(
  apps("StatefulSetPersistentVolumeClaimRetentionPolicy"),
  {
    whenDeleted: defaulted(oneOf("Delete", "Retain"), "Retain"),
    whenScaled: defaulted(oneOf("Delete", "Retain"), "Retain"),
  },
  {
    about: "What becomes of the pods' claims.",
    whenDeleted: "When the set is deleted: Retain or Delete.",
    whenScaled: "When there are to be fewer pods: Retain or Delete.",
  },
);

const StatefulSetOrdinals = struct(
  apps("StatefulSetOrdinals"),
  { start: withDefault(presentOr(int32, 0), 0) },
  { about: "How the pods are numbered.", start: "The number of the first." },
);

/** The claims of a set are whole objects, and are written as such. */
const ClaimOfSet = PersistentVolumeClaim.transform((claim): z.output<typeof PersistentVolumeClaim> => {
  return { ...claim, apiVersion: "v1", kind: "PersistentVolumeClaim" };
});

const StatefulSetSpec = struct(
  apps("StatefulSetSpec"),
  {
    replicas: defaultedPointer(int32, 1),
    selector: mandatory(nullWhenAbsent(LabelSelector)),
    template: mandatory(embedded(PodTemplateSpec)),
    volumeClaimTemplates: list(ClaimOfSet),
    serviceName: always(string, ""),
    podManagementPolicy: defaulted(oneOf("OrderedReady", "Parallel"), "OrderedReady"),
    updateStrategy: embedded(StatefulSetUpdateStrategy),
    revisionHistoryLimit: defaultedPointer(int32, 10),
    minReadySeconds: omitempty(int32),
    persistentVolumeClaimRetentionPolicy: embedded(RetentionPolicy),
    ordinals: pointer(StatefulSetOrdinals),
  },
  {
    about: "Which pods are wanted.",
    replicas: "How many.",
    selector: "The labels of the pods. Cannot be changed.",
    template: "What each of them is.",
    volumeClaimTemplates: "The claims that each of them has of its own.",
    serviceName: "The Service under which each of them has a name.",
    podManagementPolicy: "OrderedReady to make them one after the other, Parallel all at once.",
    updateStrategy: "How the pods of an old template are replaced.",
    revisionHistoryLimit: "How many old templates are kept.",
    minReadySeconds: "For how long a pod has to be ready to count as available.",
    persistentVolumeClaimRetentionPolicy: "What becomes of the claims.",
    ordinals: "How the pods are numbered.",
  },
);
export type StatefulSetSpec = z.output<typeof StatefulSetSpec>;

const StatefulSetStatus = struct(
  apps("StatefulSetStatus"),
  {
    observedGeneration: omitempty(int64),
    replicas: always(int32, 0),
    readyReplicas: omitempty(int32),
    currentReplicas: omitempty(int32),
    updatedReplicas: omitempty(int32),
    currentRevision: text,
    updateRevision: text,
    collisionCount: pointer(int32),
    conditions: list(workloadCondition(apps("StatefulSetCondition"), "StatefulSet"), { mergeKey: "type" }),
    availableReplicas: withDefault(presentOr(int32, 0), 0),
  },
  {
    about: "What became of a StatefulSet. Here that is always that it is not run.",
    observedGeneration: "The generation that this is about.",
    replicas: "How many pods there are.",
    readyReplicas: "How many of them are ready.",
    currentReplicas: "How many of them are of the template that was current before.",
    updatedReplicas: "How many of them are of the current template.",
    currentRevision: "The revision that was current before.",
    updateRevision: "The current revision.",
    collisionCount: "How often a name for a template was taken.",
    conditions: "What is so of it now.",
    availableReplicas: "How many of them have been ready for long enough.",
  },
);

const StatefulSet = struct(
  apps("StatefulSet"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(StatefulSetSpec),
    status: embedded(StatefulSetStatus),
  },
  {
    about: "Pods with names and volumes of their own. It is kept here and not run.",
    metadata: "Standard object metadata.",
    spec: "Which pods are wanted.",
    status: "What became of it.",
  },
);
export type StatefulSet = z.output<typeof StatefulSet>;

function withNotRun(set: StatefulSet): StatefulSet {
  const { creationTimestamp: lastTransitionTime = null, generation } = set.metadata;
  const conditions = [{ ...notRunCondition("StatefulSets"), lastTransitionTime }];
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  return { ...set, status: { ...observed, replicas: 0, availableReplicas: 0, conditions } };
}

export const statefulSets: Resource<StatefulSet> = defineResource<StatefulSet>({
  group: "apps",
  version: "v1",
  kind: "StatefulSet",
  plural: "statefulsets",
  shortNames: ["sts"],
  categories: ["all"],
  statusSubresource: true,
  scale: workloadScale,
  schema: StatefulSet,
  support: storedOnly("**not run**, and says so in its status and an Event"),
  validateName: nameRule(dns1123Subdomain),
  ...countingNotRun(withNotRun),
  validate: validateStatefulSet,
  warnings: warningsOfTemplate<StatefulSet>("spec.template", ({ spec }) => spec.template),
  validateUpdate: ({ metadata, spec }, old) => [
    ...validateMetadataUpdate(metadata, old.metadata),
    ...validateStatefulSetUpdate(spec, old.spec),
  ],
  validateStatusUpdate: ({ metadata }, old) => validateMetadataStatusUpdate(metadata, old.metadata),
  columns: [
    nameColumn,
    {
      name: "Ready",
      type: "string",
      description: "How many of the wanted pods are ready.",
      cell: ({ spec, status }) => `${status.readyReplicas ?? 0}/${spec.replicas}`,
    },
    ageColumn,
    ...containerColumns<StatefulSet>(({ spec }) => spec.template),
  ],
});
