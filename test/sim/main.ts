// Runs seeds from the command line: any number of them, or one with everything that happens in it.
//   node test/sim/main.ts --seeds 1000 --from 1
//   node test/sim/main.ts --seed 42 --trace
import { parseArgs } from "node:util";
import { Coverage } from "./engine/coverage.ts";
import { loadCode, migrations } from "./platform/bundle.ts";
import { dump } from "./run/dump.ts";
import { coverageReport, failureReport } from "./run/report.ts";
import type { Run } from "./run/run-seed.ts";
import { runSeed } from "./run/run-seed.ts";
import { swarmOf } from "./world/swarm.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    trace: { type: "boolean", default: false },
    coverage: { type: "boolean", default: false },
    /** What is left of each failed seed: rows, and what machines have. */
    dump: { type: "boolean", default: false },
    /** Go on after a seed that fails. */
    all: { type: "boolean", default: false },
  },
});

const code = await loadCode();
const sql = await migrations();
const from = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const print = values.trace ? (line: string) => console.log(line) : null;
const coverage = new Coverage();
const startedAtMs = performance.now();
let failures = 0;
let run = 0;
for (let seed = from; seed < from + count; seed += 1) {
  const inspect = (over: Run) => {
    if (values.dump && over.judge.breaches.length > 0) console.log(dump(over));
  };
  const verdict = await runSeed({ swarm: swarmOf(seed), code, migrations: sql, print, inspect });
  run += 1;
  coverage.add(verdict.coverage);
  if (verdict.breach === null) continue;
  failures += 1;
  console.log(failureReport(verdict));
  if (!values.all) break;
}
const seconds = (performance.now() - startedAtMs) / 1000;
if (values.coverage) console.log(coverageReport(coverage));
console.log(
  `${run} seeds, ${failures} failed, ${(run / seconds).toFixed(1)} seeds/s, ${coverage.of("simulated minutes")} simulated minutes`,
);
process.exitCode = failures > 0 ? 1 : 0;
