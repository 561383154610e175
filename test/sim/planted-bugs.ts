// Bugs that the simulator must find: each is one small change of the real code, and the invariants of which one at least
// must break. They are what has gone wrong in systems like this one.
import type { InvariantId } from "./check/invariants.ts";
import { noFaults } from "./engine/faults.ts";
import type { Mutation } from "./platform/source.ts";
import type { Swarm } from "./world/swarm.ts";

export type PlantedBug = Mutation & {
  readonly name: string;
  /** Any of these tells it. */
  readonly breaks: readonly InvariantId[];
  /** What is turned to the bug's conditions, where they come together too rarely by themselves. */
  readonly swarm?: Partial<Swarm>;
};

const storeBugs: readonly PlantedBug[] = [
  {
    name: "a write does not look whether its premise still holds",
    breaks: ["D3"],
    file: "src/store/objects.ts",
    find: `
    AND (j.value->>'$.expectRv' IS NULL OR objects.rv = j.value->>'$.expectRv')
  RETURNING`,
    replace: "\n  RETURNING",
  },
  {
    name: "a reader of the log does not notice what was trimmed before it came",
    breaks: ["W1", "D5", "I6", "L1"],
    file: "src/store/log.ts",
    find: `hasGap: first > cursor + 1`,
    replace: "hasGap: false",
    swarm: { knobs: { "cron:logKeptMs": 40_000, "cron:logKeptRows": 10 }, informers: 3 },
  },
  {
    name: "numbers follow from how many rows the log has",
    breaks: ["D1", "D2"],
    file: "src/store/log.ts",
    find: `(SELECT max(seq) FROM log) + 1"`,
    replace: `(SELECT count(*) FROM log) + 1"`,
  },
  {
    name: "a deletion is not in the log",
    breaks: ["D2", "D5"],
    file: "src/store/pods.ts",
    find: `    db.prepare(markDeletedSql).bind(json, context.nowMs),
    logPods(db, rows, "MODIFIED", context),`,
    replace: "    db.prepare(markDeletedSql).bind(json, context.nowMs),",
  },
  {
    name: "a pod goes although a finalizer holds it",
    breaks: ["I10"],
    file: "src/store/pods.ts",
    find: "AND p.has_finalizers = 0 AND",
    replace: "AND",
  },
];

