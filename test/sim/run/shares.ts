// The seeds of the tests, in shares for files that run side by side, and what each share must have covered.
import { afterAll, describe, expect, it } from "vitest";
import { everyCheck } from "../check/invariants.ts";
import { Coverage } from "../engine/coverage.ts";
import { loadCode, migrations } from "../platform/bundle.ts";
import { deeds, swarmOf, troubles } from "../world/swarm.ts";
import { failureReport } from "./report.ts";
import { runSeed } from "./run-seed.ts";

const usualSeeds = 220;
const shareCount = 2;
const seedsPerTest = 10;
/** Of the slowest seed, many times over. */
const longestSeedMs = 30_000;

/** LARES_SIM_SEEDS asks for more of them, or for fewer. */
const seeds = Number(process.env["LARES_SIM_SEEDS"] ?? usualSeeds);

/** Runs the seeds of one share. */
export function describeShare(share: number): void {
  const size = Math.ceil(seeds / shareCount);
  const first = 1 + share * size;
  const starts = Array.from({ length: Math.ceil(size / seedsPerTest) }, (_, index) => first + index * seedsPerTest);
  const coverage = new Coverage();
  const loaded = Promise.all([loadCode(), migrations()]);

  describe(`${size} seeds from ${first}`, () => {
    it.each(starts)("no invariant breaks from seed %i on", { timeout: seedsPerTest * longestSeedMs }, async (start) => {
      const [code, sql] = await loaded;
      for (let seed = start; seed < Math.min(start + seedsPerTest, first + size); seed += 1) {
        const verdict = await runSeed({ swarm: swarmOf(seed), code, migrations: sql, print: null });
        coverage.add(verdict.coverage);
        if (verdict.breach !== null) expect.fail(failureReport(verdict));
      }
    });
  });

  // A few seeds cannot cover everything.
  describe.skipIf(seeds < usualSeeds)("what they have covered", () => {
    it("every check had something to judge", () => {
      expect(everyCheck.filter((name) => coverage.of(name) === 0)).toEqual([]);
    });

    it("every trouble came and every deed was done", () => {
      const names = [...troubles.map((trouble) => `fault ${trouble}`), ...deeds.map((deed) => `deed ${deed}`)];
      expect(names.filter((name) => coverage.of(name) === 0)).toEqual([]);
    });

    it("every port was struck, and each kind of port in every way that it can be", () => {
      const offered = coverage.entries().flatMap(([name]) => /^offered (.*): (.*)$/.exec(name)?.slice(1) ?? []);
      const pairs = Array.from({ length: offered.length / 2 }, (_, index) => offered.slice(2 * index, 2 * index + 2));
      const struck = (ports: readonly string[], effect: string) =>
        ports.reduce((sum, port) => sum + coverage.of(`struck ${port}: ${effect}`), 0);
      const ofKind = Map.groupBy(pairs, ([port = "", effect]) => `${port.split(/[ .]/)[0]}: ${effect}`);
      const missed = [...ofKind].filter(
        ([, all]) =>
          struck(
            all.map(([port = ""]) => port),
            all[0]?.[1] ?? "",
          ) === 0,
      );
      const ports = Map.groupBy(pairs, ([port = ""]) => port);
      const spared = [...ports].filter(([port, all]) => all.every(([, effect = ""]) => struck([port], effect) === 0));
      expect({ missed: missed.map(([kind]) => kind), spared: spared.map(([port]) => port) }).toEqual({
        missed: [],
        spared: [],
      });
      expect(ports.size).toBeGreaterThan(25);
    });
  });

  afterAll(() => {
    console.log(`${coverage.of("simulated minutes")} simulated minutes, ${coverage.of("turns")} turns`);
  });
}
