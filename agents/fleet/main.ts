// A fleet of simulated nodes as a program.
import { writeFileSync } from "node:fs";

import type { Fleet, FleetCounts } from "./fleet.ts";
import { startFleet } from "./fleet.ts";
import type { FleetProgram } from "./options.ts";
import { parseFleetOptions, usage } from "./options.ts";

function run({ fleet: options, credentialsFile, statisticsEveryMs, runForMs }: FleetProgram): void {
  const startedAtMs = performance.now();
  const fleet = startFleet(options);
  let last = fleet.counts();
  const timer = setInterval(() => {
    const counts = fleet.counts();
    process.stdout.write(
      `${statistics(counts, last, { elapsedMs: performance.now() - startedAtMs, statisticsEveryMs })}\n`,
    );
    last = counts;
  }, statisticsEveryMs);
  const end = () => {
    clearInterval(timer);
    stop(fleet, options.credentials ?? new Map(), credentialsFile);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, end);
  if (runForMs !== undefined) setTimeout(end, runForMs);
}

type Span = { readonly elapsedMs: number; readonly statisticsEveryMs: number };

function statistics(counts: FleetCounts, last: FleetCounts, { elapsedMs, statisticsEveryMs }: Span): string {
  const perSecond = (field: "messages" | "reports" | "failures") =>
    Math.round(((counts[field] - last[field]) * 1000) / statisticsEveryMs);
  const { rss } = process.memoryUsage();
  return JSON.stringify({
    seconds: Math.round(elapsedMs / 100) / 10,
    ...counts,
    messagesPerSecond: perSecond("messages"),
    reportsPerSecond: perSecond("reports"),
    failuresPerSecond: perSecond("failures"),
    rssMegabytes: Math.round(rss / 2 ** 20),
  });
}

function stop(fleet: Fleet, credentials: ReadonlyMap<string, string>, credentialsFile: string | undefined): void {
  fleet.stop();
  if (credentialsFile !== undefined) {
    writeFileSync(credentialsFile, JSON.stringify(Object.fromEntries(credentials)), { mode: 0o600 });
  }
  process.exit(0);
}

function main(): void {
  const parsed = parseFleetOptions(process.argv.slice(2));
  switch (parsed.kind) {
    case "help":
      process.stdout.write(usage);
      return;
    case "error":
      process.stderr.write(`lares-fleet: ${parsed.message}\nlares-fleet --help tells what it takes.\n`);
      process.exitCode = 2;
      return;
    case "program":
      run(parsed.program);
      return;
    default:
      parsed satisfies never;
  }
}

main();
