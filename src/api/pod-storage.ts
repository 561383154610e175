// Pods: whole on this side, a small row and a shared template on the other.
import { bucketOf } from "../core/buckets.ts";
import { isReleased } from "../core/deletion.ts";
import { isReadyStatus } from "../core/pod-conditions.ts";
import { parseTimeMs } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";
import { controllerOf } from "../model/meta.ts";
import { withMountStatuses, withoutMountStatuses } from "../model/mount-statuses.ts";
import type { Pod } from "../model/pod.ts";
import { pods as podResource } from "../model/pod.ts";
import { isWaiting, podFromTemplate, templateOfPod } from "../model/pod-template.ts";
import { runBatch } from "../store/batch.ts";
import { readHead } from "../store/log.ts";
import { readObject, writtenKey } from "../store/objects.ts";
import type { PodRow } from "../store/pod-rows.ts";
import { templateId } from "../store/pod-rows.ts";
import {
  countPods,
  deletePods,
  insertPods,
  insertTemplates,
  readPod,
  readPods,
  readPodsByKey,
  readPodsOfNode,
  updatePods,
} from "../store/pods.ts";
import { previousOfPod } from "../store/previous.ts";
import type { TemplateCache } from "../store/template-cache.ts";
import type {
  CreateOutcome,
  Listing,
  ListRequest,
  Place,
  RemovalOptions,
  Removed,
  Storage,
  UpdateOutcome,
} from "./storage.ts";

const unboundBucket = -1;
const userSlots = 2 ** 30;

export class PodStorage implements Storage {
  readonly #db: D1Database;
  readonly #templates: TemplateCache;

  constructor(db: D1Database, templates: TemplateCache) {
    this.#db = db;
    this.#templates = templates;
  }

