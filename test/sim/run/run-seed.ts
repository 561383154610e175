// One seed, from the first event to the verdict: faults first, then everything is put right and must come to rest.

import type { Breach } from "../check/history.ts";
import { Judge } from "../check/judge.ts";
import { Actor } from "../engine/actor.ts";
import { Coverage } from "../engine/coverage.ts";
import type { Code } from "../platform/bundle.ts";
import { Chaos } from "../world/chaos.ts";
import { Informer } from "../world/informer.ts";
import { anyWish } from "../world/scopes.ts";
import { Script } from "../world/script.ts";
import type { Swarm } from "../world/swarm.ts";
import { Users } from "../world/users.ts";
import { World } from "../world/world.ts";
import { atTheEnd } from "./at-the-end.ts";
import { recover } from "./recovery.ts";

export type SeedOptions = {
  readonly swarm: Swarm;
  readonly code: Code;
  readonly migrations: readonly string[];
  /** Gets every line of the trace as it comes; null: only the last ones are kept. */
  readonly print: ((line: string) => void) | null;
  /** Looks at what is left when all is over. */
  readonly inspect?: (run: Run) => void;
};

export type Verdict = {
  readonly seed: number;
  /** Null: nothing is wrong. */
  readonly breach: Breach | null;
  readonly hash: string;
  readonly lastLines: readonly string[];
  readonly coverage: Coverage;
  readonly simulatedMs: number;
  readonly turns: number;
};

/** The parts of a run that its phases share. */
export type Run = {
  readonly world: World;
  readonly judge: Judge;
  readonly users: Users;
  readonly script: Script;
  readonly chaos: Chaos;
  readonly informers: readonly Informer[];
};

const linesShown = 60;

export async function runSeed(options: SeedOptions): Promise<Verdict> {
  const coverage = new Coverage();
  const run = setUp(options, coverage);
  const { world, judge } = run;
  const startMs = world.kernel.nowMs;
  const unhandled = (error: unknown) => judge.breach({ rule: "uncaught", what: stackOf(error) });
  process.on("unhandledRejection", unhandled);
  await faultPhase(run);
  if (judge.breaches.length === 0) await recover(run);
  if (judge.breaches.length === 0) for (const breach of atTheEnd(run)) judge.breach(breach);
  process.off("unhandledRejection", unhandled);
  options.inspect?.(run);
  coverage.count("simulated minutes", Math.round((world.kernel.nowMs - startMs) / 60_000));
  coverage.count("turns", world.kernel.turns);
  coverage.count("rows of the log", judge.history.entries.length);
  return {
    seed: options.swarm.seed,
    breach: judge.breaches[0] ?? null,
    hash: world.kernel.trace.hash,
    lastLines: world.kernel.trace.last(linesShown),
    coverage,
    simulatedMs: world.kernel.nowMs - startMs,
    turns: world.kernel.turns,
  };
}

function setUp({ swarm, code, migrations, print }: SeedOptions, coverage: Coverage): Run {
  const judge = new Judge(coverage);
  const world: World = new World({
    swarm,
    code,
    migrations,
    coverage,
    witness: judge.witness,
    logged: (level, message) => heard(judge, world, level, message),
    print,
  });
  judge.attend(world);
  world.kernel.onThrow((error) => judge.breach({ rule: "uncaught", what: stackOf(error) }));
  const users = new Users(world, () => judge.history.state);
  const failed = (error: unknown) => judge.breach({ rule: "users", what: String(error) });
  const informers = Array.from({ length: swarm.informers }, (_, index) => {
    const actor = new Actor("user", `watcher ${index}`);
    return new Informer({ world, actor, wish: anyWish(world.random) });
  });
  return { world, judge, users, script: new Script(users, failed), chaos: new Chaos(world), informers };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Some things that the control plane says are breaches in themselves. */
const confessions = ["the ledger was wrong"] as const;

function heard(judge: Judge, world: World, level: string, message: unknown): void {
  // Stacks are of the machine that this runs on, and no part of the story.
  const text = JSON.stringify(message, (key, value) => (key === "stack" ? undefined : value));
  world.kernel.note(`console ${level}: ${text}`);
  const confession = confessions.find((words) => text.includes(words));
  if (confession !== undefined) judge.breach({ rule: "D5", what: text });
}

async function faultPhase(run: Run): Promise<void> {
  const { world, users, script, chaos, informers, judge } = run;
  const { kernel, swarm } = world;
  const failed = (error: unknown) => judge.breach({ rule: "users", what: String(error) });
  world.startCron();
  kernel.schedule(1, { actor: users.alice.actor, label: "the world begins" }, () => {
    users.begin().catch(failed);
  });
  await kernel.runUntil(kernel.nowMs + 25_000);
  world.faults.begin();
  chaos.begin();
  script.begin();
  for (const informer of informers) informer.run().catch(failed);
  await kernel.runUntil(kernel.nowMs + swarm.faultPhaseMs);
}
