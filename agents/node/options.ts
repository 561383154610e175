// The agent's command line.
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { UpkeepFlagError } from "./upkeep/flags.ts";
import type { ImageLimits } from "./upkeep/image-collection.ts";
import { parseImageLimits } from "./upkeep/image-collection.ts";
import type { EvictionOptions } from "./upkeep/thresholds.ts";
import { parseEviction } from "./upkeep/thresholds.ts";

const connectionKinds = ["auto", "socket", "long-poll", "poll"] as const;
export type ConnectionKind = (typeof connectionKinds)[number];

const runtimeKinds = ["auto", "docker", "cri", "process", "fake"] as const;
type RuntimeKind = (typeof runtimeKinds)[number];

export type NodeOptions = {
  readonly server: string;
  readonly node: string;
  readonly stateDirectory: string;
  readonly logDirectory: string;
  readonly runtime: RuntimeKind;
  /** Where the runtime listens; undefined: where it usually does. */
  readonly runtimeEndpoint: string | undefined;
  /** What Docker's and Podman's sandboxes are made of; undefined: the agent brings its own. */
  readonly sandboxImage: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly ca: string | undefined;
  readonly connection: ConnectionKind;
  readonly manifestDirectory: string;
  readonly pingEveryMs: number;
  /** Null: the node serves no API to its daemons. */
  readonly localApi: {
    readonly address: string | undefined;
    readonly port: number;
    /** Null: nothing of what a kubelet serves is served. */
    readonly kubeletPort: number | null;
  } | null;
  /** When a node is short of something, and pods have to go. */
  readonly eviction: EvictionOptions;
  /** When images go that nobody uses. */
  readonly images: ImageLimits;
  readonly stopPodsOnExit: boolean;
  readonly controlGroup: string | undefined;
  /** Undefined when there is none, or none any more. */
  readonly joinToken: () => string | undefined;
};

export const exitCodes = { done: 0, failed: 1, usage: 2, locked: 3 } as const;

export const usage = `Usage: lares agent run --server URL [options]
       lares agent help      tells of the other commands

Keeps the pods of one node running, as the control plane at URL says.

  --server URL             https://host[:port][/prefix] of the control plane
  --runtime KIND           docker: Docker or Podman; cri: containerd or CRI-O; process: commands of this host, without
                           containers; fake: nothing is run; auto: the first of them that answers, and ever after that one,
                           which is waited for (default: auto)
  --runtime-endpoint URL   socket of the runtime, unix:///path or tcp://host:port (default: where it usually is)
  --sandbox-image IMAGE    runtime docker: what holds a pod's namespaces (default: the agent brings its own)
  --node NAME              name of the node (default: this host's name)
  --join-token-file FILE   token to enrol with, needed once
  --join-token TOKEN       the same on the command line, where others can see it
  --state-dir DIR          what the agent must not forget (default: /var/lib/lares)
  --log-dir DIR            logs of containers (default: /var/log for root, else below the state directory)
  --label KEY=VALUE        a label for the node when it is made; may be repeated
  --ca-file FILE           PEM of the certificates to trust instead of the system's
  --connection KIND        auto, socket, long-poll or poll (default: auto)
  --cgroup NAME            control group for containers. Runtime process: they get their limits enforced in it; cri:
                           default lares
  --static-pods DIR        manifests of pods that this node runs by itself (default: manifests, below the state directory)
  --local-api-port PORT    port of the API for the daemons on this node; off: none (default: 10443, or a free one)
  --kubelet-port PORT      port of a kubelet's pods, statistics and metrics, for this node; off: none (default: 10250)
  --local-api-address A    address that pods with a network of their own reach it by (default: 169.254.77.1)
  --ping-every SECONDS     how long the line may be silent; 10 notices a dead one soon, 75 costs 2 MB a month (default: 75)
  --eviction-hard LIST     what the node must have left, as a kubelet takes it; what is not named is not watched (default:
                           memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,
                           imagefs.inodesFree<5%,pid.available<5%)
  --eviction-soft LIST     the same, for a while: --eviction-soft-grace-period memory.available=1m30s says how long
  --eviction-minimum-reclaim LIST               how much has to be won back once too little was left: nodefs.available=1Gi
  --eviction-max-pod-grace-period SECONDS       what pods are given to end by soft ones; negative: their own (default: 0)
  --eviction-pressure-transition-period TIME    how long a pressure that is over is still told (default: 5m)
  --image-gc-high-threshold PERCENT             in use of the disk with images, from which on those that nobody uses go,
                           first what was not used for longest; 100: not before pods would have to (default: 85)
  --image-gc-low-threshold PERCENT              down to which they go then (default: 80)
  --image-maximum-gc-age TIME                   unused for longer, an image goes though there is room; 0: none (default: 0s)
  --stop-pods-on-exit      end all pods when the agent is stopped; without it they run on
  --help                   this text

Exit codes: 0 stopped by a signal; 1 something went wrong; 2 the command line makes no sense; 3 another agent uses the
state directory. A stopped agent leaves its pods running and takes them over when it is started again.
`;

