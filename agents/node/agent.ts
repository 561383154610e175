// A node's agent: it knows what the node is to run, keeps its pods so, and tells the control plane what became of them.

import type { NodeReport, SessionOffer, SyncAnswer } from "../../src/sync/messages.ts";
import type { AgentOptions, AgentPorts } from "./agent-ports.ts";
import { AgentState } from "./agent-state.ts";
import type { AgentSummary, PodSummary } from "./agent-summary.ts";
import { keptPod, podSummary, summaryOf } from "./agent-summary.ts";
import { Desired, emptyAssignment } from "./assignment/desired.ts";
import type { ObjectLookup } from "./assignment/objects.ts";
import { definedBy, loadedFrom } from "./assignment/salvage.ts";
import type { StoredPod } from "./assignment/stored.ts";
import { memoryOf } from "./assignment/stored.ts";
import type { Hold } from "./hold.ts";
import type { NodeView } from "./node-view.ts";
import { nodeView } from "./node-view.ts";
import type { Directories } from "./pod/container-config.ts";
import { labels } from "./pod/labels.ts";
import { newPodMemory, recalledPodMemory } from "./pod/memory.ts";
import { areOthers } from "./pod/named-objects.ts";
import type { Circumstances } from "./pod/plan.ts";
import type { PodEvent } from "./pod/pod-event.ts";
import type { Checkpoint, LocalApi, NodeFacts, Sessions } from "./ports.ts";
import type { OutboxOwner, Reporter } from "./reporting/outbox.ts";
import { Outbox } from "./reporting/outbox.ts";
import type { Standing } from "./reporting/session.ts";
import { Session } from "./reporting/session.ts";
import { UsageMeter } from "./reporting/usage-meter.ts";
import { isMirror, Mirrors } from "./static-pods/mirrors.ts";
import type { Eviction, KeptAgent, KeptPod } from "./upkeep/ports.ts";
import { Gate, GatedRuntime, gatedSurroundings } from "./worker/gate.ts";
import type { PodHost, Wanted } from "./worker/pod-host.ts";
import { PodWorker } from "./worker/pod-worker.ts";

/** While a pod is on its way, its status is told at least this often. */
const reportDelayMs = 1000;
const nodeReportDelayMs = 1000;
const saveDelayMs = 5000;
const firstStrayRetryMs = 1000;
const longestStrayRetryMs = 30_000;
const firstAskMs = 200;
const longestAskMs = 60_000;

export class Agent implements PodHost, OutboxOwner, KeptAgent {
  readonly #options: AgentOptions;
  readonly #checkpoint: Checkpoint;
  readonly #desired: Desired;
  readonly #nodeFacts: NodeFacts;
  readonly #hold: Hold | undefined;
  readonly #session: Session;
  readonly #gate = new Gate();
  readonly #workers = new Map<string, PodWorker>();
  readonly #outbox: Outbox;
  readonly #usage: UsageMeter;
  readonly #staticPods: AgentPorts["staticPods"];
  readonly #mirrors: Mirrors | undefined;
  readonly ports: PodHost["ports"];
  /** What is held at the moment of the question: a start may take its time. */
  readonly objects: ObjectLookup = {
    get: (...place) => this.#desired.objects.get(...place),
    isOnItsWay: (...place) => this.#desired.objects.isOnItsWay(...place),
  };
  readonly localApi: LocalApi | undefined;
  readonly #sessions: Sessions | undefined;
  /** For those who show what the agent knows. */
  readonly state: AgentState;
  readonly startedAtMs: number;
  readonly #startedAtMonotonicMs: number;
  readonly #unsubscribe: (() => void)[] = [];
  #view: { readonly report: NodeReport; readonly view: NodeView } | undefined;
  #isRegistered = true;
  #isSynced = false;
  #isBooted = false;
  /** In a row, that brought nothing of what is still to come. */
  #incompleteAnswers = 0;
  #busy = 0;
  #cancelSave: (() => void) | undefined;

