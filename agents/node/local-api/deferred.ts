// What daemons write while the control plane is away: events wait for it, leases are held here until it is back.
import type { Clock, Log } from "../ports.ts";
import type { Json } from "./answers.ts";
import type { Forwarded, Upstream } from "./upstream.ts";
import { textOf } from "./upstream.ts";

const most = 256;
const mostBytes = 512 * 1024;
const tryAgainMs = 15_000;

type Parts = { readonly clock: Clock; readonly log: Log; readonly upstream: Upstream };

/** Sent one after the other, with the tokens that they came with, once the control plane answers. */
export class Deferred {
  readonly #parts: Parts;
  readonly #waiting: Forwarded[] = [];
  #sizeBytes = 0;
  #cancelTimer: (() => void) | undefined;
  #isSending = false;
  /** Given up for want of room, or refused when their turn came. */
  dropped = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#waiting.length;
  }

  add(forwarded: Forwarded): void {
    this.#waiting.push(forwarded);
    this.#sizeBytes += sizeOf(forwarded);
    while (this.#waiting.length > most || this.#sizeBytes > mostBytes) this.#drop();
    this.#later();
  }

  /** The control plane has just answered somebody. */
  poke(): void {
    if (this.#waiting.length > 0) void this.#send();
  }

  #drop(): void {
    const oldest = this.#waiting.shift();
    if (oldest === undefined) return;
    this.#sizeBytes -= sizeOf(oldest);
    this.dropped += 1;
  }

  #later(): void {
    this.#cancelTimer ??= this.#parts.clock.setTimer(tryAgainMs, () => {
      this.#cancelTimer = undefined;
      void this.#send();
    });
  }

  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    const refusedBefore = this.dropped;
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      const answer = await this.#parts.upstream.ask(next);
      if (answer === "away") break;
      await textOf(answer, mostBytes);
      if (this.#waiting[0] !== next) continue;
      this.#waiting.shift();
      this.#sizeBytes -= sizeOf(next);
      if ((answer.statusCode ?? 500) >= 400) this.dropped += 1;
    }
    this.#isSending = false;
    const refused = this.dropped - refusedBefore;
    if (refused > 0) this.#parts.log.warn("what daemons had written meanwhile was refused", { count: refused });
    if (this.#waiting.length > 0) this.#later();
  }

  close(): void {
    this.#cancelTimer?.();
  }
}

function sizeOf({ body, path }: Forwarded): number {
  return (body?.length ?? 0) + path.length;
}

/** What the API would make of a new object, as far as that can be told here. */
export function asStored(object: Json, { uid, nowMs, version }: { uid: string; nowMs: number; version: string }): Json {
  const metadata = (object["metadata"] ?? {}) as Json;
  const { name, generateName } = metadata;
  const named = name ?? `${typeof generateName === "string" ? generateName : ""}${uid.slice(0, 5)}`;
  const creationTimestamp = new Date(nowMs).toISOString().replace(/\.\d+Z$/, "Z");
  return { ...object, metadata: { ...metadata, name: named, uid, creationTimestamp, resourceVersion: version } };
}
