// Takes on the sessions that people wait for. What it takes to serve one is loaded when the first one comes.
import type { PodStatus } from "../../../src/model/pod-status.ts";
import type { AssignedPod, SessionOffer } from "../../../src/sync/messages.ts";
import type { Credentials } from "../connection/credentials.ts";
import type { HttpClient } from "../connection/http-client.ts";
import type { Log, Sessions } from "../ports.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { LogSource } from "./log/log-source.ts";

/** More at once are not taken on: each may hold some memory. */
const mostSessions = 64;
/** Ids of sessions that were offered before. */
const mostRemembered = 256;

export type SessionParts = {
  readonly client: HttpClient;
  readonly credentials: Credentials;
  readonly runtime: Runtime;
  readonly log: Log;
  readonly logs: LogSource;
};

/** A session as it was offered, and the pod that it is with. */
export type OfferedSession = {
  readonly offer: SessionOffer;
  readonly pod: AssignedPod | undefined;
  readonly status: PodStatus | undefined;
};

export class OpenSessions implements Sessions {
  readonly #parts: SessionParts;
  readonly #known = new Set<string>();
  readonly #open = new Map<AbortController, SessionOffer>();
  #isClosed = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  open(offer: SessionOffer, pod: AssignedPod | undefined, status: PodStatus | undefined): void {
    if (this.#isClosed || this.#known.has(offer.id)) return;
    this.#known.add(offer.id);
    const [oldest] = this.#known;
    if (this.#known.size > mostRemembered && oldest !== undefined) this.#known.delete(oldest);
    void this.#serve({ offer, pod, status });
  }

  close(): void {
    this.#isClosed = true;
    for (const ending of this.#open.keys()) ending.abort();
  }

  /**
   * Ends the oldest log that is followed: that its reader has gone is noticed only when there is something to send, so logs
   * that say nothing would fill the node up with sessions of nobody. False: there is none.
   */
  #makeRoom(): boolean {
    for (const [ending, { wish }] of this.#open) {
      if (wish.kind !== "log" || !wish.follow) continue;
      ending.abort();
      this.#open.delete(ending);
      return true;
    }
    return false;
  }

  async #serve(session: OfferedSession): Promise<void> {
    const ending = new AbortController();
    const isOneTooMany = this.#open.size >= mostSessions && !this.#makeRoom();
    this.#open.set(ending, session.offer);
    try {
      const { serveSession } = await import("./serve.ts");
      await serveSession(session, this.#parts, { signal: ending.signal, isOneTooMany });
    } catch (error) {
      const { id, podUid, wish } = session.offer;
      this.#parts.log.warn("a session failed", { id, pod: podUid, kind: wish.kind, problem: String(error) });
    } finally {
      ending.abort();
      this.#open.delete(ending);
    }
  }
}
