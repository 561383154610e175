// Empties a Namespace that is to go, and lets it go once it is empty.
// Source: pkg/controller/namespace/deletion.
import type { Namespace } from "../model/namespace.ts";
import { runBatch } from "../store/batch.ts";
import { deleteObjects, writeOrRelease } from "../store/deletions.ts";
import type { KeyedObject } from "../store/objects.ts";
import { readObjectsOfNamespace, writtenKey } from "../store/objects.ts";
import type { PodRow } from "../store/pod-rows.ts";
import { deletePods, readPods } from "../store/pods.ts";
import type { Touched } from "./garbage-collector.ts";

const atOnce = 5_000;
const finalizer = "kubernetes";

/**
 * Deletes what is in the namespace, and lets it go once nothing is left. Returns how much there was; null: it was let go
 * before.
 */
export async function terminateNamespace(
  db: D1Database,
  namespace: KeyedObject,
  nowMs: number,
  touched: Touched,
): Promise<number | null> {
  const { name } = namespace.key;
  // Stored as a Namespace, so it is one.
  const stored = namespace.object as Namespace;
  if (!(stored.spec.finalizers ?? []).includes(finalizer)) return null;
  const objects = await removeObjects(db, name, nowMs, touched);
  const pods = await removePods(db, name, nowMs, touched);
  if (objects + pods > 0) return objects + pods;
  const released = { key: namespace.key, object: withoutFinalizer(stored) };
  await writeOrRelease(db, [released], nowMs);
  touched([], [released]);
  return 0;
}

// Told of is only what was written: news of what waits for its finalizers would wake the caller again, without end.

/** In the background: dependents are in the same namespace and are deleted as well. Returns how many there were. */
async function removeObjects(db: D1Database, namespace: string, nowMs: number, touched: Touched): Promise<number> {
  const [objects] = await runBatch(db, [readObjectsOfNamespace(db, namespace, atOnce)]);
  if (objects.length === 0) return 0;
  const [deleted] = await runBatch(db, [deleteObjects(db, objects, null, nowMs)]);
  const written = objects.filter(({ key }) => deleted.has(writtenKey(key)));
  if (written.length > 0) touched([], written);
  return objects.length;
}

/** Part by part, for those that wait for a node that is away must not keep the others. Returns how many there were. */
async function removePods(db: D1Database, namespace: string, nowMs: number, touched: Touched): Promise<number> {
  let count = 0;
  let after: PodRow | null = null;
  do {
    const [pods]: readonly [readonly PodRow[]] = await runBatch(db, [
      readPods(db, { namespace, after, limit: atOnce }),
    ]);
    const keys = pods.map(({ name, uid }) => ({ namespace, name, uid, graceSeconds: null }));
    const [ended] = await runBatch(db, [deletePods(db, keys, { nowMs })]);
    const written = pods.filter((pod) => ended.has(writtenKey(pod)));
    if (written.length > 0) {
      touched(
        written.map(({ node }) => node),
        [],
      );
    }
    count += pods.length;
    after = pods.length === atOnce ? (pods.at(-1) ?? null) : null;
  } while (after !== null);
  return count;
}

function withoutFinalizer(namespace: Namespace): Namespace {
  const finalizers = (namespace.spec.finalizers ?? []).filter((name) => name !== finalizer);
  return { ...namespace, spec: finalizers.length === 0 ? {} : { finalizers } };
}
