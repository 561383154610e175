// Which nodes and which neighbours a pod wants.
// Source: core/v1 types Affinity, NodeSelector.
import type * as z from "zod";

import {
  always,
  atomicStruct,
  core,
  embedded,
  int32,
  list,
  mandatory,
  oneOf,
  pointer,
  string,
  strings,
  struct,
} from "./fields.ts";
import { LabelSelector } from "./meta.ts";

export const NodeSelectorRequirement = struct(
  core("NodeSelectorRequirement"),
  {
    key: always(string, ""),
    operator: always(oneOf("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"), ""),
    values: strings,
  },
  {
    about: "One thing that is asked of a node's labels or fields.",
    key: "Which label or field.",
    operator: "How the values are compared: In, NotIn, Exists, DoesNotExist, Gt or Lt.",
    values: "What to compare with: some for In and NotIn, none for Exists and DoesNotExist, one number for Gt and Lt.",
  },
);
export type NodeSelectorRequirement = z.output<typeof NodeSelectorRequirement>;

export const NodeSelectorTerm = atomicStruct(
  core("NodeSelectorTerm"),
  {
    matchExpressions: list(NodeSelectorRequirement),
    matchFields: list(NodeSelectorRequirement),
  },
  {
    about: "Requirements that a node has to meet all at once. An empty term matches no node.",
    matchExpressions: "What is asked of the node's labels.",
    matchFields: "What is asked of the node's fields: metadata.name is the one there is.",
  },
);
export type NodeSelectorTerm = z.output<typeof NodeSelectorTerm>;

export const NodeSelector = atomicStruct(
  core("NodeSelector"),
  {
    nodeSelectorTerms: always(NodeSelectorTerm.array(), []),
  },
  {
    about: "Which nodes are meant: those that match at least one term.",
    nodeSelectorTerms: "The terms, of which one has to match.",
  },
);
export type NodeSelector = z.output<typeof NodeSelector>;

const PreferredSchedulingTerm = struct(
  core("PreferredSchedulingTerm"),
  {
    weight: always(int32, 0),
    preference: mandatory(embedded(NodeSelectorTerm)),
  },
  {
    about: "A sort of nodes that is liked, and how much.",
    weight: "How much it is liked, from 1 to 100.",
    preference: "Which nodes.",
  },
);

const NodeAffinity = struct(
  core("NodeAffinity"),
  {
    requiredDuringSchedulingIgnoredDuringExecution: pointer(NodeSelector),
    preferredDuringSchedulingIgnoredDuringExecution: list(PreferredSchedulingTerm),
  },
  {
    about: "Which nodes a pod may or would like to run on.",
    requiredDuringSchedulingIgnoredDuringExecution:
      "The nodes it may run on. Pods that run already are left alone by later changes of a node.",
    preferredDuringSchedulingIgnoredDuringExecution: "The nodes it would like best, among those it may run on.",
  },
);
export type NodeAffinity = z.output<typeof NodeAffinity>;

const PodAffinityTerm = struct(
  core("PodAffinityTerm"),
  {
    labelSelector: pointer(LabelSelector),
    namespaces: strings,
    topologyKey: always(string, ""),
    namespaceSelector: pointer(LabelSelector),
    matchLabelKeys: strings,
    mismatchLabelKeys: strings,
  },
  {
    about: "Pods to be near to or far from.",
    labelSelector: "Which pods, by their labels. Absent: none.",
    namespaces: "The namespaces these pods are in. Empty, without namespaceSelector: the pod's own.",
    topologyKey: "What near means: nodes that have the same value of this label.",
    namespaceSelector: "Further namespaces these pods may be in, by their labels. {} is all of them.",
    matchLabelKeys: "Labels in which those pods have to agree with the new one, beyond labelSelector.",
    mismatchLabelKeys: "Labels in which those pods have to differ from the new one, beyond labelSelector.",
  },
);
export type PodAffinityTerm = z.output<typeof PodAffinityTerm>;

const WeightedPodAffinityTerm = struct(
  core("WeightedPodAffinityTerm"),
  {
    weight: always(int32, 0),
    podAffinityTerm: mandatory(embedded(PodAffinityTerm)),
  },
  {
    about: "Pods to be near to or far from if possible, and how much that matters.",
    weight: "How much it matters, from 1 to 100.",
    podAffinityTerm: "Which pods, and what near means.",
  },
);

const podAffinity = {
  requiredDuringSchedulingIgnoredDuringExecution: list(PodAffinityTerm),
  preferredDuringSchedulingIgnoredDuringExecution: list(WeightedPodAffinityTerm),
};
const PodAffinity = struct(core("PodAffinity"), podAffinity, {
  about: "Which pods a pod wants to be near to.",
  requiredDuringSchedulingIgnoredDuringExecution: "Pods that have to be near.",
  preferredDuringSchedulingIgnoredDuringExecution: "Pods that had better be near.",
});
export type PodAffinity = z.output<typeof PodAffinity>;

export const Affinity = struct(
  core("Affinity"),
  {
    nodeAffinity: pointer(NodeAffinity),
    podAffinity: pointer(PodAffinity),
    podAntiAffinity: pointer(
      struct(core("PodAntiAffinity"), podAffinity, {
        about: "Which pods a pod wants to be far from.",
        requiredDuringSchedulingIgnoredDuringExecution: "Pods that must not be near.",
        preferredDuringSchedulingIgnoredDuringExecution: "Pods that had better not be near.",
      }),
    ),
  },
  {
    about: "Which nodes a pod wants, and which neighbours.",
    nodeAffinity: "Which nodes it may or would like to run on.",
    podAffinity: "Which pods it wants near.",
    podAntiAffinity: "Which pods it wants far.",
  },
);
export type Affinity = z.output<typeof Affinity>;
