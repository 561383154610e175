// The world as an agent meets it. An agent touches nothing but these, so that a simulator can put its own world in place.
import type { PodStatus } from "../../src/model/pod-status.ts";
import type { AssignedPod, NodeReport, SessionOffer, SyncAnswer, SyncRequest } from "../../src/sync/messages.ts";
import type { HeldObject } from "./assignment/objects.ts";
import type { StoredAssignment, StoredMemory } from "./assignment/stored.ts";

export type Clock = {
  /** Wall time in milliseconds since 1970. It may jump: good for what is reported, not for waiting. */
  nowMs(): number;
  /** Milliseconds that only rise. */
  monotonicMs(): number;
  /** Runs `run` once after `delayMs`; the answer calls it off. */
  setTimer(delayMs: number, run: () => void): () => void;
};

export type Random = {
  /** From 0 up to but not including 1. */
  next(): number;
};

export type Log = {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
};

/** What survives the agent. A save that has resolved is there after a crash, one that has not may or may not be. */
export type Checkpoint = {
  load(): Promise<Loaded>;
  saveAssignment(assignment: StoredAssignment): Promise<void>;
  saveMemory(memory: StoredMemory): Promise<void>;
  /** In place of those that were saved before. On a disk nobody can read them who has only the disk's files of state. */
  saveObjects(objects: readonly HeldObject[]): Promise<void>;
};

/** Undefined where there was nothing readable. */
export type Loaded = {
  readonly assignment: StoredAssignment | undefined;
  readonly memory: StoredMemory | undefined;
  readonly objects: readonly HeldObject[] | undefined;
};

export type NodeFacts = {
  /** Equal facts are the same object, so that a caller sees a change by comparing references. */
  current(): NodeReport;
  onChange(listener: () => void): () => void;
  /** What all that runs on the host has used of its processors since some point in the past, and uses of its memory. */
  usage(): { readonly usageCoreNanoSeconds: number; readonly workingSetBytes: number };
};

/**
 * `refused`: the control plane does not accept this agent (401, 403); `waiting`: somebody has yet to let it in;
 * `unreachable`: everything else that waiting may heal.
 */
export type ConnectionProblem = { readonly kind: "refused" | "waiting" | "unreachable"; readonly message: string };

export type ConnectionListener = {
  answered(answer: SyncAnswer): void;
  /** A message, or the line it would go by, was lost. Told at most once per message. */
  failed(problem: ConnectionProblem): void;
};

export type Connection = {
  /** True when the control plane can hold a question open: an agent with nothing to say keeps one there. */
  holdsQuestions(): boolean;
  /** Sends one message, connecting first if need be. `hold`: the answer may wait until the assignment changes. */
  send(request: SyncRequest, hold: boolean): void;
  close(): void;
};

export type HttpGet = {
  readonly scheme: "HTTP" | "HTTPS";
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly timeoutMs: number;
  /** Whom the question is about. */
  readonly containerId: string;
};

export type TcpConnect = Pick<HttpGet, "host" | "port" | "timeoutMs" | "containerId">;
export type GrpcHealth = TcpConnect & { readonly service: string };

/** `leftHost`: the last redirect pointed to another host and was not followed. */
export type HttpAnswer =
  | { readonly ok: true; readonly statusCode: number; readonly leftHost: boolean }
  | { readonly ok: false; readonly message: string };
export type NetworkAnswer = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** How probes and hooks reach containers over the network. */
export type Network = {
  httpGet(request: HttpGet): Promise<HttpAnswer>;
  tcpConnect(request: TcpConnect): Promise<NetworkAnswer>;
  grpcHealth(request: GrpcHealth): Promise<NetworkAnswer>;
};

export type Address = { readonly host: string; readonly port: number };

/** The API that the node itself serves to the daemons on it. */
export type LocalApi = {
  /** PEM of the certificate that daemons trust it by: `ca.crt` beside their tokens. */
  ca(): string;
  /** Where pods find it: those that share the node's network, or those with one of their own. */
  address(pod: { readonly sharesNetwork: boolean }): Address;
};

/** Sessions of people with the node's pods, each over a connection of its own. */
export type Sessions = {
  /** Takes one on that somebody waits for; the same one may be offered several times. Undefined: there is no such pod here. */
  open(offer: SessionOffer, pod: AssignedPod | undefined, status: PodStatus | undefined): void;
  /** Ends them all. */
  close(): void;
};
