// Collects what owners leave behind, and carries out foreground and orphan deletions.
import { foregroundFinalizer, orphanFinalizer, withFinalizers } from "../core/deletion.ts";
import type { OwnerState } from "../core/garbage.ts";
import { blocks, judgeDependent, stateOfOwner, withoutOwner } from "../core/garbage.ts";
import { qualifiedResource } from "../model/api-error.ts";
import type { OwnerReference } from "../model/meta.ts";
import { podFromTemplate, templateOfPod } from "../model/pod-template.ts";
import { runBatch } from "../store/batch.ts";
import { changeOf, deleteObjects, writeOrRelease } from "../store/deletions.ts";
import type { KeyedObject, ObjectKey } from "../store/objects.ts";
import { readObject, readObjectsByKey, readOwnedKeys, updateObjects, writtenKey } from "../store/objects.ts";
import type { PodRow } from "../store/pod-rows.ts";
import { templateId } from "../store/pod-rows.ts";
import { deletePods, insertTemplates, readLostOwners, readPod, readPodsOfOwner, updatePods } from "../store/pods.ts";
import type { ServedKinds } from "../store/served-kinds.ts";
import type { TemplateCache } from "../store/template-cache.ts";

type Dependents = { readonly objects: readonly KeyedObject[]; readonly pods: readonly PodRow[] };

/** Is told of what was written, so that others can be woken: the nodes of pods, and other objects. */
export type Touched = (nodes: readonly string[], objects: readonly KeyedObject[]) => void;

type Caches = { readonly templates: TemplateCache; readonly kinds: ServedKinds };

export class GarbageCollector {
  readonly #db: D1Database;
  readonly #templates: TemplateCache;
  readonly #kinds: ServedKinds;
  readonly #touched: Touched;

  constructor(db: D1Database, { templates, kinds }: Caches, touched: Touched) {
    this.#db = db;
    this.#templates = templates;
    this.#kinds = kinds;
    this.#touched = touched;
  }

