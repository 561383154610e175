// `npm test`: every check and every suite. The last line says how many passed and failed, over all of them.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import * as z from "zod";

import { checks, runChecks } from "./check.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** In the order in which a fault is best found: small and quick first, whole clusters last. */
const projects = ["unit", "agents", "worker", "sim", "e2e"] as const;

const Report = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  numFailedTestSuites: z.int(),
});

type Count = { readonly passed: number; readonly failed: number; readonly skipped: number };

function runProject(project: string, dir: string): Count {
  const file = join(dir, `${project}.json`);
  const args = ["run", "--project", project, "--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  console.log(`\n== ${project}`);
  const { status } = spawnSync("vitest", args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  try {
    const report = Report.parse(JSON.parse(readFileSync(file, "utf8")));
    const { numPassedTests: passed, numFailedTests, numPendingTests, numTodoTests } = report;
    // A suite that could not even be loaded, or a run that broke down, is a failure although no test of it failed.
    const failed = numFailedTests === 0 && status !== 0 ? 1 : numFailedTests;
    return { passed, failed, skipped: numPendingTests + numTodoTests };
  } catch (error) {
    console.error(`the ${project} suite left no report: ${String(error)}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

function fetch(what: "clients" | "engines" | "kernel"): boolean {
  const { status } = spawnSync(process.execPath, [join(root, `test/${what}.ts`)], { cwd: root, stdio: "inherit" });
  return status === 0;
}

/** Other releases of kubectl, and Helm, for the end-to-end tests. Without them these make do with what is installed. */
function fetchClients(): void {
  if (!fetch("clients")) console.error("the end-to-end tests go on with the clients that are installed");
}

/** What runs containers in Debian's next release. */
function fetchEngines(): void {
  if (!fetch("engines")) console.error("without newer engines their tests are going to fail");
}

function main(): void {
  const { values } = parseArgs({ options: { project: { type: "string", multiple: true } } });
  const chosen = values.project ?? projects;
  if (chosen.includes("agents")) fetchEngines();
  if (chosen.includes("e2e")) fetchClients();
  if (chosen.includes("machine") && !fetch("kernel")) console.error("without a kernel its tests are going to fail");
  const dir = mkdtempSync(join(tmpdir(), "lares-test-"));
  const failedChecks = values.project === undefined ? runChecks() : [];
  const checked = values.project === undefined ? checks.length : 0;
  const counts = [
    { passed: checked - failedChecks.length, failed: failedChecks.length, skipped: 0 },
    ...chosen.map((project) => runProject(project, dir)),
  ];
  rmSync(dir, { recursive: true });
  const sum = (name: keyof Count) => counts.reduce((total, count) => total + count[name], 0);
  const skipped = sum("skipped");
  console.log(`\n${sum("passed")} passed, ${sum("failed")} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
  process.exit(sum("failed") === 0 ? 0 : 1);
}

main();
