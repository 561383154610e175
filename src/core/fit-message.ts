// What is told of a pod that no node can take.
// Source: pkg/scheduler/framework/types.go FitError; plugins/defaultpreemption, framework/preemption.

/** How many nodes have each reason. */
export type Histogram = ReadonlyMap<string, number>;

export const noNodes = "no nodes available to schedule pods";
export const noVictims = "No preemption victims found for incoming pod";
export const preemptionHelpless = "Preemption is not helpful for scheduling";
export const neverPreempts = "not eligible due to preemptionPolicy=Never.";
export const waitsForVictims = "not eligible due to a terminating pod on the nominated node.";
/** Said of all nodes but the one that a daemon pod is for. */
export const otherNodes = "node(s) didn't satisfy plugin(s) [NodeAffinity]";

function nodesSentence(total: number, reasons: Histogram): string {
  const parts = [...reasons]
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`)
    .sort((a, b) => (a < b ? -1 : 1));
  return `0/${total} nodes are available:${parts.length === 0 ? "" : ` ${parts.join(", ")}.`}`;
}

/** Why making room was given up, node by node. */
export function preemptionSentence(total: number, reasons: Histogram): string {
  return nodesSentence(total, reasons);
}

/** `preemption` null: room is being made. */
export function fitMessage(total: number, reasons: Histogram, preemption: string | null): string {
  const sentence = nodesSentence(total, reasons);
  return preemption === null ? sentence : `${sentence} preemption: ${preemption}`;
}

export type DaemonPodMisfit = {
  /** Of the whole cluster. */
  readonly nodes: number;
  readonly reasons: readonly string[];
  /** Why no room is made; null: it is. `noVictims`: none of the pods there may be driven away; `preemptionHelpless`: it would not help. */
  readonly preemption: string | null;
};

/** What is told of a daemon pod that its one node cannot take. */
export function daemonPodMessage({ nodes, reasons, preemption }: DaemonPodMisfit): string {
  const others = Math.max(0, nodes - 1);
  const total = others + 1;
  const histogram = new Map([...reasons.map((reason) => [reason, 1] as const), [otherNodes, others] as const]);
  if (preemption !== noVictims && preemption !== preemptionHelpless) return fitMessage(total, histogram, preemption);
  const here = preemption === noVictims ? 1 : 0;
  const given = new Map([
    [noVictims, here],
    [preemptionHelpless, total - here],
  ]);
  return fitMessage(total, histogram, preemptionSentence(total, given));
}
