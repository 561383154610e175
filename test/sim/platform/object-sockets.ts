// The hibernatable sockets of one Durable Object: they outlive its sleep, with their tags and attachments.
import type { Actor } from "../engine/actor.ts";
import type { Fate } from "../engine/sending.ts";
import type { Frame, SocketEnd, WebSocketRequestResponsePair } from "./web-socket.ts";
import { SocketEnd as Ends } from "./web-socket.ts";

type Held = { readonly end: SocketEnd; readonly tags: readonly string[] };

export type SocketNews =
  | { readonly kind: "message"; readonly end: SocketEnd; readonly data: string }
  | {
      readonly kind: "close";
      readonly end: SocketEnd;
      readonly code: number;
      readonly reason: string;
      readonly wasClean: boolean;
    };

export type SocketOptions = {
  readonly nowMs: () => number;
  /** What befalls a message that the object sends. */
  readonly onSend: (owner: Actor) => Fate;
  /** Wakes the object with what came. */
  readonly wake: (news: SocketNews) => void;
};

export class ObjectSockets {
  readonly #options: SocketOptions;
  #held: Held[] = [];
  /** Of closed ones too: whoever is told of the end may ask when it last lived. */
  readonly #answeredAtMs = new WeakMap<SocketEnd, number>();
  #autoResponse: WebSocketRequestResponsePair | null = null;

  constructor(options: SocketOptions) {
    this.#options = options;
  }

  setAutoResponse(pair: WebSocketRequestResponsePair | null): void {
    this.#autoResponse = pair;
  }

  accept(end: SocketEnd, tags: readonly string[], owner: Actor): void {
    const held: Held = { end, tags };
    this.#held.push(held);
    this.#own(end, owner);
    end.onClosed = () => {
      this.#held = this.#held.filter((other) => other !== held);
    };
    end.receive({ actor: null, frame: (frame) => this.#take(held, frame) });
  }

  /** The object woke again: from now on this life of it sends. */
  ownAll(owner: Actor): void {
    for (const { end } of this.#held) this.#own(end, owner);
  }

  #own(end: SocketEnd, owner: Actor): void {
    end.ownedBy(owner);
    end.onSend = () => this.#options.onSend(owner);
  }

  #take(held: Held, frame: Frame): void {
    const { end } = held;
    if (frame.kind === "close") this.#options.wake({ ...frame, end });
    else if (frame.data !== this.#autoResponse?.request) {
      this.#options.wake({ kind: "message", end, data: frame.data });
    } else {
      // Answered by the platform; the object sleeps on.
      this.#answeredAtMs.set(end, Math.floor(this.#options.nowMs()));
      end.answerUnseen(this.#autoResponse.response);
    }
  }

  list(tag?: string): SocketEnd[] {
    return this.#held
      .filter(({ end, tags }) => end.readyState !== Ends.CLOSED && (tag === undefined || tags.includes(tag)))
      .map(({ end }) => end);
  }

  tagsOf(end: SocketEnd): readonly string[] {
    return this.#held.find((held) => held.end === end)?.tags ?? [];
  }

  answeredAt(end: SocketEnd): Date | null {
    const atMs = this.#answeredAtMs.get(end);
    return atMs === undefined ? null : new Date(atMs);
  }

  /** The object was torn away. */
  breakAll(): void {
    for (const { end } of [...this.#held]) end.vanish();
    this.#held = [];
  }
}
