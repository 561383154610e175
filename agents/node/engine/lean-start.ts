// How the agent comes to run in little memory however it was started, and stays there.
import type { Clock } from "../ports.ts";

/**
 * V8 without its optimising compilers and with small spaces: a third less memory for an agent that mostly waits. Node's
 * own snapshot holds what an agent never asks for: it starts 60 ms later without it, and keeps 5 MB less. Node ends at
 * once when it does not know a flag: these are known from 20 on.
 */
export const engineFlags = [
  "--no-node-snapshot",
  "--lite-mode",
  "--max-semi-space-size=1",
  "--max-old-space-size=64",
  "--expose-gc",
] as const;

/**
 * One heap for all threads of the process, and what is free at its end goes back to the machine. Source: mallopt(3).
 */
export const engineEnvironment = { MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: "65536" } as const;

const firstRestMs = 20_000;
const longestRestMs = 600_000;

/**
 * Begins this process again with the engine's flags, where it was started without any: the same process by number, parent
 * and open files. Node has that from 22.15 on; an older one goes on as it was started.
 */
export function restartLean(): void {
  if (process.execArgv.length > 0 || process.execve === undefined) return;
  // Node reads TypeScript by WebAssembly, which goes with the compilers.
  if (process.argv[1]?.endsWith(".ts") === true) return;
  const args = [process.execPath, ...engineFlags, ...process.argv.slice(1)];
  process.execve(process.execPath, args, { ...process.env, ...engineEnvironment });
}

/**
 * Gives back what starting took, soon and then ever more seldom, down to what ten minutes leave: the engine collects when it
 * runs short, and an agent that does nothing never does. The answer ends it.
 */
export function restLean({ setTimer }: Pick<Clock, "setTimer">): () => void {
  const collect = globalThis.gc;
  if (collect === undefined) return () => {};
  let waitMs = firstRestMs;
  let cancel = setTimer(waitMs, function rest() {
    // The last resort throws away compiled functions as well; those in use are compiled again from their text.
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
    waitMs = Math.min(2 * waitMs, longestRestMs);
    cancel = setTimer(waitMs, rest);
  });
  return () => cancel();
}
