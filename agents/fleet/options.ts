// The command line of a fleet.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import type { FakeBehaviour, FakeScript } from "../node/runtime/fake-script.ts";
import type { FleetOptions } from "./fleet.ts";

export type FleetProgram = {
  readonly fleet: FleetOptions;
  /** Where credentials are kept between runs. */
  readonly credentialsFile: string | undefined;
  readonly statisticsEveryMs: number;
  /** Ends by itself; undefined: by a signal. */
  readonly runForMs: number | undefined;
};

export const usage = `Usage: lares-fleet --server URL --count N [options]

Runs N simulated nodes in one process: the node agent, with a runtime that runs nothing.

  --server URL              control plane
  --count N                 how many nodes
  --prefix TEXT             names are the prefix and a number of five digits (default: edge-)
  --first-number N          number of the first node (default: 0)
  --label KEY=VALUE         a label for every node; {n} in the value is the node's number; may be repeated
  --join-token TOKEN        to enrol with; or --join-token-file FILE
  --credentials-file FILE   JSON of credentials by node name; nodes that enrol are added
  --ca-file FILE            PEM of the certificates to trust instead of the system's
  --connection KIND         socket, long-poll or poll (default: socket)
  --connecting-at-once N    connections and enrolments under way at a time (default: 200)
  --start-over-ms N         start the agents evenly over this time (default: 0)
  --latency-ms N            network delay each way; --jitter-ms N on top of it, at random
  --lost-answers SHARE      share of the answers that get lost, 0 to 1
  --breaks-per-minute X     how often each connection breaks
  --start-ms MIN[-MAX]      how long containers take to start
  --pull-ms MIN[-MAX]       how long images take to come
  --stop-ms MIN[-MAX]       how long containers take to end
  --ready-after-ms MIN[-MAX]  how long containers take to be ready
  --crash-loops SHARE       share of the nodes whose containers end again and again
  --statistics-every-ms N   (default: 1000)
  --run-for-ms N            end after this time
  --help                    this text

Nodes behave alike from run to run: what a node does is decided by its number.
`;

const flags = {
  server: { type: "string" },
  count: { type: "string" },
  prefix: { type: "string" },
  "first-number": { type: "string" },
  label: { type: "string", multiple: true },
  "join-token": { type: "string" },
  "join-token-file": { type: "string" },
  "credentials-file": { type: "string" },
  "ca-file": { type: "string" },
  connection: { type: "string" },
  "connecting-at-once": { type: "string" },
  "start-over-ms": { type: "string" },
  "latency-ms": { type: "string" },
  "jitter-ms": { type: "string" },
  "lost-answers": { type: "string" },
  "breaks-per-minute": { type: "string" },
  "start-ms": { type: "string" },
  "pull-ms": { type: "string" },
  "stop-ms": { type: "string" },
  "ready-after-ms": { type: "string" },
  "crash-loops": { type: "string" },
  "statistics-every-ms": { type: "string" },
  "run-for-ms": { type: "string" },
  help: { type: "boolean" },
} as const;

type Flag = Exclude<keyof typeof flags, "help" | "label">;
type Values = ReturnType<typeof parseArgs<{ options: typeof flags }>>["values"];

export type ParsedFleet =
  | { readonly kind: "program"; readonly program: FleetProgram }
  | { readonly kind: "help" }
  | { readonly kind: "error"; readonly message: string };

export function parseFleetOptions(args: readonly string[]): ParsedFleet {
  try {
    const { values } = parseArgs({ args: [...args], options: flags, strict: true, allowPositionals: false });
    if (values.help === true) return { kind: "help" };
    return { kind: "program", program: readProgram(values) };
  } catch (error) {
    return { kind: "error", message: error instanceof Error ? error.message : String(error) };
  }
}

