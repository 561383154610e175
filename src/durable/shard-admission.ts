// Which pods the agents of a shard's nodes are given: those for which there is room. What is refused is written down
// first; what is given needs no writing. The rules are in core/node-admission.ts.
import { scheduled, withCondition } from "../core/binding.ts";
import { daemonPodMessage } from "../core/fit-message.ts";
import { caresBeyondNode } from "../core/neighbours.ts";
import type { JudgedPod, PodStanding, Verdict } from "../core/node-admission.ts";
import { judgePods } from "../core/node-admission.ts";
import { affinityReasons, needsOf } from "../core/node-fit.ts";
import { nodeOffer } from "../core/node-offer.ts";
import { foundNone, lostItsPlace, podHappening, preemptionReason, scheduler } from "../core/scheduling-events.ts";
import { goTime } from "../model/instant.ts";
import type { Node } from "../model/node.ts";
import type { PodStatus } from "../model/pod-status.ts";
import type { PodTemplate } from "../model/pod-template.ts";
import {
  isUnscheduled,
  isWaiting,
  podFromTemplate,
  unscheduledObservation,
  waitingObservation,
} from "../model/pod-template.ts";
import { runBatch } from "../store/batch.ts";
import { countNodes } from "../store/nodes.ts";
import type { PodRow } from "../store/pod-rows.ts";
import type { TemplateCache } from "../store/template-cache.ts";
import type { ShardWrites } from "../sync/shard-writes.ts";
import { merged, noWrites } from "../sync/shard-writes.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { ImageNode, ShardImage } from "./shard-image.ts";
import { disruption, removal } from "./shard-tending.ts";

/** The number of nodes is for people to read; counting them reads each. */
const countedForMs = 60_000;

type Parts = {
  readonly db: D1Database;
  readonly image: ShardImage;
  readonly templates: TemplateCache;
  readonly commits: GroupCommit;
  /** Takes care of work that nobody waits for. */
  readonly later: (work: Promise<void>) => void;
  /** Is called when decisions were written, or (false) could not be. */
  readonly decided: (ok: boolean) => Promise<void>;
};

type Decision = {
  readonly node: ImageNode;
  readonly row: PodRow;
  readonly verdict: Exclude<Verdict, { readonly do: "run" }>;
};

export class ShardAdmission {
  readonly #parts: Parts;
  /** Pods whose fate is being written. */
  readonly #underway = new Map<string, Decision["verdict"]["do"]>();
  #counted: { readonly nodes: number; readonly atMs: number } | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Gives the agents of these nodes what there is room for. Returns when that is known; refusals are written later. */
  async judge(names: Iterable<string>): Promise<void> {
    const wanted = [...names];
    const found = () => wanted.flatMap((name) => this.#parts.image.nodes.get(name) ?? []).filter(isOpen);
    const templatesOf = (node: ImageNode) => [...node.pods.values()].map(({ template }) => template);
    const { templates } = this.#parts;
    // The picture may change while templates are read.
    while (found().some((node) => templatesOf(node).some((id) => !templates.has(id)))) {
      await templates.load(found().flatMap(templatesOf));
    }
    const decisions = found().flatMap((node) => this.#judgeNode(node));
    if (decisions.length > 0) this.#parts.later(this.#write(decisions));
  }

  #judgeNode(node: ImageNode): readonly Decision[] {
    const { image } = this.#parts;
    if (node.object === null) return [];
    const offer = nodeOffer(node.object);
    const pods = [...node.pods.values()].map((row) => this.#judged(node, node.object, row));
    return judgePods(offer, pods).flatMap((verdict) => {
      if (verdict.do === "run") image.give(node, verdict.uid);
      const row = node.pods.get(verdict.uid);
      if (verdict.do === "run" || row === undefined || this.#underway.has(row.uid)) return [];
      if (verdict.do === "wait" && !saysMore(verdict, row)) return [];
      this.#underway.set(row.uid, verdict.do);
      return [{ node, row, verdict }];
    });
  }

  #judged(node: ImageNode, object: Node | null, row: PodRow): JudgedPod {
    const template = this.#parts.templates.get(row.template);
    const needs = needsOf(template);
    const standing = this.#standingOf(node, row);
    const waits = template.pinned === true;
    return {
      uid: row.uid,
      namespace: row.namespace,
      template,
      rv: row.rv,
      createdMs: row.createdMs,
      standing,
      needs,
      leaving: row.deletionMs !== null,
      ended: row.phase === "Failed" || row.phase === "Succeeded",
      waits,
      misplaced:
        !waits && standing === "new" && object !== null && affinityReasons(needs, nodeOffer(object)).length > 0,
      nominated: row.status?.["nominatedNodeName"] === node.name,
    };
  }

  #standingOf({ apart }: ImageNode, row: PodRow): PodStanding {
    const underway = this.#underway.get(row.uid);
    if (underway === "admit") return isWaiting(row) ? "admitting" : "held";
    if (!apart.has(row.uid)) return "held";
    if (isUnscheduled(row)) return "unscheduled";
    if (isWaiting(row)) return "waiting";
    return underway === undefined ? "new" : "refusing";
  }

  async #write(decisions: readonly Decision[]): Promise<void> {
    let ok = false;
    try {
      const nowMs = Date.now();
      const nodes = decisions.some(({ verdict }) => verdict.do === "wait") ? await this.#countNodes(nowMs) : 0;
      await this.#parts.commits.add(merged(decisions.map((decision) => this.#writesOf(decision, nodes, nowMs))));
      ok = true;
    } catch (error) {
      console.error({ message: "pods could not be refused", error: String(error) });
    }
    for (const { row, node } of decisions) {
      this.#underway.delete(row.uid);
      this.#parts.image.touch(node.name);
    }
    await this.#parts.decided(ok);
  }

