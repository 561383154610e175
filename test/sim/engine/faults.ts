// Whether a call through a port goes well: the one place where faults of single calls are decided.
import type { Actor, ActorKind } from "./actor.ts";
import type { Coverage } from "./coverage.ts";
import type { Random } from "./random.ts";

/** What can happen to one call. */
const effects = ["before", "lost", "crash-before", "crash-after", "delay", "duplicate"] as const;
export type Effect = (typeof effects)[number];

export type Strike = Effect | null;

export type Port = {
  /** Such as `d1` or `rpc.poke`. */
  readonly name: string;
  readonly caller: Actor;
  /** Which effects make sense here. */
  readonly allows: readonly Effect[];
};

export type FaultRates = Readonly<Record<Effect, number>>;

export const noFaults: FaultRates = {
  before: 0,
  lost: 0,
  "crash-before": 0,
  "crash-after": 0,
  delay: 0,
  duplicate: 0,
};

/** The first uses of a port are struck more often than later ones, so that rare ports get their share. */
const newnessFactor = 24;

/** Whom the platform, or the power, may take away in the middle of something. */
const mortal: ReadonlySet<ActorKind> = new Set([
  "DaemonSetController",
  "NodeShard",
  "WatchHub",
  "ControllerManager",
  "Scheduler",
  "SelectorController",
  "worker",
  "agent",
]);

/** The cron's own calls come from the Worker, as do those of requests; only the latter may be lost for good. */
function isWakeUp(port: string, caller: Actor): boolean {
  return port === "alarm" || (port.endsWith(".poke") && caller.kind !== "worker");
}

export class Faults {
  readonly coverage: Coverage;
  readonly #random: Random;
  readonly #rates: FaultRates;
  /** How often each port was used. */
  readonly #uses = new Map<string, number>();
  #isActive = false;
  #losesWakeUps = false;

  constructor(rates: FaultRates, random: Random, coverage: Coverage) {
    this.#rates = rates;
    this.#random = random;
    this.coverage = coverage;
  }

  get isActive(): boolean {
    return this.#isActive;
  }

  begin(): void {
    this.#isActive = true;
  }

  end(): void {
    this.#isActive = false;
  }

  /** From now on nothing wakes a Durable Object but the cron and its agents. */
  loseWakeUps(): void {
    this.#losesWakeUps = true;
  }

  strike({ name, caller, allows }: Port): Strike {
    this.coverage.count(`port ${name} by ${caller.kind}`);
    if (this.#losesWakeUps && isWakeUp(name, caller)) return "before";
    if (!this.#isActive) return null;
    const uses = (this.#uses.get(name) ?? 0) + 1;
    this.#uses.set(name, uses);
    const likelier = 1 + newnessFactor / uses;
    for (const effect of allows) {
      const isCrash = effect === "crash-before" || effect === "crash-after";
      if (isCrash && !mortal.has(caller.kind)) continue;
      if (uses === 1) this.coverage.count(`offered ${name}: ${effect}`);
      if (!this.#random.chance(this.#rates[effect] * likelier)) continue;
      this.coverage.count(`port ${name} by ${caller.kind}: ${effect}`);
      this.coverage.count(`struck ${name}: ${effect}`);
      this.coverage.count(`fault ${effect}`);
      return effect;
    }
    return null;
  }

  /** Long waits are rarer than short ones. */
  delayMs(): number {
    return this.#random.chance(0.15) ? this.#random.between(5_000, 40_000) : this.#random.between(50, 3_000);
  }
}
