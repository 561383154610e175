// Empties a Namespace that is to go, and lets it go once it is empty.
// Source: pkg/controller/namespace/deletion.
import type { Namespace } from "../model/namespace.ts";
import { runBatch } from "../store/batch.ts";
import { deleteObjects, writeOrRelease } from "../store/deletions.ts";
import type { KeyedObject } from "../store/objects.ts";
import { readObjectsOfNamespace, writtenKey } from "../store/objects.ts";
import { deletePods, readPods } from "../store/pods.ts";
import type { Touched } from "./garbage-collector.ts";

const atOnce = 5_000;
const finalizer = "kubernetes";

/** Deletes what is in the namespace, and lets it go once nothing is left; false: it was let go before. */
export async function terminateNamespace(
  db: D1Database,
  namespace: KeyedObject,
  nowMs: number,
  touched: Touched,
): Promise<boolean> {
  const { name } = namespace.key;
  // Stored as a Namespace, so it is one.
  const stored = namespace.object as Namespace;
  if (!(stored.spec.finalizers ?? []).includes(finalizer)) return false;
  const [objects, pods] = await runBatch(db, [
    readObjectsOfNamespace(db, name, atOnce),
    readPods(db, { namespace: name, after: null, limit: atOnce }),
  ]);
  if (objects.length + pods.length === 0) {
    const released = { key: namespace.key, object: withoutFinalizer(stored) };
    await writeOrRelease(db, [released], nowMs);
    touched([], [released]);
    return true;
  }
  const keys = pods.map((pod) => ({ namespace: name, name: pod.name, uid: pod.uid, graceSeconds: null }));
  // In the background: the dependents are in the same namespace and are deleted as well.
  const [deleted, ended] = await runBatch(db, [
    deleteObjects(db, objects, null, nowMs),
    deletePods(db, keys, { nowMs }),
  ]);
  // Only of what was written: news of what waits for its finalizers would wake the caller again, without end.
  if (deleted.size + ended.size > 0) {
    touched(
      pods.filter((pod) => ended.has(writtenKey(pod))).map(({ node }) => node),
      objects.filter(({ key }) => deleted.has(writtenKey(key))),
    );
  }
  return true;
}

function withoutFinalizer(namespace: Namespace): Namespace {
  const finalizers = (namespace.spec.finalizers ?? []).filter((name) => name !== finalizer);
  return { ...namespace, spec: finalizers.length === 0 ? {} : { finalizers } };
}
