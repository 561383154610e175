// After the faults: everything is put right, and the world must come to rest in time and then stay at rest.

import type { Checked } from "../check/invariants.ts";
import { budgetOf, eligibility } from "../check/oracle.ts";
import { namedObjects, unsettled } from "../check/quiescence.ts";
import type { DaemonSetBody } from "../check/state.ts";
import type { Run } from "./run-seed.ts";

const lookEveryMs = 10_000;
/** From the deletion of one pod to its successor being available, with polls, slow images and minReadySeconds. */
const roundMs = 110_000;
const extraRounds = 3;
/** Agents that were refused wait up to five minutes, and then have to catch up. */
const baseMs = 500_000;
const cronAloneFactor = 2.5;
/** Longer than agents hold back events, and than the cron's minute. */
const quietMs = 190_000;

export async function recover(run: Run): Promise<void> {
  const { world, judge, script, chaos, users } = run;
  const { kernel, faults, swarm } = world;
  const failed = (error: unknown) => judge.breach({ rule: "users", what: String(error) });
  kernel.note("--- faults end");
  faults.end();
  chaos.end();
  script.end();
  await kernel.runUntil(kernel.nowMs + lookEveryMs);
  while (script.isBusy && !kernel.isStopped) await kernel.runUntil(kernel.nowMs + lookEveryMs);
  if (swarm.recovery === "cron alone") faults.loseWakeUps();
  const failing = swarm.recovery === "one set fails" ? poison(run) : null;
  kernel.schedule(0, { actor: users.alice.actor, label: "things are mended" }, () => {
    script.mend().catch(failed);
  });
  await kernel.runUntil(kernel.nowMs + 20_000);
  if (failing !== null) await restBeside(run, failing);
  await restInTime(run);
  if (!kernel.isStopped) await stayQuiet(run);
}

async function restInTime(run: Run): Promise<void> {
  const { world, judge } = run;
  const { kernel, swarm } = world;
  const { checked } = judge;
  const why = await settle(run, { untilMs: kernel.nowMs + allowedMs(run), failing: null });
  if (why !== null) judge.breach({ rule: restRule(run), what: `the world does not come to rest: ${why}` });
  if (kernel.isStopped) return;
  checked({ id: "L1", name: "rest in time" });
  if (swarm.recovery === "cron alone") checked({ id: "L4", name: "rest by the cron alone" });
  countAtRest(run, checked);
}

function restRule({ world }: Run): "L1" | "L4" {
  return world.swarm.recovery === "cron alone" ? "L4" : "L1";
}

/** What `unsettled` looked at, of each kind. */
function countAtRest({ judge, world }: Run, checked: Checked): void {
  const named = world.machines.reduce((sum, machine) => sum + namedObjects(machine).length, 0);
  checked({ id: "A6", name: "objects at rest" }, named);
  const { state, entries } = judge.history;
  const sets = [...state.sets()];
  const isDeletion = (type: string, resource: string) => type === "DELETED" && resource === "daemonsets.apps";
  checked({ id: "I3", name: "pods at rest" }, state.pods.size);
  checked({ id: "I5", name: "revisions at rest" }, sets.length);
  checked({ id: "I6", name: "status at rest" }, sets.length);
  const deleted = entries.filter(({ type, resource }) => isDeletion(type, resource));
  checked({ id: "L2", name: "deletions that were begun" }, deleted.length);
}

/** One set's controller fails from now on whatever it is asked; null: there is no set. */
function poison({ world, judge }: Run): DaemonSetBody | null {
  const set = world.random.pickOf([...judge.history.state.sets()]);
  if (set === undefined) return null;
  world.kernel.note(`the controller of ${set.metadata.name} always fails`);
  controllerOf(world, set).isPoisoned = true;
  return set;
}

function controllerOf(world: Run["world"], { metadata: { namespace, name, uid } }: DaemonSetBody) {
  return world.object("DaemonSetController", `${namespace}/${name}/${uid}`);
}

