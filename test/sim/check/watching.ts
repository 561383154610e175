// W1 to W3: what a watcher must have been told, worked out from the whole log, against what it was told.
import { isDeepStrictEqual } from "node:util";
import type { Checked } from "./invariants.ts";
import type { Entry, Labels, Subject } from "./state.ts";
import { keyOf } from "./state.ts";

/** What a selector can see of an object. */
type Visible = { readonly labels: Labels; readonly phase: string; readonly node: string };

export type Scope = {
  readonly resource: string;
  /** Null: all namespaces. */
  readonly namespace: string | null;
  readonly picks: (visible: Visible) => boolean;
};

export type Told =
  | {
      readonly kind: "ADDED" | "MODIFIED" | "DELETED";
      readonly rv: number;
      readonly uid: string;
      readonly visible: Visible;
    }
  | { readonly kind: "BOOKMARK"; readonly rv: number };

/** One watch, from its start to its end. */
export type Session = {
  readonly fromRv: number;
  readonly told: readonly Told[];
  /** It ended because what it would have to tell next is forgotten. */
  expired: boolean;
};

function visibleOf(subject: Subject): Visible {
  if (subject.kind === "pod") {
    const { labels, phase, node, isWaiting } = subject.pod;
    return { labels, phase, node: isWaiting ? "" : node };
  }
  return { labels: subject.body.metadata.labels ?? {}, phase: "", node: "" };
}

function isIn({ resource, namespace }: Scope, entry: Entry): boolean {
  return entry.resource === resource && (namespace === null || entry.namespace === namespace);
}

/** Every event of the scope after `fromRv` up to `toRv`. */
function expectedEvents(entries: readonly Entry[], scope: Scope, fromRv: number, toRv: number): readonly Told[] {
  /** What is in sight, as it was last seen. */
  const seen = new Map<string, Visible>();
  const events: Told[] = [];
  for (const entry of entries) {
    if (entry.seq > toRv) break;
    if (!isIn(scope, entry)) continue;
    const key = keyOf(entry);
    const last = seen.get(key);
    const now = visibleOf(entry.subject);
    const isSeen = entry.type !== "DELETED" && scope.picks(now);
    if (isSeen) seen.set(key, now);
    else seen.delete(key);
    if (entry.seq <= fromRv || (last === undefined && !isSeen)) continue;
    const kind = last === undefined ? "ADDED" : isSeen ? "MODIFIED" : "DELETED";
    // What leaves a watcher's sight is told as it was last seen there; what is gone, as it was in the end.
    const hasLeft = kind === "DELETED" && entry.type !== "DELETED";
    events.push({ kind, rv: entry.seq, uid: entry.uid, visible: hasLeft ? (last ?? now) : now });
  }
  return events;
}

function text(told: Told | undefined): string {
  if (told === undefined) return "nothing";
  return told.kind === "BOOKMARK" ? `BOOKMARK ${told.rv}` : `${told.kind} ${told.uid} at ${told.rv}`;
}

function showsSame(told: Told, expected: Told | undefined): boolean {
  if (told.kind === "BOOKMARK" || expected === undefined || expected.kind === "BOOKMARK") return false;
  return isDeepStrictEqual(told.visible, expected.visible);
}

/** Counts what there was to judge in a watch. */
export function countWatch({ told, expired }: Session, entries: readonly Entry[], checked: Checked): void {
  const events = told.filter((one) => one.kind !== "BOOKMARK");
  const typeAt = (rv: number) => entries.find(({ seq }) => seq === rv)?.type;
  if (told.length > 0) checked({ id: "W1", name: "watches" });
  checked({ id: "W2", name: "bookmarks" }, told.length - events.length);
  if (expired) checked({ id: "W2", name: "watches that expired" });
  checked({ id: "W3", name: "content of events" }, events.length);
  checked({ id: "W3", name: "selector crossings" }, events.filter(({ kind, rv }) => kind !== typeAt(rv)).length);
}

/** What is wrong with one watch; null: nothing. */
export function watchBreach(entries: readonly Entry[], scope: Scope, { fromRv, told }: Session): string | null {
  const last = told.at(-1);
  if (last === undefined) return null;
  const toRv = Math.max(...told.map(({ rv }) => rv));
  const expected = expectedEvents(entries, scope, fromRv, toRv);
  let next = 0;
  for (const one of told) {
    if (one.kind === "BOOKMARK") {
      const missed = expected[next];
      if (missed !== undefined && missed.rv <= one.rv) return `${text(one)} came before ${text(missed)}`;
      continue;
    }
    if (text(one) !== text(expected[next])) return `${text(one)} came, and should have been ${text(expected[next])}`;
    if (!showsSame(one, expected[next])) return `${text(one)} came with the content of another version`;
    next += 1;
  }
  return next === expected.length ? null : `${text(expected[next])} never came`;
}

/** The objects of the scope after `rv`, by key, with their versions. */
export function expectedList(entries: readonly Entry[], scope: Scope, rv: number): ReadonlyMap<string, number> {
  const objects = new Map<string, number>();
  for (const entry of entries) {
    if (entry.seq > rv) break;
    if (!isIn(scope, entry)) continue;
    const key = `${entry.namespace}/${entry.name}`;
    if (entry.type !== "DELETED" && scope.picks(visibleOf(entry.subject))) objects.set(key, entry.seq);
    else objects.delete(key);
  }
  return objects;
}

/** How two lists differ; null: not at all. */
export function listBreach(listed: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): string | null {
  for (const [key, rv] of expected) {
    const own = listed.get(key);
    if (own !== rv) return own === undefined ? `${key} is missing` : `${key} is of ${own}, and should be of ${rv}`;
  }
  for (const key of listed.keys()) if (!expected.has(key)) return `${key} should not be there`;
  return null;
}
