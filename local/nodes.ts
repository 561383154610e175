// The node agents of a local cluster, each a process of its own, and the simulated fleet, all in one.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { ApiClient, KubeJson } from "./api-client.ts";
import { bundleAgent } from "./bundle.ts";
import type { Options } from "./options.ts";
import { Program } from "./processes.ts";

const tokensPath = "/apis/lares.dev/v1alpha1/jointokens";

export type NodesContext = {
  readonly api: ApiClient;
  readonly stateDir: string;
  /** What the agents connect to, and the certificate authority they trust. */
  readonly server: string;
  readonly authorityFile: string;
  /** The control plane's own socket: thousands of simulated agents need no encryption on one machine. */
  readonly plainServer: string;
  /** What tells the agents in what to run their pods. */
  readonly runtimeArgs: readonly string[];
};

function nodeNames({ nodes, nodePrefix }: Pick<Options, "nodes" | "nodePrefix">): readonly string[] {
  return Array.from({ length: nodes }, (_, index) => `${nodePrefix}${index + 1}`);
}

/** Enrols, on their first start, and starts the agents. */
export async function startNodes(context: NodesContext, options: Options): Promise<readonly Program[]> {
  const names = nodeNames(options);
  if (names.length === 0) return [];
  const file = join(context.stateDir, "bin", "lares-agent.cjs");
  await bundleAgent("node", file);
  return Promise.all(names.map((name) => startNode(context, { name, file })));
}

type NodeProgram = { readonly name: string; readonly file: string };

async function startNode(context: NodesContext, { name, file }: NodeProgram): Promise<Program> {
  const dir = join(context.stateDir, "nodes", name);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const tokenFile = join(dir, "join-token");
  if (!existsSync(join(dir, "credential"))) {
    writeFileSync(tokenFile, await newToken(context.api, { nodeNames: [name], replace: true }), { mode: 0o600 });
  }
  const args = [
    ...["--server", context.server, "--ca-file", context.authorityFile],
    ...["--node", name, ...context.runtimeArgs],
    ...["--state-dir", dir, "--log-dir", join(dir, "log"), "--join-token-file", tokenFile],
    "--stop-pods-on-exit",
  ];
  return new Program({ name, file, args, logFile: join(dir, "agent.log") });
}

/** Starts the simulated nodes; null when there are to be none. */
export async function startFleet(context: NodesContext, { fleet }: Options): Promise<Program | null> {
  if (fleet === 0) return null;
  const dir = join(context.stateDir, "fleet");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = join(context.stateDir, "bin", "lares-fleet.cjs");
  await bundleAgent("fleet", file);
  const tokenFile = join(dir, "join-token");
  const token = await newToken(context.api, { nodeNames: ["sim-*"], maxUses: 0, replace: true });
  writeFileSync(tokenFile, token, { mode: 0o600 });
  const args = [
    ...["--server", context.plainServer, "--count", String(fleet), "--prefix", "sim-"],
    ...["--join-token-file", tokenFile, "--credentials-file", join(dir, "credentials")],
    ...["--statistics-every-ms", "60000"],
  ];
  return new Program({ name: "fleet", file, args, logFile: join(dir, "fleet.log") });
}

async function newToken(api: ApiClient, spec: Readonly<Record<string, unknown>>): Promise<string> {
  const created = await api.create(tokensPath, {
    apiVersion: "lares.dev/v1alpha1",
    kind: "JoinToken",
    metadata: { generateName: "local-" },
    spec,
  });
  const token = created === false ? undefined : statusOf(created)["token"];
  if (typeof token !== "string") throw new Error("the control plane made no join token");
  return token;
}

export function statusOf(object: KubeJson): Readonly<Record<string, unknown>> {
  const status = object["status"];
  return typeof status === "object" && status !== null ? Object.fromEntries(Object.entries(status)) : {};
}
