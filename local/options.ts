// What can be said on the command line of `npm start`.
import { parseArgs } from "node:util";

const runtimes = ["auto", "docker", "cri", "process", "fake"] as const;
type Runtime = (typeof runtimes)[number];

export type Options = {
  readonly port: number;
  readonly stateDir: string;
  readonly nodes: number;
  readonly nodePrefix: string;
  readonly runtime: Runtime;
  readonly example: boolean;
  readonly fleet: number;
};

/** A mistake of the person who typed the command, or something else that they can put right. */
export class UserError extends Error {}

export const usage = `Runs a whole Lares cluster on this machine: the control plane, nodes, and a daemon on each of them.

  npm start -- [options]

  --port N           port of the Kubernetes API on 127.0.0.1           (default 8443)
  --state DIR        where everything is kept, kubeconfig included     (default .lares)
  --nodes N          how many node agents to start; 0 is fine          (default 3)
  --node-prefix P    what the names of these nodes begin with          (default edge-)
  --runtime R        what their pods run in: auto, docker, cri,
                     process or fake                                   (default auto)
  --no-example       do not apply what is in examples/
  --fleet N          add N simulated nodes, all in one process         (default 0)
  --help             show this
`;

const mostNodes = 100;
const mostSimulated = 100_000;

/** Null: help was asked for. Throws UserError. */
export function parseOptions(args: readonly string[]): Options | null {
  const values = parse(args);
  if (values.help === true) return null;
  const given = values.runtime ?? "auto";
  const runtime = runtimes.find((one) => one === given);
  if (runtime === undefined) {
    throw new UserError(`--runtime must be auto, docker, cri, process or fake, not ${JSON.stringify(given)}`);
  }
  const nodePrefix = values["node-prefix"] ?? "edge-";
  if (!/^[a-z0-9]([a-z0-9.-]{0,200})$/.test(nodePrefix)) {
    throw new UserError(
      `--node-prefix must be lower case letters, digits, '-' and '.', not ${JSON.stringify(nodePrefix)}`,
    );
  }
  return {
    port: integer("--port", values.port ?? "8443", { least: 1, most: 65_535 }),
    stateDir: values.state ?? ".lares",
    nodes: integer("--nodes", values.nodes ?? "3", { least: 0, most: mostNodes }),
    nodePrefix,
    runtime,
    example: values["no-example"] !== true,
    fleet: integer("--fleet", values.fleet ?? "0", { least: 0, most: mostSimulated }),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      options: {
        port: { type: "string" },
        state: { type: "string" },
        nodes: { type: "string" },
        "node-prefix": { type: "string" },
        runtime: { type: "string" },
        "no-example": { type: "boolean" },
        fleet: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

function integer(
  name: string,
  given: string,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const value = Number(given);
  if (/^\d+$/.test(given) && value >= least && value <= most) return value;
  throw new UserError(`${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(given)}`);
}
