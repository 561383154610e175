// DaemonSets: a pod on every node that wants one.
// Source: apps/v1 DaemonSet; pkg/apis/apps/v1/defaults.go; pkg/registry/apps/daemonset/strategy.go.

import type * as z from "zod";
import { semanticEqual } from "./equality.ts";
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
  string,
  struct,
  text,
  timestamp,
} from "./fields.ts";
import { formatLabels } from "./labels.ts";
import { LabelSelector, ObjectMeta, typeMeta } from "./meta.ts";
import { PodTemplateSpec } from "./pod-spec.ts";
import { podWarnings } from "./pod-warnings.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Column, Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { containerColumns, selectorColumn } from "./template-columns.ts";
import { validateDaemonSet, validateDaemonSetStatus } from "./validation/daemonset.ts";
import { validateImmutable, validateMetadataStatusUpdate, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

const RollingUpdateDaemonSet = struct(
  apps("RollingUpdateDaemonSet"),
  {
    maxUnavailable: pointer(intOrString),
    maxSurge: pointer(intOrString),
  },
  {
    about: "How many pods an update may replace at once. One of the two is 0.",
    maxUnavailable: "How many nodes may be without an available pod meanwhile, as a number or a percentage. Absent: 1.",
    maxSurge: "How many nodes may have a new pod beside the old one meanwhile, as a number or a percentage. Absent: 0.",
  },
);
export type RollingUpdateDaemonSet = z.output<typeof RollingUpdateDaemonSet>;

const UpdateStrategyFields = struct(
  apps("DaemonSetUpdateStrategy"),
  {
    type: defaulted(oneOf("OnDelete", "RollingUpdate"), "RollingUpdate"),
    rollingUpdate: pointer(RollingUpdateDaemonSet),
  },
  {
    about: "How pods come to be of a new template.",
    type: "RollingUpdate: they are replaced a few at a time; OnDelete: when somebody deletes them.",
    rollingUpdate: "How many at a time, with RollingUpdate.",
  },
);

const DaemonSetUpdateStrategy = UpdateStrategyFields.transform((strategy): z.output<typeof UpdateStrategyFields> => {
  if (strategy.type !== "RollingUpdate") return strategy;
  const { maxUnavailable = 1, maxSurge = 0 } = strategy.rollingUpdate ?? {};
  return { ...strategy, rollingUpdate: { maxUnavailable, maxSurge } };
});

const DaemonSetSpec = struct(
  apps("DaemonSetSpec"),
  {
    selector: mandatory(nullWhenAbsent(LabelSelector)),
    template: mandatory(embedded(PodTemplateSpec)),
    updateStrategy: embedded(DaemonSetUpdateStrategy),
    minReadySeconds: omitempty(int32),
    revisionHistoryLimit: defaultedPointer(int32, 10),
  },
  {
    about: "What is wanted: one pod of the template on every node that fits.",
    selector: "Which pods belong to it. Has to match the template's labels, and cannot be changed.",
    template: "What the pods are made from. Its node selector, affinity and tolerations say which nodes fit.",
    updateStrategy: "How pods are replaced when the template changes.",
    minReadySeconds: "How many seconds a pod has to be ready without a break to count as available.",
    revisionHistoryLimit: "How many former templates are kept for a rollback.",
  },
);
export type DaemonSetSpec = z.output<typeof DaemonSetSpec>;

const DaemonSetCondition = struct(
  apps("DaemonSetCondition"),
  {
    type: always(string, ""),
    status: always(string, ""),
    lastTransitionTime: timestamp,
    reason: text,
    message: text,
  },
  {
    about: "One thing that is or is not so of a DaemonSet.",
    type: "What.",
    status: "True, False or Unknown.",
    lastTransitionTime: "When its status last changed.",
    reason: "Why, in a word for programs.",
    message: "Why, for people.",
  },
);

const DaemonSetStatus = struct(
  apps("DaemonSetStatus"),
  {
    currentNumberScheduled: always(int32, 0),
    numberMisscheduled: always(int32, 0),
    desiredNumberScheduled: always(int32, 0),
    numberReady: always(int32, 0),
    observedGeneration: omitempty(int64),
    updatedNumberScheduled: omitempty(int32),
    numberAvailable: omitempty(int32),
    numberUnavailable: omitempty(int32),
    collisionCount: pointer(int32),
    conditions: list(DaemonSetCondition, { mergeKey: "type" }),
  },
  {
    about: "What was last observed of a DaemonSet.",
    currentNumberScheduled: "How many of the nodes that fit have a pod.",
    numberMisscheduled: "How many nodes have a pod and do not fit.",
    desiredNumberScheduled: "How many nodes fit.",
    numberReady: "How many nodes have a pod that is ready.",
    observedGeneration: "The generation of the DaemonSet that these numbers are about.",
    updatedNumberScheduled: "How many nodes have a pod of the current template.",
    numberAvailable: "How many nodes have a pod that has been ready for minReadySeconds.",
    numberUnavailable: "How many of the nodes that fit have no available pod.",
    collisionCount: "How often the name of a ControllerRevision was taken; it goes into the hash of the next.",
    conditions: "What is and is not so of the DaemonSet.",
  },
);
export type DaemonSetStatus = z.output<typeof DaemonSetStatus>;

export const DaemonSet = struct(
  apps("DaemonSet"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(DaemonSetSpec),
    status: embedded(DaemonSetStatus),
  },
  {
    about: "A pod on every node that wants one.",
    metadata: "Standard object metadata.",
    spec: "What is wanted: which pod, on which nodes, and how it is updated.",
    status: "What was last observed. May lag behind.",
  },
);
export type DaemonSet = z.output<typeof DaemonSet>;

/** Counts the changes of the template; pods carry it as a label. */
const templateGenerationAnnotation = "deprecated.daemonset.template.generation";

const newStatus: DaemonSetStatus = {
  currentNumberScheduled: 0,
  numberMisscheduled: 0,
  desiredNumberScheduled: 0,
  numberReady: 0,
};

function templateGeneration({ metadata }: DaemonSet): number {
  const given = metadata.annotations?.[templateGenerationAnnotation] ?? "";
  return /^-?\d{1,15}$/.test(given) ? Number(given) : 0;
}

type Generations = { readonly generation: number; readonly ofTemplate: number };

function withGenerations(set: DaemonSet, { generation, ofTemplate }: Generations): DaemonSet {
  const counted = withTemplateGeneration(set, ofTemplate);
  return { ...counted, metadata: { ...counted.metadata, generation } };
}

function withTemplateGeneration(set: DaemonSet, ofTemplate: number): DaemonSet {
  const annotations = { ...set.metadata.annotations, [templateGenerationAnnotation]: String(ofTemplate) };
  return { ...set, metadata: { ...set.metadata, annotations } };
}

function prepareForUpdate(set: DaemonSet, old: DaemonSet): DaemonSet {
  const generation = old.metadata.generation ?? 0;
  const ofTemplate = templateGeneration(old);
  const next = { ...set, status: old.status };
  if (!semanticEqual(set.spec.template, old.spec.template)) {
    return withGenerations(next, { generation: generation + 1, ofTemplate: ofTemplate + 1 });
  }
  const changed = !semanticEqual(set.spec, old.spec);
  return withGenerations(next, { generation: changed ? generation + 1 : generation, ofTemplate });
}

/** The spec and both generations stay as they were, whatever the body of a status write says. */
function prepareForStatusUpdate(set: DaemonSet, old: DaemonSet): DaemonSet {
  const generations = { generation: old.metadata.generation ?? 0, ofTemplate: templateGeneration(old) };
  return withGenerations({ ...set, spec: old.spec }, generations);
}

function count(
  name: string,
  description: string,
  of: (status: DaemonSetStatus) => number | undefined,
): Column<DaemonSet> {
  return { name, type: "integer", description, cell: ({ status }) => of(status) ?? 0 };
}

const columns: readonly Column<DaemonSet>[] = [
  nameColumn,
  count("Desired", "How many nodes should run the daemon.", (status) => status.desiredNumberScheduled),
  count("Current", "How many of them have at least one pod of it.", (status) => status.currentNumberScheduled),
  count("Ready", "How many of them have a ready pod.", (status) => status.numberReady),
  count(
    "Up-to-date",
    "How many of them have a pod of the current template.",
    (status) => status.updatedNumberScheduled,
  ),
  count("Available", "How many of them have a pod that stayed ready long enough.", (status) => status.numberAvailable),
  {
    name: "Node Selector",
    type: "string",
    description: "The labels a node needs to run the daemon.",
    cell: ({ spec }) => formatLabels(spec.template.spec.nodeSelector),
  },
  ageColumn,
  ...containerColumns<DaemonSet>(({ spec }) => spec.template),
  selectorColumn<DaemonSet>(({ spec }) => spec.selector),
];

export const daemonSets: Resource<DaemonSet> = defineResource<DaemonSet>({
  group: "apps",
  version: "v1",
  kind: "DaemonSet",
  plural: "daemonsets",
  support: actedOn("the point of it"),
  shortNames: ["ds"],
  categories: ["all"],
  statusSubresource: true,
  schema: DaemonSet,
  validateName: nameRule(dns1123Subdomain),
  completed: (set) => withTemplateGeneration(set, templateGeneration(set)),
  prepareForCreate: (set) =>
    withGenerations({ ...set, status: newStatus }, { generation: 1, ofTemplate: Math.max(1, templateGeneration(set)) }),
  prepareForUpdate,
  prepareForStatusUpdate,
  validate: validateDaemonSet,
  warnings: (set, old) =>
    old !== null && templateGeneration(set) === templateGeneration(old)
      ? []
      : podWarnings(set.spec.template, "spec.template."),
  validateUpdate: (set, old) => [
    ...validateMetadataUpdate(set.metadata, old.metadata),
    ...validateImmutable(set.spec.selector, old.spec.selector, "spec.selector"),
  ],
  validateStatusUpdate: (set, old) => [
    ...validateMetadataStatusUpdate(set.metadata, old.metadata),
    ...validateDaemonSetStatus(set.status, old.status),
  ],
  columns,
});
