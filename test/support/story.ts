// A small world for a DaemonSet's controller: nodes, pods and revisions in memory, and the real decisions applied to
// them step by step, as the Durable Object applies them to the store. For tests in the manner of upstream's
// daemon_controller_test.go and update_test.go.
import { assert } from "vitest";

import type { PodFacts } from "../../src/core/daemon-pods.ts";
import { freeSlot, isPodAvailable, isTerminal } from "../../src/core/daemon-pods.ts";
import { daemonPodTemplate, daemonSetFacts, daemonSetStatus } from "../../src/core/daemonset.ts";
import type { DaemonSetPlan } from "../../src/core/daemonset-plan.ts";
import { planDaemonSet } from "../../src/core/daemonset-plan.ts";
import type { FailureBackoff } from "../../src/core/failure-backoff.ts";
import { nextFailureBackoff } from "../../src/core/failure-backoff.ts";
import type { NodeEntry } from "../../src/core/node-decision.ts";
import type { NodeFacts } from "../../src/core/placement.ts";
import { ineligible, nodeShouldRunDaemonPod, placementOf } from "../../src/core/placement.ts";
import type { Revision } from "../../src/core/revisions.ts";
import {
  hashLabel,
  planHistory,
  revisionData,
  superfluousRevisions,
  templateGenerationLabel,
} from "../../src/core/revisions.ts";
import type { DaemonSet } from "../../src/model/daemonset.ts";
import { daemonSets } from "../../src/model/daemonset.ts";
import type { Changes } from "../model/objects.ts";
import { changed, daemonSet, decoded } from "../model/objects.ts";
import { ledgerOf, nowMs } from "./facts.ts";

/** What one sync did: pods made and pods deleted. */
export type Did = readonly [creates: number, deletes: number];

export type StoryPod = { readonly node: string; readonly facts: PodFacts };

type StoryOptions = {
  /** True: pods that are deleted stay until `endDeleted`; else agents end them before the next step. */
  readonly graceful?: boolean;
};

export class Story {
  nowMs: number = nowMs;
  set: DaemonSet;
  readonly nodes = new Map<string, NodeFacts>();
  readonly pods = new Map<string, StoryPod>();
  revisions: readonly Revision[] = [];
  /** The plans that were applied, the latest last. */
  readonly plans: DaemonSetPlan[] = [];
  readonly #backoffs = new Map<string, FailureBackoff>();
  readonly #graceful: boolean;
  #made = 0;

  constructor(changes: Changes = {}, { graceful = false }: StoryOptions = {}) {
    const set = daemonSets.prepareForCreate(daemonSet(changes));
    this.set = { ...set, metadata: { ...set.metadata, uid: "set" } };
    this.#graceful = graceful;
  }

  /** Nodes `node-0` to `node-N`, all alike. */
  addNodes(count: number, fields: Partial<NodeFacts> = {}): void {
    const first = this.nodes.size;
    for (let index = first; index < first + count; index += 1) this.addNode({ name: `node-${index}`, ...fields });
  }

  addNode(fields: Partial<NodeFacts> & Pick<NodeFacts, "name">): void {
    this.nodes.set(fields.name, { labels: {}, taints: [], ...fields });
  }

  changeNode(name: string, fields: Partial<NodeFacts>): void {
    const node = this.nodes.get(name);
    assert(node !== undefined);
    this.nodes.set(name, { ...node, ...fields });
  }

  /** A user changes fields of the DaemonSet, by path. */
  update(changes: Changes): void {
    const { status, ...given } = this.set;
    const next = decoded(daemonSets, changed(given, changes));
    this.set = daemonSets.prepareForUpdate({ ...next, status }, this.set);
  }

  get hash(): string {
    const { template } = this.set.spec;
    const collisionCount = this.set.status.collisionCount ?? null;
    return planHistory({ setName: "web", template, collisionCount, revisions: this.revisions }).current.hash;
  }

  get facts() {
    return daemonSetFacts(this.set, this.hash);
  }

  get entries(): readonly NodeEntry[] {
    const placement = placementOf(this.set.spec.template.spec);
    const names = new Set([...this.nodes.keys(), ...[...this.pods.values()].map(({ node }) => node)]);
    return [...names].map((name) => {
      const node = this.nodes.get(name);
      const eligibility = node === undefined ? ineligible : nodeShouldRunDaemonPod(placement, node);
      const backoff = this.#backoffs.get(name) ?? null;
      return { name, exists: node !== undefined, ...eligibility, pods: this.podsOn(name), backoff };
    });
  }

  /** The status that the controller would write now. */
  get status(): DaemonSet["status"] {
    return daemonSetStatus(this.set, ledgerOf(this.facts, this.entries, this.nowMs).totals);
  }

  podsOn(node: string): readonly PodFacts[] {
    return [...this.pods.values()].filter((pod) => pod.node === node).map(({ facts }) => facts);
  }

  /** A pod of the DaemonSet that is there already, made from its current template unless `fields` say otherwise. */
  addPod(node: string, fields: Partial<PodFacts> = {}): PodFacts {
    this.#made += 1;
    const uid = `pod-${String(this.#made).padStart(4, "0")}`;
    const labels = daemonPodTemplate(this.set, this.hash).metadata.labels ?? {};
    const facts: PodFacts = {
      uid,
      name: uid,
      rv: this.#made,
      slot: freeSlot(this.podsOn(node)),
      bound: true,
      hash: labels[hashLabel] ?? "",
      templateGeneration: labels[templateGenerationLabel] ?? "",
      createdAtMs: this.nowMs,
      deleting: false,
      phase: "Pending",
      readySinceMs: null,
      ...fields,
    };
    assert(!this.podsOn(node).some(({ slot }) => slot === facts.slot), "one pod per node and slot");
    this.pods.set(uid, { node, facts });
    return facts;
  }

