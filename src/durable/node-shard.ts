// A share of the fleet: holds the sockets of its nodes' agents, hears their reports and hands out their assignments.
import { DurableObject } from "cloudflare:workers";
import { bucketsOf } from "../core/buckets.ts";
import { nodeGraceMs } from "../core/node-lifecycle.ts";
import type { Timers } from "../core/shard-plan.ts";
import { planShard } from "../core/shard-plan.ts";
import type { Env } from "../env.ts";
import type { NodeUsage } from "../model/usage-report.ts";
import { pokeDaemonSets, pokeWatchHub, shardCount } from "../pokes.ts";
import type { Told } from "../store/event-recorder.ts";
import { EventRecorder } from "../store/event-recorder.ts";
import type { PodRow } from "../store/pod-rows.ts";
import type { Owner } from "../store/pods.ts";
import { TemplateCache } from "../store/template-cache.ts";
import { StoredTimers } from "../store/timers.ts";
import type { SessionOffer, SyncAnswer } from "../sync/messages.ts";
import { ping, pong, type SyncRequest } from "../sync/messages.ts";
import type { ShardWrites } from "../sync/shard-writes.ts";
import { isNothing, noWrites } from "../sync/shard-writes.ts";
import { GroupCommit } from "./group-commit.ts";
import { Latch } from "./latch.ts";
import { ShardAdmission } from "./shard-admission.ts";
import { commitWrites } from "./shard-commit.ts";
import { ShardImage } from "./shard-image.ts";
import { ShardObjects } from "./shard-objects.ts";
import { ShardOffers } from "./shard-offers.ts";
import type { PodOfNode } from "./shard-sessions.ts";
import { ShardSessions } from "./shard-sessions.ts";
import { tendedNodes, tendingWrites } from "./shard-tending.ts";

/** After a look that failed; cron tries as well. */
const retryMs = 5_000;

type SessionTaking = {
  /** Of the credential that the agent shows. */
  readonly digest: string;
  readonly id: string;
  /** False: the agent only says why it does not. */
  readonly begins: boolean;
};

