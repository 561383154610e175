// One session of a person with a pod: brings the person's connection and the agent's together, and is out of the way then.
//
// The two ends of one pair of sockets are the answers to the two requests, so bytes flow from one connection to the other
// within the engine: whoever reads slowly holds up whoever writes, over both connections, and nothing is kept here. Code
// that passed messages on could not do that, for the engine does not tell when what was sent has gone out.
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { nodeShard, shardOfNode } from "../pokes.ts";
import type { SessionRefusal } from "../sync/messages.ts";
import type { Opened, Opening } from "../sync/session-opening.ts";
import { nodeHeader } from "../sync/socket-headers.ts";

/** An agent that polls asks every ten seconds or so. */
const patienceMs = 15_000;
/** Whoever opened the session comes for it at once, or has gone. */
const joiningMs = 10_000;

type Waiting = Pick<Opening, "node" | "told"> & { readonly settle: (opened: Opened) => void };

export class SessionRelay extends DurableObject<Env> {
  #waiting: Waiting | null = null;
  /** For the person, once the agent is there. */
  #end: WebSocket | null = null;
  #hasAgent = false;

  /** Offers the session to the node's agent; resolves once it has come, or will not. Called once. */
  async open({ node, offer, told }: Opening): Promise<Opened> {
    const opened = new Promise<Opened>((settle) => {
      this.#waiting = { node, told, settle };
    });
    const shard = nodeShard(this.env, shardOfNode(this.env, node));
    const isOffered = await shard.offerSession(node, { ...offer, id: this.ctx.id.toString() }, told);
    if (!isOffered) this.#settle({ outcome: "absent" });
    const timer = setTimeout(() => this.#settle({ outcome: "silent" }), patienceMs);
    const result = await opened;
    clearTimeout(timer);
    if (result.outcome === "silent") await shard.sessionUnanswered(node);
    return result;
  }

  /** The agent says why not. */
  async refuse(node: string, refusal: SessionRefusal): Promise<void> {
    if (this.#waiting?.node === node) this.#settle({ outcome: "refused", refusal });
  }

  /** The node is lost, or another's: nobody is left to talk to, whatever the connections look like. */
  async cut(): Promise<void> {
    if (this.#hasAgent) this.ctx.abort("the session's node is lost");
  }

  /** The agent's socket (`nodeHeader` says whose), or the person's (no such header). */
  override async fetch(request: Request): Promise<Response> {
    const node = request.headers.get(nodeHeader);
    return node === null ? this.#join(request.headers.get("sec-websocket-protocol")) : this.#arrive(node);
  }

  #arrive(node: string): Response {
    const waiting = this.#waiting;
    if (waiting?.node !== node) return new Response("no session waits for this node\n", { status: 404 });
    this.#settle({ outcome: "ready" });
    if (waiting.told === null) return new Response("nobody can come for this session\n", { status: 409 });
    const { 0: forPerson, 1: forAgent } = new WebSocketPair();
    this.#end = forPerson;
    this.#hasAgent = true;
    setTimeout(() => this.#abandon(), joiningMs);
    return new Response(null, { status: 101, webSocket: forAgent });
  }

  #join(protocol: string | null): Response {
    const end = this.#end;
    this.#end = null;
    if (end === null) return new Response("there is no such session\n", { status: 404 });
    const headers = protocol === null ? {} : { "sec-websocket-protocol": protocol };
    return new Response(null, { status: 101, webSocket: end, headers });
  }

  #abandon(): void {
    const end = this.#end;
    this.#end = null;
    if (end === null) return;
    end.accept();
    end.close(1001, "nobody came for the session");
  }

  #settle(opened: Opened): void {
    this.#waiting?.settle(opened);
    this.#waiting = null;
  }
}