function readProgram(values: Values): FleetProgram {
  const joinTokenFile = values["join-token-file"];
  const joinToken =
    values["join-token"] ?? (joinTokenFile === undefined ? undefined : readFileSync(joinTokenFile, "utf8").trim());
  const credentialsFile = values["credentials-file"];
  const labels = (values.label ?? []).map(readLabel);
  const faults = {
    latencyMs: number(values, "latency-ms", 0),
    jitterMs: number(values, "jitter-ms", 0),
    lostAnswers: number(values, "lost-answers", 0),
    breaksPerMinute: number(values, "breaks-per-minute", 0),
  };
  const isFaulty = Object.values(faults).some((value) => value > 0);
  return {
    fleet: {
      server: needed(values, "server"),
      count: number(values, "count"),
      namePrefix: values.prefix ?? "edge-",
      firstNumber: number(values, "first-number", 0),
      labels: (n) => Object.fromEntries(labels.map(([key, value]) => [key, value.replaceAll("{n}", String(n))])),
      connection: readConnection(values.connection ?? "socket"),
      connectingAtOnce: number(values, "connecting-at-once", 200),
      startOverMs: number(values, "start-over-ms", 0),
      script: readScript(values),
      credentials: readCredentials(credentialsFile),
      ...(joinToken === undefined ? {} : { joinToken }),
      ...(values["ca-file"] === undefined ? {} : { ca: readFileSync(values["ca-file"], "utf8") }),
      ...(isFaulty ? { faults } : {}),
    },
    credentialsFile,
    statisticsEveryMs: number(values, "statistics-every-ms", 1000),
    runForMs: values["run-for-ms"] === undefined ? undefined : number(values, "run-for-ms"),
  };
}

function needed(values: Values, flag: Flag): string {
  const value = values[flag];
  if (value === undefined) throw new Error(`--${flag} is missing`);
  return value;
}

function number(values: Values, flag: Flag, otherwise?: number): number {
  const text = values[flag];
  if (text === undefined && otherwise !== undefined) return otherwise;
  const value = Number(text);
  if (text === undefined || !Number.isFinite(value) || value < 0) throw new Error(`--${flag} must be a number`);
  return value;
}

function readLabel(text: string): readonly [key: string, value: string] {
  const end = text.indexOf("=");
  if (end <= 0) throw new Error(`--label: ${JSON.stringify(text)} is no KEY=VALUE`);
  return [text.slice(0, end), text.slice(end + 1)];
}

function readConnection(value: string): FleetOptions["connection"] {
  if (value === "socket" || value === "long-poll" || value === "poll") return value;
  throw new Error("--connection can be socket, long-poll or poll");
}

/** A file that is not there yet is an empty one. */
function readCredentials(path: string | undefined): Map<string, string> {
  if (path === undefined) return new Map();
  try {
    const content: unknown = JSON.parse(readFileSync(path, "utf8"));
    return new Map(Object.entries(content ?? {}).map(([node, credential]) => [node, String(credential)]));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return new Map();
    throw new Error(`--credentials-file: cannot read ${path}: ${String(error)}`);
  }
}

/** A number from 0 to 1 that a node's number and a purpose always give. */
function share(nodeNumber: number, purpose: number): number {
  let x = Math.imul(nodeNumber + 1, 0x9e3779b1) ^ Math.imul(purpose + 1, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  return ((x ^ (x >>> 12)) >>> 0) / 2 ** 32;
}

const crashAfterMs = 2000;

function readScript(values: Values): (nodeNumber: number) => FakeScript | undefined {
  const spans = (["start-ms", "pull-ms", "stop-ms", "ready-after-ms"] as const).map((flag) => readSpan(values, flag));
  const crashLoops = number(values, "crash-loops", 0);
  if (crashLoops === 0 && spans.every(([, most]) => most === 0)) return () => undefined;
  return (nodeNumber) => {
    const [startMs = 0, pullMs = 0, stopMs = 0, readyAfterMs = 0] = spans.map(
      ([least, most], purpose) => least + (most - least) * share(nodeNumber, purpose),
    );
    const crashes = share(nodeNumber, spans.length) < crashLoops;
    const behaviour: Partial<FakeBehaviour> = {
      startMs,
      pullMs,
      stopMs,
      readyAfterMs,
      ...(crashes ? { exitAfterMs: crashAfterMs } : {}),
    };
    return () => behaviour;
  };
}

function readSpan(values: Values, flag: Flag): readonly [least: number, most: number] {
  const [least = 0, most = least] = (values[flag] ?? "0").split("-").map(Number);
  if (!(least >= 0) || !(most >= least)) throw new Error(`--${flag} must be MIN or MIN-MAX`);
  return [least, most];
}