const controllerBugs: readonly PlantedBug[] = [
  {
    name: "one pod more than maxUnavailable is taken down",
    breaks: ["I2"],
    file: "src/core/rollout.ts",
    find: "Math.max(0, maxUnavailable - totals.unavailable)",
    replace: "Math.max(0, maxUnavailable - totals.unavailable + 1)",
  },
  {
    name: "nodes that surge already are not counted",
    breaks: ["I1"],
    file: "src/core/rollout.ts",
    find: "candidate: Math.max(0, maxSurge - totals.surging),",
    replace: "candidate: maxSurge,",
  },
  {
    name: "with surge the old pod goes before the new one is available",
    breaks: ["I2"],
    file: "src/core/node-decision.ts",
    find: "const oldIsNeeded = isPodReady(old) && !isPodAvailable(current, set.minReadySeconds, nowMs);",
    replace: "const oldIsNeeded = isPodReady(old) && !isPodReady(current);",
  },
  {
    name: "a new pod is made beside one that still ends",
    breaks: ["I1", "I6"],
    file: "src/core/daemon-pods.ts",
    find: "!(isTerminal(pod) && pod.deleting)",
    replace: "!pod.deleting",
  },
  {
    name: "a plan that keeps to a budget is carried out though more pods were lost meanwhile",
    breaks: ["I2"],
    file: "src/durable/daemonset-pass.ts",
    find: "plan.budgeted ? (ledger.state?.cursor ?? 0) : null",
    replace: "null",
    swarm: {
      deeds: ["change template", "delete pod", "restart rollout", "force delete pod"],
      deedEveryMs: 4_000,
      troubles: ["container exit", "database slow"],
      troubleEveryMs: 8_000,
    },
  },
  {
    name: "a placement that was cut short is not begun again",
    breaks: ["I6"],
    file: "src/durable/daemonset-catch-up.ts",
    find: "const mustPlace = isPlacing || ",
    replace: "const mustPlace = ",
    swarm: {
      knobs: { "durable/daemonset-catch-up:pageSize": 3 },
      nodes: 12,
      deeds: ["change placement", "roll back"],
      deedEveryMs: 2_000,
      troubles: ["database down", "object crash"],
      troubleEveryMs: 5_000,
      rates: { before: 0.05, lost: 0, "crash-before": 0.02, "crash-after": 0.02, delay: 0, duplicate: 0 },
    },
  },
  {
    name: "OnDelete is overlooked",
    breaks: ["I4"],
    file: "src/core/rollout.ts",
    find: `if (set.strategy === "OnDelete") return none;`,
    replace: "",
  },
  {
    name: "numberAvailable does not wait for minReadySeconds",
    breaks: ["I6"],
    file: "src/core/node-decision.ts",
    find: "available: isPodAvailable(first, set.minReadySeconds, nowMs) ? 1 : 0,\n    updated",
    replace: "available: isPodReady(first) ? 1 : 0,\n    updated",
  },
  {
    name: "the sums of the ledger forget what a node counted before",
    breaks: ["I6"],
    file: "src/store/ledger.ts",
    find: "(after?.counts[name] ?? 0) - (before?.counts[name] ?? 0)",
    replace: "(after?.counts[name] ?? 0) - (after === null ? 0 : (before?.counts[name] ?? 0))",
  },
  {
    name: "NotIn does not match a node that lacks the label",
    breaks: ["I3", "I6"],
    file: "src/core/node-affinity.ts",
    find: "values.length > 0 && (value === undefined || !values.includes(value))",
    replace: "value !== undefined && !values.includes(value)",
  },
  {
    name: "a revision is pruned while pods are of it",
    breaks: ["I5"],
    file: "src/core/revisions.ts",
    find: ".filter(({ hash }) => !liveHashes.has(hash))",
    replace: "",
  },
  {
    name: "a rollback makes a new revision of the old template",
    breaks: ["I5", "I4", "I6"],
    file: "src/core/revisions.ts",
    find: "const matching = labelled.filter((revision) => revision.data === data);",
    replace:
      "const newest = Math.max(...labelled.map(({ revision }) => revision));\n  const matching = labelled.filter((revision) => revision.data === data && revision.revision === newest);",
  },
  {
    name: "revisions are adopted by a set that is going",
    breaks: ["I9"],
    file: "src/durable/daemonset-history.ts",
    find: "      requireRv(db, key, Number(set.metadata.resourceVersion)),\n",
    replace: "",
    swarm: {
      deeds: ["orphan and adopt", "create set"],
      deedEveryMs: 8_000,
      troubles: ["database slow"],
      troubleEveryMs: 30_000,
    },
  },
  {
    name: "a pod is released by what its labels were",
    breaks: ["I9"],
    file: "src/durable/daemonset-pods.ts",
    find: "ownerUid === context.owner.uid && !labelSelectorMatches(set.spec.selector, labels),",
    replace: "ownerUid === context.owner.uid,",
    swarm: { deeds: ["relabel pod"], deedEveryMs: 4_000, troubles: ["database slow"], troubleEveryMs: 30_000 },
  },
  {
    name: "orphans are collected",
    breaks: ["I10", "I9"],
    file: "src/durable/garbage-collector.ts",
    find: "const rewritten = await this.#reown(pods, (owners) => withoutOwner(owners, uid), nowMs);",
    replace: "const rewritten = pods.length;",
  },
  {
    name: "a foreground deletion does not wait",
    breaks: ["I10"],
    file: "src/core/garbage.ts",
    find: "owner.uid === uid && owner.blockOwnerDeletion === true",
    replace: "owner.uid !== uid && owner.blockOwnerDeletion === true",
  },
  {
    name: "the cron does not wake the controllers",
    breaks: ["L4", "L1", "L5"],
    file: "src/cron.ts",
    find: `["wake the DaemonSets", async () => pokeDaemonSets(env, await everyDaemonSet(env.DB))],`,
    replace: "",
  },
];

