// How a DaemonSet's ledger learns what happened: from the change log while it can, else by counting everything.
import type { NodeEntry } from "../core/node-decision.ts";
import { decideNode } from "../core/node-decision.ts";
import type { NodeFacts } from "../core/placement.ts";
import { ineligible, nodeShouldRunDaemonPod } from "../core/placement.ts";
import { usesSurge } from "../core/rollout.ts";
import type { DaemonSet } from "../model/daemonset.ts";
import { labelSelectorMatches } from "../model/labels.ts";
import type { KubeObject } from "../model/meta.ts";
import { runBatch } from "../store/batch.ts";
import type { DecidedWith, LedgerState } from "../store/ledger.ts";
import { noCounts } from "../store/ledger.ts";
import type { Change } from "../store/log.ts";
import { readHead, readLog } from "../store/log.ts";
import { readNodes, readNodesByName } from "../store/nodes.ts";
import { readObject } from "../store/objects.ts";
import type { PodRow } from "../store/pod-rows.ts";
import { loggedPodRow } from "../store/pod-rows.ts";
import { readPods } from "../store/pods.ts";
import type { Reconciling } from "./reconciling.ts";
import { nodeFacts, podFacts, targetNode } from "./reconciling.ts";

const pageSize = 2_000;
/** Reading on over as many changes that are others' costs less than to write down that they were read. */
const passedOver = 500;

export type CaughtUp = {
  /** Null: there is no such DaemonSet any more. */
  readonly set: DaemonSet | null;
  /** False: the ledger must be made anew. */
  readonly continuous: boolean;
  /** True: there is more to read. */
  readonly more: boolean;
  /** True: a ControllerRevision of the namespace changed. */
  readonly revisionsChanged: boolean;
};

/** Reads the DaemonSet and the changes since the cursor, and brings the entries up to date. */
export async function catchUp(context: Reconciling, nowMs: number): Promise<CaughtUp> {
  const { db, owner, ledger } = context;
  const state = ledger.state;
  const [page, object] = await runBatch(db, [
    readLog(db, {
      cursor: state?.cursor ?? Number.MAX_SAFE_INTEGER,
      limit: pageSize,
      concern: { kind: "daemonSet", namespace: owner.namespace },
    }),
    readObject(db, { resource: "daemonsets.apps", namespace: owner.namespace, name: owner.name }),
  ]);
  const set = asOwnSet(object, owner.uid);
  const continuous = state !== null && !page.hasGap;
  if (set === null || !continuous) return { set, continuous, more: false, revisionsChanged: true };
  await applyChanges(context, { state, set, changes: page.changes, cursor: page.reached, nowMs });
  const revisionsChanged = page.changes.some(({ resource }) => resource !== "nodes" && resource !== "pods");
  return { set, continuous, more: page.hasMore, revisionsChanged };
}

function asOwnSet(object: KubeObject | null, uid: string): DaemonSet | null {
  // Stored under the DaemonSets, so it is one.
  return object !== null && object.metadata.uid === uid ? (object as DaemonSet) : null;
}

type Applying = {
  readonly state: LedgerState;
  readonly set: DaemonSet;
  readonly changes: readonly Change[];
  readonly cursor: number;
  readonly nowMs: number;
};

async function applyChanges(context: Reconciling, applying: Applying): Promise<void> {
  const { state, cursor, nowMs } = applying;
  if (applying.changes.length === 0 && cursor - state.cursor < passedOver) return;
  const pods = applying.changes
    .filter(({ resource }) => resource === "pods")
    .map((change) => ({ change, row: loggedPodRow(change) }));
  await context.templates.load(pods.map(({ row }) => row.template));
  const working = new WorkingEntries(context, state.decidedWith);
  await working.expectNodes(pods.map(({ row }) => targetNode(row, context.templates.get(row.template))));
  for (const change of applying.changes) {
    if (change.resource === "nodes") working.applyNode(change);
  }
  for (const { change, row } of pods) working.applyPod(applying.set, row, change.type === "DELETED");
  context.storage.transactionSync(() => {
    context.ledger.setState({ ...working.save(state, nowMs), cursor });
  });
}

/** The entries that a pass touches, changed in memory and written back at its end. */
class WorkingEntries {
  readonly #context: Reconciling;
  readonly #decidedWith: DecidedWith;
  readonly #entries = new Map<string, NodeEntry | null>();
  /** Nodes that have no entry but may get one for a pod. */
  readonly #unentered = new Map<string, NodeEntry>();

