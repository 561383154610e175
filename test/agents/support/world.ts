// One agent in a world of its own, whose time and faults a test decides.
import { Agent } from "../../../agents/node/agent.ts";
import type { AgentPorts } from "../../../agents/node/agent-ports.ts";
import type { HeldObject } from "../../../agents/node/assignment/objects.ts";
import type { StoredAssignment, StoredMemory } from "../../../agents/node/assignment/stored.ts";
import type { Hold } from "../../../agents/node/hold.ts";
import type { Checkpoint, Connection, ConnectionListener, Loaded, NodeFacts } from "../../../agents/node/ports.ts";
import { FakeNetwork, FakeRuntime } from "../../../agents/node/runtime/fake.ts";
import type { FakeScript } from "../../../agents/node/runtime/fake-script.ts";
import type { Runtime } from "../../../agents/node/runtime/runtime.ts";
import { PathVolumes } from "../../../agents/node/volume/path-volumes.ts";
import type { NodeReport, SyncAnswer, SyncRequest } from "../../../src/sync/messages.ts";
import { ControlPlane } from "./control-plane.ts";
import { VirtualClock } from "./virtual-clock.ts";

class MemoryCheckpoint implements Checkpoint {
  assignment: StoredAssignment | undefined;
  memory: StoredMemory | undefined;
  objects: readonly HeldObject[] | undefined;
  saves = 0;
  fails = false;

  async load(): Promise<Loaded> {
    return { assignment: this.assignment, memory: this.memory, objects: this.objects };
  }

  async saveAssignment(assignment: StoredAssignment): Promise<void> {
    if (this.fails) throw new Error("disk full");
    this.saves += 1;
    this.assignment = structuredClone(assignment);
  }

  async saveMemory(memory: StoredMemory): Promise<void> {
    if (this.fails) throw new Error("disk full");
    this.saves += 1;
    this.memory = structuredClone(memory);
  }

  async saveObjects(objects: readonly HeldObject[]): Promise<void> {
    if (this.fails) throw new Error("disk full");
    this.saves += 1;
    this.objects = structuredClone(objects);
  }
}

const nodeReport: NodeReport = {
  labels: { "kubernetes.io/hostname": "node-1" },
  addresses: [
    { type: "InternalIP", address: "192.0.2.10" },
    { type: "Hostname", address: "node-1" },
  ],
  capacity: { cpu: "4", memory: "8Gi", pods: "110" },
  allocatable: { cpu: "4", memory: "8Gi", pods: "110" },
  conditions: [],
  nodeInfo: {},
};

class Facts implements NodeFacts {
  #report = nodeReport;
  used = { usageCoreNanoSeconds: 0, workingSetBytes: 0 };
  #listeners = new Set<() => void>();

  current(): NodeReport {
    return this.#report;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  usage() {
    return this.used;
  }

  change(report: Partial<NodeReport>): void {
    this.#report = { ...this.#report, ...report };
    for (const listener of this.#listeners) listener();
  }
}

/** The line between one agent and its control plane. */
export class Link implements Connection {
  readonly #world: World;
  readonly listener: ConnectionListener;
  isClosed = false;

  constructor(world: World, listener: ConnectionListener) {
    this.#world = world;
    this.listener = listener;
  }

  holdsQuestions(): boolean {
    return false;
  }

  send(request: SyncRequest): void {
    const { clock, controlPlane } = this.#world;
    clock.setTimer(this.#world.latencyMs, () => {
      if (this.isClosed) return;
      switch (this.#world.line) {
        case "up":
          this.answer(controlPlane.handle(request));
          return;
        case "down":
          this.listener.failed({ kind: "unreachable", message: "the line is down" });
          return;
        case "messages lost":
          return;
        case "answers lost":
          controlPlane.handle(request);
          return;
      }
    });
  }

  answer(answer: SyncAnswer): void {
    this.#world.clock.setTimer(this.#world.latencyMs, () => {
      if (!this.isClosed) this.listener.answered(answer);
    });
  }

  close(): void {
    this.isClosed = true;
  }
}

export type WorldOptions = {
  readonly staticPods?: AgentPorts["staticPods"];
  readonly script?: FakeScript;
  readonly newRuntime?: (clock: VirtualClock) => FakeRuntime;
  /** What the agent gets in place of the runtime. */
  readonly wrap?: (runtime: FakeRuntime) => Runtime;
  readonly wrapCheckpoint?: (checkpoint: Checkpoint) => Checkpoint;
};

export class World {
  readonly clock = new VirtualClock();
  readonly controlPlane = new ControlPlane();
  readonly checkpoint = new MemoryCheckpoint();
  readonly facts = new Facts();
  readonly runtime: FakeRuntime;
  readonly logs: string[] = [];
  line: "up" | "down" | "messages lost" | "answers lost" = "up";
  latencyMs = 10;
  link: Link | undefined;
  /** Set, and taken up by the next life of the agent. */
  hold: Hold | undefined;
  agent: Agent;
  #random = 0.5;

  constructor({ script, wrap, wrapCheckpoint, newRuntime, staticPods }: WorldOptions = {}) {
    this.#staticPods = staticPods;
    this.runtime =
      newRuntime?.(this.clock) ?? new FakeRuntime({ clock: this.clock, ...(script === undefined ? {} : { script }) });
    this.#wrapCheckpoint = wrapCheckpoint ?? ((checkpoint) => checkpoint);
    this.#wrap = wrap ?? ((runtime) => runtime);
    this.agent = this.#newAgent();
  }

  readonly #staticPods: AgentPorts["staticPods"];
  readonly #wrap: (runtime: FakeRuntime) => Runtime;
  readonly #wrapCheckpoint: (checkpoint: Checkpoint) => Checkpoint;

  /** The agent dies, and a new one takes up what it left. */
  restart(): void {
    this.agent.stop();
    this.agent = this.#newAgent();
    this.agent.start();
  }

  #newAgent(): Agent {
    const log = (message: string, fields?: unknown) =>
      void this.logs.push(`${message} ${JSON.stringify(fields ?? {})}`);
    return new Agent(
      { node: "node-1", directories: { logs: "/logs", pods: "/pods" } },
      {
        clock: this.clock,
        random: { next: () => this.#random },
        log: { info: log, warn: log },
        runtime: this.#wrap(this.runtime),
        network: new FakeNetwork(this.runtime),
        volumes: new PathVolumes("/pods"),
        checkpoint: this.#wrapCheckpoint(this.checkpoint),
        nodeFacts: this.facts,
        ...(this.#staticPods === undefined ? {} : { staticPods: this.#staticPods }),
        ...(this.hold === undefined ? {} : { hold: this.hold }),
        tokens: { token: (request) => this.controlPlane.token(request, this.clock.nowMs(), this.line === "up") },
        connect: (listener) => {
          this.link = new Link(this, listener);
          return this.link;
        },
      },
    );
  }
}
