// Keeps one pod as it should be: observes, plans, sets actions going and computes the status, again after each change.
import type { PodStatus } from "../../../src/model/pod-status.ts";
import type { Action, InFlight, Outcome, StartStage } from "../pod/action.ts";
import { actionKey, isMidStart } from "../pod/action.ts";
import { deadContainers } from "../pod/dead-containers.ts";
import type { PodSurroundings } from "../pod/environment.ts";
import { execute } from "../pod/execute.ts";
import type { PodMemory } from "../pod/memory.ts";
import { containerMemory, isFinished, withContainer } from "../pod/memory.ts";
import { awaitsObjects } from "../pod/named-objects.ts";
import { nothingObserved, observe } from "../pod/observation.ts";
import type { PodPlan } from "../pod/plan.ts";
import { planPod } from "../pod/plan.ts";
import { isEndPutOff } from "../pod/plan-held.ts";
import type { PodEvent } from "../pod/pod-event.ts";
import { warning } from "../pod/pod-event.ts";
import { forgiven, remember } from "../pod/remember.ts";
import { podIpOf, statusOf } from "../pod/report.ts";
import { contentVersion } from "../pod/volume-content.ts";
import type { Eviction } from "../upkeep/ports.ts";
import type { PodHost, Wanted } from "./pod-host.ts";
import type { ProbeFinding } from "./prober.ts";
import { Prober, unhealthyEvent, withVerdict } from "./prober.ts";

/** A pod that had succeeded or failed already ends without another status. */
type TellableState = { readonly status: PodStatus; readonly ended: boolean };

type Flight = { -readonly [K in keyof InFlight]: InFlight[K] };

const firstRetryMs = 1000;
const longestRetryMs = 30_000;

export class PodWorker {
  readonly uid: string;
  readonly #host: PodHost;
  readonly #inFlight = new Map<string, Flight>();
  #wanted: Wanted | undefined;
  #observation = nothingObserved;
  #memory: PodMemory;
  #prober: Prober | undefined;
  #isWorking = false;
  #wantsAgain = false;
  /** What was observed may not hold any more. */
  #isStale = true;
  #landings = 0;
  #isBusy = false;
  #troubles = 0;
  #lookAgainAtMs: number | undefined;
  #cancelTimer: (() => void) | undefined;
  /**
   * What the control plane has acknowledged in this life of the agent. What an earlier one was told counts for nothing:
   * the node may have been counted as lost since, and its pods with it.
   */
  #acknowledged: TellableState | undefined;

  constructor(uid: string, host: PodHost, memory: PodMemory) {
    this.uid = uid;
    this.#host = host;
    this.#memory = memory;
  }

  get memory(): PodMemory {
    return this.#memory;
  }

  get wanted(): Wanted | undefined {
    return this.#wanted;
  }

  get isWanted(): boolean {
    return this.#wanted !== undefined;
  }

  /** It neither has ended nor is about to. */
  get isActive(): boolean {
    return !this.#isEnding();
  }

  /** It has been looked at in this life of the agent. */
  get isObserved(): boolean {
    return this.#observation !== nothingObserved;
  }

  /** Neither the runtime nor the disk has anything more of it than they must while it is asked for. */
  get isCleanedUp(): boolean {
    return this.#observation.containers.length === 0 && this.#memory.tornDown !== undefined;
  }

