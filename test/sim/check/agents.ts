// A2 to A5, X1, and the acknowledgements of D1, seen from the machines: what agents are told, keep and do.

import type { StoredAssignment } from "../../../agents/node/assignment/stored.ts";
import { quantityMilli } from "../../../src/model/quantity.ts";
import type { SyncAnswer, SyncRequest } from "../../../src/sync/messages.ts";
import { machineMilliCpu } from "../world/machine.ts";
import type { Breach } from "./history.ts";
import type { Checked, InvariantId } from "./invariants.ts";
import { isLive, selects } from "./oracle.ts";
import type { Said } from "./rules/shard.ts";
import type { ClusterState, PodState } from "./state.ts";

type PodReports = NonNullable<SyncRequest["pods"]>;

/** What is known of one machine's agent. */
type Known = {
  /** Reports by the sequence of their message, of the present life of the agent. */
  readonly reports: Map<number, { readonly pods: PodReports; readonly sentMs: number }>;
  assignment: StoredAssignment | null;
  /** Until when what the assignment before asked for may still be underway. */
  changedAtMs: number;
  before: StoredAssignment | null;
  /** The agent takes the assignment for not saved: it goes by the one before, until it has saved another. */
  isDoubted: boolean;
};

export type AgentWatch = {
  readonly state: () => ClusterState;
  readonly nowMs: () => number;
  readonly breached: (breach: Breach) => void;
  readonly checked: Checked;
  /** Of two lives of a shard each may give away the same room. */
  readonly isExcused: () => boolean;
};

/** An answer may be this late: it was held, it was underway, or its shard did not know better for a while. */
const oldestAnswerMs = 150_000;

/** More than an agent sends while a plan about it is underway. */
const mostTimes = 100;

/** A call to the runtime that was underway when the assignment changed. */
const underwayMs = 50;

export class AgentChecker {
  readonly #watch: AgentWatch;
  readonly #machines = new Map<string, Known>();
  readonly #ended = new Set<string>();
  readonly #observations = new Map<string, number>();
  readonly #answeredMs = new Map<string, number[]>();
  /** Every pod that ever was, and its node. */
  readonly said: Said = { ended: this.#ended, observations: this.#observations, answeredMs: this.#answeredMs };

  constructor(watch: AgentWatch) {
    this.#watch = watch;
  }

  #known(machine: string): Known {
    const known = this.#machines.get(machine);
    if (known !== undefined) return known;
    const fresh: Known = { reports: new Map(), assignment: null, changedAtMs: 0, before: null, isDoubted: false };
    this.#machines.set(machine, fresh);
    return fresh;
  }

  /** The agent starts with what its disk has; null: nothing. */
  started(machine: string, assignment: StoredAssignment | null): void {
    const known = this.#known(machine);
    known.reports.clear();
    known.assignment = assignment;
    known.before = assignment;
    known.isDoubted = false;
  }

  sent(machine: string, text: string): void {
    const request = parse<SyncRequest>(text);
    if (request?.sequence === undefined) return;
    const { pods = [] } = request;
    this.#known(machine).reports.set(request.sequence, { pods, sentMs: this.#watch.nowMs() });
    for (const { uid, observation, ended } of pods) {
      this.#observations.set(uid, Math.max(observation, this.#observations.get(uid) ?? 0));
      if (ended === true) this.#ended.add(uid);
    }
  }

  received(machine: string, text: string): void {
    const answer = parse<SyncAnswer>(text);
    if (answer?.acknowledged === undefined) return;
    const { sentMs } = this.#known(machine).reports.get(answer.acknowledged) ?? { sentMs: 0 };
    // The control plane has heard it at that time or later.
    const times = this.#answeredMs.get(machine) ?? [];
    this.#answeredMs.set(machine, [...times.slice(-mostTimes), sentMs]);
    this.#checkAcknowledged(machine, answer.acknowledged);
    this.#checkTold(machine, answer);
  }

