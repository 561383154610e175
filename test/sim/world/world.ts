// One simulated world: the real control plane and real agents on a simulated platform, driven by one seed.
import type { ConnectionKind } from "../../../agents/node/options.ts";
import type { Actor } from "../engine/actor.ts";
import type { Coverage } from "../engine/coverage.ts";
import { Crossings } from "../engine/crossing.ts";
import { Faults } from "../engine/faults.ts";
import { Kernel } from "../engine/kernel.ts";
import { Random } from "../engine/random.ts";
import type { ObjectKind, Platform } from "../platform/bindings.ts";
import { envFor } from "../platform/bindings.ts";
import type { Code } from "../platform/bundle.ts";
import { D1Store } from "../platform/d1.ts";
import { DurableObjectHost } from "../platform/durable-object.ts";
import { beginAnew, enter } from "../platform/globals.ts";
import { WorkerHost } from "../platform/worker.ts";
import type { Witness } from "./machine.ts";
import { Machine } from "./machine.ts";
import type { Swarm } from "./swarm.ts";

export type WorldOptions = {
  readonly swarm: Swarm;
  readonly code: Code;
  readonly migrations: readonly string[];
  readonly coverage: Coverage;
  readonly witness: Witness;
  /** Is told what the code under test logs. */
  readonly logged: (level: string, message: unknown) => void;
  readonly print: ((line: string) => void) | null;
};

/** SHA-256 of the administrator's token. */
const adminDigest = "8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918";
export const adminToken = "admin";

const usualLatencyMs = [0.5, 6] as const;
const cronEveryMs = 60_000;

export type Weather = { isDown: boolean; latencyMs: readonly [number, number] };

export class World implements Platform {
  readonly swarm: Swarm;
  readonly kernel: Kernel;
  readonly random: Random;
  readonly faults: Faults;
  readonly crossings: Crossings;
  readonly store: D1Store;
  readonly worker: WorkerHost;
  readonly machines: Machine[] = [];
  readonly variables: Readonly<Record<string, string>>;
  readonly databaseWeather: Weather = { isDown: false, latencyMs: usualLatencyMs };
  /** What the next cron does. */
  cron: "once" | "skip" | "twice" = "once";
  joinToken: string | undefined;
  readonly #options: WorldOptions;
  readonly #objects = new Map<string, DurableObjectHost>();

  constructor(options: WorldOptions) {
    const { swarm, code, migrations, coverage, print } = options;
    this.#options = options;
    this.swarm = swarm;
    this.kernel = new Kernel(print);
    this.random = new Random(swarm.seed ^ 0x5eed);
    this.faults = new Faults(swarm.rates, this.random.fork(), coverage);
    this.crossings = new Crossings(this.kernel, this.faults, this.random.fork());
    this.store = new D1Store(migrations);
    this.variables = { NODE_SHARD_COUNT: String(swarm.shards), ADMIN_TOKEN_SHA256: adminDigest };
    const env = (actor: Actor) => envFor(this, actor);
    const complain = (actor: Actor, error: unknown) => this.complain(actor, error);
    this.worker = new WorkerHost({ kernel: this.kernel, load: code.loadWorker, envFor: env, complain });
    this.kernel.onTurnEnd(() => this.#flush());
    beginAnew();
    enter({
      kernel: this.kernel,
      random: this.random.fork(),
      log: (level, message) => options.logged(level, message),
      connect: (url, given) => this.#openSocket(url, given),
      knobs: swarm.knobs,
    });
  }

  complain(actor: Actor, error: unknown): void {
    this.kernel.note(`${actor.name}: ${String(error)}`);
  }

  weather() {
    return this.databaseWeather;
  }

  object(kind: ObjectKind, name: string): DurableObjectHost {
    const key = `${kind} ${name}`;
    const known = this.#objects.get(key);
    if (known !== undefined) return known;
    const { kernel, faults } = this;
    const made = new DurableObjectHost({
      kernel,
      faults,
      kind,
      name,
      make: this.#options.code[kind],
      envFor: (actor) => envFor(this, actor),
      complain: (actor, error) => this.complain(actor, error),
    });
    this.#objects.set(key, made);
    return made;
  }

  objects(): readonly DurableObjectHost[] {
    return [...this.#objects.values()];
  }

  #flush(): void {
    for (const host of this.#objects.values()) host.storage.commit();
  }

  #openSocket(url: URL, given: unknown): unknown {
    const machine = this.machine(url.hostname.replace(/\.sim$/, ""));
    const actor = machine?.actor;
    if (machine === undefined || actor === undefined || actor === null) throw new Error(`no agent runs at ${url.href}`);
    return machine.uplink.openSocket(actor, url.pathname, given);
  }

  machine(name: string): Machine | undefined {
    return this.machines.find((machine) => machine.name === name);
  }

  addMachine(name: string, labels: Readonly<Record<string, string>>): Machine {
    const { witness, code, swarm } = this.#options;
    const connection: ConnectionKind = this.random.pick(swarm.connections);
    const machine = new Machine({
      kernel: this.kernel,
      faults: this.faults,
      crossings: this.crossings,
      worker: this.worker,
      random: this.random.fork(),
      code,
      witness,
      name,
      labels,
      connection,
      joinToken: () => this.joinToken,
    });
    this.machines.push(machine);
    return machine;
  }

  /** The platform's cron, each minute. */
  startCron(): void {
    const happening = { actor: this.kernel.nobody, label: "cron" };
    const tick = () => {
      this.kernel.schedule(cronEveryMs, happening, tick);
      const times = this.cron === "once" ? 1 : this.cron === "skip" ? 0 : 2;
      this.cron = "once";
      for (let time = 0; time < times; time += 1) {
        const run = { actor: this.kernel.nobody, label: "" };
        this.kernel.schedule(1 + 5 * time, run, () => this.worker.scheduled());
      }
    };
    this.kernel.schedule(cronEveryMs * this.random.next(), happening, tick);
  }

  usualWeather(): void {
    this.databaseWeather.isDown = false;
    this.databaseWeather.latencyMs = usualLatencyMs;
  }
}
