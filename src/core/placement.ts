// On which nodes a daemon pod ought to run, and on which it may stay.
// Source: pkg/controller/daemon NodeShouldRunDaemonPod.
import type { NodeSelectorTerm } from "./node-affinity.ts";
import { matchesNodeSelector, matchesNodeSelectorTerms } from "./node-affinity.ts";
import type { Taint, Toleration } from "./tolerations.ts";
import { daemonPodTolerations, untoleratedTaint } from "./tolerations.ts";

/** What of a pod template decides where its pods go. */
export type Placement = {
  /** Empty: any node. */
  readonly nodeName: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** Null: no required node affinity. An empty list matches no node. */
  readonly requiredTerms: readonly NodeSelectorTerm[] | null;
  /** With the automatic ones. */
  readonly tolerations: readonly Toleration[];
};

/** What of a node decides which pods it gets. */
export type NodeFacts = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** Absent: nobody at the node has said "not now". */
  readonly heldUntilMs?: number;
};

export type Eligibility = {
  /** A pod ought to exist here. */
  readonly shouldRun: boolean;
  /** A pod that exists here may stay. */
  readonly shouldContinueRunning: boolean;
};

export const ineligible: Eligibility = { shouldRun: false, shouldContinueRunning: false };

/** The parts of a v1 PodSpec that placement reads. */
export type PlaceablePodSpec = {
  readonly nodeName?: string | undefined;
  readonly nodeSelector?: Readonly<Record<string, string>> | undefined;
  readonly hostNetwork?: boolean | undefined;
  readonly tolerations?: readonly Toleration[] | undefined;
  readonly affinity?:
    | {
        readonly nodeAffinity?:
          | {
              readonly requiredDuringSchedulingIgnoredDuringExecution?:
                | { readonly nodeSelectorTerms?: readonly NodeSelectorTerm[] | undefined }
                | undefined;
            }
          | undefined;
      }
    | undefined;
};

export function placementOf(spec: PlaceablePodSpec): Placement {
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return {
    nodeName: spec.nodeName ?? "",
    nodeSelector: spec.nodeSelector ?? {},
    requiredTerms: required === undefined ? null : (required.nodeSelectorTerms ?? []),
    tolerations: daemonPodTolerations(spec.tolerations ?? [], spec.hostNetwork === true),
  };
}

/** Conditions, capacity and `unschedulable` play no part: only names, labels, affinity and taints do. */
export function nodeShouldRunDaemonPod(placement: Placement, node: NodeFacts): Eligibility {
  if (placement.nodeName !== "" && placement.nodeName !== node.name) return ineligible;
  if (!matchesNodeSelector(placement.nodeSelector, node.labels)) return ineligible;
  if (placement.requiredTerms !== null && !matchesNodeSelectorTerms(placement.requiredTerms, node)) return ineligible;
  if (untoleratedTaint(node.taints, placement.tolerations, ["NoSchedule", "NoExecute"]) === undefined) {
    return { shouldRun: true, shouldContinueRunning: true };
  }
  const mustLeave = untoleratedTaint(node.taints, placement.tolerations, ["NoExecute"]) !== undefined;
  return { shouldRun: false, shouldContinueRunning: !mustLeave };
}
