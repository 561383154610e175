// Which of the pods bound to a node its agent is given, when they ask for more than the node has.
//
// A pod is given to the agent without a word in the database, so whoever comes later to the same pods, with nothing but
// the database, must decide alike. Therefore new pods are judged in the order in which they were written, none is given
// to the agent before the refusal of every one ahead of it is written down, and room that is kept for a pod that waits
// is kept only from those that were written later.
// Source: pkg/scheduler for daemon pods, which wait; pkg/kubelet/lifecycle for all others, which are rejected.
import { neverPreempts, noVictims, preemptionHelpless, waitsForVictims } from "./fit-message.ts";
import type { Neighbour } from "./neighbours.ts";
import { besideReasons, caresForNeighbours } from "./neighbours.ts";
import type { NodeOffer, PodNeeds, Reason } from "./node-fit.ts";
import { affinityMismatch, roomReasons, shortResource } from "./node-fit.ts";
import type { PodDemand } from "./pod-demand.ts";
import { asksForNothing } from "./pod-demand.ts";
import type { Tenant } from "./preemption.ts";
import { byImportance, victimsFor } from "./preemption.ts";

export type PodStanding =
  /** Its agent has it, or may have it. */
  | "held"
  /** It waited, and the write that gives it to its agent is underway: room for it is taken. */
  | "admitting"
  /** Nothing was decided yet. */
  | "new"
  /** As "new", and the write that refuses it is underway. */
  | "refusing"
  /** A daemon pod for which there was no room, or that could not be beside others. */
  | "waiting"
  /** A daemon pod that the scheduler has to look at first: it is not there yet. */
  | "unscheduled";

/** `leaving`: it is being deleted. */
export type JudgedPod = Neighbour & {
  readonly uid: string;
  /** Of its row. */
  readonly rv: number;
  readonly createdMs: number;
  readonly standing: PodStanding;
  readonly needs: PodNeeds;
  /** It has ended, or was rejected, and takes nothing. */
  readonly ended: boolean;
  /** True: a daemon pod, which waits. False: its node was named by others, and it is rejected where there is no room. */
  readonly waits: boolean;
  /** It has asked for another sort of node than the one it was put on. */
  readonly misplaced: boolean;
  /** Room is being made for it. */
  readonly nominated: boolean;
};

export type Verdict =
  /** The agent is given it. */
  | { readonly do: "run"; readonly uid: string }
  /** There is room now for one that waited: its agent is given it once that is written. */
  | { readonly do: "admit"; readonly uid: string }
  | {
      readonly do: "wait";
      readonly uid: string;
      readonly reasons: readonly string[];
      /** Why no room is made; null: it is. */
      readonly preemption: string | null;
      /** Pods that go so that there is room. */
      readonly victims: readonly string[];
    }
  | { readonly do: "reject"; readonly uid: string; readonly rejection: Rejection };

/** As the kubelet tells of it. */
type Rejection = { readonly reason: string; readonly message: string };

export function judgePods(node: NodeOffer, pods: readonly JudgedPod[]): readonly Verdict[] {
  const present = pods.filter(({ ended, standing }) => !ended && standing !== "unscheduled");
  if (hasRoomForAll(node, present)) {
    return present.flatMap(({ uid, standing }) => (standing === "new" ? [{ do: "run" as const, uid }] : []));
  }
  const judging = new Judging(node, present);
  judging.judgeNew();
  judging.judgeWaiting();
  return judging.verdicts;
}

/** The usual case, in which nothing has to be added up. */
function hasRoomForAll({ allocatable }: NodeOffer, pods: readonly JudgedPod[]): boolean {
  const places = allocatable?.get("pods") ?? Number.POSITIVE_INFINITY;
  const isPlain = ({ needs, template, standing, misplaced }: JudgedPod) =>
    asksForNothing(needs.demand) &&
    !caresForNeighbours(template) &&
    (standing === "held" || (standing === "new" && !misplaced));
  return pods.length <= places && pods.every(isPlain);
}

type Candidate = JudgedPod & Tenant;

function asCandidate(pod: JudgedPod): Candidate {
  return { ...pod, priority: pod.needs.priority, demand: pod.needs.demand };
}

class Judging {
  readonly verdicts: Verdict[] = [];
  readonly #node: NodeOffer;
  readonly #held: Candidate[];
  readonly #new: readonly Candidate[];
  readonly #waiting: readonly Candidate[];
  /** A refusal has to be written before anything else is decided. */
  #blocked = false;

  constructor(node: NodeOffer, pods: readonly JudgedPod[]) {
    const all = pods.map(asCandidate);
    this.#node = node;
    this.#held = all.filter(({ standing }) => standing === "held" || standing === "admitting");
    this.#new = all.filter(({ standing }) => standing === "new" || standing === "refusing").sort((a, b) => a.rv - b.rv);
    this.#waiting = all.filter(({ standing }) => standing === "waiting").sort(byImportance);
  }

