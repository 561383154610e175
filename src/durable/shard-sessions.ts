// The agents of a shard's nodes: who is connected and how, what each holds, and what each is told.
import { nodeGraceMs } from "../core/node-lifecycle.ts";
import type { PodTokens } from "../core/pod-tokens.ts";
import { podTokens } from "../core/pod-tokens.ts";
import type { NodeUsage } from "../model/usage-report.ts";
import type { TemplateCache } from "../store/template-cache.ts";
import type { StoredTimers } from "../store/timers.ts";
import type { SyncAnswer } from "../sync/messages.ts";
import { longestMessage, protocolVersion, SyncRequest } from "../sync/messages.ts";
import type { Grant } from "../sync/node-object.ts";
import type { ShardWrites } from "../sync/shard-writes.ts";
import { isNothing } from "../sync/shard-writes.ts";
import { digestHeader, nodeHeader, pingHeader } from "../sync/socket-headers.ts";
import { mustResend, takeEvent, takeReport } from "../sync/take-report.ts";
import type { GroupCommit } from "./group-commit.ts";
import { NodeCredentials } from "./node-credentials.ts";
import { NodeUsages } from "./node-usages.ts";
import type { ShardAdmission } from "./shard-admission.ts";
import type { ImageNode, ShardImage } from "./shard-image.ts";
import type { ShardObjects } from "./shard-objects.ts";
import type { ShardOffers } from "./shard-offers.ts";
import type { Hearing } from "./shard-tending.ts";

/** How long an agent lets pass between messages when nothing happens. */
const socketSyncMs = 5 * 60_000;
/** On a line that is to be silent. */
const quietSyncMs = 30 * 60_000;
/** What agents let a line be silent if they say nothing else, and what they may. */
const pingSeconds = { usual: 10, most: 300 } as const;
const pollSyncMs = 10_000;
/** A report that others keep overtaking is the agent's to send again. */
const mostTries = 5;
const mostRememberedObjects = 64;

type Have = SyncRequest["have"];
const nothingHeld: Have = { revision: 0, etag: "", templates: [] };

/** What outlives the object's sleep, kept with the socket. */
type Attachment = {
  readonly node: string;
  readonly connectedAtMs: number;
  readonly have: Have;
  /** How much longer than usual the agent lets the line be silent. */
  readonly quietMs?: number;
};

export type PodOfNode = PodTokens & { readonly namespace: string; readonly name: string; readonly nodeUid: string };

type Parts = {
  readonly image: ShardImage;
  readonly admission: ShardAdmission;
  readonly templates: TemplateCache;
  readonly objects: ShardObjects;
  readonly commits: GroupCommit;
  readonly timers: StoredTimers;
  readonly offers: ShardOffers;
  /** Resolves once the picture is there. */
  readonly ready: () => Promise<void>;
};

export class ShardSessions {
  readonly #ctx: DurableObjectState;
  readonly #parts: Parts;
  readonly #credentials: NodeCredentials;
  /** Nodes heard by message since the object woke. */
  readonly #heardAtMs = new Map<string, number>();
  /** Nodes known to have lost their connection, and when. */
  readonly #absentSinceMs: Map<string, number>;
  readonly #usages = new NodeUsages();
  /** Long polls that wait for a change, by node. */
  readonly #waiting = new Map<string, () => void>();

  constructor(ctx: DurableObjectState, db: D1Database, parts: Parts) {
    this.#ctx = ctx;
    this.#credentials = new NodeCredentials(db);
    this.#parts = parts;
    this.#absentSinceMs = new Map(parts.timers.absences());
  }

