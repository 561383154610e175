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

/** Whether it matters which nodes the pod might be put on. */
export function isSpread(template: PodTemplate): boolean {
  return constraintsOf(template).length > 0;
}

/** Whether the pod may find a place because others have come. */
export function isHelpedByOthers(template: PodTemplate): boolean {
  return affinityTerms(template).length > 0 || isSpread(template);
}

/** The label by which each node is a place of its own. */
const hostname = "kubernetes.io/hostname";

/** Whether the pods on a node are all that has to be known of: not those of others, nor the labels of namespaces. */
function isOfNode({ topologyKey, namespaceSelector }: PodAffinityTerm): boolean {
  return topologyKey === hostname && Object.values(namespaceSelector ?? {}).every((terms) => isEmpty(terms));
}

function isEmpty(terms: unknown): boolean {
  return Object.keys(Object(terms)).length === 0;
}

/** The first of a group that wants to be together may go anywhere, and who is first no node can tell. */
function mayBeFirst(term: PodAffinityTerm, { metadata }: PodTemplate): boolean {
  return labelSelectorMatches(selectorOf(term, metadata.labels ?? {}), metadata.labels);
}

/** A daemon pod is counted over its own node alone, unless its affinity is not to be looked at. */
function isSpreadBeyond({ nodeAffinityPolicy }: TopologySpreadConstraint): boolean {
  return nodeAffinityPolicy === "Ignore";
}

/** Whether it takes more than the pods on its node to say where a pod that is for one node may be. */
export function caresBeyondNode(template: PodTemplate): boolean {
  return (
    affinityTerms(template).some((term) => !isOfNode(term) || mayBeFirst(term, template)) ||
    antiAffinityTerms(template).some((term) => !isOfNode(term)) ||
    constraintsOf(template).some(isSpreadBeyond)
  );
}

/** Whether pods of the one may keep those of the other from nodes that they are not on themselves. */
export function mayKeepAway(one: PodTemplate, other: PodTemplate): boolean {
  const far = antiAffinityTerms(one).filter((term) => !isOfNode(term));
  const own = one.metadata.labels ?? {};
  return far.some((term) => labelSelectorMatches(selectorOf(term, own), other.metadata.labels));
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

function selectorOf(term: PodAffinityTerm, own: Labels): LabelSelector | undefined {
  const same = withKeys(term.labelSelector, own, term.matchLabelKeys, "In");
  return withKeys(same, own, term.mismatchLabelKeys, "NotIn");
}

type Counts = Map<string, number>;

/** How many pods of interest there are in each part of the cluster that a label of the nodes tells apart. */
type Counted<Rule> = { readonly rule: Rule; readonly counts: Counts };

/** What is known of where a pod may go. */
export type Outlook = {
  readonly namespaces: NamespaceLabels;
  /** The one node that the pod is for; null: any. */
  readonly pin: string | null;
  /** True: that node's pods are all that is known, and only rules for which this is enough are looked at. */
  readonly isNarrow: boolean;
};

export class Neighbours {
  readonly #pod: Neighbour;
  readonly #needs: PodNeeds;
  readonly #outlook: Outlook;
  readonly #near: readonly Counted<PodAffinityTerm>[];
  readonly #far: readonly Counted<PodAffinityTerm>[];
  readonly #spread: readonly Counted<TopologySpreadConstraint>[];
  /** `key=value` of the nodes that pods there keep this one from. */
  readonly #kept = new Set<string>();

  constructor(pod: Neighbour, needs: PodNeeds, outlook: Outlook) {
    this.#pod = pod;
    this.#needs = needs;
    this.#outlook = outlook;
    const counted = <Rule>(rules: readonly Rule[], isNear: (rule: Rule) => boolean) =>
      rules
        .filter((rule) => !outlook.isNarrow || isNear(rule))
        .map((rule) => ({ rule, counts: new Map<string, number>() }));
    const { template } = pod;
    this.#near = counted(affinityTerms(template), (term) => isOfNode(term) && !mayBeFirst(term, template));
    this.#far = counted(antiAffinityTerms(template), isOfNode);
    this.#spread = counted(constraintsOf(template), (rule) => !isSpreadBeyond(rule));
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
      if (this.#outlook.isNarrow && !isOfNode(term)) continue;
      const value = labels[term.topologyKey];
      if (value !== undefined && this.#picks(term, other, this.#pod)) this.#kept.add(`${term.topologyKey}=${value}`);
    }
  }

  /** Whether a term of `owner` means `other`. */
  #picks(term: PodAffinityTerm, owner: Neighbour, other: Neighbour): boolean {
    const selector = selectorOf(term, owner.template.metadata.labels ?? {});
    return this.#isIn(term, owner, other.namespace) && labelSelectorMatches(selector, other.template.metadata.labels);
  }

  #isIn({ namespaces = [], namespaceSelector }: PodAffinityTerm, owner: Neighbour, namespace: string): boolean {
    if (namespaces.length === 0 && namespaceSelector === undefined) return namespace === owner.namespace;
    if (namespaces.includes(namespace)) return true;
    return (
      namespaceSelector !== undefined &&
      labelSelectorMatches(namespaceSelector, this.#outlook.namespaces.get(namespace))
    );
  }

  #isSpread(rule: TopologySpreadConstraint, other: Neighbour): boolean {
    if (other.leaving || other.namespace !== this.#pod.namespace) return false;
    const selector = withKeys(rule.labelSelector, this.#pod.template.metadata.labels ?? {}, rule.matchLabelKeys, "In");
    return labelSelectorMatches(selector, other.template.metadata.labels);
  }

  /** Whether the node counts: it has every key, and is one that the pod might be put on. */
  #spreadsOver(rule: TopologySpreadConstraint, node: NodeOffer): boolean {
    if (this.#spread.some(({ rule: other }) => !Object.hasOwn(node.labels, other.topologyKey))) return false;
    if (rule.nodeAffinityPolicy !== "Ignore" && !this.#mayBeOn(node)) return false;
    const honoursTaints = rule.nodeTaintsPolicy === "Honor";
    return !honoursTaints || untoleratedTaint(node.taints, this.#needs.tolerations, hardEffects) === undefined;
  }

  #mayBeOn(node: NodeOffer): boolean {
    const { pin } = this.#outlook;
    return (pin === null || pin === node.name) && affinityReasons(this.#needs, node).length === 0;
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

const nothingKnown: NamespaceLabels = new Map();

/** What speaks against a pod that is for this node alone, as far as those who are there can tell. */
export function besideReasons(
  pod: Neighbour & { readonly needs: PodNeeds },
  node: NodeOffer,
  others: readonly Neighbour[],
): readonly Reason[] {
  const nobodyCares =
    !caresForNeighbours(pod.template) && others.every(({ template }) => antiAffinityTerms(template).length === 0);
  if (nobodyCares) return [];
  const outlook = { namespaces: nothingKnown, pin: node.name, isNarrow: true };
  const neighbours = new Neighbours(pod, pod.needs, outlook);
  neighbours.note(node, others);
  return neighbours.reasons(node);
}

const hardEffects = ["NoSchedule", "NoExecute"] as const;

function add(counts: Counts, value: string, count: number): void {
  counts.set(value, (counts.get(value) ?? 0) + count);
}