  judgeNew(): void {
    for (const pod of this.#new) {
      // The agent only has to say that it is gone.
      if (pod.leaving && pod.standing === "new") this.verdicts.push({ do: "run", uid: pod.uid });
      else if (!this.#blocked) this.#judgeNext(pod);
    }
  }

  #judgeNext(pod: Candidate): void {
    if (pod.standing === "refusing") {
      this.#blocked = true;
      return;
    }
    const beside = [...this.#held, ...this.#keptFrom(pod, pod.rv)];
    const reasons = this.#reasonsAgainst(pod, beside);
    const first = pod.misplaced && !pod.waits ? affinityMismatch : reasons[0]?.text;
    if (first === undefined) {
      this.verdicts.push({ do: "run", uid: pod.uid });
      this.#held.push(pod);
      return;
    }
    this.#blocked = true;
    if (pod.waits) this.verdicts.push(this.#wait(pod, reasons));
    else this.verdicts.push({ do: "reject", uid: pod.uid, rejection: this.#rejection(first, pod, beside) });
  }

  #rejection(why: string, { demand }: Candidate, beside: readonly Candidate[]): Rejection {
    const resource = shortResource(why);
    if (resource === null) {
      const predicate = why === affinityMismatch ? "NodeAffinity" : "NodePorts";
      return { reason: predicate, message: `Predicate ${predicate} failed: ${why}` };
    }
    const of = ({ amounts }: PodDemand) => (resource === "pods" ? 1 : (amounts.get(resource) ?? 0));
    const used = beside.reduce((sum, other) => sum + of(other.demand), 0);
    const capacity = this.#node.allocatable?.get(resource) ?? 0;
    const amounts = `requested: ${of(demand)}, used: ${used}, capacity: ${capacity}`;
    return { reason: `OutOf${resource}`, message: `Node didn't have enough resource: ${resource}, ${amounts}` };
  }

  judgeWaiting(): void {
    if (this.#blocked) return;
    for (const pod of this.#waiting) {
      if (pod.leaving) continue;
      const reasons = this.#reasonsAgainst(pod, [...this.#held, ...this.#keptFrom(pod, Number.POSITIVE_INFINITY)]);
      if (reasons.length === 0) {
        this.verdicts.push({ do: "admit", uid: pod.uid });
        this.#held.push({ ...pod, standing: "admitting" });
        continue;
      }
      const wait = this.#wait(pod, reasons);
      this.verdicts.push(wait);
      // Who goes has to be written before others are looked at: what they leave is spoken for.
      if (wait.preemption === null) return;
    }
  }

  #reasonsAgainst(pod: Candidate, beside: readonly Candidate[]): readonly Reason[] {
    const demands = beside.map(({ demand }) => demand);
    const room = roomReasons(pod.demand, this.#node.allocatable, demands);
    // Who is beside whom is the scheduler's business: nobody asks it of a pod whose node was named by others.
    if (room.length > 0 || !pod.waits) return room;
    const isThere = ({ standing }: Candidate) => standing !== "waiting";
    return besideReasons(pod, this.#node, beside.filter(isThere));
  }

  /** Those that room is being made for, as far as it is to be kept from this pod. */
  #keptFrom(pod: Candidate, rv: number): readonly Candidate[] {
    return this.#waiting.filter(
      (other) => other.nominated && other.uid !== pod.uid && other.priority >= pod.priority && other.rv < rv,
    );
  }

  #wait(pod: Candidate, reasons: readonly Reason[]): Extract<Verdict, { readonly do: "wait" }> {
    const wait = { do: "wait", uid: pod.uid, reasons: reasons.map(({ text }) => text) } as const;
    if (!pod.needs.mayPreempt) return { ...wait, preemption: neverPreempts, victims: [] };
    if (!reasons.every(({ resolvable }) => resolvable)) return { ...wait, preemption: preemptionHelpless, victims: [] };
    const isMakingRoom = this.#held.some(({ leaving, priority }) => leaving && priority < pod.priority);
    if (pod.nominated && isMakingRoom) return { ...wait, preemption: waitsForVictims, victims: [] };
    // One that is just being let in is let in first.
    const isComing = ({ standing }: Candidate) => standing === "admitting";
    const staying = [...this.#keptFrom(pod, Number.POSITIVE_INFINITY), ...this.#held.filter(isComing)];
    const victims = victimsFor(
      pod.priority,
      this.#held.filter((other) => !isComing(other)),
      (others) => this.#reasonsAgainst(pod, [...others, ...staying]).length === 0,
    );
    if (victims === null) return { ...wait, preemption: noVictims, victims: [] };
    return { ...wait, preemption: null, victims: victims.map(({ uid }) => uid) };
  }
}
