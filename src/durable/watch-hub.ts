// Fans the change log out to watchers, each change once and in order. It sleeps while nothing is written: what each
// watcher has been sent is kept with its socket.
import { DurableObject } from "cloudflare:workers";
import * as z from "zod";

import type { Env } from "../env.ts";
import { pokeSelectorController } from "../pokes.ts";
import { runBatch } from "../store/batch.ts";
import type { Change, Concern, LogPage } from "../store/log.ts";
import { readLog } from "../store/log.ts";
import type { HubMessage, WatchScope } from "../store/watch-messages.ts";
import { watchHeader } from "../store/watch-messages.ts";
import { Latch } from "./latch.ts";

const changesAtOnce = 2_000;
/** Passes that follow each other wait this long, so that changes go out in bundles: the cost is per message. */
const gatherMs = 25;
/** So long a follower is left alone after a write, for others come with it. */
const followMs = 1_000;
const followedKey = "followed";

const Watcher = z.object({
  resource: z.string(),
  namespace: z.string().nullable(),
  name: z.string().nullable(),
  /** All that this watcher wants, up to here, has been sent. */
  rv: z.number(),
});
type Watcher = z.output<typeof Watcher>;

export class WatchHub extends DurableObject<Env> {
  readonly #latch = new Latch(() => this.#run());
  /** Everything up to here has been sent to those who follow; null: not known, the object has just woken. */
  #cursor: number | null = null;
  #endedAtMs = 0;
  /** Null: not known, the object has just woken. */
  #isFollowed: boolean | null = null;
  #isWaking = false;

  async poke(): Promise<void> {
    this.#wakeFollower();
    if (this.ctx.getWebSockets().length > 0) await this.#latch.run();
  }

  /** True: who looks after endpoints wants to hear of writes. */
  async setFollowed(isFollowed: boolean): Promise<void> {
    const before = this.ctx.storage.kv.get<boolean>(followedKey) === true;
    this.#isFollowed = isFollowed;
    if (before !== isFollowed) this.ctx.storage.kv.put(followedKey, isFollowed);
  }

  /** Wakes the follower a while after the first of many writes, and once for all of them. */
  #wakeFollower(): void {
    this.#isFollowed ??= this.ctx.storage.kv.get<boolean>(followedKey) === true;
    if (!this.#isFollowed || this.#isWaking) return;
    this.#isWaking = true;
    const wake = async () => {
      await new Promise((resolve) => setTimeout(resolve, followMs));
      this.#isWaking = false;
      await pokeSelectorController(this.env);
    };
    this.ctx.waitUntil(wake());
  }

  /** Each minute: tells every watcher how far the log has come, changes or none. */
  async tick(): Promise<void> {
    await this.poke();
    for (const socket of this.ctx.getWebSockets()) this.#send(socket, changesMessage(watcherOf(socket).rv, []));
  }

  override async fetch(request: Request): Promise<Response> {
    const start = JSON.parse(request.headers.get(watchHeader) ?? "{}");
    const watcher = Watcher.parse({ ...start, rv: start.afterRv });
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    server.serializeAttachment(watcher);
    this.ctx.waitUntil(this.#latch.run());
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketClose(): Promise<void> {
    // The socket is out of getWebSockets() already; nothing else is kept of it.
  }

  override async webSocketError(): Promise<void> {
    // As above.
  }

  async #run(): Promise<void> {
    const sinceMs = Date.now() - this.#endedAtMs;
    if (sinceMs < gatherMs) await new Promise((resolve) => setTimeout(resolve, gatherMs - sinceMs));
    try {
      while (await this.#pass());
    } catch (error) {
      console.error({ message: "changes could not be sent", error: String(error) });
      // Watchers come back and start from what they have.
      for (const socket of this.ctx.getWebSockets()) socket.close(1011, "try again");
    }
    this.#endedAtMs = Date.now();
  }

  /** Reads on and sends; true: there is more to read. */
  async #pass(): Promise<boolean> {
    const sockets = this.ctx.getWebSockets().map((socket) => ({ socket, watcher: watcherOf(socket) }));
    if (sockets.length === 0) {
      this.#cursor = null;
      return false;
    }
    // Those that are behind the others (just come, or woken with the object) are brought up first, one by one.
    const cursor = this.#cursor;
    const behind = cursor === null ? sockets : sockets.filter(({ watcher }) => watcher.rv < cursor);
    for (const { socket, watcher } of behind) await this.#catchUp(socket, watcher);
    if (cursor === null) return this.#startFollowing(sockets.map(({ socket }) => socket));
    const resources = [...new Set(sockets.map(({ watcher }) => watcher.resource))];
    const page = await this.#readLog(cursor, { kind: "resources", resources });
    if (page.hasGap) return this.#expireAll(page.first);
    this.#cursor = page.reached;
    this.#fanOut(
      sockets.map(({ socket }) => socket),
      { changes: page.changes, from: cursor, to: page.reached },
    );
    return page.hasMore;
  }