  /** What a node is told was so not long ago. */
  #checkTold(machine: string, { registered, pods = [], objects = [] }: SyncAnswer): void {
    const state = this.#watch.state();
    const sinceMs = this.#watch.nowMs() - oldestAnswerMs;
    const nodes = state.versionsSince({ resource: "nodes", namespace: "", name: machine }, sinceMs);
    const { checked } = this.#watch;
    checked({ id: "A1", name: "registration that agents are told of" });
    checked({ id: "A5", name: "pods that agents are told of" }, pods.length);
    checked({ id: "X1", name: "nodes of the pods that agents are told of" }, pods.length);
    if (registered === false && !nodes.includes(null)) {
      this.#breach("A1", `${machine} is told that it is no node, and it is one`);
    }
    const gone = pods.find(({ uid, namespace, name }) => {
      const last = state.history({ resource: "pods", namespace, name }).findLast((entry) => entry.uid === uid);
      return last === undefined || (last.type === "DELETED" && last.committedMs < sinceMs);
    });
    if (gone !== undefined) this.#breach("A5", `${machine} is to run pod ${gone.name}, which is gone`);
    const strange = pods.find(({ uid }) => {
      const pod = state.pods.get(uid);
      return pod !== undefined && pod.node !== machine;
    });
    if (strange !== undefined) this.#breach("X1", `${machine} is told of pod ${strange.name} of another node`);
    checked({ id: "X1", name: "pods that name what agents are told of" }, objects.length);
    const unnamed = objects.find(({ namespace }) => !pods.some((pod) => pod.namespace === namespace));
    if (unnamed !== undefined) this.#breach("X1", `${machine} is told of ${unnamed.namespace}/${unnamed.name}`);
  }

  /** What is acknowledged is on record. */
  #checkAcknowledged(machine: string, sequence: number): void {
    const known = this.#known(machine);
    const { pods, sentMs } = known.reports.get(sequence) ?? { pods: [], sentMs: 0 };
    this.#watch.checked({ id: "D1", name: "reports that were acknowledged" }, pods.length);
    for (const report of pods) {
      const pod = this.#watch.state().pods.get(report.uid);
      if (pod === undefined || pod.node !== machine) continue;
      if (pod.observation < report.observation && !this.#wasOnRecord(report, pod, sentMs)) {
        const what = `report ${report.observation} of pod ${pod.name} is acknowledged, and ${pod.observation} is on record`;
        this.#breach("D1", what);
      }
      if (report.ended === true && isStillThere(pod)) {
        this.#breach("D1", `the end of pod ${pod.name} is acknowledged, and the pod is still there`);
      }
    }
    for (const earlier of known.reports.keys()) if (earlier <= sequence) known.reports.delete(earlier);
  }

  /** A report that says what was on record anyway, at some time since it was sent, needed no writing. */
  #wasOnRecord(report: PodReports[number], { namespace, name }: PodState, sentMs: number): boolean {
    const versions = this.#watch.state().history({ resource: "pods", namespace, name });
    const first = versions.findLastIndex(({ committedMs }) => committedMs <= sentMs);
    return versions
      .slice(Math.max(0, first))
      .some(
        ({ subject }) => subject.kind === "pod" && subject.pod.uid === report.uid && saysTheSame(report, subject.pod),
      );
  }

  saved(machine: string, text: string): void {
    const known = this.#known(machine);
    // Written by the agent.
    const assignment = JSON.parse(text) as StoredAssignment;
    const { assignment: before } = known;
    this.#watch.checked({ id: "A2", name: "assignments that are saved" });
    const isRetiring = assignment.revision === 0 && assignment.pods.length === 0;
    const isOlder = before !== null && assignment.revision < before.revision;
    const isSame =
      before !== null && assignment.revision === before.revision && contentOf(assignment) !== contentOf(before);
    // One that it takes for not saved it does not have: the next one may well bear the same number.
    if (!isRetiring && (isOlder || (isSame && !known.isDoubted))) {
      this.#breach("A2", `${machine} goes from revision ${before?.revision} to ${assignment.revision}`);
    }
    if (!isRetiring) this.#checkKept(machine, before, assignment);
    this.#checkRoom(machine, assignment);
    this.#checkNeighbours(machine, assignment);
    if (!known.isDoubted) known.before = before;
    known.isDoubted = false;
    known.assignment = assignment;
    known.changedAtMs = this.#watch.nowMs();
  }

  /** The agent was told that the assignment was not saved, though it was. */
  savedUnknown(machine: string): void {
    this.#known(machine).isDoubted = true;
  }

  /** What an agent was given it keeps until it is asked to end it, or has ended it. */
  #checkKept(machine: string, before: StoredAssignment | null, { pods }: StoredAssignment): void {
    const state = this.#watch.state();
    const now = new Set(pods.map(({ uid }) => uid));
    for (const { uid, name, deletion } of before?.pods ?? []) {
      const pod = state.pods.get(uid);
      if (pod === undefined || deletion !== undefined || !isLive(pod)) continue;
      this.#watch.checked({ id: "A4", name: "pods that stay with their agents" });
      if (!now.has(uid) && !this.#watch.isExcused()) this.#breach("A4", `pod ${name} is taken away from ${machine}`);
    }
  }

  #checkRoom(machine: string, { pods, templates }: StoredAssignment): void {
    const staying = pods.filter(({ deletion }) => deletion === undefined);
    const containers = staying.flatMap(({ template }) => templates[template]?.spec.containers ?? []);
    const cpu = containers.reduce((sum, { resources }) => sum + quantityMilli(resources.requests?.["cpu"] ?? "0"), 0);
    const ports = containers.flatMap(({ ports: held = [] }) => held.flatMap(({ hostPort }) => hostPort ?? []));
    if (cpu === 0 && ports.length === 0) return;
    this.#watch.checked({ id: "F1", name: "room for what agents are given" });
    if (this.#watch.isExcused()) return;
    if (cpu > machineMilliCpu) this.#breach("F1", `${machine} is given pods that ask for ${cpu} thousandths of a CPU`);
    if (new Set(ports).size < ports.length) this.#breach("F1", `${machine} is given two pods of one host port`);
  }

  #checkNeighbours(machine: string, { pods, templates }: StoredAssignment): void {
    const staying = pods.filter(({ deletion }) => deletion === undefined);
    for (const pod of staying) {
      const others = staying.filter(({ uid, namespace }) => uid !== pod.uid && namespace === pod.namespace);
      for (const { topologyKey, labelSelector } of unwantedBy(templates[pod.template])) {
        if (topologyKey !== "kubernetes.io/hostname") continue;
        this.#watch.checked({ id: "F2", name: "neighbours of what agents are given" });
        const unwanted = others.find(({ template }) =>
          selects({ matchLabels: labelSelector?.matchLabels ?? {} }, templates[template]?.metadata.labels ?? {}),
        );
        if (unwanted === undefined || this.#watch.isExcused()) continue;
        this.#breach("F2", `${machine} is given ${pod.name} and ${unwanted.name}, which the first does not want`);
      }
    }
  }

  /** The pod as the agent is to treat it: it may start things, end them, or (while a change is underway) both. */
  acts(machine: string, method: string, podUid: string, isRunning: boolean): void {
    const known = this.#known(machine);
    const goesByBefore = known.isDoubted || this.#watch.nowMs() - known.changedAtMs <= underwayMs;
    const wishes = [wishOf(known.assignment, podUid), ...(goesByBefore ? [wishOf(known.before, podUid)] : [])];
    const { checked } = this.#watch;
    if (starts.has(method)) checked({ id: "A5", name: "starts of containers" });
    if (ends.has(method) && isRunning) checked({ id: "A4", name: "ends of running containers" });
    if (starts.has(method) && !wishes.includes("run")) {
      this.#breach("A5", `${machine} calls ${method} for pod ${podUid}, which it is not to run`);
    }
    if (ends.has(method) && isRunning && !wishes.some((wish) => wish !== "run")) {
      this.#breach("A4", `${machine} calls ${method} for the running pod ${podUid}, which is to stay`);
    }
  }

  #breach(rule: InvariantId, what: string): void {
    this.#watch.breached({ rule, what });
  }
}