export type ParsedOptions =
  | { readonly kind: "options"; readonly options: NodeOptions }
  | { readonly kind: "help" }
  | { readonly kind: "error"; readonly message: string };

const flags = {
  server: { type: "string" },
  runtime: { type: "string" },
  "runtime-endpoint": { type: "string" },
  "sandbox-image": { type: "string" },
  node: { type: "string" },
  "join-token-file": { type: "string" },
  "join-token": { type: "string" },
  "state-dir": { type: "string" },
  "log-dir": { type: "string" },
  label: { type: "string", multiple: true },
  "ca-file": { type: "string" },
  connection: { type: "string" },
  "static-pods": { type: "string" },
  "local-api-port": { type: "string" },
  "local-api-address": { type: "string" },
  "kubelet-port": { type: "string" },
  cgroup: { type: "string" },
  "ping-every": { type: "string" },
  "eviction-hard": { type: "string" },
  "eviction-soft": { type: "string" },
  "eviction-soft-grace-period": { type: "string" },
  "eviction-minimum-reclaim": { type: "string" },
  "eviction-max-pod-grace-period": { type: "string" },
  "eviction-pressure-transition-period": { type: "string" },
  "image-gc-high-threshold": { type: "string" },
  "image-gc-low-threshold": { type: "string" },
  "image-maximum-gc-age": { type: "string" },
  "stop-pods-on-exit": { type: "boolean" },
  help: { type: "boolean" },
} as const;

class UsageError extends Error {}

export function parseOptions(args: readonly string[], isRoot: boolean): ParsedOptions {
  try {
    const { values } = parseArgs({ args: [...args], options: flags, strict: true, allowPositionals: false });
    if (values.help === true) return { kind: "help" };
    return { kind: "options", options: readOptions(values, isRoot) };
  } catch (error) {
    // All of these say in one line what is wrong with the command line; anything else is a bug and shows itself as one.
    const isOfUsage = [UsageError, UpkeepFlagError, TypeError].some((kind) => error instanceof kind);
    if (isOfUsage && error instanceof Error) return { kind: "error", message: error.message };
    throw error;
  }
}

type Values = ReturnType<typeof parseArgs<{ options: typeof flags }>>["values"];

