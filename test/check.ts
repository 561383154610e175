// `npm run check`: types, format, lint and what nobody uses. Prints what is wrong and nothing else.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

export const checks = [
  ["types of core and model", "tsc", ["-p", "src/core/tsconfig.json"]],
  ["types of the Worker", "tsc", ["-p", "src/tsconfig.json"]],
  ["types of agents and tools", "tsc", ["-p", "agents/tsconfig.json"]],
  ["types of tests", "tsc", ["-p", "test/tsconfig.json"]],
  ["types of tests in workerd", "tsc", ["-p", "test/worker/tsconfig.json"]],
  ["format and lint", "biome", ["check", "--error-on-warnings", "."]],
  ["unused code", "knip", ["--no-progress"]],
] as const satisfies readonly (readonly [string, string, readonly string[]])[];

/** Runs the checks; returns the names of those that failed. */
export function runChecks(): readonly string[] {
  return checks
    .filter(([name, command, args]) => {
      const { status } = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
      console.log(`${status === 0 ? "ok  " : "FAIL"} ${name}`);
      return status !== 0;
    })
    .map(([name]) => name);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(runChecks().length === 0 ? 0 : 1);
