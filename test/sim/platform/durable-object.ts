// One Durable Object: at most one life of it at a time that may write, made when something comes for it, taken away by
// eviction, a crash or a new version; its storage, sockets and alarm stay.
import type { ActorKind } from "../engine/actor.ts";
import { Actor } from "../engine/actor.ts";
import type { Outcome } from "../engine/crossing.ts";
import type { Faults } from "../engine/faults.ts";
import type { Cancel, Kernel } from "../engine/kernel.ts";
import { fateOfMessage } from "../engine/sending.ts";
import { ObjectSockets, type SocketNews } from "./object-sockets.ts";
import { ObjectStorage, storageApi } from "./object-storage.ts";
import type { SocketEnd, WebSocketRequestResponsePair } from "./web-socket.ts";

type Instance = Readonly<Record<string, unknown>>;
export type DurableClass = new (context: unknown, env: unknown) => Instance;

type Life = {
  readonly actor: Actor;
  instance: Instance | null;
  /** Calls and work that were begun and have not ended. */
  busy: number;
  readonly waiting: Set<(outcome: Outcome<unknown>) => void>;
};

export type ObjectOptions = {
  readonly kernel: Kernel;
  readonly faults: Faults;
  readonly kind: ActorKind;
  readonly name: string;
  readonly make: DurableClass;
  readonly envFor: (actor: Actor) => unknown;
  readonly complain: (actor: Actor, error: unknown) => void;
};

const firstAlarmRetryMs = 2_000;
const mostAlarmRetries = 6;

export class DurableObjectHost {
  readonly #options: ObjectOptions;
  readonly storage: ObjectStorage;
  readonly #sockets: ObjectSockets;
  /** Whose alarms these are, whether or not the object is awake. */
  readonly #sleeper: Actor;
  #life: Life | null = null;
  #lives = 0;
  #cancelAlarm: Cancel | null = null;
  /** Whatever is asked of it fails, as with code that throws over something in its storage. */
  isPoisoned = false;

