// What an agent has to tell, made up into messages, and what of it has arrived.
import type { UsageReport } from "../../../src/model/usage-report.ts";
import type { EventReport, NodeReport, PodReport, SyncRequest } from "../../../src/sync/messages.ts";
import type { Hold } from "../hold.ts";
import type { PodEvent } from "../pod/pod-event.ts";
import type { Clock, NodeFacts } from "../ports.ts";
import type { PodWorker } from "../worker/pod-worker.ts";
import { EventQueue } from "./events.ts";
import type { Outgoing } from "./session.ts";

/** In one message, so that none is too long to be taken. What is left goes with the next. */
const mostReports = 32;
const mostEvents = 32;
/** More reports than an agent makes between two saves: numbers go on above all that may have been used. */
const observationLeap = 1000;
const eventDelayMs = 5000;
const laterEventDelayMs = 60_000;

/** Of a pod, to the control plane. */
export type Reporter = Pick<PodWorker, "uid" | "report" | "acknowledge" | "unacknowledge">;

export type OutboxOwner = {
  workers(): Iterable<Reporter>;
  have(): SyncRequest["have"];
  /** Saves what was remembered; a failure is told and survived. */
  save(): Promise<void>;
  /** Asks for a message within `delayMs`. */
  wake(delayMs: number): void;
};

type OutboxPorts = { readonly clock: Clock; readonly nodeFacts: NodeFacts; readonly hold: Hold | undefined };

type Told = {
  readonly worker: Reporter;
  readonly state: NonNullable<PodWorker["report"]>;
  readonly report: PodReport;
};

export class Outbox {
  readonly #owner: OutboxOwner;
  readonly #clock: Clock;
  readonly #nodeFacts: NodeFacts;
  readonly #hold: Hold | undefined;
  readonly #events = new EventQueue();
  /** The number of the last report. */
  #observation = 0;
  /** False until the control plane has told its own: the disk's may be too low, for it may be an old copy. */
  #isObservationKnown = false;
  #acknowledgedNode: NodeReport | undefined;
  #acknowledgedHold = 0;
  #isRegistering = true;
  #nextEventsAtMs = 0;
  /** A status has changed since the last message was made up. */
  hasNews = false;
  /** Asked for, and to be told once. */
  usage: UsageReport | undefined;

  constructor(owner: OutboxOwner, ports: OutboxPorts) {
    this.#owner = owner;
    this.#clock = ports.clock;
    this.#nodeFacts = ports.nodeFacts;
    this.#hold = ports.hold;
  }

  get observation(): number {
    return this.#observation;
  }

  get isObservationKnown(): boolean {
    return this.#isObservationKnown;
  }

  /** The number that an earlier life of the agent left. */
  resume(observation: number): void {
    this.#observation = observation + observationLeap;
  }

  /** Numbers that the control plane has on record. */
  learn(observations: readonly number[]): void {
    if (!this.#isObservationKnown) this.hasNews = true;
    this.#isObservationKnown = true;
    this.#observation = Math.max(this.#observation, ...observations);
  }

  /** Undefined: to the node itself. */
  happened(podUid: string | undefined, event: PodEvent): void {
    this.#events.add(podUid, event, this.#clock.nowMs());
    this.#owner.wake(Math.max(eventDelayMs, this.#nextEventsAtMs - this.#clock.monotonicMs()));
  }

  /** Everything is to be told again. */
  startOver(): void {
    this.#acknowledgedNode = undefined;
    for (const worker of this.#owner.workers()) worker.unacknowledge();
  }

  async prepare(): Promise<Outgoing> {
    this.hasNews = false;
    const told = this.#isObservationKnown ? this.#reports() : [];
    // Saved first: what the control plane knows of this node must not be news to its next life.
    if (told.length > 0) await this.#owner.save();
    const node = this.#nodeFacts.current();
    const holdChanges = this.#hold?.changes ?? 0;
    const isNodeKnown = node === this.#acknowledgedNode && holdChanges === this.#acknowledgedHold;
    const events = this.#events.take(mostEvents);
    if (events.length > 0) this.#nextEventsAtMs = this.#clock.monotonicMs() + laterEventDelayMs;
    const isRegistering = this.#isRegistering;
    const { usage } = this;
    this.usage = undefined;
    return {
      content: {
        have: this.#owner.have(),
        ...(isRegistering ? { register: true } : {}),
        ...(isNodeKnown ? {} : { nodeReport: withHold(node, this.#hold) }),
        ...contentOf(told, events),
        ...(usage === undefined ? {} : { usage }),
      },
      acknowledged: () => {
        if (isRegistering) this.#isRegistering = false;
        this.#acknowledgedNode = node;
        this.#acknowledgedHold = holdChanges;
        this.#arrived(told);
      },
      lost: () => {
        this.hasNews ||= told.length > 0;
        this.#events.lost();
      },
    };
  }

  #reports(): readonly Told[] {
    const told: Told[] = [];
    for (const worker of this.#owner.workers()) {
      const { report } = worker;
      if (report === undefined) continue;
      if (told.length === mostReports) break;
      this.#observation += 1;
      const podReport: PodReport = { uid: worker.uid, observation: this.#observation, status: report.status };
      if (report.ended) podReport.ended = true;
      told.push({ worker, state: report, report: podReport });
    }
    return told;
  }

  #arrived(told: readonly Told[]): void {
    for (const { worker, state } of told) worker.acknowledge(state);
    this.#events.arrived();
    if (this.#events.hasNews) this.#owner.wake(laterEventDelayMs);
    if (told.length === mostReports) this.#owner.wake(0);
  }
}

/** What is left of a hold is told as of now: a report may have waited long for a network. */
function withHold(node: NodeReport, hold: Hold | undefined): NodeReport {
  const current = hold?.current();
  if (current === undefined) return node;
  const remainingSeconds = Math.ceil(current.remainingMs / 1000);
  return { ...node, hold: { reason: current.reason, remainingSeconds } };
}

function contentOf(told: readonly Told[], events: readonly EventReport[]): Pick<SyncRequest, "pods" | "events"> {
  return {
    ...(told.length === 0 ? {} : { pods: told.map(({ report }) => report) }),
    ...(events.length === 0 ? {} : { events: [...events] }),
  };
}
