// Which runtime does this node have? The one that it is told to take, or the first that answers; what was taken once is
// taken again after a start, since pods run in it, and waited for while it is away.
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";

import { isFields, parseJson } from "../connection/protocol.ts";
import { hostNetwork } from "../host/network.ts";
import { readSecretFile, writeSecretFile } from "../host/secret-file.ts";
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
const takenBefore = "it was taken before";

/** Opens what is chosen, as soon as it answers. */
export async function openRuntime(options: OpenOptions, ports: Ports): Promise<Opened> {
  const choice = await chooseRuntime(options, ports, await hostSeenFrom(process.env));
  ports.log.info("runtime", choice);
  return { ...(await open(choice, options, ports)), choice };
}

/** Where it is written what was taken. */
export function choiceFile(stateDirectory: string): string {
  return join(stateDirectory, "runtime.json");
}

async function hostSeenFrom(environment: Readonly<Record<string, string | undefined>>): Promise<Host> {
  const [{ engineEndpoints }, { wellKnownSockets }] = await Promise.all([
    import("./docker/find.ts"),
    import("./cri/find.ts"),
  ]);
  return { engines: engineEndpoints(environment), cri: wellKnownSockets };
}

/**
 * What a service of this host would take by `auto` as things are: nothing is waited for, and nothing written down. What
 * was taken before need not even answer.
 */
export async function runtimeNow(stateDirectory: string, host?: Host): Promise<Choice> {
  const options = { runtime: "auto", runtimeEndpoint: undefined, stateDirectory } as const;
  // Not what the environment of whoever asks names: a service has one of its own.
  const candidates = candidatesFor(options, host ?? (await hostSeenFrom({})));
  const before = boundTo(readChoice(choiceFile(stateDirectory)), candidates, options);
  return before === null ? firstNow(candidates) : { ...before, because: takenBefore };
}

/** Throws when there is none, or none of the kind that is asked for. */
export async function chooseRuntime(options: ChooseOptions, ports: Ports, host: Host): Promise<Choice> {
  const { runtime: kind, stateDirectory } = options;
  if (kind === "fake" || kind === "process") return { kind, because: `--runtime ${kind}` };
  const file = choiceFile(stateDirectory);
  const remembered = readChoice(file);
  const candidates = candidatesFor(options, host);
  const before = boundTo(remembered, candidates, options);
  const first = () => (kind === "auto" ? firstNow(candidates) : firstAtLast(candidates, ports));
  const choice = before === null ? await first() : await againAsBefore(before, ports);
  if (!isSame(choice, remembered)) remember(file, choice);
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

/** What pods may run in, unless something else was asked for. */
function boundTo(
  remembered: Candidate | null,
  candidates: readonly Candidate[],
  { runtime, runtimeEndpoint, stateDirectory }: ChooseOptions,
): Candidate | null {
  if (remembered === null) return null;
  // One that was found first because nothing better was up yet binds nobody before something runs in it.
  if (remembered.kind === "process" && !hasProcesses(stateDirectory)) return null;
  // Where nobody names a place, it need not be one of those where one is looked for now: DOCKER_HOST may have gone.
  const isAsked =
    runtimeEndpoint === undefined
      ? runtime === "auto" || runtime === remembered.kind
      : candidates.some((one) => isSame(one, remembered));
  return isAsked ? remembered : null;
}

/**
 * However long that takes. An engine that is away may have left its containers running: in another one the same pods
 * would run a second time, and nobody would look after the first.
 */
async function againAsBefore(candidate: Candidate, { clock, log }: Ports): Promise<Choice> {
  for (let told = false; ; told = true) {
    const problem = await problemOf(candidate);
    if (problem === null) return { ...candidate, because: takenBefore };
    if (!told) {
      log.warn("waiting for the runtime that was taken before: pods may run on in it", {
        problem: `${candidate.kind} at ${candidate.endpoint}: ${problem}`,
        instead: "--runtime of another kind, or --runtime-endpoint with another place, leaves it with what runs in it",
      });
    }
    await pause(clock);
  }
}

async function firstNow(candidates: readonly Candidate[]): Promise<Choice> {
  const found = await firstThatAnswers(candidates);
  if (found.ok) return found.choice;
  throw new Error(`there is no runtime on this host: ${found.problem}`);
}

/** One that is asked for by name is waited for. */
async function firstAtLast(candidates: readonly Candidate[], { clock, log }: Ports): Promise<Choice> {
  for (let told = false; ; told = true) {
    const found = await firstThatAnswers(candidates);
    if (found.ok) return found.choice;
    if (!told) log.warn("waiting for a runtime", { problem: found.problem, instead: "--runtime of another kind" });
    await pause(clock);
  }
}

type Found = { readonly ok: true; readonly choice: Choice } | { readonly ok: false; readonly problem: string };

async function firstThatAnswers(candidates: readonly Candidate[]): Promise<Found> {
  const passedOver: string[] = [];
  for (const candidate of candidates) {
    const problem = await problemOf(candidate);
    if (problem === null) return { ok: true, choice: { ...candidate, because: reason(candidate, passedOver) } };
    passedOver.push(`${candidate.kind} at ${candidate.endpoint}: ${problem}`);
  }
  return { ok: false, problem: passedOver.join("; ") };
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

/** Null when there is none, or none that can be read. */
function readChoice(file: string): Candidate | null {
  const content = parseJson(readSecretFile(file) ?? "");
  if (!isFields(content)) return null;
  const { kind, endpoint } = content;
  if (kind === "process") return { kind };
  return (kind === "docker" || kind === "cri") && typeof endpoint === "string" ? { kind, endpoint } : null;
}

function remember(file: string, { kind, endpoint }: Candidate): void {
  try {
    writeSecretFile(file, JSON.stringify({ kind, endpoint }));
  } catch {
    // What cannot be written down is chosen anew at the next start.
  }
}

function isSame(one: Candidate, other: Candidate | null): boolean {
  return one.kind === other?.kind && one.endpoint === other.endpoint;
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
