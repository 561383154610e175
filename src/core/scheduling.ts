// Which node a pod is put on, and who has to go where there is none.
// Source: pkg/scheduler schedule_one.go; plugins noderesources LeastAllocated, nodeaffinity, tainttoleration.
import type { PodTemplate } from "../model/pod-template.ts";
import {
  fitMessage,
  neverPreempts,
  noNodes,
  noVictims,
  otherNodes,
  preemptionHelpless,
  preemptionSentence,
  waitsForVictims,
} from "./fit-message.ts";
import type { Neighbours } from "./neighbours.ts";
import { matchesNodeSelectorTerms } from "./node-affinity.ts";
import type { NodeOffer, PodNeeds, Reason } from "./node-fit.ts";
import { fits } from "./node-fit.ts";
import type { Tenant } from "./preemption.ts";
import { compareLosses, victimsFor } from "./preemption.ts";
import { tolerates } from "./tolerations.ts";

/** `isKept`: it is not there yet, but room is kept for it. */
export type Occupant = Tenant & { readonly isKept: boolean };

/** A node and who is there; it fills while pods are put on it. */
export type NodeState = { readonly offer: NodeOffer; readonly occupants: Occupant[] };

export type Incoming = {
  readonly uid: string;
  readonly namespace: string;
  readonly createdMs: number;
  readonly template: PodTemplate;
  readonly needs: PodNeeds;
  /** The one node that it is for; null: any. */
  readonly pin: string | null;
  /** Where room is being made for it; empty: nowhere. */
  readonly nominatedNode: string;
};

export type Placing =
  | { readonly do: "bind"; readonly node: NodeState }
  | {
      readonly do: "wait";
      readonly message: string;
      /** Who goes, and from where; null: nobody. */
      readonly preemption: Preemption | null;
    };

type Preemption = { readonly node: NodeState; readonly victims: readonly Occupant[] };

/** So many nodes are enough to choose from. Source: minFeasibleNodesToFind. */
const enough = 100;

/**
 * The search for one pod's node; each node has to be looked at once, or until there are enough. Of a pod that is for one
 * node only that one is.
 */
export class PodSearch {
  readonly pod: Incoming;
  /** Null: nobody cares who is next to whom. Pods that care for the same share it. */
  readonly neighbours: Neighbours | null;
  readonly #candidates: NodeState[] = [];
  readonly #reasons = new Map<string, number>();
  readonly #preemption = new Map<string, number>();
  #best: Preemption | null = null;
  #looked = 0;
  /** So many of these are not the one that the pod is for. */
  #elsewhere = 0;
  #waitsForVictims = false;

  constructor(pod: Incoming, neighbours: Neighbours | null) {
    this.pod = pod;
    this.neighbours = neighbours;
  }

  get hasEnough(): boolean {
    return this.pod.pin === null && this.#candidates.length >= enough;
  }

  look(node: NodeState): void {
    if (this.hasEnough) return;
    this.#looked += 1;
    this.#see(node);
  }

  /** Of so many nodes those that were not looked at are none that the pod is for. */
  lookedAmong(nodes: number): void {
    this.#elsewhere = nodes - this.#looked;
    this.#looked = nodes;
  }

  #see(node: NodeState): void {
    const reasons = this.#reasonsAgainst(node);
    if (reasons.length === 0) this.#candidates.push(node);
    for (const { text } of reasons) count(this.#reasons, text);
    const mayMakeRoom = this.pod.pin !== null || this.#candidates.length === 0;
    if (reasons.length > 0 && mayMakeRoom) this.#lookForVictims(node, reasons);
  }

