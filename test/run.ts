// `npm test`: every check and every suite. The last line says how many passed and failed, over all of them.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, stripVTControlCharacters } from "node:util";

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
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      /** Why the file could not be run, if it could not. */
      message: z.string(),
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.nullish(z.array(z.string())) }),
      ),
    }),
  ),
});

type Count = {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What failed, and why: to be said once more at the end, where a reader of a long log looks. */
  readonly failures: readonly string[];
  /** What passed at the second try only. */
  readonly shaky?: readonly string[];
};

type Report = z.infer<typeof Report>;

/** The tests of that status that failed at some try, each as a line and the beginning of its error. */
function troubleOf({ testResults }: Report, status: "failed" | "passed"): string[] {
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.flatMap(({ fullName, failureMessages, ...test }) => {
      const why = failureMessages?.join("\n") ?? "";
      const isMeant = test.status === status && (status === "failed" || why !== "");
      return isMeant ? [`${relative(root, name)} > ${fullName}\n${beginning(why)}`] : [];
    }),
  );
}

/** What failed: tests, and files that could not even be loaded. */
function failuresOf(report: Report): string[] {
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.every((test) => test.status !== "failed"),
  );
  const files = broken.map(({ name, message }) => `${relative(root, name)}\n${beginning(message)}`);
  return [...troubleOf(report, "failed"), ...files];
}

function beginning(text: string): string {
  return stripVTControlCharacters(text)
    .split("\n")
    .slice(0, 12)
    .map((line) => `    ${line.slice(0, 300)}`)
    .join("\n");
}

function runProject(project: string, dir: string): Count {
  const file = join(dir, `${project}.json`);
  const args = ["run", "--project", project, "--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  console.log(`\n== ${project}`);
  const { status } = spawnSync("vitest", args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  try {
    const report = Report.parse(JSON.parse(readFileSync(file, "utf8")));
    const { numPassedTests: passed, numFailedTests, numPendingTests, numTodoTests } = report;
    // A suite that could not even be loaded, or a run that broke down, is a failure although no test of it failed.
    const brokeDown = numFailedTests === 0 && status !== 0;
    const failures = failuresOf(report);
    if (brokeDown && failures.length === 0) {
      failures.push(`${project}: no test failed, but the run ended with ${status}; its errors are told above`);
    }
    return {
      passed,
      failed: brokeDown ? 1 : numFailedTests,
      skipped: numPendingTests + numTodoTests,
      failures: failures.map((failure) => `${project}: ${failure}`),
      shaky: troubleOf(report, "passed").map((trouble) => `${project}: ${trouble}`),
    };
  } catch (error) {
    return { passed: 0, failed: 1, skipped: 0, failures: [`the ${project} suite left no report: ${String(error)}`] };
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
    {
      passed: checked - failedChecks.length,
      failed: failedChecks.length,
      skipped: 0,
      failures: failedChecks.map((check) => `check: ${check}`),
    },
    ...chosen.map((project) => runProject(project, dir)),
  ];
  rmSync(dir, { recursive: true });
  const sum = (name: "passed" | "failed" | "skipped") => counts.reduce((total, count) => total + count[name], 0);
  const skipped = sum("skipped");
  for (const test of counts.flatMap(({ shaky = [] }) => shaky)) console.log(`\nPASSED AT THE SECOND TRY ${test}`);
  for (const failure of counts.flatMap((count) => count.failures)) console.log(`\nFAILED ${failure}`);
  console.log(`\n${sum("passed")} passed, ${sum("failed")} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
  process.exit(sum("failed") === 0 ? 0 : 1);
}

main();
