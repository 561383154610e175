// ReplicationControllers: what there was before ReplicaSets. They are kept and not run here, and their status says so.
// Source: core/v1 ReplicationController; pkg/apis/core/v1/defaults.go; pkg/printers/internalversion.
import type * as z from "zod";

import {
  always,
  atomicStringMap,
  core,
  defaultedPointer,
  embedded,
  int32,
  int64,
  list,
  omitempty,
  pointer,
  string,
  struct,
  text,
  timestamp,
} from "./fields.ts";
import { countingGenerations } from "./generation.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { notRunCondition, notRunMessage, notRunReason } from "./not-run-here.ts";
import { PodTemplateSpec } from "./pod-spec.ts";
import { warningsOfTemplate } from "./pod-warnings.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { workloadScale } from "./scale.ts";
import { storedOnly } from "./support.ts";
import { containerColumns, selectorColumn } from "./template-columns.ts";
import { validateReplicationController } from "./validation/deployment.ts";
import { validateMetadataStatusUpdate, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

const ReplicationControllerSpec = struct(
  core("ReplicationControllerSpec"),
  {
    replicas: defaultedPointer(int32, 1),
    minReadySeconds: omitempty(int32),
    selector: atomicStringMap,
    template: pointer(PodTemplateSpec),
  },
  {
    about: "Which pods are wanted.",
    replicas: "How many.",
    minReadySeconds: "For how long a pod has to be ready to count as available.",
    selector: "The labels of the pods. Absent: those of the template.",
    template: "What each of them is.",
  },
);

const ReplicationControllerCondition = struct(
  core("ReplicationControllerCondition"),
  {
    type: always(string, ""),
    status: always(string, ""),
    lastTransitionTime: timestamp,
    reason: text,
    message: text,
  },
  {
    about: "One thing that is, is not, or may be so of a ReplicationController.",
    type: "What is said to be so.",
    status: "Whether it is so: True, False or Unknown.",
    lastTransitionTime: "When the status last changed.",
    reason: "Why, in one word for programs.",
    message: "Why, in a sentence for people.",
  },
);

const ReplicationControllerStatus = struct(
  core("ReplicationControllerStatus"),
  {
    replicas: always(int32, 0),
    fullyLabeledReplicas: omitempty(int32),
    readyReplicas: omitempty(int32),
    availableReplicas: omitempty(int32),
    observedGeneration: omitempty(int64),
    conditions: list(ReplicationControllerCondition, { mergeKey: "type" }),
  },
  {
    about: "What became of a ReplicationController. Here that is always that it is not run.",
    replicas: "How many pods there are.",
    fullyLabeledReplicas: "How many of them have all labels of the template.",
    readyReplicas: "How many of them are ready.",
    availableReplicas: "How many of them have been ready for long enough.",
    observedGeneration: "The generation that this is about.",
    conditions: "What is so of it now.",
  },
);

const Fields = struct(
  core("ReplicationController"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(ReplicationControllerSpec),
    status: embedded(ReplicationControllerStatus),
  },
  {
    about: "So many pods of one template, as ReplicaSets have it today. It is kept here and not run.",
    metadata: "Standard object metadata.",
    spec: "Which pods are wanted.",
    status: "What became of it.",
  },
);

/** What is not said of labels is as the template has it. */
const ReplicationController = Fields.transform((controller): z.output<typeof Fields> => {
  const labels = controller.spec.template?.metadata.labels;
  if (labels === undefined) return controller;
  return {
    ...controller,
    metadata: { ...controller.metadata, labels: controller.metadata.labels ?? labels },
    spec: { ...controller.spec, selector: controller.spec.selector ?? labels },
  };
});
export type ReplicationController = z.output<typeof ReplicationController>;

const several = "ReplicationControllers";

function withNotRun(controller: ReplicationController): ReplicationController {
  const { creationTimestamp: lastTransitionTime = null, generation } = controller.metadata;
  const failure = { type: "ReplicaFailure", status: "True", reason: notRunReason, message: notRunMessage(several) };
  const conditions = [failure, notRunCondition(several)].map((condition) => ({ ...condition, lastTransitionTime }));
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  return { ...controller, status: { replicas: 0, ...observed, conditions } };
}

const counted = countingGenerations<ReplicationController>((controller) => controller);

const noTemplate = PodTemplateSpec.parse({});
const templateOf = ({ spec }: ReplicationController): PodTemplateSpec => spec.template ?? noTemplate;

export const replicationControllers: Resource<ReplicationController> = defineResource<ReplicationController>({
  group: "",
  version: "v1",
  kind: "ReplicationController",
  plural: "replicationcontrollers",
  shortNames: ["rc"],
  categories: ["all"],
  statusSubresource: true,
  // The selector is none of those that scalers know.
  scale: { ...workloadScale, labelSelector: null },
  schema: ReplicationController,
  support: storedOnly("**not run**, and says so in its status and an Event"),
  validateName: nameRule(dns1123Subdomain),
  prepareForCreate: (controller) => withNotRun(counted.prepareForCreate(controller)),
  prepareForUpdate: (controller, old) => {
    const next = counted.prepareForUpdate(controller, old);
    return next.metadata.generation === old.metadata.generation ? next : withNotRun(next);
  },
  prepareForStatusUpdate: counted.prepareForStatusUpdate,
  validate: validateReplicationController,
  warnings: warningsOfTemplate("spec.template", templateOf),
  validateUpdate: ({ metadata }, old) => validateMetadataUpdate(metadata, old.metadata),
  validateStatusUpdate: ({ metadata }, old) => validateMetadataStatusUpdate(metadata, old.metadata),
  selectableFields: ({ status }) => ({ "status.replicas": String(status.replicas) }),
  columns: [
    nameColumn,
    { name: "Desired", type: "integer", description: "How many pods are wanted.", cell: ({ spec }) => spec.replicas },
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
    ...containerColumns<ReplicationController>(templateOf),
    selectorColumn<ReplicationController>(({ spec }) => ({ matchLabels: spec.selector })),
  ],
});
