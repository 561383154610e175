// One machine of the fleet: a disk, a clock that may be wrong, containers, a network, and the agent that runs on it.
import type { Agent } from "../../../agents/node/agent.ts";
import type { ConnectionKind } from "../../../agents/node/options.ts";
import type { Clock, NodeFacts } from "../../../agents/node/ports.ts";
import type { FakeNetwork, FakeRuntime } from "../../../agents/node/runtime/fake.ts";
import type { NodeReport } from "../../../src/sync/messages.ts";
import { Actor } from "../engine/actor.ts";
import type { Crossings } from "../engine/crossing.ts";
import type { Faults } from "../engine/faults.ts";
import type { Kernel } from "../engine/kernel.ts";
import type { Random } from "../engine/random.ts";
import type { Code } from "../platform/bundle.ts";
import type { WorkerHost } from "../platform/worker.ts";
import { checkpointOn } from "./checkpoint.ts";
import { Disk } from "./disk.ts";
import { behaviourOfImage } from "./images.ts";
import { watchedRuntime } from "./runtime.ts";
import type { Tap } from "./uplink.ts";
import { Uplink } from "./uplink.ts";

/** Who looks on as the machine's agent talks, saves and acts. */
export type Witness = {
  tap(machine: Machine): Tap;
  /** Before the agent reads its disk. */
  started(machine: Machine): void;
  saved(machine: Machine, assignment: string): void;
  /** The agent takes what was saved last for not saved. */
  savedUnknown(machine: Machine): void;
  /** Before a call to the runtime. `isRunning`: what it is about is all that runs of the pod. */
  acts(machine: Machine, method: string, podUid: string, isRunning: boolean): void;
};

export type MachineOptions = {
  readonly kernel: Kernel;
  readonly faults: Faults;
  readonly crossings: Crossings;
  readonly worker: WorkerHost;
  readonly random: Random;
  readonly code: Code;
  readonly witness: Witness;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly connection: ConnectionKind;
  readonly joinToken: () => string | undefined;
};

type Life = { readonly actor: Actor; readonly agent: Agent };

export class Machine {
  readonly name: string;
  readonly disk = new Disk();
  readonly uplink: Uplink;
  /** Wall time of the machine less that of the control plane. */
  clockErrorMs = 0;
  readonly runtime: FakeRuntime;
  readonly #options: MachineOptions;
  readonly #body: Actor;
  readonly #network: FakeNetwork;
  readonly #facts: NodeFacts;
  #life: Life | null = null;
  #lives = 0;

  constructor(options: MachineOptions) {
    const { name, code, labels, kernel } = options;
    this.#options = options;
    this.name = name;
    this.#body = new Actor("machine", name);
    this.runtime = new code.FakeRuntime({ clock: this.#clock(this.#body), script: behaviourOfImage });
    this.#network = new code.FakeNetwork(this.runtime);
    const report = nodeReport(name, labels);
    const idle = { usageCoreNanoSeconds: 0, workingSetBytes: 0 };
    this.#facts = { current: () => report, onChange: () => () => {}, usage: () => idle };
    this.uplink = new Uplink({ ...options, node: name, latencyMs: [3, 60], tap: options.witness.tap(this) });
    kernel.note(`machine ${name} talks by ${options.connection}`);
  }

  get agent(): Agent | null {
    return this.#life?.agent ?? null;
  }

  get actor(): Actor | null {
    return this.#life?.actor ?? null;
  }

  get isRunning(): boolean {
    return this.#life !== null;
  }

  #clock(actor: Actor): Clock {
    const { kernel } = this.#options;
    return {
      nowMs: () => Math.floor(kernel.nowMs + this.clockErrorMs),
      monotonicMs: () => kernel.nowMs,
      setTimer: (delayMs, run) => kernel.schedule(delayMs, { actor, label: "" }, run),
    };
  }

  start(): void {
    if (this.#life !== null) return;
    const { kernel, code, name, random, connection, joinToken, witness } = this.#options;
    this.#lives += 1;
    const actor = new Actor("agent", `agent ${name} #${this.#lives}`);
    const clock = this.#clock(actor);
    const say = (message: string) => kernel.note(`${actor.name} says: ${message}`);
    const log = { info: () => {}, warn: say };
    const client = this.uplink.client(actor);
    const store = {
      read: () => this.disk.content.credential,
      write: (credential: string) => this.disk.write({ credential }),
    };
    // Only these parts of the client are used by connections.
    const http = client as unknown as ConstructorParameters<Code["NodeCredentials"]>[0]["client"];
    const credentials = new code.NodeCredentials({ node: name, client: http, store, joinToken });
    const agent = new code.Agent(
      { node: name, directories: { logs: "/logs", pods: "/pods" } },
      {
        clock,
        log,
        random: { next: () => random.next() },
        runtime: watchedRuntime({ ...this.#options, machine: this, actor }),
        network: this.#network,
        volumes: new code.PathVolumes("/pods"),
        checkpoint: checkpointOn({
          ...this.#options,
          machine: this,
          actor,
          saved: (text) => witness.saved(this, text),
          savedUnknown: () => witness.savedUnknown(this),
        }),
        nodeFacts: this.#facts,
        tokens: new code.ControlPlaneTokens({ client: http, credentials, clock }),
        connect: code.connector(connection, { client: http, credentials, clock, log }),
      },
    );
    this.#life = { actor, agent };
    actor.onDeath((why) => this.#died(why));
    witness.started(this);
    kernel.become(actor);
    agent.start();
  }

  #died(why: string): void {
    const life = this.#life;
    if (life === null) return;
    this.#options.kernel.note(`${life.actor.name} ${why}`);
    this.#life = null;
    life.agent.stop();
    this.uplink.hangUp();
  }

  /** The process dies; containers run on. */
  crash(why: string): void {
    this.#life?.actor.die(why);
  }

  /** The power goes: containers too. */
  reboot(): void {
    this.crash("lost its power");
    this.runtime.reboot();
  }
}

export const machineMilliCpu = 4_000;
const capacity = { cpu: `${machineMilliCpu}m`, memory: "8Gi", pods: "110" };

function nodeReport(name: string, labels: Readonly<Record<string, string>>): NodeReport {
  const fine = { status: "False" as const, reason: "Fine", message: "" };
  return {
    labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", ...labels },
    addresses: [{ type: "InternalIP", address: "192.0.2.10" }],
    capacity,
    allocatable: capacity,
    conditions: [
      { type: "Ready", status: "True", reason: "KubeletReady", message: "" },
      { type: "MemoryPressure", ...fine },
      { type: "DiskPressure", ...fine },
      { type: "PIDPressure", ...fine },
    ],
    nodeInfo: { kubeletVersion: "v1.34.0" },
  };
}
