// All the checkers of one run, and what they found.
import type { Coverage } from "../engine/coverage.ts";
import type { Machine, Witness } from "../world/machine.ts";
import type { World } from "../world/world.ts";
import { AgentChecker } from "./agents.ts";
import type { Breach, Rule } from "./history.ts";
import { History } from "./history.ts";
import { creationForNobody, eligibleNode, onePod, surgeBudget } from "./rules/creation.ts";
import { identity } from "./rules/identity.ts";
import { deletions, dependentsOfGone, generations } from "./rules/metadata.ts";
import { changeOfHands, collection } from "./rules/ownership.ts";
import { ownPodsOnly, reasonToDelete, unavailableBudget } from "./rules/removal.ts";
import { keptWhileUsed, noTwins } from "./rules/revisions.ts";
import {
  evictedForTaints,
  lostForSilence,
  readinessFromAgents,
  removedForCause,
  reportsInOrder,
} from "./rules/shard.ts";
import { countersMatch, observedGeneration } from "./rules/status.ts";

export class Judge {
  readonly breaches: Breach[] = [];
  readonly agents: AgentChecker;
  readonly #coverage: Coverage;
  #history: History | null = null;
  #world: World | null = null;

  constructor(coverage: Coverage) {
    this.#coverage = coverage;
    this.agents = new AgentChecker({
      state: () => this.history.state,
      nowMs: () => this.world.kernel.nowMs,
      breached: (breach) => this.breach(breach),
    });
  }

  get history(): History {
    if (this.#history === null) throw new Error("the judge has no world yet");
    return this.#history;
  }

  get world(): World {
    if (this.#world === null) throw new Error("the judge has no world yet");
    return this.#world;
  }

  /** The first breach ends the run: what follows from it is of no interest. */
  breach(breach: Breach): void {
    this.breaches.push(breach);
    this.#world?.kernel.note(`BREACH ${breach.rule}: ${breach.what}`);
    this.#world?.kernel.stop();
  }

  get witness(): Witness {
    return {
      tap: ({ name }: Machine) => ({
        sent: (text) => this.agents.sent(name, text),
        received: (text) => this.agents.received(name, text),
      }),
      started: (machine) => this.agents.started(machine.name, machine.disk.loaded().assignment ?? null),
      saved: (machine, assignment) => this.agents.saved(machine.name, assignment),
      acts: (machine, method, podUid, isRunning) => this.agents.acts(machine.name, method, podUid, isRunning),
    };
  }

  attend(world: World): void {
    this.#world = world;
    const { store, kernel } = world;
    this.#history = new History({
      store,
      rules: this.#rules(world, () => this.history.entries),
      nowMs: () => kernel.nowMs,
      breached: (breach) => this.breach(breach),
      judged: (times) => this.#coverage.count("checks of a row", times),
    });
  }

  #rules(world: World, entries: () => History["entries"]): readonly Rule[] {
    const { said } = this.agents;
    const isExcused = () => this.#coverage.of("fault two lives") > 0;
    return [
      identity,
      generations,
      deletions,
      dependentsOfGone,
      creationForNobody,
      onePod,
      surgeBudget,
      eligibleNode,
      ownPodsOnly,
      reasonToDelete,
      unavailableBudget,
      noTwins,
      keptWhileUsed,
      changeOfHands,
      collection,
      removedForCause(said),
      evictedForTaints,
      reportsInOrder(said),
      readinessFromAgents,
      lostForSilence(said, isExcused),
      observedGeneration,
      {
        id: "I6",
        check: (step) => countersMatch((name) => readUpTo(world, name), entries()).check(step),
      },
    ];
  }
}

/** "DaemonSetController namespace/name/uid #life": how far its ledger has read. */
function readUpTo(world: World, writerName: string): number | null {
  const name = /^DaemonSetController (\S+) #/.exec(writerName)?.[1];
  if (name === undefined) return null;
  const row = world.object("DaemonSetController", name).storage.inspect("SELECT body FROM state")[0];
  if (row === undefined) return null;
  // Written by the ledger.
  return (JSON.parse(String(row["body"])) as { readonly cursor: number }).cursor;
}
