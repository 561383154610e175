// Which nodes and which neighbours a pod wants.
// Source: core/v1 types Affinity, NodeSelector.
import type * as z from "zod";

import { always, atomicStruct, core, embedded, int32, list, pointer, string, strings, struct } from "./fields.ts";
import { LabelSelector } from "./meta.ts";

export const NodeSelectorRequirement = struct(core("NodeSelectorRequirement"), {
  key: always(string, ""),
  operator: always(string, ""),
  values: strings,
});
export type NodeSelectorRequirement = z.output<typeof NodeSelectorRequirement>;

export const NodeSelectorTerm = atomicStruct(core("NodeSelectorTerm"), {
  matchExpressions: list(NodeSelectorRequirement),
  matchFields: list(NodeSelectorRequirement),
});
export type NodeSelectorTerm = z.output<typeof NodeSelectorTerm>;

export const NodeSelector = atomicStruct(core("NodeSelector"), {
  nodeSelectorTerms: always(NodeSelectorTerm.array(), []),
});
export type NodeSelector = z.output<typeof NodeSelector>;

const PreferredSchedulingTerm = struct(core("PreferredSchedulingTerm"), {
  weight: always(int32, 0),
  preference: embedded(NodeSelectorTerm),
});

const NodeAffinity = struct(core("NodeAffinity"), {
  requiredDuringSchedulingIgnoredDuringExecution: pointer(NodeSelector),
  preferredDuringSchedulingIgnoredDuringExecution: list(PreferredSchedulingTerm),
});
export type NodeAffinity = z.output<typeof NodeAffinity>;

const PodAffinityTerm = struct(core("PodAffinityTerm"), {
  labelSelector: pointer(LabelSelector),
  namespaces: strings,
  topologyKey: always(string, ""),
  namespaceSelector: pointer(LabelSelector),
  matchLabelKeys: strings,
  mismatchLabelKeys: strings,
});
export type PodAffinityTerm = z.output<typeof PodAffinityTerm>;

const WeightedPodAffinityTerm = struct(core("WeightedPodAffinityTerm"), {
  weight: always(int32, 0),
  podAffinityTerm: embedded(PodAffinityTerm),
});

const podAffinity = {
  requiredDuringSchedulingIgnoredDuringExecution: list(PodAffinityTerm),
  preferredDuringSchedulingIgnoredDuringExecution: list(WeightedPodAffinityTerm),
};
const PodAffinity = struct(core("PodAffinity"), podAffinity);
export type PodAffinity = z.output<typeof PodAffinity>;

export const Affinity = struct(core("Affinity"), {
  nodeAffinity: pointer(NodeAffinity),
  podAffinity: pointer(PodAffinity),
  podAntiAffinity: pointer(struct(core("PodAntiAffinity"), podAffinity)),
});
export type Affinity = z.output<typeof Affinity>;