  constructor(context: Reconciling, decidedWith: DecidedWith) {
    this.#context = context;
    this.#decidedWith = decidedWith;
  }

  /** Reads those of the nodes that have no entry: a pod may stand where none should. */
  async expectNodes(names: readonly (string | null)[]): Promise<void> {
    const unknown = [...new Set(names)].flatMap((name) => (name === null || this.#entry(name) !== null ? [] : [name]));
    if (unknown.length === 0) return;
    const [nodes] = await runBatch(this.#context.db, [readNodesByName(this.#context.db, unknown)]);
    for (const facts of nodes) this.#unentered.set(facts.name, this.#newEntry(facts));
  }

  #entry(name: string): NodeEntry | null {
    const working = this.#entries.get(name);
    if (working !== undefined) return working;
    const stored = this.#context.ledger.entry(name);
    this.#entries.set(name, stored);
    return stored;
  }

  #newEntry(facts: NodeFacts): NodeEntry {
    const eligibility = nodeShouldRunDaemonPod(this.#decidedWith.placement, facts);
    return { name: facts.name, exists: true, ...eligibility, pods: [], backoff: null, ...holdOf(facts) };
  }

  applyNode(change: Change): void {
    const before = this.#entry(change.name);
    if (change.type === "DELETED") {
      this.#unentered.delete(change.name);
      if (before !== null)
        this.#entries.set(change.name, { ...goneNode(change.name), pods: before.pods, backoff: before.backoff });
      return;
    }
    // Nodes are decoded before they are stored.
    const entry = this.#newEntry(nodeFacts(JSON.parse(change.body) as KubeObject));
    this.#entries.set(change.name, { ...entry, pods: before?.pods ?? [], backoff: before?.backoff ?? null });
  }

  /** Own pods are entered, orphans that match are noted for adoption, own ones that no longer match for release. */
  applyPod(set: DaemonSet, row: PodRow, deleted: boolean): void {
    const template = this.#context.templates.get(row.template);
    const node = targetNode(row, template);
    if (node === null) return;
    const claim = deleted ? "none" : claimOf(set, row, template.metadata.labels);
    this.#noteClaim(row, claim);
    const entry = this.#entry(node) ?? this.#unentered.get(node) ?? goneNode(node);
    const known = entry.pods.find(({ uid }) => uid === row.uid);
    if (known !== undefined && known.rv > row.rv) return;
    if (known === undefined && claim !== "own") return;
    const others = entry.pods.filter((pod) => pod !== known);
    const pods = claim === "own" ? [...others, podFacts(row, template)] : others;
    this.#entries.set(node, { ...entry, pods });
  }

  #noteClaim({ uid, namespace, name }: PodRow, claim: Claim): void {
    if (claim === "adopt" || claim === "release")
      this.#context.ledger.addClaim({ uid, namespace, name, action: claim });
    else this.#context.ledger.dropClaim(uid);
  }

  save(state: LedgerState, nowMs: number): LedgerState {
    let sums = state;
    for (const [name, entry] of this.#entries)
      sums = saveEntry(this.#context, sums, this.#decidedWith, { name, entry, nowMs });
    return sums;
  }
}

function holdOf({ heldUntilMs }: NodeFacts): Pick<NodeEntry, "heldUntilMs"> {
  return heldUntilMs === undefined ? {} : { heldUntilMs };
}

/** A node that does not exist, for a pod that is bound to it all the same. */
function goneNode(name: string): NodeEntry {
  return { name, exists: false, ...ineligible, pods: [], backoff: null };
}

type Saving = { readonly name: string; readonly entry: NodeEntry | null; readonly nowMs: number };

/** Keeps an entry if the node matters to the DaemonSet: it should run a pod, or there is one. */
function saveEntry(
  { ledger }: Reconciling,
  state: LedgerState,
  { facts }: DecidedWith,
  { name, entry, nowMs }: Saving,
): LedgerState {
  if (entry === null || (entry.pods.length === 0 && !entry.shouldRun)) return ledger.remove(state, name);
  return ledger.save(state, entry, decideNode({ set: facts, surge: usesSurge(facts), entry, nowMs }));
}

type Claim = "own" | "adopt" | "release" | "none";

/** Source: pkg/controller ControllerRefManager. */
function claimOf(set: DaemonSet, row: PodRow, labels: Readonly<Record<string, string>> | undefined): Claim {
  const matches = labelSelectorMatches(set.spec.selector, labels);
  const leaving = set.metadata.deletionTimestamp !== undefined;
  if (row.ownerUid === set.metadata.uid) return matches || leaving ? "own" : "release";
  return row.ownerUid === null && matches && row.deletionMs === null && !leaving ? "adopt" : "none";
}

/** Makes the ledger anew from all nodes and all pods of the namespace. */
export async function rebuild(
  context: Reconciling,
  set: DaemonSet,
  decidedWith: DecidedWith,
  nowMs: number,
): Promise<void> {
  const { cursor, entries, claims } = await countEverything(context, set, decidedWith);
  context.storage.transactionSync(() => {
    context.ledger.clear();
    for (const { uid, namespace, name, action } of claims) context.ledger.addClaim({ uid, namespace, name, action });
    let state: LedgerState = { cursor, decidedWith, totals: noCounts, hashes: {}, recountedAtMs: nowMs };
    for (const [name, entry] of entries) state = saveEntry(context, state, decidedWith, { name, entry, nowMs });
    context.ledger.setState(state);
  });
}

/** Decides every entry anew if what it is decided with has changed: by the ledger alone, unless placement has. */
export async function redecide(context: Reconciling, decidedWith: DecidedWith, nowMs: number): Promise<void> {
  const { ledger } = context;
  if (ledger.state === null) return;
  const { decidedWith: before, isPlacing = false } = ledger.state;
  const mustPlace = isPlacing || JSON.stringify(before.placement) !== JSON.stringify(decidedWith.placement);
  if (!mustPlace && JSON.stringify(timeless(before)) === JSON.stringify(timeless(decidedWith))) return;
  if (mustPlace) {
    // Kept before the first page: should this be cut short, the template may be the one before when it is begun again.
    ledger.setState({ ...ledger.state, isPlacing: true });
    await placeAnew(context, decidedWith, nowMs);
  } else decideAnew(context, decidedWith, nowMs);
  if (ledger.state === null) return;
  const { isPlacing: _over, ...state } = ledger.state;
  ledger.setState({ ...state, decidedWith });
}

/** observedGeneration follows from the very decisions made; it matters to the failure back-off alone. */
function timeless({ facts }: DecidedWith): unknown {
  return { ...facts, observedGeneration: 0 };
}

function decideAnew(context: Reconciling, decidedWith: DecidedWith, nowMs: number): void {
  for (const page of entryPages(context)) saveEntries(context, decidedWith, page, nowMs);
}

function* entryPages({ ledger }: Reconciling): Generator<readonly NodeEntry[]> {
  for (let page = ledger.page("", pageSize); page.length > 0; page = ledger.page(page.at(-1)?.name ?? "", pageSize)) {
    yield page;
  }
}

async function placeAnew(context: Reconciling, decidedWith: DecidedWith, nowMs: number): Promise<void> {
  let changed: NodeEntry[] = [];
  for await (const facts of everyNode(context.db)) {
    const known = context.ledger.entry(facts.name);
    const eligibility = nodeShouldRunDaemonPod(decidedWith.placement, facts);
    if (known === null && !eligibility.shouldRun) continue;
    changed.push({
      name: facts.name,
      exists: true,
      ...eligibility,
      pods: known?.pods ?? [],
      backoff: known?.backoff ?? null,
      ...holdOf(facts),
    });
    if (changed.length < pageSize) continue;
    saveEntries(context, decidedWith, changed, nowMs);
    changed = [];
  }
  saveEntries(context, decidedWith, changed, nowMs);
  // Nodes that are gone are not among those just read.
  for (const page of entryPages(context)) {
    const gone = page.filter(({ exists }) => !exists);
    saveEntries(context, decidedWith, gone, nowMs);
  }
}

function saveEntries(
  context: Reconciling,
  decidedWith: DecidedWith,
  entries: readonly NodeEntry[],
  nowMs: number,
): void {
  context.storage.transactionSync(() => {
    let state = context.ledger.state;
    if (state === null) return;
    for (const entry of entries) state = saveEntry(context, state, decidedWith, { name: entry.name, entry, nowMs });
    context.ledger.setState(state);
  });
}

/** Decides anew what time has changed. */
export function wakeDue(context: Reconciling, nowMs: number): void {
  const decidedWith = context.ledger.state?.decidedWith;
  if (decidedWith === undefined) return;
  for (let due = context.ledger.due(nowMs, pageSize); due.length > 0; due = context.ledger.due(nowMs, pageSize)) {
    saveEntries(context, decidedWith, due, nowMs);
  }
}

/**
 * Counts everything anew and compares: returns the names of the nodes whose entries were not what they should be, none
 * unless there is a bug. The ledger is put right.
 */
export async function recount(context: Reconciling, set: DaemonSet, nowMs: number): Promise<readonly string[]> {
  const before = context.ledger.state;
  if (before === null) return [];
  const counted = await countEverything(context, set, before.decidedWith);
  const touched = await touchedSince(context, before.cursor);
  if (touched === null) return [];
  const names = new Set([...counted.entries.keys(), ...everyEntryName(context)]);
  const wrong = [...names].filter(
    (name) => !touched.has(name) && isWrong(context.ledger.entry(name), counted.entries.get(name)),
  );
  if (wrong.length > 0) await rebuild(context, set, before.decidedWith, nowMs);
  else context.ledger.setState({ ...before, recountedAtMs: nowMs });
  return wrong;
}

/** The nodes that something happened to after `cursor`; null: too much to tell. */
async function touchedSince({ db, owner }: Reconciling, cursor: number): Promise<ReadonlySet<string> | null> {
  const concern = { kind: "daemonSet", namespace: owner.namespace } as const;
  const [{ changes, hasGap, hasMore }] = await runBatch(db, [readLog(db, { cursor, limit: pageSize, concern })]);
  if (hasGap || hasMore) return null;
  return new Set(changes.map((change) => (change.resource === "pods" ? loggedPodRow(change).node : change.name)));
}

function* everyEntryName(context: Reconciling): Generator<string> {
  for (const page of entryPages(context)) for (const { name } of page) yield name;
}

function isWrong(kept: NodeEntry | null, counted: NodeEntry | undefined): boolean {
  const matters = counted !== undefined && (counted.shouldRun || counted.pods.length > 0);
  if (!matters) return kept !== null;
  return kept === null || comparable(kept) !== comparable(counted);
}

function comparable({ backoff: _notCounted, pods, ...entry }: NodeEntry): string {
  return JSON.stringify([entry, pods.toSorted((a, b) => (a.uid < b.uid ? -1 : 1))]);
}

type Count = {
  readonly cursor: number;
  readonly entries: ReadonlyMap<string, NodeEntry>;
  readonly claims: readonly { uid: string; namespace: string; name: string; action: "adopt" | "release" }[];
};

async function countEverything(context: Reconciling, set: DaemonSet, decidedWith: DecidedWith): Promise<Count> {
  const { db, owner, templates } = context;
  // The log is read on from here, so what changes while the pages are read is seen again.
  const [cursor] = await runBatch(db, [readHead(db)]);
  const entries = new Map<string, NodeEntry>();
  for await (const facts of everyNode(db)) {
    const eligibility = nodeShouldRunDaemonPod(decidedWith.placement, facts);
    const entry = { name: facts.name, exists: true, ...eligibility, pods: [], backoff: null, ...holdOf(facts) };
    entries.set(facts.name, entry);
  }
  const claims: Count["claims"][number][] = [];
  for await (const page of podPages(db, owner.namespace)) {
    await templates.load(page.map(({ template }) => template));
    for (const row of page) {
      const template = templates.get(row.template);
      const claim = claimOf(set, row, template.metadata.labels);
      const node = targetNode(row, template);
      if (node === null || claim === "none") continue;
      const { uid, namespace, name } = row;
      if (claim !== "own") claims.push({ uid, namespace, name, action: claim });
      if (claim !== "own") continue;
      const entry = entries.get(node) ?? goneNode(node);
      entries.set(node, { ...entry, pods: [...entry.pods, podFacts(row, template)] });
    }
  }
  return { cursor, entries, claims };
}

/** All nodes, page by page. */
async function* everyNode(db: D1Database): AsyncGenerator<NodeFacts> {
  let afterName = "";
  for (;;) {
    const [page]: [readonly NodeFacts[]] = await runBatch(db, [readNodes(db, afterName, pageSize)]);
    yield* page;
    const last = page.at(-1);
    if (page.length < pageSize || last === undefined) return;
    afterName = last.name;
  }
}

async function* podPages(db: D1Database, namespace: string): AsyncGenerator<readonly PodRow[]> {
  let after: { namespace: string; name: string } | null = null;
  for (;;) {
    const [page]: [readonly PodRow[]] = await runBatch(db, [readPods(db, { namespace, after, limit: pageSize })]);
    yield page;
    const last = page.at(-1);
    if (page.length < pageSize || last === undefined) return;
    after = { namespace, name: last.name };
  }
}