/** L5: everything else comes to rest; then the set may go on as well. */
async function restBeside(run: Run, set: DaemonSetBody): Promise<void> {
  const { world, judge } = run;
  const { kernel } = world;
  const why = await settle(run, { untilMs: kernel.nowMs + allowedMs(run), failing: set.metadata.uid });
  if (why !== null) judge.breach({ rule: "L5", what: `one set fails, and more does not come to rest: ${why}` });
  judge.checked({ id: "L5", name: "rest beside a set that fails" }, [...judge.history.state.sets()].length - 1);
  kernel.note(`the controller of ${set.metadata.name} fails no more`);
  controllerOf(world, set).isPoisoned = false;
}

/** L1: as many rounds as the slowest rollout takes, and some. */
function allowedMs({ judge, world }: Run): number {
  const { state } = judge.history;
  const rounds = [...state.sets()].map((set) => roundsOf(set, [...state.nodes()]));
  const factor = world.swarm.recovery === "cron alone" ? cronAloneFactor : 1;
  return factor * (baseMs + (Math.max(0, ...rounds) + extraRounds) * roundMs);
}

function roundsOf(set: DaemonSetBody, nodes: readonly Parameters<typeof eligibility>[1][]): number {
  const desired = nodes.filter((node) => eligibility(set.spec.template.spec, node).run).length;
  const { unavailable, surge } = budgetOf(set, desired);
  return Math.ceil(desired / Math.max(1, unavailable, surge));
}

type Patience = { readonly untilMs: number; readonly failing: string | null };

/** Null once the world is at rest; else what it still waited for at `untilMs`. */
async function settle({ world, judge }: Run, { untilMs, failing }: Patience): Promise<string | null> {
  const { kernel, machines } = world;
  for (;;) {
    await kernel.runUntil(kernel.nowMs + lookEveryMs);
    if (kernel.isStopped) return null;
    for (const machine of machines) {
      // Its owner comes by.
      if (machine.agent?.summary().isRegistered === false) machine.crash("is started again by its owner");
      machine.start();
    }
    const why = unsettled({ state: judge.history.state, machines, nowMs: kernel.nowMs, failing });
    if (why === null || kernel.nowMs > untilMs) return why;
  }
}

/** L3: passes of everything that find nothing to do write nothing. */
async function stayQuiet(run: Run): Promise<void> {
  const { world, judge } = run;
  const { kernel, store, machines } = world;
  // The last events and statuses are told.
  await kernel.runUntil(kernel.nowMs + quietMs);
  const written = () => store.rowsWritten + world.objects().reduce((sum, { storage }) => sum + storage.rowsWritten, 0);
  const [rows, head] = [written(), judge.history.state.seq];
  const happening = { actor: kernel.nobody, label: "everything is woken" };
  kernel.schedule(0, happening, () => {
    for (const host of world.objects()) host.invoke("poke", [], () => {});
  });
  await kernel.runUntil(kernel.nowMs + quietMs);
  if (kernel.isStopped) return;
  const news = judge.history.entries.filter(({ seq, resource }) => seq > head && resource !== "events");
  const [first] = news;
  if (first !== undefined) {
    judge.breach({ rule: "L3", what: `at rest ${first.writerName} wrote ${first.resource} ${first.name}` });
  } else if (written() > rows + idleRows) {
    judge.breach({ rule: "L3", what: `at rest ${written() - rows} rows were written` });
  }
  judge.checked({ id: "L3", name: "rows written at rest" });
  judge.checked({ id: "L1", name: "rest that lasts" });
  const why = unsettled({ state: judge.history.state, machines, nowMs: kernel.nowMs, failing: null });
  if (why !== null) judge.breach({ rule: "L1", what: `the world did not stay at rest: ${why}` });
}

/** Trimming the log and forgetting events count as rows written; what a pass decides does not. */
const idleRows = 10_000;
