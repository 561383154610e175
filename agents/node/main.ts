// The node agent as a program.
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { Agent } from "./agent.ts";
import { KeptTokens } from "./assignment/kept-tokens.ts";
import { connector } from "./connection/connector.ts";
import { NodeCredentials } from "./connection/credentials.ts";
import { HttpClient } from "./connection/http-client.ts";
import { mirrorPost } from "./connection/mirror-post.ts";
import { controlPlaneReviewer } from "./connection/reviews.ts";
import { ControlPlaneTokens } from "./connection/tokens.ts";
import { writeTimesWithoutZones } from "./engine/iso-time.ts";
import { restartLean, restLean } from "./engine/lean-start.ts";
import { Hold } from "./hold.ts";
import { digestOfCredential, newCredential, requestFor } from "./host/certificate-request.ts";
import { CredentialFile } from "./host/credential-file.ts";
import { DiskCheckpoint } from "./host/disk-checkpoint.ts";
import { DiskUpkeep } from "./host/disk-upkeep.ts";
import { HoldFile } from "./host/hold-file.ts";
import { openLocalControl } from "./host/local-control.ts";
import { takeLock } from "./host/lock.ts";
import { openHostFacts } from "./host/node-facts.ts";
import { SealedFile } from "./host/sealed-file.ts";
import { lineLog, systemClock, systemRandom } from "./host/system.ts";
import { startWatchdog } from "./host/watchdog.ts";
import { openNodeApi } from "./local-api/open.ts";
import { recorded } from "./local-api/tokens.ts";
import type { NodeOptions } from "./options.ts";
import { exitCodes, parseOptions, usage } from "./options.ts";
import { openRuntime } from "./runtime/choose.ts";
import { ManifestFolder } from "./static-pods/folder.ts";
import { fakeLogs, fileLogs } from "./streams/log/log-source.ts";
import { OpenSessions } from "./streams/sessions.ts";
import { PressureWatch } from "./upkeep/pressure.ts";
import { defaultUpkeep, Upkeep } from "./upkeep/upkeep.ts";
import { kubeletVersion } from "./version.ts";
import { HostVolumes } from "./volume/host-volumes.ts";
import { PathVolumes } from "./volume/path-volumes.ts";
import type { Volumes } from "./volume/volumes.ts";
import { stopPods } from "./worker/stop-pods.ts";

const log = lineLog((line) => process.stderr.write(line), Date.now);
/** A held question and a report beside it. */
const maxSockets = 2;

/** A runtime that runs nothing needs no files. */
function openVolumes({ stateDirectory, logDirectory }: NodeOptions, runtimeName: string): Volumes {
  const podsDirectory = join(stateDirectory, "pods");
  if (runtimeName === "fake") return new PathVolumes(podsDirectory);
  const isRoot = process.getuid?.() === 0;
  return new HostVolumes({ podsDirectory, logsDirectory: logDirectory, isRoot, clock: systemClock });
}