  addPods(node: string, count: number): void {
    for (let index = 0; index < count; index += 1) this.addPod(node);
  }

  changePod(uid: string, fields: Partial<PodFacts>): void {
    const pod = this.pods.get(uid);
    assert(pod !== undefined);
    this.pods.set(uid, { ...pod, facts: { ...pod.facts, ...fields } });
  }

  /** Agents report pods ready (or not), at most so many, in the order they were made. */
  setReady(isReady: boolean, count: number, picks: (pod: StoryPod) => boolean): void {
    const picked = [...this.pods.values()].filter(picks).slice(0, count);
    assert(picked.length === count || count === Number.POSITIVE_INFINITY, "there are as many pods as are meant");
    for (const { facts } of picked) {
      const readySinceMs = isReady ? (facts.readySinceMs ?? this.nowMs) : null;
      this.changePod(facts.uid, { phase: "Running", readySinceMs });
    }
  }

  allReady(): void {
    this.setReady(true, Number.POSITIVE_INFINITY, ({ facts }) => !facts.deleting && !isTerminal(facts));
  }

  isCurrent = ({ facts }: StoryPod): boolean => facts.hash === this.hash;

  /** Agents have ended what they were asked to end. */
  endDeleted(): void {
    for (const [uid, { facts }] of this.pods) if (facts.deleting) this.pods.delete(uid);
  }

  passMs(durationMs: number): void {
    this.nowMs += durationMs;
  }

  /** Nodes with a pod that is available. */
  get serving(): ReadonlySet<string> {
    const isAvailable = ({ facts }: StoryPod) =>
      !facts.deleting && isPodAvailable(facts, this.facts.minReadySeconds, this.nowMs);
    return new Set([...this.pods.values()].filter(isAvailable).map(({ node }) => node));
  }

  plan(): DaemonSetPlan {
    const { facts } = this;
    return planDaemonSet(facts, ledgerOf(facts, this.entries, this.nowMs), this.nowMs);
  }

  /** What upstream calls a sync: what is missing or too many, then a step of the rolling update. */
  sync(): Did {
    this.#keepHistory();
    const first = this.#apply(this.plan());
    const next = this.plan();
    const second: Did = first.budgeted || !next.budgeted ? [0, 0] : this.#apply(next).did;
    this.set = { ...this.set, status: this.status };
    if (!this.#graceful) this.endDeleted();
    return [first.did[0] + second[0], first.did[1] + second[1]];
  }

  /** Syncs until there is nothing to do, and returns how much was done in all. */
  settle(): Did {
    let [creates, deletes] = [0, 0];
    for (let steps = 0; steps < 100; steps += 1) {
      const [created, deleted] = this.sync();
      if (created + deleted === 0) return [creates, deletes];
      creates += created;
      deletes += deleted;
    }
    throw new Error("the controller never comes to rest");
  }

  #apply(plan: DaemonSetPlan): { readonly did: Did; readonly budgeted: boolean } {
    this.plans.push(plan);
    for (const { name } of plan.create) this.addPod(name);
    for (const { pod, why, entry } of plan.remove) {
      // As the store does it: a pod that runs nowhere, or no more, is gone at once.
      if (!pod.bound || isTerminal(pod)) this.pods.delete(pod.uid);
      else this.changePod(pod.uid, { deleting: true });
      if (why !== "failed") continue;
      const before = this.#backoffs.get(entry.name) ?? null;
      this.#backoffs.set(entry.name, nextFailureBackoff(before, this.facts.observedGeneration, this.nowMs));
    }
    return { did: [plan.create.length, plan.remove.length], budgeted: plan.budgeted };
  }

  #keepHistory(): void {
    const { template, revisionHistoryLimit } = this.set.spec;
    const collisionCount = this.set.status.collisionCount ?? null;
    const { current, create, old } = planHistory({
      setName: "web",
      template,
      collisionCount,
      revisions: this.revisions,
    });
    const made: Revision = { ...current, uid: `revision-${current.name}`, data: revisionData(template) };
    const kept = create
      ? [...this.revisions, made]
      : this.revisions.map((revision) =>
          revision.name === current.name ? { ...revision, revision: current.revision } : revision,
        );
    const live = new Set([...this.pods.values()].map(({ facts }) => facts.hash));
    const superfluous = new Set(superfluousRevisions(old, revisionHistoryLimit, live).map(({ name }) => name));
    this.revisions = kept.filter(({ name }) => !superfluous.has(name));
  }
}

/** The strategy of a rolling update that deletes first. */
export function deletingFirst(maxUnavailable: number | string): Changes {
  return { "spec.updateStrategy": { type: "RollingUpdate", rollingUpdate: { maxUnavailable } } };
}

/** The strategy of a rolling update that surges. */
export function surging(maxSurge: number | string): Changes {
  return { "spec.updateStrategy": { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge } } };
}

export const onDelete: Changes = { "spec.updateStrategy": { type: "OnDelete" } };

export function image(name: string): Changes {
  return { "spec.template.spec.containers[0].image": name };
}
