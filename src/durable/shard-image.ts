// A shard's picture of its nodes and their pods: read from D1 when the object wakes, then kept by the change log.
import type { Assignment, ObjectVersion } from "../core/assignment.ts";
import { assignmentEtag, assignments } from "../core/assignment.ts";
import { othersConditions } from "../core/pod-conditions.ts";
import type { KubeObject } from "../model/meta.ts";
import type { Node } from "../model/node.ts";
import { isWaiting } from "../model/pod-template.ts";
import type { Part } from "../store/batch.ts";
import { runBatch } from "../store/batch.ts";
import type { Change, LogPage } from "../store/log.ts";
import { readHead, readLog } from "../store/log.ts";
import type { ObjectKey } from "../store/objects.ts";
import { readObjectsOfBuckets, withResourceVersion } from "../store/objects.ts";
import type { PodRow } from "../store/pod-rows.ts";
import { loggedPodRow } from "../store/pod-rows.ts";
import { readPodsOfBuckets } from "../store/pods.ts";
import type { ShardObjects } from "./shard-objects.ts";
import { isNamedResource } from "./shard-objects.ts";

const changesAtOnce = 5_000;
const mostGone = 20_000;

/** One node as the shard sees it. */
export type ImageNode = {
  readonly name: string;
  /** Null: pods are bound to it, but there is no such Node. */
  object: Node | null;
  readonly pods: Map<string, PodRow>;
  /** Pods that its agent is not given: not judged yet, or found to be too much for the node. */
  readonly apart: Set<string>;
  /** The resourceVersion at which its assignment last changed, or at which the picture was taken. */
  revision: number;
  /** Names its assignment; null: to be computed. */
  etag: string | null;
};

export type Buckets = { readonly first: number; readonly last: number };

export class ShardImage {
  readonly nodes = new Map<string, ImageNode>();
  readonly #db: D1Database;
  readonly #buckets: Buckets;
  readonly #objects: ShardObjects;
  #origin = crypto.randomUUID();
  /** Pods that are gone, so that an older change of one, read late, does not bring it back. */
  readonly #gone = new Set<string>();
  #changed = new Set<string>();
  #cursor: number | null = null;

  constructor(db: D1Database, buckets: Buckets, objects: ShardObjects) {
    this.#db = db;
    this.#buckets = buckets;
    this.#objects = objects;
  }

  /** Marks this object's own writes in the log, which it passes over: it takes them in as they are made. */
  get origin(): string {
    return this.#origin;
  }

  /** The last row of the log that the picture includes; null: it is to be taken anew. */
  get cursor(): number | null {
    return this.#cursor;
  }

