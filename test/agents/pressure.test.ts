// When a node is short of something: what the command line says of it, and what readings over time make of that.
import * as fc from "fast-check";
import { describe, expect, it, test } from "vitest";

import { parseOptions } from "../../agents/node/options.ts";
import { UpkeepFlagError } from "../../agents/node/upkeep/flags.ts";
import type { Shortages } from "../../agents/node/upkeep/pressure.ts";
import { noShortages, PressureWatch, pressuresOf, withReadings } from "../../agents/node/upkeep/pressure.ts";
import type { EvictionFlags, Readings } from "../../agents/node/upkeep/thresholds.ts";
import { parseEviction, thresholdsMet } from "../../agents/node/upkeep/thresholds.ts";

const mebi = 1024 * 1024;
const gibi = 1024 * mebi;
const defaults = parseEviction({});

describe("the command line", () => {
  it("takes the kubelet's own words", () => {
    const { thresholds, maxPodGraceSeconds, transitionMs } = parseEviction({
      hard: "nodefs.available<10%, memory.available<1.5Gi",
      soft: "memory.available<2Gi",
      softGracePeriod: "memory.available=1h1m30s",
      minimumReclaim: "memory.available=0,nodefs.available=500Mi",
      maxPodGracePeriod: "-1",
      pressureTransitionPeriod: "30s",
    });
    expect(thresholds).toEqual([
      { signal: "memory.available", least: { amount: 1.5 * gibi }, graceMs: 0, reclaim: { amount: 0 } },
      { signal: "memory.available", least: { amount: 2 * gibi }, graceMs: 3_690_000, reclaim: { amount: 0 } },
      { signal: "nodefs.available", least: { share: 0.1 }, graceMs: 0, reclaim: { amount: 500 * mebi } },
    ]);
    expect([maxPodGraceSeconds, transitionMs]).toEqual([-1, 30_000]);
  });

  it.each<readonly [what: string, flags: EvictionFlags, watched: readonly string[]]>([
    ["nothing but what is named", { hard: "pid.available<10%" }, ["pid.available"]],
    ["nothing at all", { hard: "" }, []],
    ["not what is a share of nothing, or of all", { hard: "memory.available<0%,nodefs.available<100%" }, []],
  ])("watches %s", (_what, flags, watched) => {
    expect(parseEviction(flags).thresholds.map(({ signal }) => signal)).toEqual(watched);
  });

  it.each<readonly [flags: EvictionFlags, message: string]>([
    [{ hard: "memory.free<1Gi" }, '--eviction-hard: there is no signal "memory.free"'],
    [{ hard: "memory.available>1Gi" }, '--eviction-hard: "memory.available>1Gi" is no SIGNAL<VALUE'],
    [{ hard: "memory.available<much" }, '--eviction-hard: memory.available cannot be "much"'],
    [{ hard: "memory.available<-1Gi" }, '--eviction-hard: memory.available cannot be "-1Gi"'],
    [{ hard: "memory.available<0" }, '--eviction-hard: memory.available cannot be "0"'],
    [{ hard: "memory.available<101%" }, '--eviction-hard: memory.available cannot be "101%"'],
    [{ soft: "memory.available<1Gi" }, "--eviction-soft: memory.available needs a period"],
    [
      { soft: "memory.available<1Gi", softGracePeriod: "memory.available=soon" },
      '--eviction-soft-grace-period: "soon" is no duration',
    ],
    [{ minimumReclaim: "nodefs.available<1Gi" }, "--eviction-minimum-reclaim: "],
    [{ maxPodGracePeriod: "1m" }, '--eviction-max-pod-grace-period: "1m" is no whole number'],
    [{ pressureTransitionPeriod: "5" }, '--eviction-pressure-transition-period: "5" is no duration'],
  ])("says what is wrong with %j", (flags, message) => {
    expect(() => parseEviction(flags)).toThrow(UpkeepFlagError);
    expect(() => parseEviction(flags)).toThrow(message);
  });

  it("is the agent's", () => {
    const needed = ["--server", "https://lares.example"];
    const own = ["--eviction-hard", "memory.available<5%", "--eviction-max-pod-grace-period=-1"];
    const parsed = parseOptions([...needed, ...own], false);
    expect(parsed).toMatchObject({
      kind: "options",
      options: { eviction: { thresholds: [{ signal: "memory.available" }], maxPodGraceSeconds: -1 } },
    });
    expect(parseOptions(needed, false)).toMatchObject({ kind: "options", options: { eviction: defaults } });
    expect(parseOptions([...needed, "--eviction-hard", "x"], false)).toEqual({
      kind: "error",
      message: '--eviction-hard: "x" is no SIGNAL<VALUE',
    });
  });
});

describe("the default thresholds", () => {
  const capacity = 8 * gibi;
  it.each<readonly [rule: string, readings: Readings, met: readonly string[]]>([
    ["nothing is met where there is enough", { "memory.available": { available: gibi, capacity } }, []],
    ["100Mi of memory are enough", { "memory.available": { available: 100 * mebi, capacity } }, []],
    ["less is not", { "memory.available": { available: 100 * mebi - 1, capacity } }, ["memory.available"]],
    ["a disk needs a tenth", { "nodefs.available": { available: 0.0999 * capacity, capacity } }, ["nodefs.available"]],
    [
      "one of images needs more",
      { "imagefs.available": { available: 0.12 * capacity, capacity } },
      ["imagefs.available"],
    ],
    ["files need names", { "imagefs.inodesFree": { available: 4, capacity: 100 } }, ["imagefs.inodesFree"]],
    ["what cannot be counted is not scarce", { "nodefs.inodesFree": { available: 0, capacity: 0 } }, []],
    [
      "memory comes first",
      { "pid.available": { available: 0, capacity: 100 }, "memory.available": { available: 0, capacity } },
      ["memory.available", "pid.available"],
    ],
  ])("%s", (_, readings, met) => {
    const found = thresholdsMet(defaults.thresholds, readings, { andReclaim: false });
    expect(found.map(({ signal }) => signal)).toEqual(met);
  });
});

