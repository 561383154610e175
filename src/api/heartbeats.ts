// When nodes were last heard, filled in when Nodes are read: heartbeats are never written.
import { nodeGraceMs } from "../core/node-lifecycle.ts";
import type { Env } from "../env.ts";
import { qualifiedResource } from "../model/api-error.ts";
import { goTime } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";
import type { Node } from "../model/node.ts";
import type { Resource } from "../model/resource.ts";
import { lastSeenOf } from "./lease-storage.ts";

/** The very same objects, unless they are Nodes. */
export async function withHeartbeats(
  env: Env,
  resource: Resource,
  objects: readonly KubeObject[],
): Promise<readonly KubeObject[]> {
  if (qualifiedResource(resource) !== "nodes" || objects.length === 0) return objects;
  const lastSeen = await lastSeenOf(env, objects);
  // Stored under the nodes, so they are.
  return objects.map((object) => withHeartbeat(object as Node, lastSeen(object)));
}

/** Conditions that were true when the node was last heard say so; others keep the time they have. */
function withHeartbeat(node: Node, lastSeenMs: number): Node {
  if (lastSeenMs < nodeGraceMs) return node;
  const conditions = (node.status.conditions ?? []).map((condition) =>
    condition.status === "Unknown" ? condition : { ...condition, lastHeartbeatTime: goTime(lastSeenMs) },
  );
  return { ...node, status: { ...node.status, conditions } };
}