const watchBugs: readonly PlantedBug[] = [
  {
    name: "a watch that lost its hub starts from where it began",
    breaks: ["W1"],
    file: "src/api/watch.ts",
    find: "({ seq }) => seq > this.#rv",
    replace: "({ seq }) => seq > this.#options.afterRv",
  },
  {
    name: "an object that leaves the selector is not told of as gone",
    breaks: ["W1", "W3"],
    file: "src/api/watch-events.ts",
    find: `{ type: isSeen ? "MODIFIED" : "DELETED", object }`,
    replace: `{ type: "MODIFIED", object }`,
  },
];

const shardBugs: readonly PlantedBug[] = [
  {
    name: "a report is acknowledged before it is durable",
    breaks: ["D1"],
    file: "src/durable/shard-sessions.ts",
    find: "await this.#parts.commits.add(writes);",
    replace: "this.#parts.commits.add(writes).catch(() => {}); break;",
  },
  {
    name: "a node counts as lost after five seconds",
    breaks: ["A1", "L3"],
    file: "src/core/node-lifecycle.ts",
    find: "export const nodeGraceMs = 50_000;",
    replace: "export const nodeGraceMs = 5_000;",
  },
  {
    name: "nobody looks at ConfigMaps once they were sent",
    breaks: ["L1", "L4", "L5"],
    file: "src/durable/shard-image.ts",
    find: "if (key !== null) this.objectChanged(key, change.seq);",
    replace: "",
    swarm: { isConfigured: true },
  },
  {
    name: "a pod is over as soon as its agent says anything of it",
    breaks: ["A1"],
    file: "src/sync/take-report.ts",
    find: "return report.ended === true && row.deletionMs !== null",
    replace: "return row.deletionMs !== null",
  },
];

const agentBugs: readonly PlantedBug[] = [
  {
    name: "an agent holds a pod off until the clock is where it was",
    breaks: ["L1", "L4", "L5"],
    file: "agents/node/agent.ts",
    find: "recalledPodMemory(stored, nowMs)",
    replace: "stored",
    swarm: {
      deeds: ["restart rollout"],
      troubles: ["clock jump", "agent crash"],
      troubleEveryMs: 3_000,
      rates: { ...noFaults, before: 0.1 },
    },
  },
  {
    name: "nobody asks whether a node has room",
    breaks: ["F1"],
    file: "src/core/node-admission.ts",
    find: "return pods.length <= places && pods.every(isPlain);",
    replace: "return true;",
    swarm: { isTight: true },
  },
  {
    name: "nobody asks who is on the node already",
    breaks: ["F2"],
    file: "src/core/node-admission.ts",
    find: "if (room.length > 0 || !pod.waits) return room;",
    replace: "return room;",
    swarm: { isTight: true },
  },
  {
    name: "an agent takes an older assignment",
    breaks: ["A2"],
    file: "agents/node/assignment/desired.ts",
    find: 'if (revision < this.#perhapsSaved || revision < have.revision) return { kind: "old" };\n',
    replace: "",
    // Polls that are held are overtaken by what changes meanwhile.
    swarm: { connections: ["long-poll"], deedEveryMs: 6_000 },
  },
  {
    name: "an agent acts before its assignment is on the disk",
    breaks: ["A5", "A4"],
    file: "agents/node/assignment/desired.ts",
    find: "    await this.#checkpoint.saveAssignment(assignment);\n",
    replace: "    void this.#checkpoint.saveAssignment(assignment).catch(() => {});\n",
  },
  {
    name: "an agent that starts stops what ran before",
    breaks: ["A4"],
    file: "agents/node/agent.ts",
    find: 'if (uid !== "" && !this.#workers.has(uid)) this.#stray(uid);',
    replace: 'if (uid !== "") this.#worker(uid, {}).want(undefined);',
  },
  {
    name: "an agent takes a report that was lost for one that arrived",
    breaks: ["L1", "L4", "L5", "D5"],
    file: "agents/node/reporting/outbox.ts",
    find: "this.hasNews ||= told.length > 0;",
    replace: "this.#arrived(told);",
  },
];

export const plantedBugs: readonly PlantedBug[] = [
  ...storeBugs,
  ...controllerBugs,
  ...watchBugs,
  ...shardBugs,
  ...agentBugs,
];
