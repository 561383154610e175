// ClusterRoles that are put together from others, kept as they are put together: for people to read. What they allow is
// worked out anew from the others whenever it is asked.
import { planAggregation } from "../core/role-aggregation.ts";
import { qualifiedResource } from "../model/api-error.ts";
import { clusterRoles } from "../model/rbac.ts";
import { runBatch } from "./batch.ts";
import { updateObjects } from "./objects.ts";
import { readPolicyObjects } from "./policy.ts";

/** True: some were written. One that somebody else writes at the same time is left for the next time. */
export async function aggregateClusterRoles(db: D1Database, nowMs: number): Promise<boolean> {
  const [policy] = await runBatch(db, [readPolicyObjects(db)]);
  const planned = planAggregation(policy.clusterRoles);
  if (planned.length === 0) return false;
  const rows = planned.map((object) => ({
    resource: qualifiedResource(clusterRoles),
    namespace: "",
    name: object.metadata.name ?? "",
    object,
    expectRv: Number(object.metadata.resourceVersion),
    previous: null,
  }));
  await runBatch(db, [updateObjects(db, rows, { nowMs })]);
  return true;
}
