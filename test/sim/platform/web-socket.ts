// WebSockets: two ends and a line between them that keeps the order, may be slow, may be blocked, and may break.
import type { Actor } from "../engine/actor.ts";
import type { Cancel, Kernel } from "../engine/kernel.ts";
import type { Random } from "../engine/random.ts";
import type { Fate } from "../engine/sending.ts";

type CloseNews = { readonly code: number; readonly reason: string; readonly wasClean: boolean };
export type Frame = { readonly kind: "message"; readonly data: string } | ({ readonly kind: "close" } & CloseNews);

/** What one end does with what reaches it. `actor`: whose turn it will be; null: to be seen on arrival. */
export type Receiver = {
  readonly actor: Actor | null;
  frame(frame: Frame): void;
};

export type LineOptions = {
  readonly kernel: Kernel;
  readonly random: Random;
  readonly latencyMs: readonly [number, number];
};

const brokenCode = 1006;
const normalCode = 1005;
const largestAttachment = 16_384;
/** A close that nobody answers. */
const closeTimeoutMs = 10_000;

/** One direction of a line. */
class Lane {
  readonly #options: LineOptions;
  readonly #label: string;
  #lastAtMs = 0;
  #isBlocked = false;
  readonly #held: Frame[] = [];
  readonly #underway = new Set<Cancel>();
  #receiver: Receiver | null = null;

  constructor(options: LineOptions, label: string) {
    this.#options = options;
    this.#label = label;
  }

