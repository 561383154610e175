// Deleting objects as the rules of finalizers and owners ask.
import type { PropagationPolicy } from "../core/deletion.ts";
import { isReleased, planDeletion } from "../core/deletion.ts";
import type { KubeObject } from "../model/meta.ts";
import { namespaces } from "../model/namespace.ts";
import type { Part } from "./batch.ts";
import { runBatch } from "./batch.ts";
import type { ChangedObject, KeyedObject, Written } from "./objects.ts";
import { removeObjects, updateObjects } from "./objects.ts";
import { previousOfObject } from "./previous.ts";

function ownersOf({ metadata }: KubeObject): readonly string[] {
  return (metadata.ownerReferences ?? []).map(({ uid }) => uid);
}

function removal({ key, object }: KeyedObject) {
  const expectRv = Number(object.metadata.resourceVersion);
  return { ...key, uid: object.metadata.uid ?? "", expectRv, owners: ownersOf(object) };
}

export function changeOf({ key, object }: KeyedObject): ChangedObject {
  return { ...key, object, expectRv: Number(object.metadata.resourceVersion), previous: null };
}

/** Asks for the deletion of objects that are still as they were read; `policy` null: as their finalizers say. */
export function deleteObjects(
  db: D1Database,
  stored: readonly KeyedObject[],
  policy: PropagationPolicy | null,
  nowMs: number,
): Part<Written> {
  const plans = stored.map(({ key, object }) => ({ key, object, plan: planDeletion(object, policy, nowMs) }));
  const removed = removeObjects(db, plans.filter(({ plan }) => plan.do === "remove").map(removal), { nowMs });
  const marked = updateObjects(
    db,
    plans.flatMap(({ key, object, plan }) => {
      if (plan.do !== "mark") return [];
      // Namespaces alone change in what selectors see of them.
      const previous = key.resource === "namespaces" ? previousOfObject(namespaces, object, plan.object) : null;
      return [{ ...changeOf({ key, object: plan.object }), previous }];
    }),
    { nowMs },
  );
  return {
    statements: [...removed.statements, ...marked.statements],
    read: (results) =>
      new Map([
        ...removed.read(results.slice(0, removed.statements.length)),
        ...marked.read(results.slice(removed.statements.length)),
      ]),
  };
}

/** Writes changed objects, or removes them if the change let go of the last thing that held them. */
export async function writeOrRelease(db: D1Database, stored: readonly KeyedObject[], nowMs: number): Promise<Written> {
  const [changed, removed] = await runBatch(db, [
    updateObjects(db, stored.filter(({ object }) => !isReleased(object)).map(changeOf), { nowMs }),
    removeObjects(db, stored.filter(({ object }) => isReleased(object)).map(removal), { nowMs }),
  ]);
  return new Map([...changed, ...removed]);
}