export class NodeShard extends DurableObject<Env> {
  readonly #latch = new Latch(() => this.#look());
  readonly #image: ShardImage;
  readonly #templates: TemplateCache;
  readonly #objects: ShardObjects;
  readonly #events = new EventRecorder();
  readonly #timers: StoredTimers;
  readonly #commits = new GroupCommit((writes) => this.#commit(writes));
  readonly #admission: ShardAdmission;
  readonly #sessions: ShardSessions;
  readonly #offers = new ShardOffers();
  #mustTend = true;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(ping, pong));
    // The object's name is `shard-N`.
    const shard = Number((ctx.id.name ?? "").slice("shard-".length));
    this.#templates = new TemplateCache(env.DB);
    this.#objects = new ShardObjects({
      db: env.DB,
      shard,
      templates: this.#templates,
      changed: (key, seq) => this.#image.objectChanged(key, seq),
    });
    this.#image = new ShardImage(env.DB, bucketsOf(shard, shardCount(env)), this.#objects);
    this.#timers = new StoredTimers(ctx.storage.sql);
    this.#admission = new ShardAdmission({
      db: env.DB,
      image: this.#image,
      templates: this.#templates,
      commits: this.#commits,
      later: (work) => ctx.waitUntil(work),
      decided: (ok) => this.#decided(ok),
    });
    this.#sessions = new ShardSessions(ctx, env.DB, {
      image: this.#image,
      admission: this.#admission,
      templates: this.#templates,
      objects: this.#objects,
      commits: this.#commits,
      timers: this.#timers,
      offers: this.#offers,
      ready: () => this.#ready(),
    });
  }

  /** Something may have happened: reads the log and tells the agents whom it concerns. */
  async poke(): Promise<void> {
    await this.#latch.run();
  }

  /** Each minute: what no event would bring up, such as connections that died unnoticed. */
  async sweep(): Promise<void> {
    this.#mustTend = true;
    await this.#latch.run();
  }

  override async alarm(): Promise<void> {
    await this.sweep();
  }

  /** One message of an agent that came by HTTP; waits up to `waitMs` for a change of the assignment. */
  async sync(request: SyncRequest, digest: string, waitMs: number): Promise<SyncAnswer | "unauthorized"> {
    return this.#sessions.sync(request, digest, waitMs);
  }

  /** The pod, if the node was given it, and what tokens it uses. */
  async podOfNode(node: string, digest: string, podUid: string): Promise<PodOfNode | null | "unauthorized"> {
    return this.#sessions.podOfNode(node, digest, podUid);
  }

  /** Another machine has taken the node's place: what the one before holds opens nothing any more. */
  async shutOut(node: string): Promise<void> {
    this.#sessions.shutOut(node);
    this.#cutSessions(node);
  }

  /** Tells the node's agent of a session that somebody waits for. False: it cannot be told. */
  async offerSession(node: string, offer: SessionOffer, told: Told | null): Promise<boolean> {
    await this.#ready();
    if (!this.#sessions.hearing(node).connected || this.#offers.isMistrusted(node)) return false;
    this.#offers.add(node, offer, told);
    await this.#sessions.push(new Set([node]));
    return true;
  }

  async sessionUnanswered(node: string): Promise<void> {
    this.#offers.unanswered(node);
  }

  /** An agent comes for a session. `unknown`: it was not offered to this node, or not of late. */
  async takeSession(node: string, taking: SessionTaking): Promise<"taken" | "unauthorized" | "unknown"> {
    if (!(await this.#sessions.isAgentOf(node, taking.digest))) return "unauthorized";
    const offered = this.#offers.take(node, taking.id);
    if (offered === null) return "unknown";
    const events = taking.begins ? this.#offers.tellingOf(offered, Date.now()) : [];
    // The session does not wait for its event; one that is lost is told of in the log.
    if (events.length > 0) this.ctx.waitUntil(this.#recordSession(node, events));
    return "taken";
  }

  /** When the nodes were last heard, in milliseconds since 1970; without those that the shard does not have. */
  async lastSeen(names: readonly string[]): Promise<Record<string, number>> {
    await this.#ready();
    const known = names.filter((name) => this.#image.nodes.has(name));
    return Object.fromEntries(known.map((name) => [name, this.#sessions.hearing(name).lastSeenMs]));
  }

  /** What the nodes named (null: all of the shard) and their pods use, by node; those that do not say so in time are left out. */
  async usage(names: readonly string[] | null): Promise<Record<string, NodeUsage>> {
    await this.#ready();
    const nodes = names ?? [...this.#image.nodes.keys()];
    return this.#sessions.usage(nodes.filter((name) => this.#sessions.hearing(name).connected));
  }

  /** Opens an agent's socket. The node and the digest of its credential are in the request's headers. */
  override async fetch(request: Request): Promise<Response> {
    return this.#sessions.open(request);
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    await this.#sessions.message(socket, message);
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    await this.#lost(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    await this.#lost(socket);
  }

  async #lost(socket: WebSocket): Promise<void> {
    const lastSeenMs = this.#sessions.closed(socket);
    if (lastSeenMs !== null) await this.#wakeBy(lastSeenMs + nodeGraceMs);
  }

  /** Resolves once the picture is there. Throws when it could not be taken: what is not in it would pass for deleted. */
  async #ready(): Promise<void> {
    if (!this.#image.isLoaded) await this.#latch.run();
    if (!this.#image.isLoaded) throw new Error("the nodes of this shard could not be read; try again");
  }

  async #look(): Promise<void> {
    try {
      await this.#image.refresh();
      await this.#tell();
      if (this.#mustTend) await this.#tend(Date.now());
    } catch (error) {
      console.error({ message: "a look at the shard failed", shard: this.ctx.id.name, error: String(error) });
      await this.#wakeBy(Date.now() + retryMs);
    }
  }

  /** Tells the agents of nodes that changed. */
  async #tell(): Promise<void> {
    const changed = this.#image.takeChanged();
    if (changed.size === 0) return;
    const running = this.#timers.read();
    if ([...changed].some((name) => this.#needsTending(name, running))) this.#mustTend = true;
    await this.#admission.judge(changed);
    await this.#objects.know([...changed].flatMap((name) => this.#podsOf(name)));
    await this.#sessions.push(changed);
  }

  #podsOf(name: string): readonly PodRow[] {
    return [...(this.#image.nodes.get(name)?.pods.values() ?? [])];
  }

  /** What was refused may leave room for others; what could not be written is tried again. */
  async #decided(ok: boolean): Promise<void> {
    if (ok) await this.#latch.run();
    else await this.#wakeBy(Date.now() + retryMs);
  }

  /** Whether a timer is to start for the node or its pods, or one that runs is to stop. */
  #needsTending(name: string, { evictions, goneSince }: Timers): boolean {
    const node = this.#image.nodes.get(name);
    if (node === undefined) return false;
    const isTainted = (node.object?.spec.taints ?? []).some(({ effect }) => effect === "NoExecute");
    const isTimed = goneSince.has(name) || [...node.pods.keys()].some((uid) => evictions.has(uid));
    return node.object === null || isTainted || isTimed;
  }

  async #tend(nowMs: number): Promise<void> {
    this.#mustTend = false;
    await this.#templates.load(
      [...this.#image.nodes.values()].flatMap(({ pods }) => [...pods.values()].map(({ template }) => template)),
    );
    this.#sessions.noteSilent(nowMs);
    const nodes = tendedNodes(this.#image, this.#templates, (name) => this.#sessions.hearing(name));
    const before = this.#timers.read();
    const plan = planShard(nodes, before, nowMs);
    await this.#commits.add(tendingWrites(plan, this.#image, nowMs));
    for (const name of plan.lost) {
      this.#sessions.drop(name);
      this.#cutSessions(name);
    }
    this.#timers.write(before, plan.timers);
    await this.#objects.forgetBut([...this.#image.nodes.keys()].flatMap((name) => this.#podsOf(name)));
    if (plan.lookAgainAtMs !== null) await this.#wakeBy(plan.lookAgainAtMs);
  }

  async #recordSession(node: string, events: readonly Told[]): Promise<void> {
    try {
      await this.#commits.add({ ...noWrites, events });
    } catch (error) {
      const [told] = events;
      console.error({ message: "a session's event was lost", node, event: told?.happening, error: String(error) });
    }
  }

  /** Whoever still talks to the node's agent talks to nobody. */
  #cutSessions(node: string): void {
    const { SESSION_RELAYS: relays } = this.env;
    for (const id of this.#offers.forget(node)) {
      // Cutting an open one breaks the call that asks for it.
      this.ctx.waitUntil(
        relays
          .get(relays.idFromString(id))
          .cut()
          .catch(() => {}),
      );
    }
  }

  async #commit(writes: ShardWrites): Promise<void> {
    const owners = await this.#write(writes);
    if (isNothing(writes)) return;
    this.ctx.waitUntil(Promise.all([pokeWatchHub(this.env), pokeDaemonSets(this.env, owners)]));
    await this.#tell();
    if (this.#mustTend) this.ctx.waitUntil(this.#latch.run());
  }

  async #write(writes: ShardWrites): Promise<readonly Owner[]> {
    const image = this.#image;
    const { origin, cursor } = image;
    const context = { db: this.env.DB, image, templates: this.#templates, events: this.#events, origin };
    try {
      return await commitWrites(context, writes, Date.now());
    } catch (error) {
      image.distrust(cursor);
      throw error;
    }
  }

  /** Makes sure that the object wakes at `atMs` or before. */
  async #wakeBy(atMs: number): Promise<void> {
    const set = await this.ctx.storage.getAlarm();
    if (set === null || set > atMs) await this.ctx.storage.setAlarm(atMs);
  }
}