  receive(receiver: Receiver): void {
    this.#receiver = receiver;
    if (!this.#isBlocked) for (const frame of this.#held.splice(0)) this.carry(frame);
  }

  block(): void {
    this.#isBlocked = true;
  }

  unblock(): void {
    this.#isBlocked = false;
    for (const frame of this.#held.splice(0)) this.carry(frame);
  }

  drop(): void {
    this.#held.length = 0;
    for (const cancel of this.#underway) cancel();
  }

  /** What the platform itself comes to think after a while; no network keeps it away. */
  conclude(frame: Frame, afterMs: number): void {
    const receiver = this.#receiver;
    if (receiver === null) return;
    const { kernel } = this.#options;
    kernel.schedule(afterMs, { actor: receiver.actor ?? kernel.nobody, label: "" }, () => receiver.frame(frame));
  }

  carry(frame: Frame, extraMs = 0): void {
    if (this.#isBlocked || this.#receiver === null) {
      this.#held.push(frame);
      return;
    }
    const { kernel, random, latencyMs } = this.#options;
    const atMs = Math.max(this.#lastAtMs, kernel.nowMs + random.between(latencyMs[0], latencyMs[1]) + extraMs);
    this.#lastAtMs = atMs;
    const receiver = this.#receiver;
    const actor = receiver.actor ?? kernel.nobody;
    const cancel = kernel.schedule(atMs - kernel.nowMs, { actor, label: `${this.#label} ${frame.kind}` }, () => {
      this.#underway.delete(cancel);
      receiver.frame(frame);
    });
    this.#underway.add(cancel);
  }
}

export class SocketEnd {
  /** For the trace: both ends have it. */
  readonly name: string;
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readyState = SocketEnd.OPEN;
  /** To the other end. */
  readonly #out: Lane;
  readonly #in: Lane;
  readonly #listeners = new Map<string, ((event: unknown) => void)[]>();
  #other: SocketEnd | null = null;
  #attachment: string | null = null;
  #owner: Actor | null = null;
  /** Called before anything is sent; says what befalls it. */
  onSend: ((data: string) => Fate) | null = null;
  /** Called once the end is closed, however. */
  onClosed: (() => void) | null = null;

  constructor(name: string, out: Lane, into: Lane) {
    this.name = name;
    this.#out = out;
    this.#in = into;
  }

  joinedTo(other: SocketEnd): void {
    this.#other = other;
  }

  /** The actor that writes; its writes to storage come first. */
  ownedBy(owner: Actor): void {
    this.#owner = owner;
  }

  /** Begins to hand over what arrives. */
  receive(receiver: Receiver): void {
    this.#in.receive({
      actor: receiver.actor,
      frame: (frame) => {
        if (this.readyState === SocketEnd.CLOSED) return;
        if (frame.kind === "close") this.#closedByOther(frame);
        receiver.frame(frame);
      },
    });
  }

  #closedByOther(frame: Extract<Frame, { kind: "close" }>): void {
    // The platform answers a close by itself.
    if (this.readyState === SocketEnd.OPEN && frame.code !== brokenCode) {
      this.#out.carry({ kind: "close", code: frame.code, reason: frame.reason, wasClean: true });
    }
    this.#end();
  }

  /** As a client of the Workers API. */
  accept(): void {
    const owner = this.#owner;
    if (owner === null) throw new TypeError("the socket has no owner");
    this.receive({
      actor: owner,
      frame: (frame) => this.#dispatch(frame.kind, frame.kind === "message" ? { data: frame.data } : frame),
    });
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    const listeners = this.#listeners.get(type) ?? [];
    // Listeners take the event of their type.
    listeners.push(listener as (event: unknown) => void);
    this.#listeners.set(type, listeners);
  }

  #dispatch(type: string, event: unknown): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }

  send(data: string): void {
    if (this.readyState !== SocketEnd.OPEN) throw new TypeError("can't call WebSocket send() after close()");
    if (this.#isOwnerDead()) return;
    this.#owner?.flush();
    const fate = this.onSend?.(data) ?? "send";
    // It may have died of that.
    if (this.#isOwnerDead()) return;
    if (fate === "break") this.break();
    else this.#out.carry({ kind: "message", data }, fate === "send" ? 0 : fate);
  }

  #isOwnerDead(): boolean {
    return this.#owner !== null && !this.#owner.isAlive;
  }

  /** The platform's own answer, that its owner knows nothing of. */
  answerUnseen(data: string): void {
    if (this.readyState === SocketEnd.OPEN) this.#out.carry({ kind: "message", data });
  }

  close(code = normalCode, reason = ""): void {
    if (this.readyState !== SocketEnd.OPEN) return;
    this.#owner?.flush();
    this.readyState = SocketEnd.CLOSING;
    this.#out.carry({ kind: "close", code, reason, wasClean: true });
    this.#in.conclude({ kind: "close", code: brokenCode, reason: "", wasClean: false }, closeTimeoutMs);
  }

  /** The line is gone: both ends hear of it in their own time, and what was underway is lost. */
  break(): void {
    this.#in.drop();
    this.#out.drop();
    const news: Frame = { kind: "close", code: brokenCode, reason: "", wasClean: false };
    if (this.readyState !== SocketEnd.CLOSED) this.#in.carry(news);
    if (this.#other !== null && this.#other.readyState !== SocketEnd.CLOSED) this.#out.carry(news);
  }

  /** This end is gone without a word; the other hears that the line broke. */
  vanish(): void {
    if (this.readyState === SocketEnd.CLOSED) return;
    this.#end();
    this.#in.drop();
    this.#out.carry({ kind: "close", code: brokenCode, reason: "", wasClean: false });
  }

  /** This end is gone, and nobody is told. */
  forget(): void {
    this.#end();
    this.#in.drop();
  }

  #end(): void {
    this.readyState = SocketEnd.CLOSED;
    this.onClosed?.();
  }

  blockIncoming(isBlocked: boolean): void {
    if (isBlocked) this.#in.block();
    else this.#in.unblock();
  }

  blockOutgoing(isBlocked: boolean): void {
    if (isBlocked) this.#out.block();
    else this.#out.unblock();
  }

  serializeAttachment(value: unknown): void {
    const text = JSON.stringify(value);
    if (text.length > largestAttachment) throw new Error(`an attachment may have ${largestAttachment} bytes at most`);
    this.#attachment = text;
  }

  deserializeAttachment(): unknown {
    return this.#attachment === null ? null : JSON.parse(this.#attachment);
  }
}

/** Two ends of one line, as the constructor WebSocketPair gives them. */
export function socketPair(options: LineOptions, name: string): { readonly 0: SocketEnd; readonly 1: SocketEnd } {
  const toServer = new Lane(options, `${name} up`);
  const toClient = new Lane(options, `${name} down`);
  const client = new SocketEnd(name, toServer, toClient);
  const server = new SocketEnd(name, toClient, toServer);
  client.joinedTo(server);
  server.joinedTo(client);
  return { 0: client, 1: server };
}

export class WebSocketRequestResponsePair {
  readonly request: string;
  readonly response: string;

  constructor(request: string, response: string) {
    this.request = request;
    this.response = response;
  }
}