  async open(request: Request): Promise<Response> {
    const node = request.headers.get(nodeHeader) ?? "";
    const credential = await this.#credentials.check(node, request.headers.get(digestHeader) ?? "");
    if (credential === null) return new Response("unauthorized\n", { status: 401 });
    const { 0: client, 1: server } = new WebSocketPair();
    for (const older of this.#ctx.getWebSockets(node)) older.close(4000, "replaced by a newer connection");
    this.#ctx.acceptWebSocket(server, [node]);
    const quietMs = quietMsOf(request.headers.get(pingHeader));
    const quiet = quietMs === 0 ? {} : { quietMs };
    attach(server, { node, connectedAtMs: Date.now(), have: nothingHeld, ...quiet });
    this.#hear(node);
    return new Response(null, { status: 101, webSocket: client });
  }

  async message(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const { node } = attachmentOf(socket);
    const request = typeof message === "string" ? parseRequest(message) : null;
    if (request === null || request.node !== node) return socket.close(4400, "not a sync message of this node");
    try {
      attach(socket, { ...attachmentOf(socket), have: rememberable(request.have) });
      const answer = await this.#take(request, await this.#credentials.grantOf(node));
      this.#send(socket, { ...answer, nextSyncMs: nextSyncMs(attachmentOf(socket)) });
      // Content is long: should there be news before the agent has said what it has now, it is not sent again.
      const { have } = attachmentOf(socket);
      const { objects } = heldAfter(request.have, answer);
      if (objects !== undefined) attach(socket, { ...attachmentOf(socket), have: rememberable({ ...have, objects }) });
    } catch (error) {
      console.warn({ message: "a report could not be taken", node, error: String(error) });
      socket.close(1011, "try again");
    }
  }

  async sync(request: SyncRequest, digest: string, waitMs: number): Promise<SyncAnswer | "unauthorized"> {
    const credential = await this.#credentials.check(request.node, digest);
    if (credential === null) return "unauthorized";
    const answer = await this.#take(request, credential.grant);
    if (isNews(answer) || answer.resend === true || waitMs === 0)
      return { ...answer, nextSyncMs: waitMs > 0 ? 0 : pollSyncMs };
    await this.#change(request.node, waitMs);
    this.#hear(request.node);
    return { ...(await this.#answer(request.node, request.have, request.sequence)), nextSyncMs: 0 };
  }

  async podOfNode(name: string, digest: string, uid: string): Promise<PodOfNode | null | "unauthorized"> {
    if ((await this.#credentials.check(name, digest)) === null) return "unauthorized";
    await this.#parts.ready();
    await this.#prepare(name);
    const { image, objects, templates } = this.#parts;
    const node = image.nodes.get(name);
    const pod = node?.pods.get(uid);
    if (pod === undefined || node === undefined || node.object === null || node.apart.has(uid)) return null;
    const terms = objects.termsOf(pod);
    const nodeUid = node.object.metadata.uid ?? "";
    await templates.load([pod.template]);
    const tokens = podTokens(templates.get(pod.template), terms);
    return { namespace: pod.namespace, name: pod.name, nodeUid, ...tokens };
  }

  /** Resolves when the node's assignment changes, or after `waitMs`. */
  #change(node: string, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.get(node)?.();
      const timer = setTimeout(resolve, waitMs);
      this.#waiting.set(node, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async #take(request: SyncRequest, grant: Grant): Promise<SyncAnswer> {
    await this.#parts.ready();
    this.#hear(request.node);
    if (request.usage !== undefined) this.#usages.take(request.node, request.usage);
    const known = this.#known(request.node);
    const resend = mustResend(request, known);
    const events = (request.events ?? []).flatMap((event) => {
      const happening = takeEvent(event, known);
      return happening === null ? [] : [{ happening, source: { component: "kubelet", host: request.node } }];
    });
    let writes: ShardWrites = { ...this.#writes(request, grant), events };
    for (let tries = 0; !isNothing(writes); tries += 1) {
      if (tries === mostTries) throw new Error("the report was overtaken again and again");
      await this.#parts.commits.add(writes);
      // What is durable now asks for nothing more.
      writes = this.#writes(request, grant);
    }
    const answer = await this.#answer(request.node, request.have, request.sequence);
    return resend ? { ...answer, resend } : answer;
  }

  #writes(request: SyncRequest, grant: Grant): ShardWrites {
    const known = this.#known(request.node);
    return takeReport(request, { known, grant, nowMs: Date.now(), newUid: () => crypto.randomUUID() });
  }

  #known(name: string): Pick<ImageNode, "name" | "object" | "pods"> {
    return this.#parts.image.nodes.get(name) ?? { name, object: null, pods: new Map() };
  }

  async #answer(name: string, have: Have, acknowledged: number): Promise<SyncAnswer> {
    const usage = this.#usages.isAsked(name) ? { usage: true } : {};
    const offers = this.#parts.offers.of(name);
    const sessions = offers.length === 0 ? {} : { sessions: [...offers] };
    const head = { protocol: protocolVersion, acknowledged, nextSyncMs: pollSyncMs, ...usage, ...sessions };
    await this.#prepare(name);
    const node = this.#parts.image.nodes.get(name);
    if (node === undefined || node.object === null) {
      return { ...head, registered: false, revision: have.revision, etag: have.etag };
    }
    const etag = this.#parts.image.etagOf(node);
    if (etag === have.etag) {
      return { ...head, registered: true, revision: Math.max(node.revision, have.revision), etag };
    }
    const pods = this.#parts.image.assignment(node);
    const named = this.#parts.image.objectsOf(node);
    // An agent acts on higher revisions only, and what it has is not what it should have. The node may change while
    // templates are read: this is the revision of these pods.
    const revision = Math.max(node.revision, have.revision + 1);
    node.revision = revision;
    const missing = new Set(pods.map(({ template }) => template).filter((id) => !have.templates.includes(id)));
    await this.#parts.templates.load(missing);
    const templates = Object.fromEntries([...missing].map((id) => [id, this.#parts.templates.get(id)]));
    const answer = { ...head, registered: true, revision, etag, pods: [...pods], templates };
    // Agents of before know of no objects.
    if (have.objects === undefined) return answer;
    return { ...answer, objects: await this.#parts.objects.told(named, have.objects) };
  }

  /** Resolves when it is known what the node is to run, and what that names. */
  async #prepare(name: string): Promise<void> {
    const { admission, image, objects } = this.#parts;
    for (;;) {
      // An agent that is told of less than it was given before would end the rest.
      await admission.judge([name]);
      const pods = [...(image.nodes.get(name)?.pods.values() ?? [])];
      if (objects.isKnown(pods)) return;
      await objects.know(pods);
    }
  }

  /** Tells the agents of these nodes, if they are there and do not know it yet, what they are to run. */
  async push(nodes: ReadonlySet<string>): Promise<void> {
    for (const name of nodes) {
      this.#waiting.get(name)?.();
      this.#waiting.delete(name);
      for (const socket of this.#ctx.getWebSockets(name)) await this.#pushTo(socket, name);
    }
  }

  /** What these nodes and their pods use, as far as their agents say so in time. */
  usage(nodes: readonly string[]): Promise<Record<string, NodeUsage>> {
    return this.#usages.of(nodes, (name) => this.push(new Set([name])));
  }

  async #pushTo(socket: WebSocket, name: string): Promise<void> {
    const attachment = attachmentOf(socket);
    const answer = await this.#answer(name, attachment.have, 0);
    if (!isNews(answer)) return;
    this.#send(socket, { ...answer, nextSyncMs: nextSyncMs(attachment) });
    attach(socket, { ...attachment, have: heldAfter(attachment.have, answer) });
  }

  /** Whether the agent shows a credential of the node. */
  async isAgentOf(node: string, digest: string): Promise<boolean> {
    return (await this.#credentials.check(node, digest)) !== null;
  }

  #send(socket: WebSocket, answer: SyncAnswer): void {
    // A socket that is closing has an agent that will come back and ask.
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(answer));
  }

  #hear(node: string): void {
    this.#heardAtMs.set(node, Date.now());
    if (this.#absentSinceMs.delete(node)) this.#parts.timers.clearAbsent(node);
  }

  hearing(node: string): Hearing {
    const sockets = this.#ctx.getWebSockets(node);
    const heardAtMs = this.#heardAtMs.get(node) ?? 0;
    const lastSeenMs = Math.max(
      heardAtMs,
      this.#absentSinceMs.get(node) ?? 0,
      ...sockets.map((socket) => this.#aliveAtMs(socket)),
    );
    const polls = heardAtMs > 0 && !this.#absentSinceMs.has(node);
    return { lastSeenMs, connected: sockets.length > 0 || polls };
  }

  #aliveAtMs(socket: WebSocket): number {
    const { connectedAtMs, quietMs = 0 } = attachmentOf(socket);
    const answeredAtMs = this.#ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? connectedAtMs;
    // A sign of life on a silent line is good for longer: the next one is not due yet.
    return quietMs === 0 ? answeredAtMs : Math.max(answeredAtMs, Math.min(Date.now(), answeredAtMs + quietMs));
  }

  /** Starts the clock for nodes that have no connection and were not heard since the object woke. */
  noteSilent(nowMs: number): void {
    for (const [name, { object }] of this.#parts.image.nodes) {
      if (object === null || this.#absentSinceMs.has(name)) continue;
      if (this.hearing(name).lastSeenMs === 0) this.#setAbsent(name, nowMs);
    }
  }

  #setAbsent(node: string, sinceMs: number): void {
    this.#absentSinceMs.set(node, sinceMs);
    this.#parts.timers.setAbsent(node, sinceMs);
  }

  /** A socket has gone; returns when its node was last heard, or null if the node has another one. */
  closed(socket: WebSocket): number | null {
    const { node } = attachmentOf(socket);
    if (this.#ctx.getWebSockets(node).some((other) => other !== socket && other.readyState === WebSocket.OPEN))
      return null;
    const lastSeenMs = Math.max(this.#heardAtMs.get(node) ?? 0, this.#aliveAtMs(socket));
    this.#setAbsent(node, lastSeenMs);
    return lastSeenMs;
  }

  /** Forgets the credential that was checked before, and whoever came with it. */
  shutOut(node: string): void {
    this.#credentials.forget(node);
    for (const socket of this.#ctx.getWebSockets(node)) socket.close(4403, "another machine took this node's place");
  }

  /** Cuts off a node that counts as lost, so that its agent, should it live, connects and reports anew. */
  drop(node: string): void {
    this.#heardAtMs.delete(node);
    this.#usages.forget(node);
    for (const socket of this.#ctx.getWebSockets(node)) socket.close(4001, `not heard for ${nodeGraceMs / 1000} s`);
  }
}

/** What an agent has once it has taken in an answer that it did not ask for. */
function heldAfter(have: Have, { revision, etag, templates = {}, objects }: SyncAnswer): Have {
  const held = { revision, etag, templates: [...new Set([...have.templates, ...Object.keys(templates)])] };
  if (have.objects === undefined || objects === undefined) return { ...have, ...held };
  const known = new Set(have.objects);
  const has = objects.filter(({ version, content }) => content !== undefined || known.has(version));
  return rememberable({ ...held, objects: has.map(({ version }) => version) });
}

/** An attachment is small. What an agent is not known to have is sent to it again. */
function rememberable(have: Have): Have {
  return have.objects === undefined ? have : { ...have, objects: have.objects.slice(0, mostRememberedObjects) };
}

/** Whether there is anything in it that the agent does not know. */
function isNews({ pods, registered, usage, sessions }: SyncAnswer): boolean {
  return pods !== undefined || !registered || usage === true || sessions !== undefined;
}

function quietMsOf(header: string | null): number {
  const seconds = Math.min(pingSeconds.most, Number(header ?? pingSeconds.usual));
  return seconds > pingSeconds.usual ? (seconds - pingSeconds.usual) * 1000 : 0;
}

function nextSyncMs({ quietMs }: Attachment): number {
  return quietMs === undefined ? socketSyncMs : quietSyncMs;
}

function attach(socket: WebSocket, attachment: Attachment): void {
  socket.serializeAttachment(attachment);
}

function attachmentOf(socket: WebSocket): Attachment {
  // Written by `attach`.
  return socket.deserializeAttachment() as Attachment;
}

function parseRequest(message: string): SyncRequest | null {
  if (message.length > longestMessage) return null;
  try {
    const parsed = SyncRequest.safeParse(JSON.parse(message));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
