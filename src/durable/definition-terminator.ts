// Removes the objects of a CustomResourceDefinition that is to go, lets it go once none is left, and gives its names to
// those that waited for them.
// Source: apiextensions-apiserver pkg/controller/finalizer crd_finalizer.go, pkg/controller/status.
import { withFinalizers } from "../core/deletion.ts";
import { acceptNames, isConditionTrue } from "../model/custom/accepted-names.ts";
import type { CustomResourceDefinition } from "../model/custom/definition.ts";
import { cleanupFinalizer, definitionsResource } from "../model/custom/definition.ts";
import { runBatch } from "../store/batch.ts";
import { changeOf, deleteObjects, writeOrRelease } from "../store/deletions.ts";
import type { KeyedObject } from "../store/objects.ts";
import { readObjects, updateObjects, writtenKey } from "../store/objects.ts";
import type { ServedKinds } from "../store/served-kinds.ts";
import type { Touched } from "./garbage-collector.ts";

const atOnce = 1_000;
const mostDefinitions = 5_000;

/**
 * Deletes objects of the kind, or lets the definition go once there are none. Returns how many there were; null: it was
 * let go before.
 */
export async function terminateDefinition(
  db: D1Database,
  stored: KeyedObject,
  nowMs: number,
  touched: Touched,
): Promise<number | null> {
  const { key } = stored;
  const definition = asDefinition(stored);
  const finalizers = definition.metadata.finalizers ?? [];
  if (!finalizers.includes(cleanupFinalizer)) return null;
  // Before that, nobody could make any.
  const wasServed = isConditionTrue(definition, "Established");
  const objects = wasServed ? await objectsOf(db, key.name) : [];
  if (objects.length === 0) {
    const others = finalizers.filter((name) => name !== cleanupFinalizer);
    const released = { key, object: withFinalizers(definition, others) };
    await writeOrRelease(db, [released], nowMs);
    touched([], [released]);
    return 0;
  }
  const [deleted] = await runBatch(db, [deleteObjects(db, objects, null, nowMs)]);
  // Only of what was written: news of what waits for its finalizers would wake the caller again, without end.
  const written = objects.filter((object) => deleted.has(writtenKey(object.key)));
  if (written.length > 0) touched([], written);
  return objects.length;
}

async function objectsOf(db: D1Database, resource: string): Promise<readonly KeyedObject[]> {
  const [objects] = await runBatch(db, [readObjects(db, { resource, namespace: null, after: null, limit: atOnce })]);
  return objects.map((object) => {
    const { namespace = "", name = "" } = object.metadata;
    return { key: { resource, namespace, name }, object };
  });
}

/** Names may have become free: every definition that was refused some is judged again. */
export async function acceptFreedNames(
  db: D1Database,
  kinds: ServedKinds,
  nowMs: number,
  touched: Touched,
): Promise<void> {
  const [objects] = await runBatch(db, [
    readObjects(db, { resource: definitionsResource, namespace: "", after: null, limit: mostDefinitions }),
  ]);
  for (const object of objects) {
    const stored = { key: { resource: definitionsResource, namespace: "", name: object.metadata.name ?? "" }, object };
    const definition = asDefinition(stored);
    if (isConditionTrue(definition, "NamesAccepted")) continue;
    const accepted = { key: stored.key, object: acceptNames(definition, await kinds.namesBeside(definition), nowMs) };
    if (!isConditionTrue(asDefinition(accepted), "NamesAccepted")) continue;
    await runBatch(db, [updateObjects(db, [changeOf(accepted)], { nowMs })]);
    touched([], [accepted]);
  }
}

function asDefinition({ object }: KeyedObject): CustomResourceDefinition {
  // Stored as a CustomResourceDefinition, so it is one.
  return object as CustomResourceDefinition;
}
