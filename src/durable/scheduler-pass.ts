// One pass of the scheduler: reads the pods that have no node and the nodes there are, decides, and writes it down.
// Everything is read anew, a part of the fleet at a time, for pods without a node are few and far between here.
import { boundPod, scheduled, withCondition } from "../core/binding.ts";
import { bucketOf, bucketsOf } from "../core/buckets.ts";
import type { NamespaceLabels, Neighbour } from "../core/neighbours.ts";
import { caresForNeighbours, isSpread, Neighbours } from "../core/neighbours.ts";
import { needsOf } from "../core/node-fit.ts";
import { nodeOffer } from "../core/node-offer.ts";
import type { Incoming, NodeState, Occupant, Placing } from "../core/scheduling.ts";
import { PodSearch, placePods } from "../core/scheduling.ts";
import {
  foundNode,
  foundNone,
  lostItsPlace,
  podHappening,
  preemptionReason,
  scheduler,
} from "../core/scheduling-events.ts";
import { goTime } from "../model/instant.ts";
import type { Node } from "../model/node.ts";
import type { Pod } from "../model/pod.ts";
import { pods as podResource } from "../model/pod.ts";
import { isWaiting, podFromTemplate } from "../model/pod-template.ts";
import { daemonSetOf } from "../pokes.ts";
import { runBatch } from "../store/batch.ts";
import type { Told } from "../store/event-recorder.ts";
import { EventRecorder } from "../store/event-recorder.ts";
import { countNodes } from "../store/nodes.ts";
import { readObjects, readObjectsOfBuckets, writtenKey } from "../store/objects.ts";
import type { PodRow } from "../store/pod-rows.ts";
import type { ChangedPod, Owner, StatusUpdate } from "../store/pods.ts";
import { deletePods, readKeepingAway, readPodsOfBuckets, updatePodStatuses, updatePods } from "../store/pods.ts";
import { previousOfPod } from "../store/previous.ts";
import type { TemplateCache } from "../store/template-cache.ts";

/** So many nodes, and the pods on them, are held in memory at a time. */
const nodesAtOnce = 500;
const mostNamespaces = 10_000;

export type Scheduled = {
  /** Pods that found no node. */
  readonly left: readonly string[];
  /** Nodes that pods came to, or are to leave. */
  readonly nodes: readonly string[];
  /** Whose daemons are to leave. */
  readonly owners: readonly Owner[];
};

type Part = { readonly node: NodeState; readonly neighbours: readonly Neighbour[] };

export class SchedulerPass {
  readonly #db: D1Database;
  readonly #templates: TemplateCache;
  readonly #events = new EventRecorder();

  constructor(db: D1Database, templates: TemplateCache) {
    this.#db = db;
    this.#templates = templates;
  }

