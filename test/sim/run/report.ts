// What is told of runs: a failure with all that is needed to see it again, and what was covered.
import type { Coverage } from "../engine/coverage.ts";
import type { Verdict } from "./run-seed.ts";

export function failureReport({ seed, breach, lastLines, hash }: Verdict): string {
  return [
    `seed ${seed} breaks ${breach?.rule}: ${breach?.what}`,
    `replay: npm run simulate -- --seed ${seed} --trace`,
    `trace ${hash} ends with:`,
    ...lastLines.map((line) => `  ${line}`),
  ].join("\n");
}

export function coverageReport(coverage: Coverage): string {
  return coverage
    .entries()
    .map(([what, times]) => `${String(times).padStart(10)}  ${what}`)
    .join("\n");
}
