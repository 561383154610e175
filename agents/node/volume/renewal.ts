// When the tokens in volumes get old. What is known of one is read from itself, so that it outlives the agent.
// Source: kubelet pkg/kubelet/token/token_manager.go.
import { readFile } from "node:fs/promises";

import type { TokenRequest, TokenSource } from "../assignment/objects.ts";
import type { Clock } from "../ports.ts";

/** A token is renewed when this much of its life is over. */
export const renewalShare = 0.8;
const retryMs = 30_000;
/** How far this clock may be behind the one that a token was issued by. */
const slackMs = 30_000;
const longestWaitMs = 24 * 3_600_000;

/** By which file a token is in, when it is to be renewed. The times are of a clock that never jumps. */
type Ledger = Map<string, { readonly token: string; readonly renewAtMs: number }>;
export type TokenClock = Pick<Clock, "nowMs" | "monotonicMs">;

export class TokenKeeper {
  readonly #clock: TokenClock;
  readonly #ledger: Ledger = new Map();

  constructor(clock: TokenClock) {
    this.#clock = clock;
  }

  /** For the tokens of one pod's volumes while these are set up. */
  begin(source: TokenSource | undefined): Renewal {
    return new Renewal(source, this.#clock, this.#ledger);
  }

  /** The files below a directory are gone. */
  forget(directory: string): void {
    for (const path of this.#ledger.keys()) if (path.startsWith(`${directory}/`)) this.#ledger.delete(path);
  }
}

export class Renewal {
  readonly #source: TokenSource | undefined;
  readonly #clock: TokenClock;
  readonly #ledger: Ledger;
  #earliestMs = Number.POSITIVE_INFINITY;

  constructor(source: TokenSource | undefined, clock: TokenClock, ledger: Ledger) {
    this.#source = source;
    this.#clock = clock;
    this.#ledger = ledger;
  }

  get renewAfterMs(): number | undefined {
    if (!Number.isFinite(this.#earliestMs)) return undefined;
    return Math.min(longestWaitMs, Math.max(1000, this.#earliestMs - this.#clock.monotonicMs()));
  }

  /** The token in the file at `path` while it is fresh, else a new one, else the old one: it is worth more than none. */
  async token(request: TokenRequest, path: string): Promise<string> {
    const held = (await readFile(path, "utf8").catch(() => "")).trim();
    const renewAtMs = held === "" ? 0 : this.#renewalOf(held, path);
    if (renewAtMs > this.#clock.monotonicMs()) {
      this.#keep(path, held, renewAtMs);
      return held;
    }
    if (this.#source === undefined) throw new Error("this node is given no tokens");
    try {
      const { token, issuedAtMs, expiresAtMs } = await this.#source.token(request);
      this.#keep(path, token, this.#clock.monotonicMs() + (expiresAtMs - issuedAtMs) * renewalShare);
      return token;
    } catch (error) {
      this.#earliestMs = Math.min(this.#earliestMs, this.#clock.monotonicMs() + retryMs);
      if (held !== "") return held;
      throw error;
    }
  }

  #keep(path: string, token: string, renewAtMs: number): void {
    this.#ledger.set(path, { token, renewAtMs });
    this.#earliestMs = Math.min(this.#earliestMs, renewAtMs);
  }

  /** 0: at once. One that an earlier life of the agent wrote tells its age itself, to a clock that can be right. */
  #renewalOf(held: string, path: string): number {
    const known = this.#ledger.get(path);
    if (known?.token === held) return known.renewAtMs;
    const life = lifeOf(held);
    if (life === null) return 0;
    const ageMs = this.#clock.nowMs() - life.issuedAtMs;
    const restMs = (life.expiresAtMs - life.issuedAtMs) * renewalShare - ageMs;
    return ageMs < -slackMs ? 0 : this.#clock.monotonicMs() + restMs;
  }
}

type Life = { readonly issuedAtMs: number; readonly expiresAtMs: number };

/** Null for a token that says nothing of itself. */
function lifeOf(token: string): Life | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    if (typeof claims !== "object" || claims === null || !("exp" in claims) || !("iat" in claims)) return null;
    const { exp, iat } = claims;
    if (typeof exp !== "number" || typeof iat !== "number") return null;
    return { issuedAtMs: iat * 1000, expiresAtMs: exp * 1000 };
  } catch {
    return null;
  }
}
