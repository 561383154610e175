// What somebody at a machine may do to its own Node with the node's credential: keep work off it, and take it away.
// Source: kubectl pkg/drain filters.
import type { Env } from "../env.ts";
import type { Pod } from "../model/pod.ts";
import { daemonSetOf, nodeShard, shardOfNode } from "../pokes.ts";
import { runBatch } from "../store/batch.ts";
import { findNodeCredential, isSameDigest, removeNodeCredential } from "../store/credentials.ts";
import type { NodeAnswer } from "../sync/messages.ts";
import { NodeRequest } from "../sync/messages.ts";
import { nodeOf } from "../sync/routes.ts";

/** Asks the API with all rights; the answer's JSON for a status below 400. */
export type Ask = (method: string, path: string, body?: unknown) => Promise<{ readonly status: number; json: unknown }>;

const mirrorAnnotation = "kubernetes.io/config.mirror";

export async function answerNodeRequest(env: Env, request: Request, ask: Ask): Promise<Response> {
  const caller = nodeOf(request.headers);
  const stored = caller === null ? null : await findNodeCredential(env.DB, caller.node);
  if (caller === null || stored === null || !isSameDigest(stored.digest, caller.digest)) {
    return Response.json({ error: "a node credential is required" }, { status: 401 });
  }
  const parsed = NodeRequest.safeParse(await request.json().catch(() => null));
  if (!parsed.success) return Response.json({ error: "the body must name the node and an action" }, { status: 400 });
  const { node, action } = parsed.data;
  if (node !== caller.node) {
    return Response.json({ error: `this credential is for node ${caller.node}` }, { status: 403 });
  }
  const path = `/api/v1/nodes/${node}`;
  switch (action) {
    case "cordon":
    case "uncordon":
      return answered(node, await ask("PATCH", path, { spec: { unschedulable: action === "cordon" ? true : null } }));
    case "leave": {
      const gone = await ask("DELETE", path);
      return answered(node, gone.status === 404 ? { ...gone, status: 200 } : gone);
    }
    case "forget":
      await runBatch(env.DB, [removeNodeCredential(env.DB, node, caller.digest)]);
      await nodeShard(env, shardOfNode(env, node)).shutOut(node);
      return answered(node, { status: 200, json: null });
    case "drain": {
      const cordoned = await ask("PATCH", path, { spec: { unschedulable: true } });
      return cordoned.status >= 400 ? answered(node, cordoned) : drained(node, ask);
    }
    default:
      return action satisfies never;
  }
}

function answered(node: string, { status, json }: Awaited<ReturnType<Ask>>): Response {
  if (status < 400) return Response.json({ node } satisfies NodeAnswer);
  return Response.json({ error: messageOf(json) }, { status });
}

function messageOf(json: unknown): string {
  const isObject = typeof json === "object" && json !== null && "message" in json;
  return isObject ? String(json.message) : "the request failed";
}

async function drained(node: string, ask: Ask): Promise<Response> {
  const listed = await ask("GET", `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${node}`)}`);
  if (listed.status >= 400) return answered(node, listed);
  // The API's own answer.
  const { items } = listed.json as { readonly items: readonly Pod[] };
  const pods: NonNullable<NodeAnswer["pods"]> = [];
  for (const pod of items) {
    const { namespace = "", name = "", deletionTimestamp } = pod.metadata;
    if (pod.status.phase === "Succeeded" || pod.status.phase === "Failed") continue;
    if (staysHere(pod)) pods.push({ namespace, name, state: "stays" });
    else if (deletionTimestamp !== undefined) pods.push({ namespace, name, state: "ending" });
    else pods.push({ namespace, name, ...(await evicted(pod, ask)) });
  }
  return Response.json({ node, pods } satisfies NodeAnswer);
}

/** Daemons tolerate a node that takes no work, and a mirror is only the picture of a pod that the node runs by itself. */
function staysHere({ metadata }: Pod): boolean {
  return daemonSetOf(metadata) !== null || metadata.annotations?.[mirrorAnnotation] !== undefined;
}

async function evicted({ metadata }: Pod, ask: Ask): Promise<{ state: "ending" | "blocked"; message?: string }> {
  const { namespace, name } = metadata;
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { namespace, name } };
  const { status, json } = await ask("POST", `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, eviction);
  return status < 400 || status === 404 ? { state: "ending" } : { state: "blocked", message: messageOf(json) };
}