  async #pods(rows: readonly PodRow[]): Promise<readonly Pod[]> {
    await this.#templates.load(rows.map(({ template }) => template));
    return rows.map((row) => withMountStatuses(podFromTemplate(this.#templates.get(row.template), row)));
  }

  async read({ namespace, name }: Place): Promise<KubeObject | null> {
    const [row] = await runBatch(this.#db, [readPod(this.#db, namespace, name)]);
    const [pod] = await this.#pods(row === null ? [] : [row]);
    return pod ?? null;
  }

  async list({ namespace, name, nodeName, after, limit }: ListRequest): Promise<Listing> {
    if (nodeName !== null && nodeName !== "") return this.#listOfNode(nodeName, { namespace, after });
    if (name !== null) {
      const [rv, row] = await runBatch(this.#db, [readHead(this.#db), readPod(this.#db, namespace ?? "", name)]);
      return { objects: await this.#pods(row === null ? [] : [row]), rv };
    }
    const [rv, rows] = await runBatch(this.#db, [readHead(this.#db), readPods(this.#db, { namespace, after, limit })]);
    return { objects: await this.#pods(rows), rv };
  }

  /** A node runs few pods: what is left of them is always one page. */
  async #listOfNode(node: string, { namespace, after }: Pick<ListRequest, "namespace" | "after">): Promise<Listing> {
    const [rv, rows] = await runBatch(this.#db, [readHead(this.#db), readPodsOfNode(this.#db, bucketOf(node), node)]);
    const isLeft = (row: PodRow) => after === null || comparePlaces(row, after) > 0;
    const wanted = rows.filter((row) => (namespace === null || row.namespace === namespace) && isLeft(row));
    return { objects: await this.#pods(wanted), rv };
  }

  async count(request: Pick<ListRequest, "namespace" | "after" | "limit">): Promise<number> {
    const [count] = await runBatch(this.#db, [countPods(this.#db, request)]);
    return count;
  }

  async create(object: KubeObject, nowMs: number): Promise<CreateOutcome> {
    // Decoded as a Pod before it came here.
    const pod = object as Pod;
    // Slots tell the controller's own pods apart; one that a user makes stands aside.
    const slot = userSlots + Math.floor(Math.random() * userSlots);
    const { row, template } = this.#split(pod, { slot, observation: 0, createdMs: nowMs });
    const { namespace, name } = row;
    const [, written, existing, room] = await runBatch(this.#db, [
      insertTemplates(this.#db, new Map([[row.template, template]])),
      insertPods(this.#db, [row], null, { nowMs }),
      readPod(this.#db, namespace, name),
      readObject(this.#db, { resource: "namespaces", namespace: "", name: namespace }),
    ]);
    const rv = written.get(writtenKey(row));
    if (rv !== undefined)
      return { outcome: "created", object: withMountStatuses(podFromTemplate(template, { ...row, rv })) };
    if (existing !== null) return { outcome: "exists" };
    return { outcome: room === null ? "namespace missing" : "namespace terminating" };
  }

  async update(before: KubeObject, after: KubeObject, nowMs: number): Promise<UpdateOutcome> {
    // Decoded as Pods before they came here.
    const [old, pod] = [before as Pod, after as Pod];
    const { namespace = "", name = "" } = old.metadata;
    const [stored] = await runBatch(this.#db, [readPod(this.#db, namespace, name)]);
    if (stored === null || String(stored.rv) !== old.metadata.resourceVersion) return { outcome: "conflict" };
    // A daemon pod is for the node that it waits for, and nobody puts it on another.
    if (isWaiting(stored) && pod.spec.nodeName !== undefined) return { outcome: "conflict" };
    const { row, template } = this.#split(pod, stored);
    const lost = isReadyStatus(old.status) && !isReadyStatus(pod.status);
    const previous = { ...previousOfPod(podResource, { pod: old, row: stored }, pod), lost };
    const changed = { ...row, rv: stored.rv, previous };
    const released = isReleased(pod) && row.graceSeconds === 0;
    const [, written] = await runBatch(this.#db, [
      insertTemplates(this.#db, new Map([[row.template, template]])),
      updatePods(this.#db, [changed], { nowMs }),
      deletePods(this.#db, released ? [{ ...row, graceSeconds: 0 }] : [], { nowMs }),
    ]);
    const rv = written.get(writtenKey(row));
    if (rv === undefined) return { outcome: "conflict" };
    return {
      outcome: released ? "removed" : "updated",
      object: withMountStatuses(podFromTemplate(template, { ...row, rv })),
    };
  }

  async remove(
    objects: readonly KubeObject[],
    { graceSeconds }: RemovalOptions,
    nowMs: number,
  ): Promise<readonly Removed[]> {
    // Decoded as Pods before they were stored.
    const pods = objects as readonly Pod[];
    const keys = pods.map(({ metadata, spec }) => ({
      namespace: metadata.namespace ?? "",
      name: metadata.name ?? "",
      uid: metadata.uid ?? "",
      graceSeconds: graceSeconds ?? spec.terminationGracePeriodSeconds ?? 30,
    }));
    const [, rows] = await runBatch(this.#db, [deletePods(this.#db, keys, { nowMs }), readPodsByKey(this.#db, keys)]);
    const left = new Map((await this.#pods(rows)).map((pod) => [pod.metadata.uid, pod]));
    return pods.map((pod) => {
      const now = left.get(pod.metadata.uid);
      return now === undefined ? { object: pod, gone: true } : { object: now, gone: false };
    });
  }

  /** The row and the template of a pod; `kept` is what only the row knows. */
  #split(pod: Pod, kept: Pick<PodRow, "slot" | "observation" | "createdMs"> & Partial<PodRow>) {
    const { template, node } = templateOfPod(pod, kept.node || undefined);
    const { metadata } = pod;
    const status = withoutMountStatuses(pod.status);
    const row: PodRow = {
      namespace: metadata.namespace ?? "",
      name: metadata.name ?? "",
      uid: metadata.uid ?? "",
      rv: 0,
      template: templateId(template),
      node,
      bucket: node === "" ? unboundBucket : bucketOf(node),
      ownerUid: controllerOf(metadata)?.uid ?? null,
      slot: kept.slot,
      createdMs: kept.createdMs,
      deletionMs: kept.deletionMs ?? parseTimeMs(metadata.deletionTimestamp),
      graceSeconds: metadata.deletionGracePeriodSeconds ?? null,
      hasFinalizers: (metadata.finalizers ?? []).length > 0,
      phase: status.phase ?? "Pending",
      observation: kept.observation,
      status,
    };
    return { row, template };
  }
}

function comparePlaces(a: Place, b: Place): number {
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