  /** Everything that names the owner, as it is now. */
  async #dependents(uid: string, namespace: string): Promise<Dependents> {
    const [keys, pods] = await runBatch(this.#db, [
      readOwnedKeys(this.#db, [uid]),
      readPodsOfOwner(this.#db, uid, namespace),
    ]);
    const [objects] = await runBatch(this.#db, [readObjectsByKey(this.#db, keys)]);
    await this.#templates.load(pods.map(({ template }) => template));
    return {
      objects: objects.filter(({ object }) => object.metadata.ownerReferences?.some((owner) => owner.uid === uid)),
      pods: pods.filter((row) => this.#ownersOfPod(row).some((owner) => owner.uid === uid)),
    };
  }

  #ownersOfPod(row: PodRow): readonly OwnerReference[] {
    return this.#templates.get(row.template).metadata.ownerReferences ?? [];
  }

  /** An owner is gone: its dependents go too, unless another owner keeps them. */
  async collect(uid: string, namespace: string, nowMs: number): Promise<void> {
    const all = await this.#dependents(uid, namespace);
    const places = new Set([...all.objects.map(({ key }) => key.namespace), ...all.pods.map((row) => row.namespace)]);
    // An owner that has no namespace may have dependents in many, and they other owners there.
    for (const place of places) {
      const objects = all.objects.filter(({ key }) => key.namespace === place);
      const pods = all.pods.filter((row) => row.namespace === place);
      const references = [
        ...objects.flatMap(({ object }) => object.metadata.ownerReferences ?? []),
        ...pods.flatMap((row) => this.#ownersOfPod(row)),
      ];
      const states = await this.#statesOf(references, place);
      const stateOf = (owner: OwnerReference) => states.get(owner.uid) ?? "exists";
      await this.#judgeObjects(objects, stateOf, nowMs);
      await this.#judgePods(pods, stateOf, nowMs);
    }
  }

  /** What the log no longer tells: collects after every owner that is named and not there. */
  async collectAll(nowMs: number): Promise<void> {
    const [owners] = await runBatch(this.#db, [readLostOwners(this.#db)]);
    for (const { uid, namespace } of owners) await this.collect(uid, namespace, nowMs);
  }

  /** Objects and pods as they were just written: those whose owners are all gone go again. */
  async judge(objects: readonly KeyedObject[], nowMs: number): Promise<void> {
    for (const { key, object } of objects) {
      const states = await this.#statesOf(object.metadata.ownerReferences ?? [], key.namespace);
      await this.#judgeObjects([{ key, object }], (owner) => states.get(owner.uid) ?? "exists", nowMs);
    }
  }

  /** How each owner stands. One of a kind that is not served here cannot be judged, and counts as existing. */
  async #statesOf(owners: readonly OwnerReference[], namespace: string): Promise<ReadonlyMap<string, OwnerState>> {
    const unique = [...new Map(owners.map((owner) => [owner.uid, owner])).values()];
    const states = new Map<string, OwnerState>();
    for (const owner of unique) {
      const state = await this.#stateOf(owner, namespace);
      if (state !== null) states.set(owner.uid, state);
    }
    return states;
  }

  async #stateOf(owner: OwnerReference, namespace: string): Promise<OwnerState | null> {
    const key = await this.#keyOf(owner, namespace);
    if (key === null) return null;
    if (key.resource === "pods") {
      const [pod] = await runBatch(this.#db, [readPod(this.#db, namespace, owner.name)]);
      return pod?.uid === owner.uid ? "exists" : "gone";
    }
    const [object] = await runBatch(this.#db, [readObject(this.#db, key)]);
    return object?.metadata.uid === owner.uid ? stateOfOwner(object) : "gone";
  }

  /** Where an owner would be found; null: its kind is not served here. */
  async #keyOf({ apiVersion, kind, name }: OwnerReference, namespace: string): Promise<ObjectKey | null> {
    const resource = await this.#kinds.ofKind(apiVersion, kind);
    if (resource === undefined) return null;
    return { resource: qualifiedResource(resource), namespace: resource.namespaced ? namespace : "", name };
  }

  async #judgeObjects(
    objects: readonly KeyedObject[],
    stateOf: (owner: OwnerReference) => OwnerState,
    nowMs: number,
  ): Promise<void> {
    const judged = objects.map((stored) => ({
      stored,
      verdict: judgeDependent(stored.object.metadata.ownerReferences ?? [], stateOf),
    }));
    const going = judged.filter(({ verdict }) => verdict.do === "delete").map(({ stored }) => stored);
    const disowned = judged.flatMap(({ stored, verdict }) =>
      verdict.do === "disown" ? [withOwners(stored, verdict.ownerReferences)] : [],
    );
    if (going.length + disowned.length === 0) return;
    const [deleted, updated] = await runBatch(this.#db, [
      deleteObjects(this.#db, going, null, nowMs),
      updateObjects(this.#db, disowned.map(changeOf), { nowMs }),
    ]);
    // Only of what was written: news of what waits for its finalizers would wake this collector again, without end.
    const isWritten = ({ key }: KeyedObject) => deleted.has(writtenKey(key)) || updated.has(writtenKey(key));
    const written = [...going, ...disowned].filter(isWritten);
    if (written.length > 0) this.#touched([], written);
  }

  async #judgePods(
    pods: readonly PodRow[],
    stateOf: (owner: OwnerReference) => OwnerState,
    nowMs: number,
  ): Promise<void> {
    const verdictOf = (row: PodRow) => judgeDependent(this.#ownersOfPod(row), stateOf);
    const going = pods.filter((row) => verdictOf(row).do === "delete");
    const [deleted] = await runBatch(this.#db, [
      deletePods(
        this.#db,
        going.map(({ namespace, name, uid }) => ({ namespace, name, uid, graceSeconds: null })),
        { nowMs },
      ),
    ]);
    for (const row of pods) {
      const verdict = verdictOf(row);
      if (verdict.do === "disown") await this.#reown([row], () => verdict.ownerReferences, nowMs);
    }
    const written = pods.filter((row) => deleted.has(writtenKey(row)) || verdictOf(row).do === "disown");
    if (written.length === 0) return;
    this.#touched(
      written.map(({ node }) => node),
      [],
    );
  }