  #reasonsAgainst(node: NodeState, occupants = this.#counted(node)): readonly Reason[] {
    const { needs } = this.pod;
    const reasons = fits(
      needs,
      node.offer,
      occupants.map(({ demand }) => demand),
    );
    return reasons.length > 0 ? reasons : (this.neighbours?.reasons(node.offer) ?? []);
  }

  /** Room that is kept for others is kept from those that are less important. */
  #counted({ occupants }: NodeState): readonly Occupant[] {
    const { uid, needs } = this.pod;
    return occupants.filter((other) => !other.isKept || (other.uid !== uid && other.priority >= needs.priority));
  }

  #lookForVictims(node: NodeState, reasons: readonly Reason[]): void {
    const { needs, nominatedNode } = this.pod;
    const counted = this.#counted(node);
    if (nominatedNode === node.offer.name) {
      this.#waitsForVictims ||= counted.some(({ leaving, priority }) => leaving && priority < needs.priority);
    }
    const victims = reasons.every(({ resolvable }) => resolvable)
      ? victimsFor(needs.priority, counted, (kept) => this.#reasonsAgainst(node, kept).length === 0)
      : null;
    if (victims === null) {
      count(this.#preemption, reasons.every(({ resolvable }) => resolvable) ? noVictims : preemptionHelpless);
    } else if (this.#best === null || compareLosses(victims, this.#best.victims) < 0) this.#best = { node, victims };
  }

  /** The node to put the pod on, as the nodes are now; those seen before may have filled meanwhile. */
  decide(): Placing {
    count(this.#reasons, otherNodes, this.#elsewhere);
    count(this.#preemption, preemptionHelpless, this.#elsewhere);
    const open = this.#candidates.filter((node) => this.#reasonsAgainst(node).length === 0);
    const node = bestOf(this.pod.needs, open);
    if (node !== undefined) return { do: "bind", node };
    if (this.#looked === 0) return { do: "wait", message: noNodes, preemption: null };
    // There is one node at most that was open to it, which it sees as it is now.
    if (this.pod.pin !== null) for (const own of this.#candidates.splice(0)) this.#see(own);
    if (this.#candidates.length === 0) return this.#wait();
    return { do: "wait", message: this.#afterOthers(), preemption: null };
  }

  /** Others were put where it could have gone. */
  #afterOthers(): string {
    const reasons = new Map(this.#reasons);
    for (const node of this.#candidates) for (const { text } of this.#reasonsAgainst(node)) count(reasons, text);
    return fitMessage(this.#looked, reasons, null);
  }

  #wait(): Extract<Placing, { readonly do: "wait" }> {
    const wait = (preemption: string | null) => fitMessage(this.#looked, this.#reasons, preemption);
    if (!this.pod.needs.mayPreempt) return { do: "wait", message: wait(neverPreempts), preemption: null };
    if (this.#waitsForVictims) return { do: "wait", message: wait(waitsForVictims), preemption: null };
    if (this.#best !== null) return { do: "wait", message: wait(null), preemption: this.#best };
    return { do: "wait", message: wait(preemptionSentence(this.#looked, this.#preemption)), preemption: null };
  }
}

function count(counts: Map<string, number>, what: string, times = 1): void {
  counts.set(what, (counts.get(what) ?? 0) + times);
}

/** Puts the pods where they fit, the most important first, each where the ones before have left most room. */
export function placePods(searches: readonly PodSearch[]): ReadonlyMap<PodSearch, Placing> {
  const placings = new Map<PodSearch, Placing>();
  const neighbours = new Set(searches.map((search) => search.neighbours));
  for (const search of [...searches].sort((a, b) => byTurn(a.pod, b.pod))) {
    const placing = search.decide();
    placings.set(search, placing);
    const { uid, needs, createdMs } = search.pod;
    const occupant = { uid, createdMs, priority: needs.priority, demand: needs.demand, leaving: false };
    if (placing.do === "bind") {
      const { occupants } = placing.node;
      const kept = occupants.findIndex((other) => other.uid === uid);
      occupants.splice(kept < 0 ? occupants.length : kept, 1, { ...occupant, isKept: false });
      for (const each of neighbours) each?.note(placing.node.offer, [{ ...search.pod, leaving: false }]);
    }
    if (placing.do === "wait" && placing.preemption !== null) {
      const { node, victims } = placing.preemption;
      for (const victim of victims)
        node.occupants.splice(node.occupants.indexOf(victim), 1, { ...victim, leaving: true });
      node.occupants.push({ ...occupant, isKept: true });
    }
  }
  return placings;
}

function byTurn(a: Incoming, b: Incoming): number {
  if (a.needs.priority !== b.needs.priority) return b.needs.priority - a.needs.priority;
  if (a.createdMs !== b.createdMs) return a.createdMs - b.createdMs;
  return a.uid < b.uid ? -1 : 1;
}

function bestOf(needs: PodNeeds, nodes: readonly NodeState[]): NodeState | undefined {
  const preferred = nodes.map(({ offer }) => preference(needs, offer));
  const disliked = nodes.map(({ offer }) => dislikes(needs, offer));
  const [most, worst] = [Math.max(0, ...preferred), Math.max(0, ...disliked)];
  const scored = nodes.map((node, index) => ({
    node,
    score:
      freeShare(needs, node) + 2 * share(preferred[index] ?? 0, most) + 3 * (100 - share(disliked[index] ?? 0, worst)),
  }));
  return scored.sort((a, b) => b.score - a.score || (a.node.offer.name < b.node.offer.name ? -1 : 1))[0]?.node;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.floor((100 * part) / whole);
}

function preference({ preferredTerms }: PodNeeds, node: NodeOffer): number {
  return preferredTerms
    .filter(({ preference: term }) => matchesNodeSelectorTerms([term], node))
    .reduce((sum, { weight }) => sum + weight, 0);
}

function dislikes({ tolerations }: PodNeeds, { taints }: NodeOffer): number {
  const isDisliked = (taint: (typeof taints)[number]) =>
    taint.effect === "PreferNoSchedule" && !tolerations.some((toleration) => tolerates(toleration, taint));
  return taints.filter(isDisliked).length;
}

/** What a pod that says nothing is taken to use, so that such pods are spread as well. */
const assumed = new Map([
  ["cpu", 100],
  ["memory", 200 * 1024 * 1024],
]);

/** How much of the node would be left, in hundredths. */
function freeShare(needs: PodNeeds, { offer, occupants }: NodeState): number {
  const shares = [...assumed].flatMap(([name, usual]) => {
    const capacity = offer.allocatable?.get(name) ?? 0;
    if (capacity === 0) return [];
    const used = [needs, ...occupants].reduce((sum, { demand }) => sum + (demand.amounts.get(name) ?? usual), 0);
    return [Math.max(0, Math.floor((100 * (capacity - used)) / capacity))];
  });
  return shares.length === 0 ? 0 : shares.reduce((sum, part) => sum + part, 0) / shares.length;
}
