// How agents come for the sessions that they were offered, or say why they do not.
import { Hono } from "hono";
import type { Env } from "../env.ts";
import { nodeShard, shardOfNode } from "../pokes.ts";
import { paths, SessionRefusal } from "./messages.ts";
import { nodeOf, readJson, refuse } from "./routes.ts";
import { nodeHeader } from "./socket-headers.ts";

export const sessionRoutes = new Hono<{ Bindings: Env }>();

/** An agent comes for a session that it was offered. */
sessionRoutes.get(`${paths.sessions}/:id`, async (context) => {
  if (context.req.header("upgrade")?.toLowerCase() !== "websocket")
    return refuse(426, "this is the way to a WebSocket");
  const id = context.req.param("id");
  const taken = await takeSession(context.env, context.req.raw.headers, { id, begins: true });
  if (!taken.ok) return taken.refusal;
  return taken.relay.fetch("https://relay/", { headers: { upgrade: "websocket", [nodeHeader]: taken.node } });
});

/** An agent says why it does not. */
sessionRoutes.post(`${paths.sessions}/:id`, async (context) => {
  const refusal = SessionRefusal.safeParse(await readJson(context.req.raw));
  if (!refusal.success) return refuse(400, "the body must say why: a code and a message");
  const id = context.req.param("id");
  const taken = await takeSession(context.env, context.req.raw.headers, { id, begins: false });
  if (!taken.ok) return taken.refusal;
  await taken.relay.refuse(taken.node, refusal.data);
  return context.json({});
});

type Taken =
  | { readonly ok: true; readonly node: string; readonly relay: ReturnType<Env["SESSION_RELAYS"]["get"]> }
  | { readonly ok: false; readonly refusal: Response };

type Taking = { readonly id: string; readonly begins: boolean };

async function takeSession(env: Env, headers: Headers, { id, begins }: Taking): Promise<Taken> {
  const caller = nodeOf(headers);
  if (caller === null) return { ok: false, refusal: refuse(401, "a node credential is required") };
  const { node, digest } = caller;
  const outcome = await nodeShard(env, shardOfNode(env, node)).takeSession(node, { digest, id, begins });
  if (outcome === "unauthorized") return { ok: false, refusal: refuse(401, "the credential is not known") };
  if (outcome === "unknown") return { ok: false, refusal: refuse(404, "this session was not offered to this node") };
  // The id is one that a relay gave itself, for it was offered.
  return { ok: true, node, relay: env.SESSION_RELAYS.get(env.SESSION_RELAYS.idFromString(id)) };
}
