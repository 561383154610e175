// In what do the pods of a local cluster run? In containers where there are some, and where what is shown can be had.
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { systemClock } from "../agents/node/host/system.ts";
import type { Log } from "../agents/node/ports.ts";
import type { Choice } from "../agents/node/runtime/choose.ts";
import { choiceFile, openRuntime } from "../agents/node/runtime/choose.ts";
import type { PodSandboxConfig, Runtime } from "../agents/node/runtime/runtime.ts";
import { exampleImages } from "./examples.ts";
import type { Options } from "./options.ts";
import { UserError } from "./options.ts";
import type { Lines } from "./progress.ts";

/** A machine without a network must not wait for its demonstration for ever. */
const pullWithinMs = 60_000;

type Shown = Pick<Lines, "say" | "show">;

/** What agents are told, so that all of them choose the same. */
export async function localRuntime(
  stateDir: string,
  options: Pick<Options, "runtime" | "example">,
  lines: Shown,
): Promise<readonly string[]> {
  const { runtime: kind } = options;
  if (kind === "process" || kind === "fake") return ["--runtime", kind];
  const stateDirectory = join(stateDir, "runtime");
  mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  const asked = { runtime: kind, runtimeEndpoint: undefined, sandboxImage: undefined, controlGroup: undefined };
  const place = { stateDirectory, logDirectory: join(stateDirectory, "log"), node: "local" };
  const ports = { clock: systemClock, log: { info: () => {}, warn: sayTo(lines, stateDirectory) } };
  lines.show("  looking for a container runtime");
  const { runtime, choice } = await openRuntime({ ...asked, ...place }, ports).catch((error: unknown) => {
    throw new UserError(error instanceof Error ? error.message : String(error));
  });
  try {
    const problem = options.example && choice.kind !== "process" ? await imageProblem(runtime, lines) : null;
    if (problem === null || kind !== "auto") return told(choice, runtime, lines);
    lines.say(`  runtime        process: ${runtime.name} is there, but ${problem}`);
    return ["--runtime", "process"];
  } finally {
    runtime.close();
  }
}

function told({ kind, endpoint, because }: Choice, runtime: Runtime, lines: Shown): readonly string[] {
  lines.say(`  runtime        ${runtime.name}: ${because}`);
  return ["--runtime", kind, ...(endpoint === undefined ? [] : ["--runtime-endpoint", endpoint])];
}

/** A runtime may be waited for without end, and whoever has started this sits before it. */
function sayTo(lines: Shown, stateDirectory: string): Log["warn"] {
  return (message, { problem, instead } = {}) => {
    if (instead === undefined) return;
    lines.say(`  ${message} (${problem})`);
    lines.say("  start it, or name another kind: npm start -- --runtime docker, cri or process");
    lines.say(`  or remove ${choiceFile(stateDirectory)}, and what runs best on this machine is looked for anew`);
  };
}

/** Null when all that the examples run is there. */
async function imageProblem(runtime: Runtime, lines: Shown): Promise<string | null> {
  for (const image of exampleImages()) {
    if ((await runtime.imageStatus(image)) !== null) continue;
    lines.show(`  pulling ${image}`);
    const pulled = await Promise.race([runtime.pullImage(image, noSandbox, []), tooLong()]);
    if (pulled === null) return `${image} could not be pulled within ${pullWithinMs / 1000} s`;
    if (!pulled.ok) return `${image} cannot be pulled: ${pulled.message}`;
  }
  return null;
}

function tooLong(): Promise<null> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(null), pullWithinMs).unref();
  });
}

/** Images are pulled for pods; this one is for all of them. */
const noSandbox: PodSandboxConfig = {
  metadata: { name: "", uid: "", namespace: "", attempt: 0 },
  hostname: "",
  logDirectory: "",
  portMappings: [],
  labels: {},
  annotations: {},
  hostNetwork: true,
  hostIpc: false,
  pidNamespace: "container",
  sysctls: {},
  securityContext: { privileged: false, supplementalGroups: [] },
};
