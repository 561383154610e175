// What time alone changes of Nodes, filled in when they are read and never written: when they were last heard, and that a
// hold is over.
import { nodeGraceMs } from "../core/node-lifecycle.ts";
import { qualifiedResource } from "../model/api-error.ts";
import { goTime } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";
import type { Node } from "../model/node.ts";
import { withHoldOver } from "../model/node-hold.ts";
import type { RequestContext } from "./context.ts";
import { lastSeenOf } from "./lease-storage.ts";

/** The very same objects, unless they are Nodes. */
export async function withHeartbeats(
  { env, target: { resource }, nowMs }: Pick<RequestContext, "env" | "target" | "nowMs">,
  objects: readonly KubeObject[],
): Promise<readonly KubeObject[]> {
  if (qualifiedResource(resource) !== "nodes" || objects.length === 0) return objects;
  const lastSeen = await lastSeenOf(env, objects);
  // Stored under the nodes, so they are.
  return objects.map((object) => withHeartbeat(withHoldOver(object as Node, nowMs), lastSeen(object)));
}

/** Conditions that were true when the node was last heard say so; others keep the time they have. */
function withHeartbeat(node: Node, lastSeenMs: number): Node {
  if (lastSeenMs < nodeGraceMs) return node;
  const conditions = (node.status.conditions ?? []).map((condition) =>
    condition.status === "Unknown" ? condition : { ...condition, lastHeartbeatTime: goTime(lastSeenMs) },
  );
  return { ...node, status: { ...node.status, conditions } };
}
