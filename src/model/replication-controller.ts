// ReplicationControllers: what there was before ReplicaSets. They are kept and not run here, and their status says so.
// Source: core/v1 ReplicationController; pkg/apis/core/v1/defaults.go; pkg/printers/internalversion.
import type * as z from "zod";

import { atomicStringMap, core, defaultedPointer, embedded, int32, omitempty, pointer, struct } from "./fields.ts";
import { countingNotRun } from "./generation.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { PodTemplateSpec } from "./pod-spec.ts";
import { warningsOfTemplate } from "./pod-warnings.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import { notRunReplicaStatus, replicaColumns, replicaStatus } from "./replica-status.ts";
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

const ReplicationControllerStatus = replicaStatus(core, "ReplicationController");

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
  scale: workloadScale,
  schema: ReplicationController,
  support: storedOnly("**not run**, and says so in its status and an Event"),
  validateName: nameRule(dns1123Subdomain),
  ...countingNotRun<ReplicationController>((controller) => ({
    ...controller,
    status: notRunReplicaStatus(controller, "ReplicationControllers"),
  })),
  validate: validateReplicationController,
  warnings: warningsOfTemplate("spec.template", templateOf),
  validateUpdate: ({ metadata }, old) => validateMetadataUpdate(metadata, old.metadata),
  validateStatusUpdate: ({ metadata }, old) => validateMetadataStatusUpdate(metadata, old.metadata),
  selectableFields: ({ status }) => ({ "status.replicas": String(status.replicas) }),
  columns: [
    nameColumn,
    ...replicaColumns<ReplicationController>(),
    ageColumn,
    ...containerColumns<ReplicationController>(templateOf),
    selectorColumn<ReplicationController>(({ spec }) => ({ matchLabels: spec.selector })),
  ],
});
