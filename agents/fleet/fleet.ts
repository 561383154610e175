// Thousands of agents in one process: the real agent, with a runtime that runs nothing and a disk in memory.

import type { NodeReport } from "../../src/sync/messages.ts";
import { Agent } from "../node/agent.ts";
import type { AgentSummary } from "../node/agent-summary.ts";
import type { HeldObject } from "../node/assignment/objects.ts";
import type { StoredAssignment, StoredMemory } from "../node/assignment/stored.ts";
import type { Credentials } from "../node/connection/credentials.ts";
import { NodeCredentials } from "../node/connection/credentials.ts";
import { HttpClient } from "../node/connection/http-client.ts";
import { PollConnection } from "../node/connection/poll.ts";
import { SocketConnection } from "../node/connection/socket.ts";
import { ControlPlaneTokens } from "../node/connection/tokens.ts";
import type {
  Checkpoint,
  Connection,
  ConnectionListener,
  Loaded,
  Log,
  NodeFacts,
  Random,
  Sessions,
} from "../node/ports.ts";
import { FakeNetwork, FakeRuntime } from "../node/runtime/fake.ts";
import type { FakeScript } from "../node/runtime/fake-script.ts";
import { fakeLogs } from "../node/streams/log/log-source.ts";
import type { SessionParts } from "../node/streams/sessions.ts";
import { OpenSessions } from "../node/streams/sessions.ts";
import { PathVolumes } from "../node/volume/path-volumes.ts";
import type { NetworkFaults } from "./faulty-connection.ts";
import { FaultyConnection, noFaults } from "./faulty-connection.ts";
import { sharedAnswers } from "./shared-answers.ts";
import { simulatedNode } from "./simulated-node.ts";
import { Turns } from "./turns.ts";
import { WheelClock } from "./wheel-clock.ts";

export type FleetOptions = {
  readonly server: string;
  /** PEM of the certificates to trust instead of the system's. */
  readonly ca?: string;
  readonly count: number;
  /** Nodes are named after it and their number: `edge-00042`. */
  readonly namePrefix: string;
  /** Number of the first node; several processes share one fleet by it. */
  readonly firstNumber?: number;
  readonly labels?: (number: number) => Readonly<Record<string, string>>;
  readonly connection: "socket" | "long-poll" | "poll";
  /** To enrol with; not needed for nodes that have a credential. */
  readonly joinToken?: string;
  /** By node name; nodes that enrol are added. */
  readonly credentials?: Map<string, string>;
  /** Agents start evenly over this time. */
  readonly startOverMs?: number;
  /** How many connect or enrol at a time. */
  readonly connectingAtOnce?: number;
  readonly faults?: Partial<NetworkFaults>;
  /** How containers behave, by node. */
  readonly script?: (number: number) => FakeScript | undefined;
  readonly random?: Random;
  readonly log?: Log;
};

export type FleetCounts = {
  readonly agents: number;
  /** Have got an answer since they started. */
  readonly synced: number;
  /** Have nothing left to do or to tell. */
  readonly settled: number;
  readonly pods: number;
  readonly readyPods: number;
  readonly messages: number;
  readonly answers: number;
  /** Statuses of pods told; told again after a loss they count again. */
  readonly reports: number;
  /** Messages and connections lost, and what the last one died of. */
  readonly failures: number;
  readonly lastFailure: string | null;
};

export type Fleet = {
  readonly agents: readonly Agent[];
  counts(): FleetCounts;
  /** Done once the predicate holds for every agent at one time; throws after `timeoutMs`. */
  whenAll(predicate: (summary: AgentSummary) => boolean, timeoutMs: number): Promise<void>;
  stop(): void;
};

type Tally = { messages: number; answers: number; reports: number; failures: number; lastFailure: string | null };

const quiet: Log = { info: () => {}, warn: () => {} };
const lookEveryMs = 20;
const defaultConnectingAtOnce = 200;

export function startFleet(options: FleetOptions): Fleet {
  const shared = newShared(options);
  const { clock } = shared;
  const { count, firstNumber = 0, startOverMs = 0 } = options;
  const agents = Array.from({ length: count }, (_, index) => newAgent(firstNumber + index, shared));
  for (const [index, agent] of agents.entries()) {
    const delayMs = (startOverMs * index) / count;
    if (delayMs === 0) agent.start();
    else clock.setTimer(delayMs, () => agent.start());
  }
  return {
    agents,
    counts: () => countAll(agents, shared.tally),
    whenAll: (predicate, timeoutMs) => whenAll(agents, predicate, timeoutMs),
    stop: () => {
      for (const agent of agents) agent.stop();
      shared.client.close();
      clock.stop();
    },
  };
}

type Shared = ReturnType<typeof newShared>;

function newShared(options: FleetOptions) {
  const { server, ca, connectingAtOnce = defaultConnectingAtOnce } = options;
  return {
    options,
    clock: new WheelClock(),
    random: options.random ?? { next: () => Math.random() },
    log: options.log ?? quiet,
    // Held questions need a connection each.
    client: new HttpClient({
      server,
      ...(ca === undefined ? {} : { ca }),
      maxSockets: options.connection === "long-poll" ? Number.POSITIVE_INFINITY : connectingAtOnce,
    }),
    turns: new Turns(connectingAtOnce),
    read: sharedAnswers(),
    credentials: options.credentials ?? new Map<string, string>(),
    tally: { messages: 0, answers: 0, reports: 0, failures: 0, lastFailure: null } as Tally,
  };
}

