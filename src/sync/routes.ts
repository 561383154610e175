// The agent protocol over HTTP: enrolment, sync messages, and the way to the socket. No token of a user opens it.
import { Hono } from "hono";
import type * as z from "zod";
import type { Env } from "../env.ts";
import { nodeShard, pokeWatchHub, shardOfNode } from "../pokes.ts";
import { bearerToken, digestOf } from "../store/credentials.ts";
import { enrol } from "./enrolment.ts";
import { hear } from "./enrolment-approval.ts";
import { EnrolRequest, longestMessage, paths, SyncRequest } from "./messages.ts";
import { digestHeader, nodeHeader, pingHeader } from "./socket-headers.ts";

/** Node credentials are `laresnode_NODE_SECRET`: the node's name finds its shard. */
const nodeToken = /^laresnode_([a-z0-9.-]{1,253})_[a-z0-9]{64}$/;

const approvalCodes = { Required: 403, Pending: 202, Approved: 200 } as const;

const longestWaitMs = 55_000;

export const agentRoutes = new Hono<{ Bindings: Env }>();

agentRoutes.post(paths.enrol, async (context) => {
  const request = EnrolRequest.safeParse(await readJson(context.req.raw));
  const token = bearerToken(context.req.raw.headers);
  if (token === null) return refuse(401, "a join token is required");
  if (!request.success) return refuse(400, `not an enrolment: ${problemOf(request.error)}`);
  const { node, digest, request: asked } = request.data;
  const nowMs = Date.now();
  const waiting = nodeOf(context.req.raw.headers);
  if (waiting !== null && waiting.node !== node) return refuse(403, `this credential is for node ${waiting.node}`);
  const outcome =
    waiting === null
      ? await enrol(context.env, { token, node, digest, request: asked, nowMs })
      : await hear(context.env.DB, { node, digest: waiting.digest, nowMs });
  if (outcome.outcome === "refused") return refuse(outcome.code, outcome.why);
  if (outcome.replaced) await nodeShard(context.env, shardOfNode(context.env, node)).shutOut(node);
  if (outcome.outcome === "enrolled") return context.json(outcome.answer);
  const { approval } = outcome.answer;
  // A request was made, or was carried out: somebody may be watching.
  if (approval === (waiting === null ? "Pending" : "Approved")) {
    context.executionCtx.waitUntil(pokeWatchHub(context.env));
  }
  return context.json(outcome.answer, approvalCodes[approval]);
});

agentRoutes.post(paths.sync, async (context) => {
  const caller = nodeOf(context.req.raw.headers);
  if (caller === null) return refuse(401, "a node credential is required");
  const request = SyncRequest.safeParse(await readJson(context.req.raw));
  if (!request.success) return refuse(400, `not a sync message: ${problemOf(request.error)}`);
  if (request.data.node !== caller.node) return refuse(403, `this credential is for node ${caller.node}`);
  const waitMs = Math.min(longestWaitMs, 1000 * Math.max(0, Number(context.req.query("wait") ?? 0) || 0));
  const shard = nodeShard(context.env, shardOfNode(context.env, caller.node));
  const answer = await shard.sync(request.data, caller.digest, waitMs);
  return answer === "unauthorized" ? refuse(401, "the credential is not known") : context.json(answer);
});

agentRoutes.get(paths.socket, async (context) => {
  const caller = nodeOf(context.req.raw.headers);
  if (caller === null) return refuse(401, "a node credential is required");
  if (context.req.header("upgrade")?.toLowerCase() !== "websocket")
    return refuse(426, "this is the way to a WebSocket");
  const shard = nodeShard(context.env, shardOfNode(context.env, caller.node));
  const ping = context.req.query("ping");
  const headers = {
    upgrade: "websocket",
    [nodeHeader]: caller.node,
    [digestHeader]: caller.digest,
    ...(ping === undefined ? {} : { [pingHeader]: ping }),
  };
  return shard.fetch("https://shard/socket", { headers });
});

/** The node that a request says it is from, and the digest of its credential; null: it says nothing of the kind. */
export function nodeOf(headers: Headers): { readonly node: string; readonly digest: string } | null {
  const token = bearerToken(headers);
  const node = nodeToken.exec(token ?? "")?.[1];
  return token === null || node === undefined ? null : { node, digest: digestOf(token) };
}

/** Null: the body is no JSON, or too large. */
export async function readJson(request: Request): Promise<unknown> {
  const text = await request.text();
  if (text.length > longestMessage) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The first thing that is wrong with a body, and with which field of it. */
export function problemOf({ issues }: z.ZodError): string {
  const [issue] = issues;
  if (issue === undefined) return "invalid";
  return issue.path.length === 0 ? issue.message : `${issue.path.join(".")}: ${issue.message}`;
}

export function refuse(code: number, why: string): Response {
  return Response.json({ error: why }, { status: code });
}
