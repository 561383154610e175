// One DaemonSet's control loop: a latch, an alarm and an address. What it does is in daemonset-pass.ts.
import { DurableObject } from "cloudflare:workers";

import type { Env } from "../env.ts";
import { pokeNodes, pokeScheduler, pokeWatchHub } from "../pokes.ts";
import { Ledger } from "../store/ledger.ts";
import type { Owner } from "../store/pods.ts";
import { TemplateCache } from "../store/template-cache.ts";
import { DaemonSetPass } from "./daemonset-pass.ts";
import { Latch } from "./latch.ts";

/** After a pass that failed; cron tries as well. */
const retryMs = 5_000;

export class DaemonSetController extends DurableObject<Env> {
  readonly #latch = new Latch(() => this.#run());
  #pass: DaemonSetPass | null = null;

  /** Something may have happened: reads the log and does what it asks for. */
  async poke(): Promise<void> {
    await this.#latch.run();
  }

  override async alarm(): Promise<void> {
    await this.#latch.run();
  }

  async #run(): Promise<void> {
    try {
      this.#pass ??= this.#newPass();
      const outcome = await this.#pass.run();
      if (outcome.outcome === "gone") await this.#forget();
      else await this.#wakeAt(outcome.wakeAtMs);
    } catch (error) {
      console.error({ message: "a pass failed", daemonSet: this.ctx.id.name, error: String(error) });
      await this.#wakeAt(Date.now() + retryMs);
    }
  }

  #newPass(): DaemonSetPass {
    const ledger = new Ledger(this.ctx.storage.sql);
    const templates = new TemplateCache(this.env.DB);
    const context = { db: this.env.DB, storage: this.ctx.storage, ledger, templates, owner: this.#owner() };
    return new DaemonSetPass(context, (nodes, unscheduled = false) => {
      const scheduler = unscheduled ? pokeScheduler(this.env) : null;
      this.ctx.waitUntil(Promise.all([pokeWatchHub(this.env), pokeNodes(this.env, nodes), scheduler]));
    });
  }

  /** The object's name is `namespace/name/uid` of its DaemonSet. */
  #owner(): Owner {
    const [namespace = "", name = "", uid = ""] = (this.ctx.id.name ?? "").split("/");
    return { namespace, name, uid };
  }

  async #wakeAt(atMs: number | null): Promise<void> {
    const set = await this.ctx.storage.getAlarm();
    if (atMs === null) {
      if (set !== null) await this.ctx.storage.deleteAlarm();
    } else if (set === null || set !== atMs) await this.ctx.storage.setAlarm(atMs);
  }

  async #forget(): Promise<void> {
    this.#pass = null;
    await this.ctx.storage.deleteAll();
  }
}
