// The tokens that pods were given last, kept so that a node without a network starts its pods after a reboot.
import { isFields, parseJson } from "../connection/protocol.ts";
import type { Clock, Log } from "../ports.ts";
import type { IssuedToken, TokenRequest, TokenSource } from "./objects.ts";
import { TokenRefused } from "./objects.ts";

/** Where they are between two lives of the agent; nobody else can read them there. */
export type SealedStore = {
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
};

/** Of pods that are gone some stay for a while; they open nothing any more. */
const mostKept = 128;
/** What is told of a kept token: that it is worth asking again so soon. */
const keptForMs = 60_000;

export type KeptTokensOptions = {
  readonly source: TokenSource;
  readonly store: SealedStore;
  readonly clock: Clock;
  readonly log: Log;
};

export class KeptTokens implements TokenSource {
  readonly #options: KeptTokensOptions;
  #tokens: Promise<Map<string, string>> | undefined;

  constructor(options: KeptTokensOptions) {
    this.#options = options;
  }

  /** A new one, or else the one that was given before: programs may have no use for the API just now. */
  async token(request: TokenRequest): Promise<IssuedToken> {
    const { source, clock } = this.#options;
    try {
      const issued = await source.token(request);
      await this.#keep(keyOf(request), issued.token);
      return issued;
    } catch (error) {
      if (error instanceof TokenRefused) throw error;
      const kept = (await this.#known()).get(keyOf(request));
      if (kept === undefined) throw error;
      const nowMs = clock.nowMs();
      return { token: kept, issuedAtMs: nowMs, expiresAtMs: nowMs + keptForMs };
    }
  }

  async #keep(key: string, token: string): Promise<void> {
    const tokens = await this.#known();
    // The newest stand last.
    tokens.delete(key);
    tokens.set(key, token);
    const [oldest] = tokens.keys();
    if (tokens.size > mostKept && oldest !== undefined) tokens.delete(oldest);
    try {
      await this.#options.store.write(JSON.stringify(Object.fromEntries(tokens)));
    } catch (error) {
      this.#options.log.warn("a token cannot be kept for later", { problem: String(error) });
    }
  }

  #known(): Promise<Map<string, string>> {
    this.#tokens ??= this.#read();
    return this.#tokens;
  }

  async #read(): Promise<Map<string, string>> {
    const content = parseJson((await this.#options.store.read()) ?? "");
    const entries = Object.entries(isFields(content) ? content : {});
    return new Map(entries.flatMap(([key, token]) => (typeof token === "string" ? [[key, token] as const] : [])));
  }
}

function keyOf({ podUid, audience, expirationSeconds }: TokenRequest): string {
  return `${podUid} ${expirationSeconds} ${audience}`;
}