/** One that came without a template is kept under no etag, and is what the same revision says in full. */
function contentOf({ pods }: StoredAssignment): string {
  return JSON.stringify(pods.map(({ uid, template, deletion }) => [uid, template, deletion]));
}

function unwantedBy(template: StoredAssignment["templates"][string] | undefined) {
  return template?.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

const starts: ReadonlySet<string> = new Set(["runPodSandbox", "createContainer", "startContainer"]);
const ends: ReadonlySet<string> = new Set(["stopPodSandbox", "removePodSandbox", "stopContainer", "removeContainer"]);

function wishOf(assignment: StoredAssignment | null, uid: string): "run" | "end" {
  const pod = assignment?.pods.find((assigned) => assigned.uid === uid);
  return pod === undefined || pod.deletion !== undefined ? "end" : "run";
}

function isStillThere({ finalizers, deletionMs }: PodState): boolean {
  return deletionMs !== null && finalizers.length === 0;
}

type Condition = { readonly type: string; readonly status: string };

function saysTheSame({ status }: PodReports[number], { phase, readySinceMs }: PodState): boolean {
  // The form of a pod's status.
  const conditions = (status?.["conditions"] ?? []) as readonly Condition[];
  const isReady = conditions.some(({ type, status: is }) => type === "Ready" && is === "True");
  return status?.["phase"] === phase && isReady === (readySinceMs !== null);
}

/** Null for what is none of the protocol's messages. */
function parse<T>(text: string): T | null {
  try {
    // Both sides check what they are sent; here it is only looked at.
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}
