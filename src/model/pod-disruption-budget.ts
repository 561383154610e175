// PodDisruptionBudgets: how many of some pods have to stay while others are evicted.
// Source: policy/v1; pkg/registry/policy/poddisruptionbudget/strategy.go.
import type * as z from "zod";

import { Condition } from "./condition.ts";
import type { IntOrString } from "./fields.ts";
import {
  always,
  embedded,
  int32,
  int64,
  intOrString,
  list,
  mapOf,
  omitempty,
  oneOf,
  patchedBy,
  pointer,
  struct,
  timestamp,
} from "./fields.ts";
import { countingGenerations } from "./generation.ts";
import { LabelSelector, ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { validateMetadataStatusUpdate, validateMetadataUpdate } from "./validation/metadata.ts";
import { nameRule, pathSegment } from "./validation/names.ts";
import { validateDisruptionBudget, validateDisruptionBudgetStatus } from "./validation/pod-disruption-budget.ts";

const policy = (name: string): string => `io.k8s.api.policy.v1.${name}`;

const PodDisruptionBudgetSpec = struct(
  policy("PodDisruptionBudgetSpec"),
  {
    minAvailable: pointer(intOrString),
    selector: patchedBy(pointer(LabelSelector), "replace"),
    maxUnavailable: pointer(intOrString),
    unhealthyPodEvictionPolicy: pointer(oneOf("AlwaysAllow", "IfHealthyBudget")),
  },
  {
    about: "Which pods are meant, and how many of them have to stay.",
    minAvailable: "How many, or which percentage, have to be left after an eviction.",
    selector: "The labels of the pods. Empty: all of the namespace; absent: none.",
    maxUnavailable: "How many, or which percentage, may be missing after an eviction. Only one of the two may be set.",
    unhealthyPodEvictionPolicy:
      "Whether pods that are not ready may be evicted: IfHealthyBudget, if enough others are; AlwaysAllow, in any case.",
  },
);
export type PodDisruptionBudgetSpec = z.output<typeof PodDisruptionBudgetSpec>;

const PodDisruptionBudgetStatus = struct(
  policy("PodDisruptionBudgetStatus"),
  {
    observedGeneration: omitempty(int64),
    disruptedPods: mapOf(timestamp),
    disruptionsAllowed: always(int32, 0),
    currentHealthy: always(int32, 0),
    desiredHealthy: always(int32, 0),
    expectedPods: always(int32, 0),
    conditions: list(Condition, { mergeKey: "type" }),
  },
  {
    about: "How many of the pods there are, and how many may go.",
    observedGeneration: "The generation of the budget that this was counted for.",
    disruptedPods: "Pods whose eviction was granted and which are not seen to end yet, with the time of it.",
    disruptionsAllowed: "How many pods may be evicted now.",
    currentHealthy: "How many of the pods are ready.",
    desiredHealthy: "How many have to be ready after an eviction.",
    expectedPods: "How many pods are counted by the budget.",
    conditions: "DisruptionAllowed says whether a pod may be evicted now.",
  },
);
export type PodDisruptionBudgetStatus = z.output<typeof PodDisruptionBudgetStatus>;

export const PodDisruptionBudget = struct(
  policy("PodDisruptionBudget"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(PodDisruptionBudgetSpec),
    status: embedded(PodDisruptionBudgetStatus),
  },
  {
    about: "How many of some pods have to stay while others are evicted, by kubectl drain for one.",
    metadata: "Standard object metadata.",
    spec: "What is asked for.",
    status: "How it stands.",
  },
);
export type PodDisruptionBudget = z.output<typeof PodDisruptionBudget>;

const newStatus: PodDisruptionBudgetStatus = {
  disruptionsAllowed: 0,
  currentHealthy: 0,
  desiredHealthy: 0,
  expectedPods: 0,
};

function orNotSet(count: IntOrString | undefined): string {
  return count === undefined ? "N/A" : String(count);
}

export const podDisruptionBudgets: Resource<PodDisruptionBudget> = defineResource<PodDisruptionBudget>({
  group: "policy",
  version: "v1",
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  shortNames: ["pdb"],
  statusSubresource: true,
  schema: PodDisruptionBudget,
  support: actedOn("evictions ask it; of daemon pods only `minAvailable` as a number can be counted, as upstream"),
  validateName: nameRule(pathSegment),
  ...countingGenerations<PodDisruptionBudget>((budget) => ({ ...budget, status: newStatus })),
  validate: validateDisruptionBudget,
  validateUpdate: ({ metadata }, old) => validateMetadataUpdate(metadata, old.metadata),
  validateStatusUpdate: ({ metadata, status }, old) => [
    ...validateMetadataStatusUpdate(metadata, old.metadata),
    ...validateDisruptionBudgetStatus(status),
  ],
  columns: [
    nameColumn,
    {
      name: "Min Available",
      type: "string",
      description: "How many pods have to be left.",
      cell: ({ spec }) => orNotSet(spec.minAvailable),
    },
    {
      name: "Max Unavailable",
      type: "string",
      description: "How many pods may be missing.",
      cell: ({ spec }) => orNotSet(spec.maxUnavailable),
    },
    {
      name: "Allowed Disruptions",
      type: "integer",
      description: "How many pods may be evicted now.",
      cell: ({ status }) => status.disruptionsAllowed,
    },
    ageColumn,
  ],
});
