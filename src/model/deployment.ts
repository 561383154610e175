// Deployments: some pods that are all alike. They are kept and not run here, and their status says so.
// Source: apps/v1 Deployment; pkg/apis/apps/v1/defaults.go; pkg/printers/internalversion printDeployment.
import type * as z from "zod";

import {
  always,
  apps,
  defaulted,
  defaultedPointer,
  embedded,
  flag,
  int32,
  int64,
  intOrString,
  list,
  mandatory,
  nullWhenAbsent,
  omitempty,
  oneOf,
  patchedBy,
  pointer,
  string,
  struct,
  text,
  timestamp,
} from "./fields.ts";
import { countingNotRun } from "./generation.ts";
import { LabelSelector, ObjectMeta, typeMeta } from "./meta.ts";
import { notRunCondition, notRunMessage } from "./not-run-here.ts";
import { PodTemplateSpec } from "./pod-spec.ts";
import { warningsOfTemplate } from "./pod-warnings.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { workloadScale } from "./scale.ts";
import { storedOnly } from "./support.ts";
import { containerColumns, selectorColumn } from "./template-columns.ts";
import { validateDeployment } from "./validation/deployment.ts";
import { validateImmutable, validateMetadataStatusUpdate, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

const RollingUpdateDeployment = struct(
  apps("RollingUpdateDeployment"),
  { maxUnavailable: pointer(intOrString), maxSurge: pointer(intOrString) },
  {
    about: "How pods are replaced by and by.",
    maxUnavailable: "How many pods may be missing meanwhile, as a number or a percentage.",
    maxSurge: "How many pods there may be too many meanwhile, as a number or a percentage.",
  },
);

const StrategyFields = struct(
  apps("DeploymentStrategy"),
  {
    type: defaulted(oneOf("Recreate", "RollingUpdate"), "RollingUpdate"),
    rollingUpdate: pointer(RollingUpdateDeployment),
  },
  {
    about: "How the pods of an old template are replaced.",
    type: "RollingUpdate, or Recreate to end all old ones first.",
    rollingUpdate: "How, if by and by.",
  },
);

const DeploymentStrategy = StrategyFields.transform((strategy): z.output<typeof StrategyFields> => {
  if (strategy.type !== "RollingUpdate") return strategy;
  const { maxUnavailable = "25%", maxSurge = "25%" } = strategy.rollingUpdate ?? {};
  return { ...strategy, rollingUpdate: { maxUnavailable, maxSurge } };
});

const DeploymentSpec = struct(
  apps("DeploymentSpec"),
  {
    replicas: defaultedPointer(int32, 1),
    selector: mandatory(nullWhenAbsent(LabelSelector)),
    template: mandatory(embedded(PodTemplateSpec)),
    strategy: patchedBy(embedded(DeploymentStrategy), "retainKeys"),
    minReadySeconds: omitempty(int32),
    revisionHistoryLimit: defaultedPointer(int32, 10),
    paused: flag,
    progressDeadlineSeconds: defaultedPointer(int32, 600),
  },
  {
    about: "Which pods are wanted.",
    replicas: "How many.",
    selector: "The labels of the pods. Cannot be changed.",
    template: "What each of them is.",
    strategy: "How the pods of an old template are replaced.",
    minReadySeconds: "For how long a pod has to be ready to count as available.",
    revisionHistoryLimit: "How many old templates are kept.",
    paused: "Whether a changed template is left alone for now.",
    progressDeadlineSeconds: "For how long nothing may get better before it is said to have failed.",
  },
);
export type DeploymentSpec = z.output<typeof DeploymentSpec>;

const DeploymentCondition = struct(
  apps("DeploymentCondition"),
  {
    type: always(string, ""),
    status: always(string, ""),
    lastUpdateTime: timestamp,
    lastTransitionTime: timestamp,
    reason: text,
    message: text,
  },
  {
    about: "One thing that is, is not, or may be so of a Deployment.",
    type: "What is said to be so.",
    status: "Whether it is so: True, False or Unknown.",
    lastUpdateTime: "When that was last found out.",
    lastTransitionTime: "When the status last changed.",
    reason: "Why, in one word for programs.",
    message: "Why, in a sentence for people.",
  },
);

const DeploymentStatus = struct(
  apps("DeploymentStatus"),
  {
    observedGeneration: omitempty(int64),
    replicas: omitempty(int32),
    updatedReplicas: omitempty(int32),
    readyReplicas: omitempty(int32),
    availableReplicas: omitempty(int32),
    unavailableReplicas: omitempty(int32),
    conditions: list(DeploymentCondition, { mergeKey: "type" }),
    collisionCount: pointer(int32),
  },
  {
    about: "What became of a Deployment. Here that is always that it is not run.",
    observedGeneration: "The generation that this is about.",
    replicas: "How many pods there are.",
    updatedReplicas: "How many of them are of the current template.",
    readyReplicas: "How many of them are ready.",
    availableReplicas: "How many of them have been ready for long enough.",
    unavailableReplicas: "How many pods are missing.",
    conditions: "What is so of it now.",
    collisionCount: "How often a name for a template was taken.",
  },
);
type DeploymentStatus = z.output<typeof DeploymentStatus>;

export const Deployment = struct(
  apps("Deployment"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(DeploymentSpec),
    status: embedded(DeploymentStatus),
  },
  {
    about: "Some pods that are all alike, on whichever nodes. It is kept here and not run.",
    metadata: "Standard object metadata.",
    spec: "Which pods are wanted.",
    status: "What became of it.",
  },
);
export type Deployment = z.output<typeof Deployment>;

/** The word that makes `kubectl rollout status` give up instead of waiting. Source: kubectl pkg/polymorphichelpers. */
const deadlineExceeded = "ProgressDeadlineExceeded";

function withNotRun(deployment: Deployment): Deployment {
  const { creationTimestamp: time = null, generation } = deployment.metadata;
  const times = { lastUpdateTime: time, lastTransitionTime: time };
  const available = {
    type: "Available",
    status: "False",
    reason: "MinimumReplicasUnavailable",
    message: "Deployment does not have minimum availability.",
  };
  const progressing = {
    type: "Progressing",
    status: "False",
    reason: deadlineExceeded,
    message: notRunMessage("Deployments"),
  };
  const status: DeploymentStatus = {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...(deployment.spec.replicas === 0 ? {} : { unavailableReplicas: deployment.spec.replicas }),
    conditions: [available, progressing, notRunCondition("Deployments")].map((condition) => ({
      ...condition,
      ...times,
    })),
  };
  return { ...deployment, status };
}

function replicasColumn(name: string, description: string, of: (status: DeploymentStatus) => number | undefined) {
  return { name, type: "string", description, cell: ({ status }: Deployment) => of(status) ?? 0 } as const;
}

export const deployments: Resource<Deployment> = defineResource<Deployment>({
  group: "apps",
  version: "v1",
  kind: "Deployment",
  plural: "deployments",
  shortNames: ["deploy"],
  categories: ["all"],
  statusSubresource: true,
  scale: workloadScale,
  schema: Deployment,
  support: storedOnly("**not run**, and says so in its status and an Event"),
  validateName: nameRule(dns1123Subdomain),
  ...countingNotRun(withNotRun),
  validate: validateDeployment,
  warnings: warningsOfTemplate<Deployment>("spec.template", ({ spec }) => spec.template),
  validateUpdate: ({ metadata, spec }, old) => [
    ...validateMetadataUpdate(metadata, old.metadata),
    ...validateImmutable(spec.selector, old.spec.selector, "spec.selector"),
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
    replicasColumn("Up-to-date", "How many pods are of the current template.", (status) => status.updatedReplicas),
    replicasColumn("Available", "How many pods stayed ready long enough.", (status) => status.availableReplicas),
    ageColumn,
    ...containerColumns<Deployment>(({ spec }) => spec.template),
    selectorColumn<Deployment>(({ spec }) => spec.selector),
  ],
});