  constructor(options: AgentOptions, ports: AgentPorts) {
    this.#options = options;
    this.#checkpoint = ports.checkpoint;
    this.#nodeFacts = ports.nodeFacts;
    this.#hold = ports.hold;
    const { clock, random, log } = ports;
    const runtime = new GatedRuntime(ports.runtime, this.#gate);
    this.#desired = new Desired(ports.checkpoint, log);
    this.ports = { clock, random, log, runtime, ...gatedSurroundings(ports, this.#gate) };
    this.localApi = ports.localApi;
    this.#sessions = ports.sessions;
    this.startedAtMs = clock.nowMs();
    this.#startedAtMonotonicMs = clock.monotonicMs();
    this.#usage = new UsageMeter({ clock, runtime, nodeFacts: ports.nodeFacts });
    this.#outbox = new Outbox(this, { clock, nodeFacts: ports.nodeFacts, hold: ports.hold });
    const owner = {
      prepare: () => this.#outbox.prepare(),
      accept: (answer: SyncAnswer) => this.#accept(answer),
    };
    this.#session = new Session(options.node, owner, { clock, random, log, connect: ports.connect });
    this.#staticPods = ports.staticPods;
    const workerOf = (uid: string) => this.#workers.get(uid);
    const happened = this.#outbox.happened.bind(this.#outbox, undefined);
    this.#mirrors = ports.staticPods && new Mirrors({ ...ports.staticPods, clock, log, workerOf, happened });
    this.state = new AgentState({
      node: options.node,
      workers: () => this.#workers.values(),
      report: () => ports.nodeFacts.current(),
      isKnown: () => this.#desired.assignment !== undefined,
      isAway: () => this.#session.failures > 0,
    });
  }

  start(): void {
    void this.#boot();
  }

  /** At once and for good, leaving everything as it is, on disk and in the runtime. */
  stop(): void {
    this.#gate.close();
    this.#session.close();
    this.#sessions?.close();
    this.#cancelSave?.();
    this.#mirrors?.stop();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const worker of this.#workers.values()) worker.stop();
  }

  /** After `stop`: resolves when whatever was being started then has come up, or has failed. */
  settled(): Promise<void> {
    return this.#gate.settled();
  }

  summary(): AgentSummary {
    const isQuiet = this.#isSynced && this.#isBooted && this.#busy === 0 && !this.#outbox.hasNews;
    const { revision, etag } = this.#desired.assignment ?? emptyAssignment;
    const known = { isSynced: this.#isSynced, isRegistered: this.#isRegistered, revision, etag, isQuiet };
    return summaryOf(this.#workers.values(), known);
  }

  get standing(): Standing {
    return this.#session.standing;
  }

  /** The pods that there are, those that end included. */
  pods(): readonly PodSummary[] {
    return [...this.#workers.values()].map(podSummary);
  }

  // What the upkeep of the node asks for.

  keptPods(): readonly KeptPod[] | undefined {
    if (!this.#isBooted || this.#desired.assignment === undefined) return undefined;
    return [...this.#workers.values()].flatMap((worker) => keptPod(worker) ?? []);
  }

  evict(podUid: string, eviction: Eviction): void {
    this.#workers.get(podUid)?.evict(eviction);
  }

  // What pod workers ask for.

  get directories(): Directories {
    return this.#options.directories;
  }

  isStopped(): boolean {
    return this.#gate.isClosed;
  }

  node(): NodeView {
    const report = this.#nodeFacts.current();
    if (this.#view?.report !== report) this.#view = { report, view: nodeView(this.#options.node, report) };
    return this.#view.view;
  }

  circumstances(): Circumstances {
    const { conditions } = this.#nodeFacts.current();
    const held = this.#hold?.current();
    return held === undefined ? { conditions } : { conditions, heldBecause: held.reason };
  }

  planNowMs(): number {
    return this.startedAtMs + this.ports.clock.monotonicMs() - this.#startedAtMonotonicMs;
  }

  changed({ status }: { readonly status: boolean }): void {
    this.saveSoon();
    if (!status) return;
    this.state.podsChanged();
    this.#outbox.hasNews = true;
    // At rest the news goes out at once; on the way there is more to come in a moment.
    if (this.#busy > 0) this.#session.wake(reportDelayMs);
  }

  busyChanged(isBusy: boolean): void {
    this.#busy += isBusy ? 1 : -1;
    if (this.#busy === 0 && this.#outbox.hasNews) this.#session.wake(0);
  }

  happened(podUid: string | undefined, event: PodEvent): void {
    this.#outbox.happened(podUid === undefined ? undefined : (this.#mirrors?.uidFor(podUid) ?? podUid), event);
  }

  forget(worker: PodWorker): void {
    this.#workers.delete(worker.uid);
    this.state.podsChanged();
    this.saveSoon();
  }

  // What the outbox asks for.

  *workers(): Iterable<Reporter> {
    for (const worker of this.#workers.values()) if (this.#mirrors?.isStatic(worker.uid) !== true) yield worker;
    yield* this.#mirrors?.reporters() ?? [];
  }

  have() {
    const have = this.#desired.have();
    // Without an etag everything comes again: observation numbers that the disk has lost are learnt from it.
    return this.#outbox.isObservationKnown ? have : { ...have, etag: "" };
  }

  async save(): Promise<void> {
    this.#cancelSave?.();
    this.#cancelSave = undefined;
    try {
      await this.#checkpoint.saveMemory(memoryOf(this.#outbox.observation, this.#workers.values()));
    } catch (error) {
      this.ports.log.warn("cannot write the state directory", { problem: String(error) });
    }
  }

  saveSoon(): void {
    this.#cancelSave ??= this.ports.clock.setTimer(saveDelayMs, () => void this.save());
  }

  wake(delayMs: number): void {
    this.#session.wake(delayMs);
  }

  async #accept(answer: SyncAnswer): Promise<boolean> {
    // What comes unasked may be older than what was said since: that this is a node, after another of its name has gone.
    if (!answer.registered && answer.acknowledged === 0) {
      this.#session.wake(0);
      return false;
    }
    this.#isSynced = true;
    if (!answer.registered) {
      await this.#retire();
      return false;
    }
    if (answer.resend === true) this.#outbox.startOver();
    if (answer.usage === true) void this.#tellUsage();
    for (const offer of answer.sessions ?? []) this.#openSession(offer);
    const wantsMore = await this.#take(answer);
    return wantsMore || answer.resend === true;
  }

  #openSession(offer: SessionOffer): void {
    const worker = this.#workers.get(this.#mirrors?.ownUidOf(offer.podUid) ?? offer.podUid);
    this.#sessions?.open(offer, worker?.wanted?.assigned, worker?.memory.status);
  }

  async #tellUsage(): Promise<void> {
    try {
      this.#outbox.usage = await this.#usage.read();
      this.#session.wake(0);
    } catch (error) {
      this.ports.log.warn("cannot tell what is used", { problem: String(error) });
    }
  }

  async #boot(): Promise<void> {
    // Before anything is looked for in the runtime: nobody would ask for what they have made there.
    const [{ memory, ...desired }] = await Promise.all([
      loadedFrom(this.#checkpoint, this.ports.log),
      this.#staticPods?.source.load(),
    ]);
    if (this.isStopped()) return;
    this.#desired.resume(desired);
    if (memory !== undefined) this.#outbox.resume(memory.observation);
    this.#unsubscribe.push(
      this.ports.runtime.onChange((uid) => this.#runtimeChanged(uid)),
      this.#nodeFacts.onChange(() => this.#nodeChanged()),
      ...(this.#staticPods === undefined ? [] : [this.#staticPods.source.onChange(() => this.#distribute({}))]),
      ...(this.#hold === undefined ? [] : [this.#hold.onChange(() => this.#nodeChanged())]),
    );
    this.#distribute(memory?.pods ?? {});
    this.#session.start();
    await this.#adoptStrays();
  }

  /** Finds pods in the runtime that no assignment names: they end once an assignment is known to leave them out. */
  async #adoptStrays(retryMs = firstStrayRetryMs): Promise<void> {
    try {
      const { runtime, volumes } = this.ports;
      const [sandboxes, containers] = await Promise.all([runtime.listPodSandboxes({}), runtime.listContainers({})]);
      const running = [...sandboxes, ...containers].map(({ labels: given }) => given[labels.podUid] ?? "");
      const uids = new Set([...running, ...(await volumes.list())]);
      for (const uid of uids) if (uid !== "" && !this.#workers.has(uid)) this.#stray(uid);
      this.#isBooted = true;
    } catch (error) {
      this.ports.log.warn("cannot ask the runtime", { problem: String(error) });
      const nextRetryMs = Math.min(2 * retryMs, longestStrayRetryMs);
      this.ports.clock.setTimer(retryMs, () => void this.#adoptStrays(nextRetryMs));
    }
  }

  #stray(uid: string): void {
    // One that is assigned and has no worker lacks its template.
    if (this.#desired.assignment?.pods.some((pod) => pod.uid === uid) !== false) return;
    this.#worker(uid, {}).want(undefined);
  }

  #runtimeChanged(uid: string): void {
    const worker = this.#workers.get(uid);
    if (worker !== undefined) worker.touch();
    else if (this.#isBooted) this.#stray(uid);
  }

  #nodeChanged(): void {
    this.#session.wake(nodeReportDelayMs);
    for (const worker of this.#workers.values()) worker.work();
  }

  #worker(uid: string, known: Readonly<Record<string, StoredPod>>): PodWorker {
    const existing = this.#workers.get(uid);
    if (existing !== undefined) return existing;
    const stored = known[uid]?.memory;
    const nowMs = this.planNowMs();
    const memory = stored === undefined ? newPodMemory(nowMs) : recalledPodMemory(stored, nowMs);
    const worker = new PodWorker(uid, this, memory);
    this.#workers.set(uid, worker);
    return worker;
  }

  /**
   * Gives every worker what the assignment says of its pod. A pod whose template cannot be had stays as it is: neither
   * to start it nor to end it would be what was asked for.
   */
  #distribute(known: Readonly<Record<string, StoredPod>>, before = this.#desired.objects): void {
    const { assignment, objects } = this.#desired;
    const own = this.#mirrors?.wanted() ?? [];
    for (const uid of this.#mirrors?.dropped() ?? []) this.#workers.get(uid)?.want(undefined);
    for (const wanted of own) this.#worker(wanted.assigned.uid, known).want(wanted);
    if (assignment === undefined) return;
    const named = new Set([...assignment.pods, ...own.map(({ assigned }) => assigned)].map(({ uid }) => uid));
    const mirrors: Wanted[] = [];
    for (const assigned of assignment.pods) {
      const template = assignment.templates[assigned.template];
      const definition = template === undefined ? null : definedBy(assigned, template, this.ports.log);
      if (definition === null) continue;
      if (isMirror(definition)) {
        mirrors.push({ assigned, definition });
        continue;
      }
      const worker = this.#worker(assigned.uid, known);
      if (areOthers({ assigned, definition }, objects, before)) worker.objectsChanged();
      worker.want({ assigned, definition });
    }
    for (const worker of this.#workers.values()) if (!named.has(worker.uid)) worker.want(undefined);
    if (this.#mirrors?.assign(mirrors) !== true) return;
    this.#outbox.hasNews = true;
    this.#session.wake(0);
  }

  /** True when there is something in the answer that cannot be used, and asking again may help. */
  async #take(answer: SyncAnswer): Promise<boolean> {
    const wasUnknown = this.#desired.assignment === undefined;
    const before = this.#desired.objects;
    const taken = await this.#desired.take(answer, this.have(), () => this.isStopped());
    if (taken.kind === "unusable") return true;
    if (taken.kind === "old") return false;
    const { pods, revision } = this.#desired.assignment ?? emptyAssignment;
    this.#outbox.learn(pods.map(({ observation }) => observation));
    this.ports.log.info("assignment", { revision, pods: pods.length });
    this.#distribute({}, before);
    if (wasUnknown) void this.#adoptStrays();
    if (taken.kind === "whole" || taken.gained) this.#incompleteAnswers = 0;
    if (taken.kind === "partial") this.#askForRest();
    return false;
  }

  /** Soon at first, for the control plane may only have thought that the agent still has it, or have much to send. */
  #askForRest(): void {
    this.#session.wake(Math.min(longestAskMs, firstAskMs * 2 ** Math.min(this.#incompleteAnswers, 10)));
    this.#incompleteAnswers += 1;
  }

  /** The node is gone from the cluster: its pods end, and a new start begins anew. */
  async #retire(): Promise<void> {
    if (!this.#isRegistered) return;
    // While the disk does not take it, it is asked for again: pods that nobody asks for would run on.
    await this.#desired.retire(() => this.isStopped());
    if (this.isStopped()) return;
    this.#isRegistered = false;
    this.#mirrors?.stop();
    this.ports.log.warn("the node was deleted; its pods end and nothing is synced until the agent is started again");
    this.#session.close();
    this.#distribute({});
  }
}