function newAgent(number: number, shared: Shared): Agent {
  const { options, clock, random, log, client } = shared;
  const report = simulatedNode(number, options.namePrefix, options.labels?.(number) ?? {});
  const node = report.labels["kubernetes.io/hostname"] ?? "";
  const script = options.script?.(number);
  const runtime = new FakeRuntime({ clock, ...(script === undefined ? {} : { script }) });
  const store = {
    read: () => shared.credentials.get(node),
    write: (credential: string) => void shared.credentials.set(node, credential),
  };
  const credentials = new NodeCredentials({ node, client, store, joinToken: () => options.joinToken });
  return new Agent(
    { node, directories: { logs: "/var/log", pods: "/var/lib/lares/pods" } },
    {
      clock,
      random,
      log,
      runtime,
      network: new FakeNetwork(runtime),
      volumes: new PathVolumes("/var/lib/lares/pods"),
      checkpoint: new MemoryCheckpoint(),
      nodeFacts: fixedFacts(report),
      tokens: new ControlPlaneTokens({ client, credentials, clock }),
      connect: (listener) => newConnection(listener, credentials, shared),
      sessions: sessionsOf({ client, credentials, runtime, log, logs: fakeLogs }),
    },
  );
}

/** Nobody has sessions with most of them. */
function sessionsOf(parts: SessionParts): Sessions {
  let sessions: OpenSessions | undefined;
  return {
    open: (offer, pod, status) => {
      sessions ??= new OpenSessions(parts);
      sessions.open(offer, pod, status);
    },
    close: () => sessions?.close(),
  };
}

function newConnection(listener: ConnectionListener, credentials: Credentials, shared: Shared): Connection {
  const { options, clock, random, client, read, turns, tally } = shared;
  const connect = (to: ConnectionListener): Connection => {
    if (options.connection === "socket") {
      return new SocketConnection(to, { client, credentials, clock, read, turn: () => turns.take() });
    }
    return new PollConnection(to, { client, credentials, read, holds: options.connection === "long-poll" });
  };
  const faults = { ...noFaults, ...options.faults };
  return counted(listener, tally, (to) =>
    options.faults === undefined ? connect(to) : new FaultyConnection(to, { faults, clock, random, connect }),
  );
}

/** The connection, with its traffic counted. */
function counted(
  listener: ConnectionListener,
  tally: Tally,
  connect: (listener: ConnectionListener) => Connection,
): Connection {
  const inner = connect({
    answered: (answer) => {
      tally.answers += 1;
      listener.answered(answer);
    },
    failed: (problem) => {
      tally.failures += 1;
      tally.lastFailure = `${problem.kind}: ${problem.message}`;
      listener.failed(problem);
    },
  });
  return {
    holdsQuestions: () => inner.holdsQuestions(),
    send: (request, hold) => {
      tally.messages += 1;
      tally.reports += request.pods?.length ?? 0;
      inner.send(request, hold);
    },
    close: () => inner.close(),
  };
}

/** A disk that never fails and is as fast as memory. */
class MemoryCheckpoint implements Checkpoint {
  #assignment: StoredAssignment | undefined;
  #memory: StoredMemory | undefined;
  #objects: readonly HeldObject[] | undefined;

  async load(): Promise<Loaded> {
    return { assignment: this.#assignment, memory: this.#memory, objects: this.#objects };
  }

  async saveAssignment(assignment: StoredAssignment): Promise<void> {
    this.#assignment = assignment;
  }

  async saveMemory(memory: StoredMemory): Promise<void> {
    this.#memory = memory;
  }

  async saveObjects(objects: readonly HeldObject[]): Promise<void> {
    this.#objects = objects;
  }
}

const simulatedWorkingSetBytes = 256 * 1024 * 1024;

function fixedFacts(report: NodeReport): NodeFacts {
  const idle = { usageCoreNanoSeconds: 0, workingSetBytes: simulatedWorkingSetBytes };
  return { current: () => report, onChange: () => () => {}, usage: () => idle };
}

function countAll(agents: readonly Agent[], tally: Tally): FleetCounts {
  const counts = { agents: agents.length, synced: 0, settled: 0, pods: 0, readyPods: 0, ...tally };
  for (const agent of agents) {
    const { isSynced, isSettled, pods, readyPods } = agent.summary();
    if (isSynced) counts.synced += 1;
    if (isSettled) counts.settled += 1;
    counts.pods += pods;
    counts.readyPods += readyPods;
  }
  return counts;
}

/** Looks at the first agent that did not fit last time, and at all of them only when none is left. */
async function whenAll(
  agents: readonly Agent[],
  predicate: (summary: AgentSummary) => boolean,
  timeoutMs: number,
): Promise<void> {
  const endAtMs = performance.now() + timeoutMs;
  let next = 0;
  for (;;) {
    for (let agent = agents[next]; agent !== undefined && predicate(agent.summary()); agent = agents[next]) next += 1;
    if (next === agents.length) {
      next = agents.findIndex((agent) => !predicate(agent.summary()));
      if (next === -1) return;
    }
    if (performance.now() > endAtMs) {
      const missing = agents.filter((agent) => !predicate(agent.summary())).length;
      throw new Error(`after ${timeoutMs} ms ${missing} of ${agents.length} agents are not as they should be`);
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}
