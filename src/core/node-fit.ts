// Why a pod cannot be put on a node, in the words and in the order of the upstream scheduler's plugins.
// Source: pkg/scheduler/framework/plugins nodeunschedulable, nodename, tainttoleration, nodeaffinity, nodeports,
// noderesources.
import type { PodTemplate } from "../model/pod-template.ts";
import type { NodeSelectorTerm } from "./node-affinity.ts";
import { matchesNodeSelector, matchesNodeSelectorTerms } from "./node-affinity.ts";
import type { Amounts, PodDemand } from "./pod-demand.ts";
import { addAmounts, clashes, podDemand } from "./pod-demand.ts";
import type { Taint, Toleration } from "./tolerations.ts";
import { tolerates, untoleratedTaint } from "./tolerations.ts";

/** What of a pod decides where it may go. */
export type PodNeeds = {
  /** Empty: any node. */
  readonly nodeName: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** Null: no required node affinity. An empty list matches no node. */
  readonly requiredTerms: readonly NodeSelectorTerm[] | null;
  readonly preferredTerms: readonly { readonly weight: number; readonly preference: NodeSelectorTerm }[];
  readonly tolerations: readonly Toleration[];
  readonly demand: PodDemand;
  readonly priority: number;
  /** False: it waits for room and drives nobody away. */
  readonly mayPreempt: boolean;
};

/** What a node has to offer. */
export type NodeOffer = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly unschedulable: boolean;
  /** Null: the node has not said what it has, so nothing is known to be too much for it. */
  readonly allocatable: Amounts | null;
};

export type Reason = {
  readonly text: string;
  /** True: it would be no reason any more if other pods went. */
  readonly resolvable: boolean;
};

// Templates never change, so each is read once; weakly, so that what is known goes with the template.
const known = new WeakMap<PodTemplate, PodNeeds>();

export function needsOf(template: PodTemplate): PodNeeds {
  const remembered = known.get(template);
  if (remembered !== undefined) return remembered;
  const { spec } = template;
  const { nodeAffinity } = spec.affinity ?? {};
  const required = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const needs: PodNeeds = {
    nodeName: spec.nodeName ?? "",
    nodeSelector: spec.nodeSelector ?? {},
    requiredTerms: required === undefined ? null : required.nodeSelectorTerms,
    preferredTerms: nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [],
    tolerations: spec.tolerations ?? [],
    demand: podDemand(spec),
    priority: spec.priority ?? 0,
    mayPreempt: spec.preemptionPolicy !== "Never",
  };
  known.set(template, needs);
  return needs;
}

function forGood(text: string): readonly Reason[] {
  return [{ text, resolvable: false }];
}

/** The reasons of the first plugin that has any; none: the pod fits beside these. */
export function fits(pod: PodNeeds, node: NodeOffer, podsOnNode: readonly PodDemand[]): readonly Reason[] {
  const unsuitable = unsuitableReasons(pod, node);
  return unsuitable.length > 0 ? unsuitable : roomReasons(pod.demand, node.allocatable, podsOnNode);
}

const unschedulableTaint: Taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

/** What speaks against the node whoever else is there. */
function unsuitableReasons(pod: PodNeeds, node: NodeOffer): readonly Reason[] {
  const toleratesCordon = pod.tolerations.some((toleration) => tolerates(toleration, unschedulableTaint));
  if (node.unschedulable && !toleratesCordon) return forGood("node(s) were unschedulable");
  if (pod.nodeName !== "" && pod.nodeName !== node.name) {
    return forGood("node(s) didn't match the requested node name");
  }
  const taint = untoleratedTaint(node.taints, pod.tolerations, ["NoSchedule", "NoExecute"]);
  if (taint !== undefined) return forGood(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`);
  return affinityReasons(pod, node);
}

export const affinityMismatch = "node(s) didn't match Pod's node affinity/selector";

/** Whether the pod has asked for another sort of node. */
export function affinityReasons(pod: PodNeeds, node: NodeOffer): readonly Reason[] {
  const matches =
    matchesNodeSelector(pod.nodeSelector, node.labels) &&
    (pod.requiredTerms === null || matchesNodeSelectorTerms(pod.requiredTerms, node));
  return matches ? [] : forGood(affinityMismatch);
}

const portsTaken = "node(s) didn't have free ports for the requested pod ports";
const tooManyPods = "Too many pods";
const insufficient = "Insufficient ";

/** What speaks against one more pod beside these. */
export function roomReasons(
  demand: PodDemand,
  allocatable: Amounts | null,
  beside: readonly PodDemand[],
): readonly Reason[] {
  const taken = demand.ports.some((port) => beside.some((other) => other.ports.some((held) => clashes(port, held))));
  if (taken) return [{ text: portsTaken, resolvable: true }];
  if (allocatable === null) return [];
  const texts: string[] = [];
  const places = allocatable.get("pods");
  if (places !== undefined && beside.length + 1 > places) texts.push(tooManyPods);
  if (demand.amounts.size > 0) {
    const used = beside.map(({ amounts }) => amounts).reduce(addAmounts, new Map<string, number>());
    for (const [name, amount] of demand.amounts) {
      if (amount > (allocatable.get(name) ?? 0) - (used.get(name) ?? 0)) texts.push(insufficient + name);
    }
  }
  return texts.map((text) => ({ text, resolvable: true }));
}

/** The resource that a reason says is short; null: it says something else. */
export function shortResource(reason: string): string | null {
  if (reason === tooManyPods) return "pods";
  return reason.startsWith(insufficient) ? reason.slice(insufficient.length) : null;
}
