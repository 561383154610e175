// Sessions that people wait for: offered to the agents of a shard's nodes, and which of them are open.
import type { Told } from "../store/event-recorder.ts";
import type { SessionOffer } from "../sync/messages.ts";

/** Longer than anybody waits for an agent. */
const offeredForMs = 20_000;
/** An agent that did not come is not waited for again so soon: clients ask twice in a row. */
const mistrustedForMs = 10_000;
/** Of those that are open, the latest of each node are remembered. Most of them have long ended. */
const mostRemembered = 64;
/** Reads of logs are told of once for so long, however often somebody reads. */
const logsToldForMs = 10 * 60_000;
const mostLogReaders = 1_000;

type Offered = { readonly offer: SessionOffer; readonly told: Told | null; readonly untilMs: number };

export class ShardOffers {
  readonly #offered = new Map<string, readonly Offered[]>();
  readonly #open = new Map<string, readonly string[]>();
  readonly #unansweredAtMs = new Map<string, number>();
  readonly #logsToldAtMs = new Map<string, number>();

  add(node: string, offer: SessionOffer, told: Told | null): void {
    const nowMs = Date.now();
    this.#offered.set(node, [...this.#current(node, nowMs), { offer, told, untilMs: nowMs + offeredForMs }]);
  }

  of(node: string): readonly SessionOffer[] {
    return this.#current(node, Date.now()).map(({ offer }) => offer);
  }

  /** The agent has come for it, or says that it will not. Null: nobody offered it that. */
  take(node: string, id: string): Offered | null {
    const offered = this.#offered.get(node)?.find(({ offer }) => offer.id === id) ?? null;
    this.#unansweredAtMs.delete(node);
    if (offered === null) return null;
    const left = this.#current(node, Date.now()).filter(({ offer }) => offer.id !== id);
    if (left.length === 0) this.#offered.delete(node);
    else this.#offered.set(node, left);
    this.#open.set(node, [...(this.#open.get(node) ?? []), id].slice(-mostRemembered));
    return offered;
  }

  /** What is to be told of a session that has begun; nothing of a log that is read again and again. */
  tellingOf({ offer: { wish, container }, told }: Offered, nowMs: number): readonly Told[] {
    if (told === null) return [];
    if (wish.kind !== "log") return [told];
    const { subject, message } = told.happening;
    const key = JSON.stringify([subject.uid, container, message]);
    if (nowMs - (this.#logsToldAtMs.get(key) ?? 0) < logsToldForMs) return [];
    this.#logsToldAtMs.delete(key);
    this.#logsToldAtMs.set(key, nowMs);
    const [oldest] = this.#logsToldAtMs.keys();
    if (this.#logsToldAtMs.size > mostLogReaders && oldest !== undefined) this.#logsToldAtMs.delete(oldest);
    return [told];
  }

  unanswered(node: string): void {
    this.#unansweredAtMs.set(node, Date.now());
  }

  isMistrusted(node: string): boolean {
    return Date.now() - (this.#unansweredAtMs.get(node) ?? 0) < mistrustedForMs;
  }

  /** Forgets the node's sessions; returns the ids of those that may be open. */
  forget(node: string): readonly string[] {
    const open = this.#open.get(node) ?? [];
    for (const known of [this.#open, this.#offered, this.#unansweredAtMs]) known.delete(node);
    return open;
  }

  #current(node: string, nowMs: number): readonly Offered[] {
    return (this.#offered.get(node) ?? []).filter(({ untilMs }) => untilMs > nowMs);
  }
}