  async #readLog(cursor: number, concern: Concern): Promise<LogPage> {
    const [page] = await runBatch(this.env.DB, [readLog(this.env.DB, { cursor, limit: changesAtOnce, concern })]);
    return page;
  }

  /** All have been brought up to some point of their own: the lowest of them is where following begins. */
  #startFollowing(sockets: readonly WebSocket[]): boolean {
    this.#cursor = Math.min(...sockets.map((socket) => watcherOf(socket).rv));
    return Number.isFinite(this.#cursor);
  }

  #expireAll(first: number): boolean {
    for (const socket of this.ctx.getWebSockets()) this.#expire(socket, first);
    this.#cursor = null;
    return false;
  }

  /** Sends one watcher what it has missed, reading only what it wants to see. */
  async #catchUp(socket: WebSocket, watcher: Watcher): Promise<void> {
    const { resource, namespace, name } = watcher;
    for (let { rv } = watcher; ; ) {
      const page = await this.#readLog(rv, { kind: "scope", resource, namespace, name });
      if (page.hasGap) {
        this.#expire(socket, page.first);
        return;
      }
      // A watcher from the future waits for it.
      if (rv > page.head) return;
      rv = page.reached;
      socket.serializeAttachment({ ...watcher, rv } satisfies Watcher);
      if (page.changes.length > 0) this.#send(socket, changesMessage(rv, page.changes));
      if (!page.hasMore) return;
    }
  }

  /**
   * Sends what was read to those it was read for and who have everything up to `from`. Others came meanwhile: what they
   * want to see may not have been read, and the next pass brings them up.
   */
  #fanOut(sockets: readonly WebSocket[], { changes, from, to }: Fanned): void {
    // Many watch the same, from the same point on: what they are sent is written once.
    const texts = new Map<string, string | null>();
    for (const socket of sockets) {
      const watcher = watcherOf(socket);
      if (watcher.rv < from || watcher.rv >= to) continue;
      const view = JSON.stringify(watcher);
      let text = texts.get(view);
      if (text === undefined) {
        const wanted = changes.filter((change) => change.seq > watcher.rv && wants(watcher, change));
        text = wanted.length === 0 ? null : changesMessage(to, wanted);
        texts.set(view, text);
      }
      socket.serializeAttachment({ ...watcher, rv: to } satisfies Watcher);
      if (text !== null) this.#send(socket, text);
    }
  }

  #expire(socket: WebSocket, first: number): void {
    this.#send(socket, JSON.stringify({ kind: "expired", first } satisfies HubMessage));
    socket.close(4410, "expired");
  }

  #send(socket: WebSocket, text: string): void {
    try {
      socket.send(text);
    } catch {
      // The watcher is gone; its close event follows.
    }
  }
}

/** Changes after the row `from` up to the row `to`. */
type Fanned = { readonly changes: readonly Change[]; readonly from: number; readonly to: number };

function changesMessage(rv: number, changes: readonly Change[]): string {
  return JSON.stringify({ kind: "changes", rv, changes } satisfies HubMessage);
}

function watcherOf(socket: WebSocket): Watcher {
  // Written by `serializeAttachment` here.
  return socket.deserializeAttachment() as Watcher;
}

function wants({ resource, namespace, name }: WatchScope, change: Change): boolean {
  return (
    change.resource === resource &&
    (namespace === null || change.namespace === namespace) &&
    (name === null || change.name === name)
  );
}
