// All the checkers of one run, and what they found.
import type { Coverage } from "../engine/coverage.ts";
import type { Machine, Witness } from "../world/machine.ts";
import type { World } from "../world/world.ts";
import { AgentChecker } from "./agents.ts";
import type { Breach, Rule } from "./history.ts";
import { History } from "./history.ts";
import type { Checked } from "./invariants.ts";
import { checkName } from "./invariants.ts";
import { creationForNobody, eligibleNode, onePod, surgeBudget } from "./rules/creation.ts";
import { identity } from "./rules/identity.ts";
import { deletions, dependentsOfGone, generations } from "./rules/metadata.ts";
import { changeOfHands, collection, revisionAdoption } from "./rules/ownership.ts";
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
import { cursorOf, tableBreaches } from "./tables.ts";

/** How often the tables are compared with the log while things happen. */
const inspectEveryMs = 60_000;

export class Judge {
  readonly breaches: Breach[] = [];
  readonly agents: AgentChecker;
  /** Counts what is checked. */
  readonly checked: Checked;
  readonly #coverage: Coverage;
  #history: History | null = null;
  #world: World | null = null;

  constructor(coverage: Coverage) {
    this.#coverage = coverage;
    this.checked = (check, times = 1) => coverage.count(checkName(check), times);
    this.agents = new AgentChecker({
      state: () => this.history.state,
      nowMs: () => this.world.kernel.nowMs,
      breached: (breach) => this.breach(breach),
      checked: this.checked,
      isExcused: () => this.#coverage.of("fault two lives") > 0,
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
      savedUnknown: (machine) => this.agents.savedUnknown(machine.name),
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
      checked: this.checked,
    });
    const happening = { actor: kernel.nobody, label: "" };
    const inspect = () => {
      kernel.schedule(inspectEveryMs, happening, inspect);
      for (const breach of tableBreaches(world, this.history.state, this.checked)) this.breach(breach);
    };
    kernel.schedule(inspectEveryMs, happening, inspect);
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
      revisionAdoption,
      removedForCause(said),
      evictedForTaints,
      reportsInOrder(said),
      readinessFromAgents,
      lostForSilence(said, isExcused),
      observedGeneration,
      countersMatch((name) => readUpTo(world, name), entries),
    ];
  }
}

/** "DaemonSetController namespace/name/uid #life": how far its ledger has read. */
function readUpTo(world: World, writerName: string): number | null {
  const name = /^DaemonSetController (\S+) #/.exec(writerName)?.[1];
  if (name === undefined) return null;
  return cursorOf(world.object("DaemonSetController", name));
}
