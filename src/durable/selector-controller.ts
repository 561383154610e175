// Looks after what is said of pods that a selector picks: the endpoints of Services, the status of disruption budgets. It is
// woken by writes of those, and by the watch hub a second after other writes, for as long as there are any; without them it
// does nothing.
import { DurableObject } from "cloudflare:workers";

import type { Env } from "../env.ts";
import { pokeWatchHub, watchHub } from "../pokes.ts";
import { EndpointsLedger } from "../store/endpoints-ledger.ts";
import { TemplateCache } from "../store/template-cache.ts";
import { DisruptionPass } from "./disruption-pass.ts";
import { EndpointsPass } from "./endpoints-pass.ts";
import { Latch } from "./latch.ts";

const retryMs = 2_000;
/** What many pods do at once is written in few rounds: each object that was written puts the next round off. */
const restPerObjectMs = 30;
const longestRestMs = 3_000;
/** Budgets count pods in the database, which has others to serve as well. */
const restPerWork = 10;

export class SelectorController extends DurableObject<Env> {
  readonly #latch = new Latch(() => this.#run());
  readonly #ledger = new EndpointsLedger(this.ctx.storage.sql);
  readonly #pass = new EndpointsPass(this.env.DB, this.ctx.storage, this.#ledger, new TemplateCache(this.env.DB));
  readonly #disruption = new DisruptionPass(this.env.DB, this.ctx.storage);
  #restUntilMs = 0;
  #isFollowing: boolean | null = null;

  async poke(): Promise<void> {
    const restMs = this.#restUntilMs - Date.now();
    if (restMs > 0) await this.ctx.storage.setAlarm(this.#restUntilMs);
    else await this.#latch.run();
  }

  override async alarm(): Promise<void> {
    await this.#latch.run();
  }

  async #run(): Promise<void> {
    const nowMs = Date.now();
    try {
      const { written: endpoints, isBehind } = await this.#pass.run(nowMs);
      const written = endpoints + (await this.#disruption.run(nowMs));
      if (isBehind) await this.ctx.storage.setAlarm(nowMs + retryMs);
      const tookMs = Date.now() - nowMs;
      this.#restUntilMs = nowMs + Math.min(longestRestMs, Math.max(written * restPerObjectMs, tookMs * restPerWork));
      await this.#tellHub();
      if (written > 0) this.ctx.waitUntil(pokeWatchHub(this.env));
    } catch (error) {
      console.error({ message: "endpoints or budgets could not be kept", error: String(error) });
      await this.ctx.storage.setAlarm(nowMs + retryMs);
    }
  }

  /** The hub hears of every write, and passes it on only to those who want to hear. */
  async #tellHub(): Promise<void> {
    const isFollowing = this.#ledger.namespaces().length + this.#disruption.namespaces.length > 0;
    if (this.#isFollowing === isFollowing) return;
    await watchHub(this.env).setFollowed(isFollowing);
    this.#isFollowing = isFollowing;
  }
}
