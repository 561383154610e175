// Which runtime does this node have? The one that it is told to take, or the first that answers; what was taken once is
// taken again after a start, since pods run in it.
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import { hostNetwork } from "../host/network.ts";
import type { NodeOptions } from "../options.ts";
import type { Clock, Log, Network } from "../ports.ts";
import type { Runtime } from "./runtime.ts";

export type Choice = {
  readonly kind: "docker" | "cri" | "process" | "fake";
  /** Of docker and cri. */
  readonly endpoint?: string;
  /** Why it was taken, and what was passed over. */
  readonly because: string;
};

/** Where to look for runtimes, in this order. */
type Host = {
  readonly engines: readonly string[];
  readonly cri: readonly string[];
};

type Candidate = Pick<Choice, "kind" | "endpoint">;
type Ports = { readonly clock: Clock; readonly log: Log };
type Opened = { readonly runtime: Runtime; readonly network: Network; readonly choice: Choice };
type ChooseOptions = Pick<NodeOptions, "runtime" | "runtimeEndpoint" | "stateDirectory">;
type OpenOptions = ChooseOptions & Pick<NodeOptions, "logDirectory" | "node" | "controlGroup" | "sandboxImage">;

const retryMs = 1000;
/** An engine that is there may only be on its way up: the host is booting, say. */
const patienceMs = 60_000;

/** Opens what is chosen, as soon as it answers. */
export async function openRuntime(options: OpenOptions, ports: Ports): Promise<Opened> {
  const choice = await chooseRuntime(options, ports, await thisHost());
  ports.log.info("runtime", choice);
  return { ...(await open(choice, options, ports)), choice };
}

async function thisHost(): Promise<Host> {
  const [{ engineEndpoints }, { wellKnownSockets }] = await Promise.all([
    import("./docker/find.ts"),
    import("./cri/find.ts"),
  ]);
  return { engines: engineEndpoints(process.env), cri: wellKnownSockets };
}

/** Throws when there is none, or none of the kind that is asked for. */
export async function chooseRuntime(options: ChooseOptions, ports: Ports, host: Host): Promise<Choice> {
  const { runtime: kind, stateDirectory } = options;
  if (kind === "fake" || kind === "process") return { kind, because: `--runtime ${kind}` };
  const file = join(stateDirectory, "runtime.json");
  const remembered = readChoice(file);
  const candidates = candidatesFor(options, host);
  const before = candidates.find((one) => one.kind === remembered?.kind && one.endpoint === remembered.endpoint);
  // One that was found first because nothing better was up yet binds nobody before something runs in it.
  const isBound = before?.kind !== "process" || hasProcesses(stateDirectory);
  const choice =
    (before === undefined || !isBound ? null : await againAsBefore(before, ports)) ??
    (await firstOf(candidates, kind, ports));
  // What cannot be written down is chosen anew at the next start.
  await writeFile(file, JSON.stringify({ kind: choice.kind, endpoint: choice.endpoint })).catch(() => {});
  return choice;
}

function candidatesFor({ runtime, runtimeEndpoint: named }: ChooseOptions, host: Host): readonly Candidate[] {
  const engines = named === undefined ? host.engines : [named];
  const cri = named === undefined ? host.cri : [named];
  const docker = engines.map((endpoint): Candidate => ({ kind: "docker", endpoint }));
  const others = cri.map((endpoint): Candidate => ({ kind: "cri", endpoint }));
  if (runtime === "docker") return docker;
  if (runtime === "cri") return others;
  const last: readonly Candidate[] = named === undefined ? [{ kind: "process" }] : [];
  return [...docker, ...others, ...last];
}

/** Null when it is gone for good, as far as one can tell. */
async function againAsBefore(candidate: Candidate, { clock, log }: Ports): Promise<Choice | null> {
  const untilMs = clock.monotonicMs() + patienceMs;
  let told = false;
  for (;;) {
    const problem = await problemOf(candidate);
    if (problem === null) return { ...candidate, because: "it was taken before" };
    if (!told) log.warn("the runtime of before does not answer yet", { ...candidate, problem });
    told = true;
    if (clock.monotonicMs() >= untilMs) return null;
    await pause(clock);
  }
}

