// Where a pod may go for the other pods that are there: required pod affinity and anti-affinity, its own and that of the
// others, and topology spread constraints that are not to be violated.
// Source: pkg/scheduler/framework/plugins interpodaffinity, podtopologyspread.
import type { PodAffinityTerm } from "../model/affinity.ts";
import type { Labels } from "../model/labels.ts";
import { labelSelectorMatches } from "../model/labels.ts";
import type { LabelSelector } from "../model/meta.ts";
import type { TopologySpreadConstraint } from "../model/pod-spec.ts";
import type { PodTemplate } from "../model/pod-template.ts";
import type { NodeOffer, PodNeeds, Reason } from "./node-fit.ts";
import { affinityReasons } from "./node-fit.ts";
import { untoleratedTaint } from "./tolerations.ts";

/** A pod as others see it. */
export type Neighbour = { readonly namespace: string; readonly template: PodTemplate; readonly leaving: boolean };

/** The labels of each namespace. */
export type NamespaceLabels = ReadonlyMap<string, Labels>;

function affinityTerms({ spec }: PodTemplate): readonly PodAffinityTerm[] {
  return spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

function antiAffinityTerms({ spec }: PodTemplate): readonly PodAffinityTerm[] {
  return spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

function constraintsOf({ spec }: PodTemplate): readonly TopologySpreadConstraint[] {
  return (spec.topologySpreadConstraints ?? []).filter(
    ({ whenUnsatisfiable }) => whenUnsatisfiable === "DoNotSchedule",
  );
}

/** Whether the pod cares about others; if not, others may still care about it. */
export function caresForNeighbours(template: PodTemplate): boolean {
  return affinityTerms(template).length + antiAffinityTerms(template).length + constraintsOf(template).length > 0;
}

function withKeys(
  selector: LabelSelector | undefined,
  labels: Labels,
  keys: readonly string[] | undefined,
  operator: "In" | "NotIn",
): LabelSelector | undefined {
  const added = (keys ?? []).flatMap((key) => {
    const value = labels[key];
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
  if (added.length === 0) return selector;
  return { ...selector, matchExpressions: [...(selector?.matchExpressions ?? []), ...added] };
}

type Counts = Map<string, number>;

/** How many pods of interest there are in each part of the cluster that a label of the nodes tells apart. */
type Counted<Rule> = { readonly rule: Rule; readonly counts: Counts };

export class Neighbours {
  readonly #pod: Neighbour;
  readonly #needs: PodNeeds;
  readonly #namespaces: NamespaceLabels;
  readonly #near: readonly Counted<PodAffinityTerm>[];
  readonly #far: readonly Counted<PodAffinityTerm>[];
  readonly #spread: readonly Counted<TopologySpreadConstraint>[];
  /** `key=value` of the nodes that pods there keep this one from. */
  readonly #kept = new Set<string>();

  constructor(pod: Neighbour, needs: PodNeeds, namespaces: NamespaceLabels) {
    this.#pod = pod;
    this.#needs = needs;
    this.#namespaces = namespaces;
    const counted = <Rule>(rules: readonly Rule[]) =>
      rules.map((rule) => ({ rule, counts: new Map<string, number>() }));
    this.#near = counted(affinityTerms(pod.template));
    this.#far = counted(antiAffinityTerms(pod.template));
    this.#spread = counted(constraintsOf(pod.template));
  }

  /** Takes in a node and who is there. Every node has to be taken in before `reasons` is asked. */
  note(node: NodeOffer, pods: readonly Neighbour[]): void {
    for (const { rule, counts } of this.#spread) {
      const value = this.#spreadsOver(rule, node) ? node.labels[rule.topologyKey] : undefined;
      if (value === undefined) continue;
      add(counts, value, pods.filter((other) => this.#isSpread(rule, other)).length);
    }
    for (const other of pods) this.#noteAffinity(node, other);
  }

  #noteAffinity({ labels }: NodeOffer, other: Neighbour): void {
    for (const { rule, counts } of [...this.#near, ...this.#far]) {
      const value = labels[rule.topologyKey];
      if (value !== undefined && this.#picks(rule, this.#pod, other)) add(counts, value, 1);
    }
    for (const term of antiAffinityTerms(other.template)) {
      const value = labels[term.topologyKey];
      if (value !== undefined && this.#picks(term, other, this.#pod)) this.#kept.add(`${term.topologyKey}=${value}`);
    }
  }

  /** Whether a term of `owner` means `other`. */
  #picks(term: PodAffinityTerm, owner: Neighbour, other: Neighbour): boolean {
    const own = owner.template.metadata.labels ?? {};
    const same = withKeys(term.labelSelector, own, term.matchLabelKeys, "In");
    const selector = withKeys(same, own, term.mismatchLabelKeys, "NotIn");
    return this.#isIn(term, owner, other.namespace) && labelSelectorMatches(selector, other.template.metadata.labels);
  }

  #isIn({ namespaces = [], namespaceSelector }: PodAffinityTerm, owner: Neighbour, namespace: string): boolean {
    if (namespaces.length === 0 && namespaceSelector === undefined) return namespace === owner.namespace;
    if (namespaces.includes(namespace)) return true;
    return namespaceSelector !== undefined && labelSelectorMatches(namespaceSelector, this.#namespaces.get(namespace));
  }

  #isSpread(rule: TopologySpreadConstraint, other: Neighbour): boolean {
    if (other.leaving || other.namespace !== this.#pod.namespace) return false;
    const selector = withKeys(rule.labelSelector, this.#pod.template.metadata.labels ?? {}, rule.matchLabelKeys, "In");
    return labelSelectorMatches(selector, other.template.metadata.labels);
  }

  /** Whether the node counts: it has every key, and is one that the pod might be put on. */
  #spreadsOver(rule: TopologySpreadConstraint, node: NodeOffer): boolean {
    if (this.#spread.some(({ rule: other }) => !Object.hasOwn(node.labels, other.topologyKey))) return false;
    if (rule.nodeAffinityPolicy !== "Ignore" && affinityReasons(this.#needs, node).length > 0) return false;
    const honoursTaints = rule.nodeTaintsPolicy === "Honor";
    return !honoursTaints || untoleratedTaint(node.taints, this.#needs.tolerations, hardEffects) === undefined;
  }

  /** What speaks against the node for the pods that are there. */
  reasons({ labels }: NodeOffer): readonly Reason[] {
    for (const { rule, counts } of this.#spread) {
      const value = labels[rule.topologyKey];
      const spread = "node(s) didn't match pod topology spread constraints";
      if (value === undefined) return [{ text: `${spread} (missing required label)`, resolvable: false }];
      const least = counts.size < (rule.minDomains ?? 1) ? 0 : Math.min(...counts.values());
      const own = this.#isSpread(rule, this.#pod) ? 1 : 0;
      if ((counts.get(value) ?? 0) + own - least > rule.maxSkew) return [{ text: spread, resolvable: true }];
    }
    if (!this.#isNear(labels)) return [{ text: "node(s) didn't match pod affinity rules", resolvable: false }];
    const isTooNear = this.#far.some(({ rule, counts }) => (counts.get(labels[rule.topologyKey] ?? "") ?? 0) > 0);
    if (isTooNear) return [{ text: "node(s) didn't match pod anti-affinity rules", resolvable: true }];
    const isKept = Object.entries(labels).some(([key, value]) => this.#kept.has(`${key}=${value}`));
    return isKept ? [{ text: "node(s) didn't satisfy existing pods anti-affinity rules", resolvable: true }] : [];
  }

  #isNear(labels: Labels): boolean {
    if (!this.#near.every(({ rule }) => Object.hasOwn(labels, rule.topologyKey))) return false;
    if (this.#near.every(({ rule, counts }) => (counts.get(labels[rule.topologyKey] ?? "") ?? 0) > 0)) return true;
    // The first of a group that wants to be together has nobody to be near to.
    const isFirst = this.#near.every(({ counts }) => counts.size === 0);
    return isFirst && this.#near.every(({ rule }) => this.#picks(rule, this.#pod, this.#pod));
  }
}

const hardEffects = ["NoSchedule", "NoExecute"] as const;

function add(counts: Counts, value: string, count: number): void {
  counts.set(value, (counts.get(value) ?? 0) + count);
}
