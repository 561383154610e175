// What a seed turns on and off: how large the world is, what people do in it, and what goes wrong.
import type { ConnectionKind } from "../../../agents/node/options.ts";
import type { FaultRates } from "../engine/faults.ts";
import { noFaults } from "../engine/faults.ts";
import { Random } from "../engine/random.ts";
import { knobName, knobs } from "../platform/source.ts";

/** Troubles that befall the world by themselves, not single calls. */
export const troubles = [
  "agent crash",
  "machine reboot",
  "disk wiped",
  "disk restored",
  "disk full",
  "clock jump",
  "partition",
  "one-way partition",
  "sockets cut",
  "container exit",
  "object evicted",
  "object crash",
  "two lives",
  "code update",
  "isolate gone",
  "database down",
  "database slow",
  "cron skipped",
  "cron twice",
] as const;
export type Trouble = (typeof troubles)[number];

/** What users do. */
export const deeds = [
  "change template",
  "change strategy",
  "change minReadySeconds",
  "change placement",
  "roll back",
  "restart rollout",
  "annotate",
  "patch with lock",
  "race two clients",
  "label node",
  "taint node",
  "cordon node",
  "delete pod",
  "force delete pod",
  "evict pod",
  "delete node",
  "create set",
  "delete set",
  "orphan and adopt",
  "foreground delete",
  "relabel pod",
  "hold pod",
  "bad spec",
  "make namespace",
  "end namespace",
  "bare pod",
  "probe reads",
] as const;
export type Deed = (typeof deeds)[number];

/** How the world recovers: as it should, with every wake-up but the cron's lost, or beside a set that always fails. */
type Recovery = "whole" | "cron alone" | "one set fails";

export type Swarm = {
  readonly seed: number;
  readonly nodes: number;
  readonly sets: number;
  readonly shards: number;
  readonly connections: readonly [ConnectionKind, ...ConnectionKind[]];
  readonly informers: number;
  readonly faultPhaseMs: number;
  readonly rates: FaultRates;
  /** Mean time between two troubles; null: none. */
  readonly troubleEveryMs: number | null;
  readonly troubles: readonly Trouble[];
  readonly deedEveryMs: number;
  readonly deeds: readonly Deed[];
  readonly knobs: Readonly<Record<string, number>>;
  readonly recovery: Recovery;
  /** Pods ask for resources and host ports, more than there may be. */
  readonly isTight: boolean;
  /** Pods of sets have a ConfigMap, which people change. */
  readonly isConfigured: boolean;
};

const tightDice = 0x5eed;
export const settingsDice = 0xc0f1;
const hasteDice = 0xb5e7;
/** So much more often do people do something in a world that is busy. */
const haste = 5;

export function swarmOf(seed: number): Swarm {
  const random = new Random(seed);
  const isCalm = random.chance(0.12);
  // Of dice of its own, so that the other seeds stay what they were.
  const isBusy = new Random(seed ^ hasteDice).chance(0.2);
  const nodes = random.chance(0.15) ? 10 + random.int(11) : 1 + random.int(8);
  return {
    seed,
    nodes,
    sets: nodes > 8 ? 1 + random.int(2) : 1 + random.int(4),
    shards: 1 + random.int(4),
    connections: random.pick<readonly [ConnectionKind, ...ConnectionKind[]]>([
      ["socket"],
      ["poll"],
      ["long-poll"],
      ["socket", "poll", "long-poll", "auto"],
      ["auto", "socket"],
    ]),
    informers: random.int(4),
    faultPhaseMs: 60_000 * random.between(nodes > 8 ? 5 : 8, nodes > 8 ? 9 : 18),
    rates: isCalm ? noFaults : ratesOf(random),
    troubleEveryMs: isCalm ? null : 1_000 * random.between(15, 90),
    troubles: some(troubles, random, 0.6),
    deedEveryMs: (1_000 * random.between(12, 60)) / (isBusy ? haste : 1),
    deeds: some(deeds, random, 0.65),
    knobs: knobsOf(random),
    recovery: random.weighted<Recovery>({ whole: 70, "cron alone": 15, "one set fails": 15 }),
    // As above.
    isTight: new Random(seed ^ tightDice).chance(0.4),
    isConfigured: new Random(seed ^ settingsDice).chance(0.5),
  };
}

function ratesOf(random: Random): FaultRates {
  const scale = random.pick([0.002, 0.005, 0.01, 0.02]);
  const rate = (factor: number) => (random.chance(0.6) ? scale * factor : 0);
  return {
    before: rate(1),
    lost: rate(1),
    "crash-before": rate(0.25),
    "crash-after": rate(0.25),
    delay: rate(1.5),
    duplicate: rate(1.5),
  };
}

function some<T>(all: readonly T[], random: Random, share: number): readonly T[] {
  return all.filter(() => random.chance(share));
}

const choices: Readonly<Record<string, readonly [number, ...number[]]>> = {
  logKeptMs: [40_000, 90_000, 600_000],
  logKeptRows: [10, 60, 300, 10_000],
  templatesEveryMinutes: [1, 3, 60],
  burstReplicas: [2, 5, 250],
  pageSize: [3, 20, 2_000],
  mostRounds: [3, 400],
  changesAtOnce: [2, 15, 5_000],
  chunkCharacters: [2_000, 700_000],
};

/** Each knob is left alone as often as not. */
function knobsOf(random: Random): Readonly<Record<string, number>> {
  const chosen = knobs.flatMap((knob) => {
    const values = choices[knob.name];
    return values !== undefined && random.chance(0.5) ? [[knobName(knob), random.pick(values)] as const] : [];
  });
  return Object.fromEntries(chosen);
}