  /** Finds nodes for `wanted`; `unbound` are all pods without one, for some of which room is kept. */
  async run(wanted: readonly PodRow[], unbound: readonly PodRow[], nowMs: number): Promise<Scheduled> {
    await this.#templates.load(unbound.map(({ template }) => template));
    const [count, keeping] = await runBatch(this.#db, [countNodes(this.#db), readKeepingAway(this.#db)]);
    const pods = wanted.map((row) => this.#incoming(row));
    const mustKnowAll = keeping.length > 0 || pods.some(({ template }) => caresForNeighbours(template));
    const searches = mustKnowAll ? await this.#searchesAmongAll(wanted, count, unbound) : pods.map(newSearch);
    // Not always from the same end, so that the first nodes are not the first to be full.
    const start = bucketOf(pods[0]?.uid ?? "");
    await lookAround(searches, this.#parts(count, unbound, start));
    return this.#write(wanted, placePods(searches), nowMs);
  }

  #incoming(row: PodRow): Incoming {
    const template = this.#templates.get(row.template);
    const { uid, namespace, createdMs } = row;
    const pin = row.node === "" ? null : row.node;
    return { uid, namespace, createdMs, template, needs: needsOf(template), pin, nominatedNode: nominatedNode(row) };
  }

  async #searchesAmongAll(
    wanted: readonly PodRow[],
    count: number,
    unbound: readonly PodRow[],
  ): Promise<readonly PodSearch[]> {
    const [namespaces] = await runBatch(this.#db, [
      readObjects(this.#db, { resource: "namespaces", namespace: "", after: null, limit: mostNamespaces }),
    ]);
    const labels: NamespaceLabels = new Map(
      namespaces.map(({ metadata }) => [metadata.name ?? "", metadata.labels ?? {}]),
    );
    // What a thousand pods of one DaemonSet care for is counted once.
    const known = new Map<string, Neighbours>();
    const searches = wanted.map((row) => {
      const pod = this.#incoming(row);
      const kind = `${row.namespace} ${row.template} ${isSpread(pod.template) ? row.node : ""}`;
      const outlook = { namespaces: labels, pin: pod.pin, isNarrow: false };
      const neighbours = known.get(kind) ?? new Neighbours({ ...pod, leaving: false }, pod.needs, outlook);
      known.set(kind, neighbours);
      return new PodSearch(pod, neighbours);
    });
    for await (const part of this.#parts(count, unbound, 0)) {
      for (const { node, neighbours: there } of part) {
        for (const neighbours of known.values()) neighbours.note(node.offer, there);
      }
    }
    return searches;
  }

  /** The nodes, some at a time, with the pods on them and the room that is kept there. */
  async *#parts(count: number, unbound: readonly PodRow[], startBucket: number): AsyncGenerator<readonly Part[]> {
    const parts = Math.max(1, Math.ceil(count / nodesAtOnce));
    const nowhere = unbound.filter(({ node }) => node === "");
    for (let index = 0; index < parts; index += 1) {
      const { first, last } = bucketsOf((index + startBucket) % parts, parts);
      const [nodes, rows] = await runBatch(this.#db, [
        readObjectsOfBuckets(this.#db, first, last),
        readPodsOfBuckets(this.#db, first, last),
      ]);
      await this.#templates.load([...rows, ...unbound].map(({ template }) => template));
      const byNode = Map.groupBy(
        rows.filter(({ phase }) => phase !== "Failed" && phase !== "Succeeded"),
        ({ node }) => node,
      );
      // Stored under the nodes, so they are.
      yield (nodes as readonly Node[]).map((node) => {
        const name = node.metadata.name ?? "";
        const here = byNode.get(name) ?? [];
        const kept = [...here.filter(isWaiting), ...nowhere].filter((row) => nominatedNode(row) === name);
        const there = here.filter((row) => !isWaiting(row));
        const occupants = [
          ...there.map((row) => this.#occupant(row, false)),
          ...kept.map((row) => this.#occupant(row, true)),
        ];
        return { node: { offer: nodeOffer(node), occupants }, neighbours: there.map((row) => this.#neighbour(row)) };
      });
    }
  }

  #occupant({ uid, template, createdMs, deletionMs }: PodRow, isKept: boolean): Occupant {
    const { priority, demand } = needsOf(this.#templates.get(template));
    return { uid, priority, createdMs, demand, leaving: deletionMs !== null, isKept };
  }

  #neighbour({ namespace, template, deletionMs }: PodRow): Neighbour {
    return { namespace, template: this.#templates.get(template), leaving: deletionMs !== null };
  }

  async #write(
    wanted: readonly PodRow[],
    placings: ReadonlyMap<PodSearch, Placing>,
    nowMs: number,
  ): Promise<Scheduled> {
    const rows = new Map(wanted.map((row) => [row.uid, row]));
    const decided = [...placings].flatMap(([{ pod }, placing]) => {
      const row = rows.get(pod.uid);
      return row === undefined ? [] : [{ row, pod, placing }];
    });
    const victims = await this.#victimsOf(decided.map(({ placing }) => placing));
    const bound = decided.flatMap(({ row, placing }) =>
      placing.do === "bind" && row.node === "" ? [this.#boundRow(row, placing.node.offer.name, nowMs)] : [],
    );
    const given = decided.filter(({ row, placing }) => placing.do === "bind" && row.node !== "");
    const [moved, changed] = await runBatch(this.#db, [
      updatePods(this.#db, bound, { nowMs }),
      updatePodStatuses(
        this.#db,
        [
          ...given.map(({ row }) => this.#given(row, nowMs)),
          ...decided.flatMap(({ row, placing }) => (placing.do === "wait" ? this.#refused(row, placing, nowMs) : [])),
          ...victims.map((victim) => preempted(victim, nowMs)),
        ],
        { nowMs },
      ),
      deletePods(
        this.#db,
        victims.map(({ namespace, name, uid }) => ({ namespace, name, uid, graceSeconds: null })),
        { nowMs },
      ),
    ]);
    const written = new Set([...moved.keys(), ...changed.keys()]);
    // Of what was not written nobody is told: others were faster, and the next pass will see.
    const happened = decided.filter(({ row, placing }) => placing.do === "wait" || written.has(writtenKey(row)));
    const told = happened.flatMap(({ row, placing }) => tell(row, placing, victims));
    await runBatch(this.#db, [this.#events.record(this.#db, told, { nowMs })]);
    const left = decided.filter(({ row, placing }) => placing.do === "wait" || !written.has(writtenKey(row)));
    const placed = [...bound, ...given.map(({ row }) => row)];
    const touched = [...placed.filter((row) => written.has(writtenKey(row))), ...victims];
    return {
      left: left.map(({ row }) => row.uid),
      nodes: touched.map(({ node }) => node),
      owners: victims.flatMap(({ namespace, template }) => {
        const owner = daemonSetOf({ ...this.#templates.get(template).metadata, namespace });
        return owner === null ? [] : [owner];
      }),
    };
  }

  /** The pods that have to go, as they are now. */
  async #victimsOf(placings: readonly Placing[]): Promise<readonly PodRow[]> {
    const going = placings.flatMap((placing) => (placing.do === "wait" && placing.preemption) || []);
    const uids = new Set(going.flatMap(({ victims }) => victims.map(({ uid }) => uid)));
    const nodes = new Set(going.map(({ node }) => node.offer.name));
    const parts = [...nodes].map((node) => readPodsOfBuckets(this.#db, bucketOf(node), bucketOf(node)));
    const found = await Promise.all(parts.map(async (part) => (await runBatch(this.#db, [part]))[0]));
    return found.flat().filter(({ uid, deletionMs }) => uids.has(uid) && deletionMs === null);
  }

  #boundRow(row: PodRow, node: string, nowMs: number): ChangedPod {
    const pod = podFromTemplate(this.#templates.get(row.template), row);
    const bound = boundPod(pod, node, goTime(nowMs));
    const previous = previousOfPod(podResource, { pod, row }, bound);
    return { ...row, node, bucket: bucketOf(node), status: bound.status, previous };
  }

  /** A daemon pod, for its node to look whether there is room. */
  #given(row: PodRow, nowMs: number): StatusUpdate {
    const { nominatedNodeName: _nominated, ...before } = podFromTemplate(this.#templates.get(row.template), row).status;
    const status = withCondition(before, scheduled("True", goTime(nowMs)));
    return { ...keyOf(row), phase: "Pending", status, lost: false, observation: 0, expectRv: row.rv };
  }

  #refused(
    row: PodRow,
    { message, preemption }: Extract<Placing, { readonly do: "wait" }>,
    nowMs: number,
  ): readonly StatusUpdate[] {
    const { nominatedNodeName, ...before } = podFromTemplate(this.#templates.get(row.template), row).status;
    const refused = scheduled("False", goTime(nowMs), { reason: "Unschedulable", message });
    // Once others go for it, room is being made until they are gone.
    const node = preemption?.node.offer.name ?? nominatedNodeName;
    const nominated = node === undefined ? {} : { nominatedNodeName: node };
    const status = { ...withCondition(before, refused), phase: "Pending", ...nominated };
    const isSame = JSON.stringify(status) === JSON.stringify(row.status);
    return isSame ? [] : [{ ...keyOf(row), phase: "Pending", status, lost: false, ...asItIs(row) }];
  }
}

/** Shows each search the nodes that its pod may be for. */
async function lookAround(searches: readonly PodSearch[], parts: AsyncGenerator<readonly Part[]>): Promise<void> {
  const open = searches.filter(({ pod }) => pod.pin === null);
  const pinned = Map.groupBy(
    searches.filter(({ pod }) => pod.pin !== null),
    ({ pod }) => pod.pin,
  );
  let nodes = 0;
  for await (const part of parts) {
    nodes += part.length;
    for (const { node } of part) {
      for (const search of open) search.look(node);
      for (const search of pinned.get(node.offer.name) ?? []) search.look(node);
    }
    if (pinned.size === 0 && open.every(({ hasEnough }) => hasEnough)) break;
  }
  for (const search of [...pinned.values()].flat()) search.lookedAmong(nodes);
}

function newSearch(pod: Incoming): PodSearch {
  return new PodSearch(pod, null);
}

function nominatedNode({ status }: PodRow): string {
  return String(status?.["nominatedNodeName"] ?? "");
}

function keyOf({ namespace, name, uid }: PodRow) {
  return { namespace, name, uid };
}

function asItIs({ observation, rv }: PodRow) {
  return { observation, expectRv: rv };
}

function preempted(row: PodRow, nowMs: number): StatusUpdate {
  const condition = { type: "DisruptionTarget", status: "True", lastProbeTime: null, ...preemptionReason };
  // Statuses are decoded before they are stored.
  const before = (row.status ?? { phase: row.phase }) as Pod["status"];
  const status = withCondition(before, { ...condition, lastTransitionTime: goTime(nowMs) });
  return { ...keyOf(row), phase: row.phase, status, lost: false, ...asItIs(row) };
}

function tell(row: PodRow, placing: Placing, victims: readonly PodRow[]): readonly Told[] {
  // That a daemon pod was given to its node is seen by its status.
  if (placing.do === "bind" && row.node !== "") return [];
  if (placing.do === "bind") return [toldOf(podHappening(row, foundNode(row, placing.node.offer.name)))];
  const going = new Set(placing.preemption?.victims.map(({ uid }) => uid));
  return [
    toldOf(podHappening(row, foundNone(placing.message))),
    ...victims
      .filter(({ uid }) => going.has(uid))
      .map((victim) => toldOf(podHappening(victim, lostItsPlace(row, victim.node)))),
  ];
}

function toldOf(happening: Told["happening"]): Told {
  return { happening, source: scheduler };
}
