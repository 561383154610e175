// `npm start`: a whole cluster on this machine, from nothing to a daemon on every node.
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

import type { ApiClient } from "./api-client.ts";
import { apiClient } from "./api-client.ts";
import { certificates } from "./certificates.ts";
import type { ControlPlane } from "./control-plane.ts";
import { startControlPlane } from "./control-plane.ts";
import type { DaemonSetName } from "./examples.ts";
import { applyExamples } from "./examples.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { startFleet, startNodes } from "./nodes.ts";
import type { Options } from "./options.ts";
import { parseOptions, UserError, usage } from "./options.ts";
import type { Program } from "./processes.ts";
import { Lines, showProgress } from "./progress.ts";
import { localRuntime } from "./runtime.ts";
import { holdStateDir } from "./state-dir.ts";
import { listenTls } from "./tls-front.ts";

/** What was started, in the order in which it is to be stopped. */
class Running {
  readonly #stops: (() => Promise<void> | void)[] = [];
  #stopped: Promise<void> | null = null;

  add(stop: () => Promise<void> | void): void {
    this.#stops.unshift(stop);
  }

  get isStopping(): boolean {
    return this.#stopped !== null;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  async #stopAll(): Promise<void> {
    for (const stop of this.#stops) await stop();
  }
}

async function start(options: Options, running: Running, lines: Lines): Promise<void> {
  const stateDir = holdStateDir(options.stateDir);
  running.add(() => stateDir.release());
  const pki = await certificates(join(stateDir.path, "pki"), Date.now());
  const front = await listenTls(options.port, pki);
  running.add(() => front.close());
  const token = adminToken(stateDir.path);
  const server = `https://127.0.0.1:${options.port}`;
  const kubeconfigFile = join(stateDir.path, "kubeconfig");
  writeFileSync(kubeconfigFile, kubeconfig({ server, authority: pki.authority, token }), { mode: 0o600 });

  lines.show("  starting the control plane");
  const controlPlane = await openControlPlane(stateDir.path, token);
  running.add(() => controlPlane.stop());
  front.target(controlPlane.port);
  lines.say(`  control plane  ${server}`);

  const api = apiClient(controlPlane.url, token);
  await startAgents({ api, controlPlane, stateDir: stateDir.path, server, options, running, lines });
  const daemonSets = options.example ? await applyExamples(api) : [];
  const expected = { nodes: options.nodes + options.fleet, daemonSets };
  const startedAtMs = Date.now();
  await showProgress(api, expected, lines, () => running.isStopping);
  if (running.isStopping) return;
  lines.say(
    `  everything is rolled out, ${((Date.now() - startedAtMs) / 1000).toFixed(1)} s after the nodes were started`,
  );
  lines.say(whatNext(kubeconfigFile, options, daemonSets));
}

function adminToken(stateDir: string): string {
  const file = join(stateDir, "admin-token");
  if (existsSync(file)) return readFileSync(file, "utf8").trim();
  const token = `lares_admin_${randomBytes(32).toString("hex")}`;
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  return token;
}

function openControlPlane(stateDir: string, token: string): Promise<ControlPlane> {
  const adminTokenDigest = createHash("sha256").update(token).digest("hex");
  return startControlPlane({ stateDir, adminTokenDigest, logFile: join(stateDir, "control-plane.log") });
}

type Starting = {
  readonly api: ApiClient;
  readonly controlPlane: ControlPlane;
  readonly stateDir: string;
  readonly server: string;
  readonly options: Options;
  readonly running: Running;
  readonly lines: Lines;
};

async function startAgents({ api, controlPlane, stateDir, server, options, running, lines }: Starting): Promise<void> {
  mkdirSync(join(stateDir, "nodes"), { recursive: true, mode: 0o700 });
  const authorityFile = join(stateDir, "pki", "ca.crt");
  const runtimeArgs = options.nodes === 0 ? [] : await localRuntime(stateDir, options, lines);
  const context = { api, stateDir, server, authorityFile, plainServer: controlPlane.url, runtimeArgs };
  const programs: Program[] = [];
  // All at once: each gives its pods their time to end.
  running.add(async () => {
    await Promise.all(programs.map((program) => program.stop()));
  });
  programs.push(...(await startNodes(context, options)));
  const fleet = await startFleet(context, options);
  if (fleet !== null) programs.push(fleet);
}

function whatNext(
  kubeconfigFile: string,
  { nodes, nodePrefix }: Options,
  daemonSets: readonly DaemonSetName[],
): string {
  const file = relative(process.cwd(), kubeconfigFile);
  const [set] = daemonSets;
  const commands = [
    "kubectl get nodes",
    "kubectl get daemonsets,pods -o wide",
    ...(set === undefined ? [] : [`kubectl describe daemonset ${set.name}`]),
    ...(nodes === 0 ? [] : [`kubectl label node ${nodePrefix}1 ssd=true`]),
    "kubectl apply -f YOUR-DAEMONSET.yaml",
  ];
  return [
    "",
    "In another terminal:",
    "",
    `  export KUBECONFIG=${file.startsWith("..") ? kubeconfigFile : file}`,
    ...commands.map((command) => `  ${command}`),
    "",
    "Ctrl-C stops all of it; npm start goes on from there.",
  ].join("\n");
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(usage);
    return;
  }
  const running = new Running();
  const lines = new Lines(process.stdout);
  const stop = async (signal: string) => {
    if (running.isStopping) return;
    lines.say(`  ${signal}: stopping`);
    await running.stop();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop(signal));
  try {
    await start(options, running, lines);
  } catch (error) {
    if (running.isStopping) return;
    await running.stop();
    throw error;
  }
}

main().catch((error: unknown) => {
  // What people can put right is said in a line; the rest is a bug, and where it happened matters.
  console.error(error instanceof UserError ? `lares: ${error.message}` : error);
  process.exit(1);
});