/** One that is asked for by name is waited for. */
async function firstOf(
  candidates: readonly Candidate[],
  kind: NodeOptions["runtime"],
  { clock, log }: Ports,
): Promise<Choice> {
  for (let told = false; ; told = true) {
    const passedOver: string[] = [];
    for (const candidate of candidates) {
      const problem = await problemOf(candidate);
      if (problem === null) return { ...candidate, because: reason(candidate, passedOver) };
      passedOver.push(`${candidate.kind} at ${candidate.endpoint}: ${problem}`);
    }
    const problem = passedOver.join("; ");
    if (kind === "auto") throw new Error(`there is no runtime on this host: ${problem}`);
    if (!told) log.warn("waiting for a runtime", { runtime: kind, problem });
    await pause(clock);
  }
}

function reason({ kind, endpoint }: Candidate, passedOver: readonly string[]): string {
  const what = kind === "process" ? "there are no containers on this host" : `it answers at ${endpoint}`;
  return passedOver.length === 0 ? what : `${what}; passed over: ${passedOver.join("; ")}`;
}

function pause(clock: Clock): Promise<void> {
  return new Promise((done) => void clock.setTimer(retryMs, done));
}

/** Null when it can be used. */
async function problemOf({ kind, endpoint = "" }: Candidate): Promise<string | null> {
  try {
    if (kind === "docker") await (await import("./docker/find.ts")).askEngine(endpoint);
    if (kind === "cri") await (await import("./cri/find.ts")).askCri(endpoint);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function processDirectory(stateDirectory: string): string {
  return join(stateDirectory, "runtime");
}

function hasProcesses(stateDirectory: string): boolean {
  try {
    return readdirSync(join(processDirectory(stateDirectory), "containers")).length > 0;
  } catch {
    return false;
  }
}

function readChoice(file: string): Candidate | null {
  try {
    const { kind, endpoint } = JSON.parse(readFileSync(file, "utf8"));
    return { kind, endpoint };
  } catch {
    return null;
  }
}

/** Where a kubelet has seccomp profiles: pods that bring their own put them there. */
const kubeletsProfiles = "/var/lib/kubelet/seccomp";

/** Each driver is loaded when it is the one. */
async function open(choice: Choice, options: OpenOptions, ports: Ports): Promise<Omit<Opened, "choice">> {
  const { stateDirectory, logDirectory, node, controlGroup, sandboxImage } = options;
  const { kind, endpoint = "" } = choice;
  const { clock, log } = ports;
  const seccompDirectories = [join(stateDirectory, "seccomp"), kubeletsProfiles];
  const common = { logsDirectory: logDirectory, seccompDirectories, clock };
  // Several agents of one name, each with a cluster of its own, may share a developer's machine.
  const owner = `${node}@${resolve(stateDirectory)}`;
  switch (kind) {
    case "docker": {
      const [{ openDockerRuntime }, { engineAddress }] = await Promise.all([
        import("./docker/docker.ts"),
        import("./docker/find.ts"),
      ]);
      const runtime = await openDockerRuntime({
        ...common,
        address: engineAddress(endpoint),
        owner,
        directory: stateDirectory,
        log,
        ...(sandboxImage === undefined ? {} : { sandboxImage }),
      });
      return { runtime, network: hostNetwork };
    }
    case "cri": {
      const { openCriRuntime } = await import("./cri/cri.ts");
      const socketPath = endpoint.replace(/^unix:\/\//, "");
      const own = { socketPath, owner, log, controlGroup: controlGroup ?? "lares" };
      const runtime = await openCriRuntime({ ...common, ...own });
      return { runtime, network: hostNetwork };
    }
    case "process": {
      const { openProcessRuntime } = await import("./process/process.ts");
      const runtime = await openProcessRuntime({
        directory: processDirectory(stateDirectory),
        logsDirectory: logDirectory,
        clock,
        ...(controlGroup === undefined ? {} : { controlGroup }),
      });
      return { runtime, network: hostNetwork };
    }
    case "fake": {
      const { FakeNetwork, FakeRuntime } = await import("./fake.ts");
      const runtime = new FakeRuntime({ clock });
      return { runtime, network: new FakeNetwork(runtime) };
    }
    default:
      return kind satisfies never;
  }
}
