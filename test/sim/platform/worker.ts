// The Worker: an isolate that answers requests and runs the cron, until the platform takes it away and starts another.
import { Actor } from "../engine/actor.ts";
import type { Outcome } from "../engine/crossing.ts";
import type { Kernel } from "../engine/kernel.ts";
import type { SimRequest, SimResponse } from "./http.ts";
import { SimReadable } from "./streams.ts";

/** The Worker's code as one isolate runs it, with the state that isolate has. */
export type WorkerCode = {
  fetch(request: SimRequest, env: unknown, context: unknown): Promise<SimResponse> | SimResponse;
  scheduled(controller: unknown, env: unknown, context: unknown): Promise<void>;
};

export type WorkerOptions = {
  readonly kernel: Kernel;
  /** Begins an isolate. */
  readonly load: () => WorkerCode;
  readonly envFor: (actor: Actor) => unknown;
  readonly complain: (actor: Actor, error: unknown) => void;
};

type Isolate = { readonly actor: Actor; readonly code: WorkerCode; readonly env: unknown };

export class WorkerHost {
  readonly #options: WorkerOptions;
  #isolate: Isolate | null = null;
  #isolates = 0;
  readonly #waiting = new Set<(outcome: Outcome<SimResponse>) => void>();

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** The rest of the turn is the Worker's. */
  #current(): Isolate {
    const { kernel, load, envFor } = this.#options;
    if (this.#isolate?.actor.isAlive !== true) {
      this.#isolates += 1;
      const actor = new Actor("worker", `worker #${this.#isolates}`);
      actor.onDeath((why) => this.#died(actor, why));
      this.#isolate = { actor, code: load(), env: envFor(actor) };
    }
    kernel.become(this.#isolate.actor);
    return this.#isolate;
  }

  #died(actor: Actor, why: string): void {
    this.#options.kernel.note(`${actor.name} ${why}`);
    for (const settle of this.#waiting) settle({ ok: false, error: new Error("the isolate is gone") });
    this.#waiting.clear();
  }

  /** Takes the isolate away with all that it was doing. */
  crash(why: string): void {
    this.#isolate?.actor.die(why);
  }

  handle(request: SimRequest, settle: (outcome: Outcome<SimResponse>) => void): void {
    const { actor, code, env } = this.#current();
    const once = (outcome: Outcome<SimResponse>) => {
      if (!this.#waiting.delete(once)) return;
      if (outcome.ok) endWith(actor, outcome.value);
      settle(outcome);
    };
    this.#waiting.add(once);
    Promise.resolve(code.fetch(request, env, this.#context(actor))).then(
      (value) => once({ ok: true, value }),
      (error: unknown) => once({ ok: false, error }),
    );
  }

  scheduled(): void {
    const { actor, code, env } = this.#current();
    const { kernel, complain } = this.#options;
    const controller = { scheduledTime: Math.floor(kernel.nowMs), cron: "* * * * *", noRetry: () => {} };
    code.scheduled(controller, env, this.#context(actor)).catch((error: unknown) => complain(actor, error));
  }

  #context(actor: Actor) {
    const { complain } = this.#options;
    return {
      waitUntil: (work: Promise<unknown>) => void work.catch((error: unknown) => complain(actor, error)),
      passThroughOnException: () => {},
      props: {},
    };
  }
}

/** A body that is still being written breaks off with its isolate. */
function endWith(actor: Actor, { bodyInit }: SimResponse): void {
  if (bodyInit instanceof SimReadable) actor.onDeath(() => void bodyInit.cancel(new Error("the isolate is gone")));
}
