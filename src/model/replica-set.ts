// ReplicaSets: so many pods of one template. They are kept and not run here, and their status says so.
// Source: apps/v1 ReplicaSet; pkg/printers/internalversion printReplicaSet.
import type * as z from "zod";

import { apps, defaultedPointer, embedded, int32, mandatory, nullWhenAbsent, omitempty, struct } from "./fields.ts";
import { countingNotRun } from "./generation.ts";
import { LabelSelector, ObjectMeta, typeMeta } from "./meta.ts";
import { PodTemplateSpec } from "./pod-spec.ts";
import { warningsOfTemplate } from "./pod-warnings.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import { notRunReplicaStatus, replicaColumns, replicaStatus } from "./replica-status.ts";
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

const ReplicaSetStatus = replicaStatus(apps, "ReplicaSet");

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
  ...countingNotRun<ReplicaSet>((set) => ({
    ...set,
    status: notRunReplicaStatus(set, "ReplicaSets"),
  })),
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
    ...replicaColumns<ReplicaSet>(),
    ageColumn,
    ...containerColumns<ReplicaSet>(({ spec }) => spec.template),
    selectorColumn<ReplicaSet>(({ spec }) => spec.selector),
  ],
});