  constructor(options: ObjectOptions) {
    this.#options = options;
    this.#sleeper = new Actor(options.kind, `${options.kind} ${options.name}`);
    this.storage = new ObjectStorage((atMs) => this.#armAlarm(atMs));
    this.#sockets = new ObjectSockets({
      nowMs: () => options.kernel.nowMs,
      onSend: (owner) => fateOfMessage(options, owner),
      wake: (news) => this.#hear(news),
    });
  }

  get isAwake(): boolean {
    return this.#life !== null;
  }

  get name(): string {
    return this.#options.name;
  }

  get kind(): ActorKind {
    return this.#options.kind;
  }

  /** Calls a method; `settle` is told how it ended, after what it wrote is durable. */
  invoke(method: string, parameters: readonly unknown[], settle: (outcome: Outcome<unknown>) => void): void {
    const life = this.#wake();
    if (life === null) {
      settle({ ok: false, error: new Error("the object could not be started") });
      return;
    }
    const done = this.#track(life, settle);
    if (this.isPoisoned) {
      done({ ok: false, error: new Error("the object always throws") });
      return;
    }
    let result: unknown;
    try {
      const run = life.instance?.[method];
      if (typeof run !== "function") throw new TypeError(`${this.kind} does not implement "${method}"`);
      result = run.apply(life.instance, parameters);
    } catch (error) {
      done({ ok: false, error });
      return;
    }
    Promise.resolve(result).then(
      (value) => done({ ok: true, value }),
      (error: unknown) => done({ ok: false, error }),
    );
  }

  #track(life: Life, settle: (outcome: Outcome<unknown>) => void): (outcome: Outcome<unknown>) => void {
    life.waiting.add(settle);
    life.busy += 1;
    return (outcome) => {
      life.busy -= 1;
      if (!life.waiting.has(settle)) return;
      const strike = this.#strike(life.actor, "reply", ["crash-before", "crash-after"]);
      if (strike === "crash-before") return life.actor.die("crashed before its answer");
      life.actor.flush();
      life.waiting.delete(settle);
      settle(outcome);
      if (strike === "crash-after") life.actor.die("crashed after its answer");
    };
  }

  #strike(caller: Actor, name: string, allows: Parameters<Faults["strike"]>[0]["allows"]) {
    const strike = this.#options.faults.strike({ name, caller, allows });
    if (strike !== null) this.#options.kernel.note(`FAULT ${strike} ${name} of ${caller.name}`);
    return strike;
  }

  /** Null: its constructor threw. The rest of the turn is the object's. */
  #wake(): Life | null {
    const { kernel, kind, name, make, envFor, complain } = this.#options;
    if (this.#life !== null) {
      kernel.become(this.#life.actor);
      return this.#life;
    }
    this.#lives += 1;
    const actor = new Actor(kind, `${kind} ${name} #${this.#lives}`);
    const life: Life = { actor, instance: null, busy: 0, waiting: new Set() };
    this.#life = life;
    actor.onFlush(() => {
      if (this.#life === life) this.storage.commit();
    });
    actor.onDeath((why) => this.#died(life, why));
    kernel.become(actor);
    try {
      life.instance = new make(this.#context(life), envFor(actor));
      this.#sockets.ownAll(actor);
      return life;
    } catch (error) {
      complain(actor, error);
      actor.die("its constructor threw");
      return null;
    }
  }

  #died(life: Life, why: string): void {
    this.#options.kernel.note(`${life.actor.name} ${why}`);
    const error = new Error("Durable Object reset because its code was updated or it crashed.");
    if (this.#life === life) {
      this.#life = null;
      this.storage.rollback();
      this.#sockets.breakAll();
    }
    for (const settle of life.waiting) settle({ ok: false, error });
    life.waiting.clear();
  }

  /** Takes the object out of memory if nothing is going on; its sockets stay. */
  evict(): boolean {
    const life = this.#life;
    if (life === null || life.busy > 0) return false;
    this.storage.commit();
    this.#life = null;
    life.actor.die("was evicted");
    return true;
  }

  /** With all that it was doing. */
  crash(why: string): boolean {
    if (this.#life === null) return false;
    this.#life.actor.die(why);
    return true;
  }

  /**
   * The next call makes a new life while the old one runs on for `afterlifeMs`: it has lost its storage and sockets, but
   * what it has begun elsewhere goes on.
   */
  supersede(afterlifeMs: number): boolean {
    const life = this.#life;
    if (life === null || life.busy === 0) return false;
    this.storage.commit();
    this.#sockets.breakAll();
    this.#life = null;
    const { kernel } = this.#options;
    kernel.note(`${life.actor.name} runs on beside its successor`);
    kernel.schedule(afterlifeMs, { actor: life.actor, label: "" }, () => life.actor.die("ended beside its successor"));
    return true;
  }

  #context(life: Life) {
    const name = this.#options.name;
    const check = () => {
      if (this.#life !== life) throw new Error("this object has been replaced, and has lost its storage");
    };
    return {
      id: { name, toString: () => name, equals: (other: { toString(): string }) => other.toString() === name },
      storage: storageApi(this.storage, check),
      waitUntil: (work: Promise<unknown>) => this.#waitUntil(life, work),
      acceptWebSocket: (end: SocketEnd, tags: readonly string[] = []) => this.#sockets.accept(end, tags, life.actor),
      getWebSockets: (tag?: string) => (this.#life === life ? this.#sockets.list(tag) : []),
      getTags: (end: SocketEnd) => this.#sockets.tagsOf(end),
      setWebSocketAutoResponse: (pair: WebSocketRequestResponsePair | null = null) =>
        this.#sockets.setAutoResponse(pair),
      getWebSocketAutoResponseTimestamp: (end: SocketEnd) => this.#sockets.answeredAt(end),
      blockConcurrencyWhile: (run: () => Promise<unknown>) => run(),
      abort: (reason: string) => life.actor.die(`aborted itself: ${reason}`),
    };
  }

  #waitUntil(life: Life, work: Promise<unknown>): void {
    life.busy += 1;
    const done = () => {
      life.busy -= 1;
    };
    work.then(done, (error: unknown) => {
      done();
      this.#options.complain(life.actor, error);
    });
  }

  #hear(news: SocketNews): void {
    const settle = (outcome: Outcome<unknown>) => {
      if (!outcome.ok) this.#options.complain(this.#life?.actor ?? this.#sleeper, outcome.error);
    };
    if (news.kind === "message") this.invoke("webSocketMessage", [news.end, news.data], settle);
    else this.invoke("webSocketClose", [news.end, news.code, news.reason, news.wasClean], settle);
  }

  #armAlarm(atMs: number | null): void {
    this.#cancelAlarm?.();
    this.#cancelAlarm = null;
    if (atMs === null) return;
    const { kernel } = this.#options;
    const strike = this.#strike(this.#sleeper, "alarm", ["before", "duplicate", "delay"]);
    const extraMs = strike === "delay" ? this.#options.faults.delayMs() : 0;
    const happening = { actor: kernel.nobody, label: `alarm of ${this.#sleeper.name}` };
    this.#cancelAlarm = kernel.schedule(atMs - kernel.nowMs + extraMs, happening, () => {
      this.storage.takeAlarm();
      if (strike !== "before") this.#ring(0);
      if (strike === "duplicate") kernel.schedule(10, happening, () => this.#ring(0));
    });
  }

  #ring(retries: number): void {
    const { kernel, faults, complain } = this.#options;
    this.invoke("alarm", [], (outcome) => {
      if (outcome.ok) return;
      complain(this.#sleeper, outcome.error);
      // One that was set meanwhile takes its place.
      if (this.storage.alarmAtMs !== null || retries === mostAlarmRetries) return;
      faults.coverage.count("fault alarm retried");
      const happening = { actor: kernel.nobody, label: `alarm of ${this.#sleeper.name}, again` };
      this.#cancelAlarm = kernel.schedule(firstAlarmRetryMs * 2 ** retries, happening, () => this.#ring(retries + 1));
    });
  }
}