function readOptions(values: Values, isRoot: boolean): NodeOptions {
  const node = (values.node ?? hostname()).toLowerCase();
  const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
  if (node.length > 253 || !subdomain.test(node)) {
    throw new UsageError(`--node: ${JSON.stringify(node)} is no name for a node; letters, digits, "-" and "." are`);
  }
  const stateDirectory = values["state-dir"] ?? "/var/lib/lares";
  const joinTokenFile = values["join-token-file"];
  return {
    server: readServer(values.server),
    node,
    stateDirectory,
    logDirectory: values["log-dir"] ?? (isRoot ? "/var/log" : join(stateDirectory, "log")),
    runtime: oneOf("--runtime", runtimeKinds, values.runtime ?? "auto"),
    runtimeEndpoint: values["runtime-endpoint"]?.replace(/^unix:\/\//, ""),
    sandboxImage: values["sandbox-image"],
    labels: Object.fromEntries((values.label ?? []).map(readLabel)),
    ca: values["ca-file"] === undefined ? undefined : readNamedFile("--ca-file", values["ca-file"]),
    connection: oneOf("--connection", connectionKinds, values.connection ?? "auto"),
    manifestDirectory: values["static-pods"] ?? join(stateDirectory, "manifests"),
    localApi: readLocalApi(values),
    controlGroup: values.cgroup,
    pingEveryMs: readPingEvery(values["ping-every"]),
    eviction: parseEviction({
      hard: values["eviction-hard"],
      soft: values["eviction-soft"],
      softGracePeriod: values["eviction-soft-grace-period"],
      minimumReclaim: values["eviction-minimum-reclaim"],
      maxPodGracePeriod: values["eviction-max-pod-grace-period"],
      pressureTransitionPeriod: values["eviction-pressure-transition-period"],
    }),
    images: parseImageLimits({
      highThreshold: values["image-gc-high-threshold"],
      lowThreshold: values["image-gc-low-threshold"],
      maximumAge: values["image-maximum-gc-age"],
    }),
    stopPodsOnExit: values["stop-pods-on-exit"] === true,
    joinToken: () => values["join-token"] ?? (joinTokenFile === undefined ? undefined : readToken(joinTokenFile)),
  };
}

function readPingEvery(text = "75"): number {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 10 && seconds <= 300) return seconds * 1000;
  throw new UsageError(`--ping-every: ${JSON.stringify(text)} is no whole number from 10 to 300`);
}

function readServer(value: string | undefined): string {
  if (value === undefined) throw new UsageError("--server is missing: the URL of the control plane");
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new UsageError(`--server: ${JSON.stringify(value)} is no http or https URL`);
  }
  return value.replace(/\/+$/, "");
}

function oneOf<T extends string>(flag: string, kinds: readonly T[], value: string | undefined): T {
  const found = kinds.find((kind) => kind === value);
  if (found !== undefined) return found;
  const given = value === undefined ? "is missing" : `cannot be ${JSON.stringify(value)}`;
  throw new UsageError(`${flag} ${given}; it can be ${kinds.join(", ")}`);
}

function readLocalApi(values: Values): NodeOptions["localApi"] {
  const address = values["local-api-address"];
  const port = values["local-api-port"] ?? "10443";
  const kubelet = values["kubelet-port"] ?? "10250";
  if (address !== undefined && isIP(address) === 0) {
    throw new UsageError(`--local-api-address: ${JSON.stringify(address)} is no IP address`);
  }
  const kubeletPort = kubelet === "off" ? null : readPort("--kubelet-port", kubelet);
  return port === "off" ? null : { address, port: readPort("--local-api-port", port), kubeletPort };
}

function readPort(flag: string, text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`${flag}: ${JSON.stringify(text)} is no port; a number up to 65535 is, or off`);
}

function readLabel(text: string): [string, string] {
  const end = text.indexOf("=");
  if (end <= 0) throw new UsageError(`--label: ${JSON.stringify(text)} is no KEY=VALUE`);
  return [text.slice(0, end), text.slice(end + 1)];
}

function readNamedFile(flag: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`${flag}: cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The file may be removed once the node has enrolled. */
function readToken(path: string): string | undefined {
  try {
    const token = readFileSync(path, "utf8").trim();
    return token === "" ? undefined : token;
  } catch {
    return undefined;
  }
}