  /**
   * Nobody can say what became of the writes that began at `cursor`: whenever they come, they are read from the log like
   * those of others.
   */
  distrust(cursor: number | null): void {
    this.#origin = crypto.randomUUID();
    if (cursor === null || (this.#cursor !== null && cursor < this.#cursor)) this.#cursor = cursor;
  }

  get isLoaded(): boolean {
    return this.#cursor !== null;
  }

  /** Brings the picture up to date. */
  async refresh(): Promise<void> {
    while (await this.#follow());
  }

  /** The nodes whose Node or assignment changed since this was last asked: their agents are to be told. */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  /** Whether there may be more to read. */
  async #follow(): Promise<boolean> {
    if (this.#cursor === null) {
      await this.#load();
      for (const name of this.nodes.keys()) this.#changed.add(name);
      return false;
    }
    const origin = this.#origin;
    const page = await this.#readLog(this.#cursor);
    // Something was passed over that is to be read now.
    if (origin !== this.#origin) return true;
    if (page.hasGap) {
      this.#cursor = null;
      return true;
    }
    for (const change of page.changes) this.#apply(change);
    this.#cursor = page.reached;
    return page.hasMore;
  }

  async #readLog(cursor: number): Promise<LogPage> {
    const [page] = await runBatch(this.#db, [this.#page(cursor)]);
    return page;
  }

  #page(cursor: number): Part<LogPage> {
    const concern = { kind: "buckets", ...this.#buckets, exceptOrigin: this.#origin } as const;
    return readLog(this.#db, { cursor, limit: changesAtOnce, concern });
  }

  /** What others wrote since the picture was brought up to date; null: it has to be taken anew. */
  missed(): Part<LogPage | null> {
    return this.#cursor === null ? { statements: [], read: () => null } : this.#page(this.#cursor);
  }

  async catchUp(missed: LogPage | null): Promise<void> {
    if (missed === null || missed.hasGap || missed.hasMore || this.#cursor === null) return this.refresh();
    for (const change of missed.changes) this.#apply(change);
    this.#cursor = Math.max(this.#cursor, missed.reached);
  }

  async #load(): Promise<void> {
    const { first, last } = this.#buckets;
    const [head, nodes, pods] = await runBatch(this.#db, [
      readHead(this.#db),
      readObjectsOfBuckets(this.#db, first, last),
      readPodsOfBuckets(this.#db, first, last),
    ]);
    this.nodes.clear();
    this.#objects.reset();
    for (const node of nodes) this.#setNode(node, head);
    for (const pod of pods) this.#addPod(this.#node(pod.node, head), pod);
    this.#cursor = head;
    // Writes that were underway meanwhile may be in the picture or not.
    this.#origin = crypto.randomUUID();
  }

  #node(name: string, seq: number): ImageNode {
    const known = this.nodes.get(name);
    if (known !== undefined) return known;
    const node: ImageNode = { name, object: null, pods: new Map(), apart: new Set(), revision: seq, etag: null };
    this.nodes.set(name, node);
    return node;
  }

  /** An older state than the known one is one that was read late. */
  #setNode(object: KubeObject, seq: number): void {
    const node = this.#node(object.metadata.name ?? "", seq);
    // Stored under the nodes, so it is one.
    if (rvOf(node.object) < rvOf(object)) node.object = object as Node;
    if (node.apart.size > 0) this.#changed.add(node.name);
  }

  /** A pod that its agent has told of was given to it; whether others are is to be judged. */
  #addPod(node: ImageNode, row: PodRow): void {
    node.pods.set(row.uid, row);
    if (row.observation <= 0) node.apart.add(row.uid);
  }

  /** The node's agent is given a pod that was kept apart. */
  give(node: ImageNode, uid: string): void {
    if (node.apart.delete(uid)) node.etag = null;
  }

  /** The node's pods are to be judged anew, and its agent told what came of it. */
  touch(name: string): void {
    if (this.nodes.has(name)) this.#changed.add(name);
  }

  #apply(change: Change): void {
    if (change.resource === "nodes") {
      this.#changed.add(change.name);
      if (change.type === "DELETED") this.#dropNode(change.name, change.seq);
      else this.#setNode(withResourceVersion(change.body, change.seq), change.seq);
    } else if (change.resource === "pods") {
      const row = loggedPodRow(change);
      if (change.type === "DELETED") this.#changed.add(row.node);
      if (change.type === "DELETED") this.dropPod(row.node, row.uid, change.seq);
      else this.setPod(row);
    } else if (isNamedResource(change.resource)) {
      const key = this.#objects.take(change);
      if (key !== null) this.objectChanged(key, change.seq);
    }
  }

  /** The agents of nodes whose pods name the object are to be told. */
  objectChanged(key: ObjectKey, seq: number): void {
    for (const node of this.nodes.values()) {
      if (![...node.pods.values()].some((pod) => this.#objects.isNamedBy(pod, key))) continue;
      node.etag = null;
      node.revision = Math.max(node.revision, seq);
      this.#changed.add(node.name);
    }
  }

  #dropNode(name: string, seq: number): void {
    const node = this.nodes.get(name);
    if (node === undefined || rvOf(node.object) > seq) return;
    node.object = null;
    if (node.pods.size === 0) this.nodes.delete(name);
  }

  /** Takes in a Node as it was just written. */
  setNode(object: Node): void {
    this.#setNode(object, Number(object.metadata.resourceVersion));
  }

  /** Takes in a pod as it was just written, unless a newer state of it is known. */
  setPod(row: PodRow): void {
    if (this.#gone.has(row.uid)) return;
    const node = this.#node(row.node, row.rv);
    const before = node.pods.get(row.uid);
    if (before !== undefined && before.rv >= row.rv) return;
    if (before === undefined) this.#addPod(node, row);
    else node.pods.set(row.uid, row);
    // What was kept apart may have been given to the agent, or something that ended may have made room for it.
    if (node.apart.size > 0) this.#changed.add(row.node);
    if (row.observation > 0) this.give(node, row.uid);
    else if (isWaiting(row)) node.apart.add(row.uid);
    if (before !== undefined && isAssignedAlike(before, row)) return;
    node.etag = null;
    node.revision = Math.max(node.revision, row.rv);
    this.#changed.add(row.node);
  }

  /** Forgets a pod. Its agent is not told by this: the one that ended it knows. */
  dropPod(name: string, uid: string, seq: number): void {
    this.#gone.add(uid);
    const [oldest] = this.#gone;
    if (this.#gone.size > mostGone && oldest !== undefined) this.#gone.delete(oldest);
    const node = this.nodes.get(name);
    if (node === undefined || !node.pods.delete(uid)) return;
    node.apart.delete(uid);
    if (node.apart.size > 0) this.#changed.add(name);
    node.etag = null;
    node.revision = Math.max(node.revision, seq);
    if (node.object === null && node.pods.size === 0) this.nodes.delete(name);
  }

  /** What the node is to run, with the numbers of the last reports: an agent that lost its disk goes on from them. */
  assignment(node: ImageNode): readonly Assignment[] {
    return assignments(given(node), (pod) => this.#objects.termsOf(pod));
  }

  /** What the pods that the agent is given name. */
  objectsOf(node: ImageNode): readonly ObjectVersion[] {
    return this.#objects.objectsOf(given(node));
  }

  etagOf(node: ImageNode): string {
    node.etag ??= assignmentEtag(this.assignment(node), this.objectsOf(node));
    return node.etag;
  }
}

function given({ pods, apart }: ImageNode): readonly PodRow[] {
  return [...pods.values()].filter(({ uid }) => !apart.has(uid));
}

function rvOf(object: KubeObject | null): number {
  return Number(object?.metadata.resourceVersion ?? 0);
}

function isAssignedAlike(a: PodRow, b: PodRow): boolean {
  return (
    a.template === b.template &&
    a.deletionMs === b.deletionMs &&
    a.graceSeconds === b.graceSeconds &&
    isWaiting(a) === isWaiting(b) &&
    JSON.stringify(othersConditions(a.status)) === JSON.stringify(othersConditions(b.status))
  );
}