async function run(options: NodeOptions): Promise<void> {
  // First of all: a signal that comes before there is anything to end is to be heard as well.
  const toldToEnd = untilSignal();
  const { server, node, stateDirectory, logDirectory, ca } = options;
  const clock = systemClock;
  mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  const lock = takeLock(join(stateDirectory, "lock"));
  if (!lock.ok) {
    log.warn("another agent uses the state directory", { stateDirectory, pid: lock.pid });
    process.exit(exitCodes.locked);
  }
  // From here on: a runtime that is away is waited for without end, which systemd is not to take for hanging.
  const calm = startWatchdog(clock);
  const opened = await Promise.race([openRuntime(options, { clock, log }), toldToEnd]);
  if (opened === undefined) {
    calm();
    lock.release();
    log.info("stopped", { node });
    return;
  }
  const { runtime, network } = opened;
  const volumes = openVolumes(options, runtime.name);
  const imageDirectory = await runtime.images?.directory().catch(() => undefined);
  const host = new DiskUpkeep({ stateDirectory, logDirectory, imageDirectory });
  const facts = { node, labels: options.labels, runtime, clock, stateDirectory };
  const pressure = new PressureWatch({ options: options.eviction, clock, readings: () => host.readings() });
  const nodeFacts = await openHostFacts({ ...facts, pressures: () => pressure.look().pressures });
  const client = new HttpClient({ server, maxSockets, ...(ca === undefined ? {} : { ca }) });
  const localApi = await openNodeApi(options, { client, runtime, nodeFacts, clock, log });
  const store = new CredentialFile(join(stateDirectory, "credential"), { server, node });
  const own = {
    waiting: new CredentialFile(join(stateDirectory, "credential-waiting"), { server, node }),
    newCredential: () => newCredential(node),
    digestOf: digestOfCredential,
    requestFor: (credential: string) => requestFor(node, credential),
  };
  const credentials = new NodeCredentials({ node, client, store, joinToken: options.joinToken, own });
  const hold = new Hold(new HoldFile(join(stateDirectory, "hold")), clock);
  const tokens = new KeptTokens({
    source: new ControlPlaneTokens({ client, credentials, clock }),
    store: new SealedFile(join(stateDirectory, "tokens")),
    clock,
    log,
  });
  const folder = new ManifestFolder({ directory: options.manifestDirectory, node, clock, log });
  const agent = new Agent(
    { node, directories: { logs: logDirectory, pods: join(stateDirectory, "pods") } },
    {
      clock,
      random: systemRandom,
      log,
      runtime,
      network,
      volumes,
      checkpoint: new DiskCheckpoint(stateDirectory),
      nodeFacts,
      hold,
      tokens: localApi === undefined ? tokens : recorded(tokens, localApi.tokens),
      connect: connector(options.connection, { client, credentials, clock, log, pingEveryMs: options.pingEveryMs }),
      localApi,
      sessions: new OpenSessions({
        ...{ client, credentials, runtime, log },
        logs: runtime.name === "fake" ? fakeLogs : fileLogs({ logs: logDirectory }),
      }),
      staticPods: { source: folder, post: mirrorPost(node, client, credentials) },
    },
  );
  log.info("started", { node, server, runtime: runtime.name, version: kubeletVersion });
  agent.start();
  const closeControl = openLocalControl(join(stateDirectory, "agent.sock"), {
    ...{ node, server, runtime: runtime.name, agent, hold, clock, log },
    directories: [...new Set([stateDirectory, logDirectory])],
  });
  const stopResting = restLean(clock);
  localApi?.serve({ state: agent.state, review: controlPlaneReviewer(client, credentials), runtime });
  const upkeepOptions = { ...defaultUpkeep, images: options.images };
  const upkeep = new Upkeep(upkeepOptions, { clock, log, runtime, host, agent, volumes, pressure });
  void upkeep.start();
  await toldToEnd;
  calm();
  stopResting();
  upkeep.stop();
  closeControl();
  agent.stop();
  folder.stop();
  localApi?.close();
  nodeFacts.stop();
  hold.stop();
  await agent.save();
  if (options.stopPodsOnExit) {
    await agent.settled();
    await stopPods({ runtime, network, volumes, clock });
  }
  runtime.close();
  client.close();
  lock.release();
  log.info("stopped", { node, podsRunOn: !options.stopPodsOnExit });
}

function untilSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(undefined));
  });
}

function fail(error: unknown): void {
  log.warn("the agent cannot go on", { problem: error instanceof Error ? error.message : String(error) });
  process.exit(exitCodes.failed);
}

function main(): void {
  writeTimesWithoutZones();
  const [first, name = "help", ...rest] = process.argv.slice(2);
  if (first === "agent" && name !== "run") {
    void import("./commands/commands.ts")
      .then(({ runCommand }) => runCommand(name, rest))
      .then((code) => process.exit(code), fail);
    return;
  }
  const args = first === "agent" ? rest : process.argv.slice(2);
  const parsed = parseOptions(args, process.getuid?.() === 0);
  switch (parsed.kind) {
    case "help":
      process.stdout.write(usage);
      return;
    case "error":
      process.stderr.write(`lares-agent: ${parsed.message}\nlares-agent --help tells what it takes.\n`);
      process.exitCode = exitCodes.usage;
      return;
    case "options":
      restartLean();
      process.on("uncaughtException", fail);
      run(parsed.options).then(() => process.exit(exitCodes.done), fail);
      return;
    default:
      parsed satisfies never;
  }
}

main();