  /** Lets go of an owner's dependents, then of the owner. Returns how many dependents are left. */
  async orphan(owner: KeyedObject, nowMs: number): Promise<number> {
    const uid = owner.object.metadata.uid ?? "";
    const { objects, pods } = await this.#dependents(uid, owner.key.namespace);
    const freed = objects.map((stored) =>
      withOwners(stored, withoutOwner(stored.object.metadata.ownerReferences ?? [], uid)),
    );
    const [written] = await runBatch(this.#db, [updateObjects(this.#db, freed.map(changeOf), { nowMs })]);
    const rewritten = await this.#reown(pods, (owners) => withoutOwner(owners, uid), nowMs);
    this.#touched(
      pods.map(({ node }) => node),
      freed,
    );
    // Those that changed meanwhile are tried again.
    const left = freed.length - written.size + pods.length - rewritten;
    if (left === 0) await this.#release(owner, orphanFinalizer, nowMs);
    return left;
  }

  /** Deletes an owner's dependents, and lets go of it once none that blocks it is left. Returns how many are left. */
  async foreground(owner: KeyedObject, nowMs: number): Promise<number> {
    const uid = owner.object.metadata.uid ?? "";
    const { objects, pods } = await this.#dependents(uid, owner.key.namespace);
    const isBlocking =
      objects.some(({ object }) => blocks(object.metadata.ownerReferences ?? [], uid)) ||
      pods.some((row) => blocks(this.#ownersOfPod(row), uid));
    if (isBlocking) await this.collect(uid, owner.key.namespace, nowMs);
    else await this.#release(owner, foregroundFinalizer, nowMs);
    return objects.length + pods.length;
  }

  async #release({ key, object }: KeyedObject, finalizer: string, nowMs: number): Promise<void> {
    const finalizers = (object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
    const released = { key, object: withFinalizers(object, finalizers) };
    await writeOrRelease(this.#db, [released], nowMs);
    this.#touched([], [released]);
  }

  /** Gives pods other owner references; returns how many were changed. */
  async #reown(
    rows: readonly PodRow[],
    change: (owners: readonly OwnerReference[]) => readonly OwnerReference[],
    nowMs: number,
  ): Promise<number> {
    if (rows.length === 0) return 0;
    const changed = rows.map((row) => {
      const pod = podFromTemplate(this.#templates.get(row.template), row);
      const ownerReferences = [...change(pod.metadata.ownerReferences ?? [])];
      const { template } = templateOfPod({ ...pod, metadata: { ...pod.metadata, ownerReferences } }, row.node);
      const ownerUid = ownerReferences.find(({ controller }) => controller === true)?.uid ?? null;
      return { row: { ...row, template: templateId(template), ownerUid, previous: null }, template };
    });
    const [, written] = await runBatch(this.#db, [
      insertTemplates(this.#db, new Map(changed.map(({ row, template }) => [row.template, template]))),
      updatePods(
        this.#db,
        changed.map(({ row }) => row),
        { nowMs },
      ),
    ]);
    return written.size;
  }
}

function withOwners({ key, object }: KeyedObject, ownerReferences: readonly OwnerReference[]): KeyedObject {
  const { ownerReferences: _before, ...metadata } = object.metadata;
  const owned = ownerReferences.length === 0 ? metadata : { ...metadata, ownerReferences: [...ownerReferences] };
  return { key, object: { ...object, metadata: owned } };
}
