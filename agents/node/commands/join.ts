// `lares agent join TOKEN URL`: from a bare machine to a node.
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join as joinPath } from "node:path";

import { runtimeNow } from "../runtime/choose.ts";
import { install } from "./install.ts";
import { askAgent } from "./local-agent.ts";
import type { CommandCode } from "./output.ts";
import { CommandError, commandCodes, durationText, say } from "./output.ts";
import type { Places } from "./places.ts";
import { readSettings, settingsText } from "./settings.ts";
import { startAgent, stopAgent } from "./start.ts";

export type JoinOptions = {
  readonly places: Places;
  readonly token: string;
  readonly server: string;
  /** What runs its pods; undefined: what is found. */
  readonly runtime: string | undefined;
  /** Further options of `agent run`. */
  readonly options: readonly string[];
  readonly authorityFile: string | undefined;
  readonly timeoutMs: number;
};

const lookEveryMs = 250;

export async function join({
  places,
  token,
  server,
  runtime,
  options: further,
  authorityFile,
  timeoutMs,
}: JoinOptions): Promise<CommandCode> {
  const before = readSettings(places);
  if (before !== undefined && before.server !== server && existsSync(joinPath(places.state, "credential"))) {
    throw new CommandError(`this machine is a node of ${before.server}; lares agent leave first`);
  }
  const options = [...runtimeOptions(runtime ?? (await foundRuntime(places))), ...further];
  const blank = options.find((option) => /\s/.test(option));
  if (blank !== undefined) throw new CommandError(`${JSON.stringify(blank)} has a blank in it`, commandCodes.usage);
  writePrivately(places.joinToken, `${token}\n`);
  const authority = authorityFile === undefined ? [] : ["--ca-file", places.authority];
  if (authorityFile !== undefined && authorityFile !== places.authority) copyFileSync(authorityFile, places.authority);
  const settings = { server, options: [...options, ...authority] };
  writePrivately(places.environment, settingsText(settings));
  install({ places, isDryRun: false, restarts: false });
  await stopAgent({ ...places, unit: "" });
  startAgent(places, settings);
  return untilEnrolled(places.state, timeoutMs);
}

/** A container runtime by its name: `auto` may mean processes, and then the unit must not shut the agent in. */
async function foundRuntime({ state }: Places): Promise<string> {
  const { kind, because } = await runtimeNow(state);
  const runtime = kind === "process" ? "auto" : kind;
  say(`runtime ${runtime}: ${because}; --runtime names another`);
  return runtime;
}

function runtimeOptions(runtime: string): readonly string[] {
  // Processes of this host's own get groups of their own, out of the limits of the agent.
  const mayBeProcesses = runtime === "process" || runtime === "auto";
  return ["--runtime", runtime, ...(mayBeProcesses ? ["--cgroup", "lares"] : [])];
}

function writePrivately(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, content, { mode: 0o600 });
  chmodSync(path, 0o600);
}

/** The agent goes on trying when nobody waits for it any more. */
async function untilEnrolled(stateDirectory: string, timeoutMs: number): Promise<CommandCode> {
  const endAtMs = performance.now() + timeoutMs;
  let told = "";
  for (;;) {
    const answer = await askAgent(stateDirectory, "/status");
    if (answer.ok && answer.status.isSynced) {
      say(`node ${answer.status.node} has joined ${answer.status.server}`);
      return commandCodes.done;
    }
    const { state = "", message = "" } = answer.ok ? answer.status.connection : {};
    const line = state === "connecting" || state === "" ? "" : `${state}: ${message}`;
    if (line !== told && line !== "") say(line);
    told = line;
    if (performance.now() > endAtMs) {
      const why = line === "" ? "" : ` (${line})`;
      const text = `not joined after ${durationText(timeoutMs)}${why}; the agent goes on trying: lares agent status`;
      throw new CommandError(text, commandCodes.waiting);
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}