  /** By id. */
  get deadContainers(): readonly string[] {
    return deadContainers(this.#observation, this.#memory);
  }

  get isAcknowledged(): boolean {
    const { status, ended } = this.#memory;
    return this.#acknowledged?.status === status && (ended !== true || this.#acknowledged?.ended === true);
  }

  /** What to report; undefined when there is nothing new. */
  get report(): TellableState | undefined {
    const { status, ended } = this.#memory;
    if (this.#wanted === undefined || status === undefined || this.isAcknowledged) return undefined;
    return { status, ended: ended === true };
  }

  acknowledge(told: TellableState): void {
    this.#acknowledged = told;
  }

  /** The control plane may have lost what it was told. */
  unacknowledge(): void {
    this.#acknowledged = undefined;
  }

  /** The pod has to go, for the sake of its node or of its own limits. */
  evict({ message, graceSeconds, isDisruption }: Eviction): void {
    if (this.#isEnding()) return;
    const given = graceSeconds === undefined ? {} : { graceSeconds };
    this.#memory = { ...this.#memory, failure: { reason: "Evicted", message, isDisruption, ...given } };
    this.#host.happened(this.uid, warning("Evicted", message));
    this.#callOffStarts();
    this.work();
  }

  /** Undefined: nobody asks for the pod any more. Starts the work. */
  want(wanted: Wanted | undefined): void {
    this.#wanted = wanted;
    if (this.#isEnding()) this.#callOffStarts();
    this.work();
  }

  /** What held a start up may be there now: it is not held off any longer. */
  objectsChanged(): void {
    this.#memory = forgiven(this.#memory);
  }

  /** The runtime has news of the pod. */
  touch(): void {
    this.#isStale = true;
    // The end of a start is near and looks anyway; to look before is work for nothing.
    if (!isMidStart(this.#inFlight.values())) this.work();
  }

  work(): void {
    if (this.#isWorking) this.#wantsAgain = true;
    else this.#loop().catch((error: unknown) => this.#retryLater("a bug in the agent", error));
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#prober?.stop();
  }

  async #loop(): Promise<void> {
    this.#isWorking = true;
    this.#updateBusy();
    do {
      this.#wantsAgain = false;
      const landings = this.#landings;
      if (this.#isStale && !(await this.#look())) break;
      if (this.#host.isStopped()) return;
      // What has been done meanwhile may not have been seen, and would be done again.
      if (landings === this.#landings) this.#plan();
    } while (this.#wantsAgain);
    this.#isWorking = false;
    this.#updateBusy();
  }

  async #look(): Promise<boolean> {
    this.#isStale = false;
    try {
      this.#observation = await observe(this.#host.ports, this.uid, this.#observation);
      this.#troubles = 0;
      return true;
    } catch (error) {
      this.#retryLater("cannot ask the runtime", error);
      return false;
    }
  }

  #retryLater(what: string, error: unknown): void {
    this.#host.ports.log.warn(what, { pod: this.uid, problem: String(error) });
    this.#isWorking = false;
    this.#isStale = true;
    this.#setTimer(this.#host.planNowMs() + this.#troubleDelayMs());
  }

  #troubleDelayMs(): number {
    this.#troubles += 1;
    return Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(this.#troubles - 1, 10));
  }

  #plan(): void {
    const { uid } = this;
    const view = {
      uid,
      wanted: this.#wanted,
      observation: this.#observation,
      memory: this.#memory,
      inFlight: this.#inFlight,
      ...this.#host.circumstances(),
      awaitsObjects: this.#wanted !== undefined && awaitsObjects(this.#wanted, this.#host.objects),
      contentVersion: this.#wanted === undefined ? "" : contentVersion(this.#wanted, this.#host.objects),
    };
    const plan = planPod(view, this.#host.planNowMs());
    const isNewMemory = plan.memory !== this.#memory;
    const hasJustEnded = plan.memory.ended === true && this.#memory.ended !== true;
    this.#memory = plan.memory;
    // Before anything is done: what is removed can be told of from what was observed alone.
    const isNewStatus = this.#updateStatus() || hasJustEnded;
    for (const event of plan.events) this.#host.happened(uid, event);
    for (const action of plan.actions) this.#launch(action);
    this.#setTimer(plan.lookAgainAtMs);
    this.#afterPlan(plan, { isNewMemory, isNewStatus });
  }

  #afterPlan(plan: PodPlan, { isNewMemory, isNewStatus }: { isNewMemory: boolean; isNewStatus: boolean }): void {
    this.#updateProber();
    if (isNewMemory || isNewStatus) this.#host.changed({ status: isNewStatus });
    if (!plan.forget) return;
    this.stop();
    this.#host.forget(this);
  }

  /** True when there is a new one. A pod that has just succeeded or failed is planned again: it is to be ended. */
  #updateStatus(): boolean {
    if (this.#wanted === undefined) return false;
    const before = this.#memory.status;
    const { ports } = this.#host;
    const status = statusOf({
      ...this.#wanted,
      observation: this.#observation,
      memory: this.#memory,
      node: this.#host.node(),
      runtimeName: ports.runtime.name,
      nowMs: ports.clock.nowMs(),
    });
    if (status === before) return false;
    this.#memory = { ...this.#memory, status };
    if (status.phase !== before?.phase && (status.phase === "Succeeded" || status.phase === "Failed")) {
      this.#wantsAgain = true;
    }
    return true;
  }

  #updateProber(): void {
    const definition = this.#wanted?.definition;
    if (definition === undefined || !definition.containers.some(({ hasProbes }) => hasProbes)) {
      this.#prober?.stop();
      return;
    }
    const { ports, startedAtMs } = this.#host;
    this.#prober ??= new Prober(ports, startedAtMs, (finding) => this.#found(finding));
    this.#prober.update({
      definition,
      observation: this.#observation,
      memory: this.#memory,
      podIp: this.#podIp(),
      isEnding: this.#isEnding(),
    });
  }

  #found(finding: ProbeFinding): void {
    switch (finding.kind) {
      case "answered":
        this.#updateBusy();
        return;
      case "unhealthy":
        this.#host.happened(this.uid, unhealthyEvent(finding));
        return;
      case "verdict":
        this.#takeVerdict(finding);
        return;
      default:
        finding satisfies never;
    }
  }

  #takeVerdict(finding: Extract<ProbeFinding, { kind: "verdict" }>): void {
    const before = containerMemory(this.#memory, finding.name).health;
    const health = withVerdict(before, finding);
    if (health === before) return;
    this.#memory = withContainer(this.#memory, finding.name, { health });
    this.#host.changed({ status: false });
    this.work();
  }

  #podIp(): string {
    const input = { observation: this.#observation, memory: this.#memory, node: this.#host.node() };
    return podIpOf(input) ?? "";
  }

  #surroundings(): PodSurroundings | undefined {
    if (this.#wanted === undefined) return undefined;
    const { objects, localApi, ports } = this.#host;
    const { tokens } = ports;
    return { ...this.#wanted, node: this.#host.node(), podIp: this.#podIp(), objects, tokens, localApi };
  }

  #launch(action: Action): void {
    const key = actionKey(action);
    const deadlineMs = "graceSeconds" in action ? this.#host.planNowMs() + action.graceSeconds * 1000 : undefined;
    const flight: Flight = { action, stage: undefined, deadlineMs };
    this.#inFlight.set(key, flight);
    const context = {
      ports: this.#host.ports,
      directories: this.#host.directories,
      podUid: this.uid,
      pod: this.#surroundings(),
      toldTrouble: this.#memory.volumes?.trouble,
      isWanted: () => this.#inFlight.get(key) === flight && !this.#isEnding(),
      tell: (event: PodEvent) => this.#host.happened(this.uid, event),
      setStage: (stage: StartStage) => {
        flight.stage = stage;
        // What runs already is worth telling while its hook takes its time.
        if (stage === "post-start") this.touch();
      },
    };
    const failed = (error: unknown): Outcome => ({
      kind: "failed",
      reason: "failed",
      message: String(error),
      events: [],
    });
    const begun = this.#removesEvidence(action) ? this.#host.save() : undefined;
    const executed = begun === undefined ? execute(action, context) : begun.then(() => execute(action, context));
    executed
      .then(
        (outcome) => this.#land(key, flight, outcome),
        (error: unknown) => this.#land(key, flight, failed(error)),
      )
      .catch((error: unknown) => this.#retryLater("a bug in the agent", error));
  }

  /**
   * The pod has failed, which its memory alone says once the runtime knows it no more: a life of the agent that had
   * neither would begin it anew.
   */
  #removesEvidence({ kind }: Action): boolean {
    const removes = kind === "remove-container" || kind === "remove-sandbox";
    return removes && this.#wanted !== undefined && isFinished(this.#memory);
  }

  /** An action has turned out. One that was called off or replaced meanwhile says nothing any more. */
  #land(key: string, flight: Flight, outcome: Outcome): void {
    if (this.#host.isStopped() || this.#inFlight.get(key) !== flight) return;
    this.#landings += 1;
    const { action } = flight;
    this.#memory = remember(this.#memory, action, outcome, this.#host.planNowMs());
    if (outcome.kind !== "abandoned") for (const event of outcome.events) this.#host.happened(this.uid, event);
    this.#isStale = true;
    if (outcome.kind === "failed")
      this.#host.ports.log.warn("an action failed", { pod: this.uid, action: action.kind, problem: outcome.message });
    const isHeldOffByPlan = action.kind === "start-container" || action.kind === "run-sandbox";
    if (outcome.kind === "failed" && !isHeldOffByPlan) {
      // It stays in flight for a while: the plan would ask for the same again at once.
      const again = () => {
        this.#inFlight.delete(key);
        this.work();
      };
      this.#host.ports.clock.setTimer(this.#troubleDelayMs(), again);
    } else this.#inFlight.delete(key);
    this.work();
  }

  #isEnding(): boolean {
    if (this.#host.isStopped() || this.#wanted === undefined || isFinished(this.#memory)) return true;
    if (this.#wanted.assigned.deletion === undefined) return false;
    return !isEndPutOff({ memory: this.#memory, observation: this.#observation, ...this.#host.circumstances() });
  }

  /** An image may take its time to come, and a post-start hook to end; the end of the pod waits for neither. */
  #callOffStarts(): void {
    for (const [key, { action, stage }] of this.#inFlight) {
      if (action.kind === "start-container" && stage !== "create") this.#inFlight.delete(key);
    }
  }

  #setTimer(atMs: number | undefined): void {
    if (atMs === this.#lookAgainAtMs) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#lookAgainAtMs = atMs;
    if (atMs === undefined) return;
    const delayMs = Math.max(0, atMs - this.#host.planNowMs());
    this.#cancelTimer = this.#host.ports.clock.setTimer(delayMs, () => {
      this.#cancelTimer = undefined;
      this.#lookAgainAtMs = undefined;
      this.work();
    });
  }

  #updateBusy(): void {
    const isBusy = this.#isWorking || this.#inFlight.size > 0 || this.#prober?.isUndecided() === true;
    if (isBusy === this.#isBusy) return;
    this.#isBusy = isBusy;
    this.#host.busyChanged(isBusy);
  }
}