  async #countNodes(nowMs: number): Promise<number> {
    if (this.#counted === null || nowMs - this.#counted.atMs > countedForMs) {
      const [nodes] = await runBatch(this.#parts.db, [countNodes(this.#parts.db)]);
      this.#counted = { nodes, atMs: nowMs };
    }
    return this.#counted.nodes;
  }

  #writesOf({ node, row, verdict }: Decision, nodes: number, nowMs: number): ShardWrites {
    const template = this.#parts.templates.get(row.template);
    const { nominatedNodeName: _nominated, ...status } = podFromTemplate(template, row).status;
    const key = { ...podKey(row), expectRv: row.rv, lost: false };
    switch (verdict.do) {
      case "admit": {
        const given = withCondition(status, scheduled("True", goTime(nowMs)));
        return { ...noWrites, statuses: [{ ...key, phase: "Pending", status: given, observation: 0 }] };
      }
      case "reject": {
        const { reason, message } = verdict.rejection;
        const failed = { ...status, phase: "Failed", reason, message: `Pod was rejected: ${message}` };
        const told = podHappening(row, { type: "Warning", reason, message });
        const source = { component: "kubelet", host: node.name };
        const rejected = { ...key, phase: "Failed", status: failed, observation: row.observation };
        return { ...noWrites, statuses: [rejected], events: [{ happening: told, source }] };
      }
      case "wait":
        return waitingWrites(
          { node, row, template, status, message: daemonPodMessage({ nodes, ...verdict }), nowMs },
          verdict,
        );
    }
  }
}

function isOpen({ object, apart }: ImageNode): boolean {
  return object !== null && apart.size > 0;
}

function podKey({ namespace, name, uid, node }: PodRow) {
  return { namespace, name, uid, node };
}

/** Whether a refusal tells anything that the pod's status does not. */
function saysMore({ reasons, victims }: Extract<Verdict, { readonly do: "wait" }>, row: PodRow): boolean {
  if (!isWaiting(row) || victims.length > 0) return true;
  // Statuses are decoded before they are stored.
  const { conditions = [] } = (row.status ?? {}) as PodStatus;
  const message = conditions.find(({ type }) => type === "PodScheduled")?.message ?? "";
  return !reasons.every((reason) => message.includes(`1 ${reason}`));
}

type Waiting = {
  readonly node: ImageNode;
  readonly row: PodRow;
  readonly template: PodTemplate;
  readonly status: PodStatus;
  readonly message: string;
  readonly nowMs: number;
};

function waitingWrites(
  { node, row, template, status, message, nowMs }: Waiting,
  { victims }: Extract<Verdict, { readonly do: "wait" }>,
): ShardWrites {
  const nominated = victims.length === 0 ? {} : { nominatedNodeName: node.name };
  const refused = scheduled("False", goTime(nowMs), { reason: "Unschedulable", message });
  const waiting = { ...withCondition(status, refused), phase: "Pending", ...nominated };
  const going = victims.flatMap((uid) => node.pods.get(uid) ?? []);
  const update = { ...podKey(row), expectRv: row.rv, lost: false, phase: "Pending" };
  // By the time there is room, who is near may have changed.
  const observation = caresBeyondNode(template) ? unscheduledObservation : waitingObservation;
  return {
    ...noWrites,
    statuses: [{ ...update, status: waiting, observation }],
    disruptions: going.map((victim) => disruption(victim, nowMs, preemptionReason)),
    removals: going.map((victim) => removal(victim, null)),
    events: [
      { happening: podHappening(row, foundNone(message)), source: scheduler },
      ...going.map((victim) => ({
        happening: podHappening(victim, lostItsPlace(row, node.name)),
        source: scheduler,
      })),
    ],
  };
}