const memory = (available: number): Readings => ({ "memory.available": { available, capacity: 1000 } });

/** What is told and what is due after readings of memory at these seconds. */
function found(flags: EvictionFlags, steps: readonly (readonly [seconds: number, available: number])[]) {
  const { thresholds, transitionMs } = parseEviction(flags);
  let shortages: Shortages = noShortages;
  let nowMs = 0;
  for (const [seconds, available] of steps) {
    nowMs = seconds * 1000;
    shortages = withReadings(shortages, memory(available), { thresholds, nowMs });
  }
  const due = shortages.due.map(({ graceMs }) => (graceMs === 0 ? "hard" : "soft"));
  return { due, told: [...pressuresOf(shortages, transitionMs, nowMs)] };
}

describe("readings over time", () => {
  const both = {
    hard: "memory.available<100",
    soft: "memory.available<200",
    softGracePeriod: "memory.available=1m",
    pressureTransitionPeriod: "5m",
  };
  const winningBack = { hard: "memory.available<100", minimumReclaim: "memory.available=10%" };

  test.each<
    readonly [
      rule: string,
      flags: EvictionFlags,
      steps: readonly (readonly [number, number])[],
      due: readonly string[],
      told: boolean,
    ]
  >([
    ["enough is enough", both, [[0, 500]], [], false],
    ["what is hard is due at once", both, [[0, 50]], ["hard"], true],
    ["what is soft is told at once, and not due", both, [[0, 150]], [], true],
    [
      "it is due after its period",
      both,
      [
        [0, 150],
        [59, 150],
        [60, 150],
      ],
      ["soft"],
      true,
    ],
    [
      "a moment of plenty begins it anew",
      both,
      [
        [0, 150],
        [50, 500],
        [60, 150],
        [110, 150],
      ],
      [],
      true,
    ],
    [
      "both may be due",
      both,
      [
        [0, 50],
        [60, 50],
      ],
      ["hard", "soft"],
      true,
    ],
    [
      "what is over is told on for a while",
      both,
      [
        [0, 50],
        [1, 500],
        [299, 500],
      ],
      [],
      true,
    ],
    [
      "and then no more",
      both,
      [
        [0, 50],
        [1, 500],
        [300, 500],
      ],
      [],
      false,
    ],
    [
      "it is not over before enough is won back",
      winningBack,
      [
        [0, 50],
        [10, 199],
      ],
      ["hard"],
      true,
    ],
    [
      "then it is",
      winningBack,
      [
        [0, 50],
        [10, 200],
      ],
      [],
      true,
    ],
    ["what was never met need not be won back", winningBack, [[0, 150]], [], false],
    [
      "without a time of transition only what is there is told",
      { ...both, pressureTransitionPeriod: "0" },
      [
        [0, 50],
        [1, 500],
      ],
      [],
      false,
    ],
  ])("%s", (_rule, flags, steps, due, told) => {
    expect(found(flags, steps)).toEqual({ due, told: told ? ["memory"] : [] });
  });

  test("pods are never due without a pressure that is told, nor before their time", () => {
    const anySteps = fc.array(fc.tuple(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 0, max: 300 })), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(anySteps, (relative) => {
        let seconds = 0;
        const steps = relative.map(([delay, available]) => {
          seconds += delay;
          return [seconds, available] as const;
        });
        const { due, told } = found(both, steps);
        if (due.length > 0) expect(told).toEqual(["memory"]);
        const lastPlenty = steps.findLast(([, available]) => available >= 200)?.[0] ?? 0;
        const since = steps.find(([at]) => at > lastPlenty)?.[0] ?? seconds;
        expect(due.includes("soft")).toBe((steps.at(-1)?.[1] ?? 0) < 200 && seconds - since >= 60);
        expect(due.includes("hard")).toBe((steps.at(-1)?.[1] ?? 0) < 100);
      }),
    );
  });

  test("looking more often changes nothing", () => {
    const anySteps = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(anySteps, (all) => {
        const steps = all.map((available, index) => [index * 30, available] as const);
        const twice = steps.flatMap((step) => [step, step]);
        expect(found({ ...both, ...winningBack }, twice)).toEqual(found({ ...both, ...winningBack }, steps));
      }),
    );
  });

  test("a watch remembers from one look to the next, and knows when all is well", () => {
    let available = 50;
    let nowMs = 0;
    const options = parseEviction({ ...winningBack, pressureTransitionPeriod: "1s" });
    const clock = { monotonicMs: () => nowMs };
    const watch = new PressureWatch({ options, clock, readings: () => memory(available) });
    expect([...watch.look().pressures]).toEqual(["memory"]);
    available = 150;
    nowMs = 2000;
    expect(watch.look().due).toHaveLength(1);
    expect(watch.isRelieved()).toBe(false);
    available = 200;
    nowMs = 4000;
    expect(watch.look()).toMatchObject({ due: [], pressures: new Set() });
    expect(watch.isRelieved()).toBe(true);
  });
});
