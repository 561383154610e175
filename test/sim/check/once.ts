// D4: what a user asked for once is in the log once at most, whether or not an answer came, and not at all if it was
// refused. Names and notes are never used twice by the simulated users, so that they tell one request from another.
import type { Operation } from "../world/recorder.ts";
import type { Breach } from "./history.ts";
import type { Checked } from "./invariants.ts";
import type { Entry } from "./state.ts";

type Meta = { readonly name?: string; readonly annotations?: Readonly<Record<string, string>> };

const notes = ["sim/note", "sim/lock"] as const;

/** The mark by which the outcome of a request can be told; null: it leaves none. */
function markOf({ request }: Operation): string | null {
  const meta = (request.body as { readonly metadata?: Meta } | undefined)?.metadata;
  const isSubresource = meta?.name !== undefined && request.path.includes(meta.name);
  if (request.method === "POST") return meta?.name === undefined || isSubresource ? null : `name ${meta.name}`;
  if (request.method !== "PUT" && request.method !== "PATCH") return null;
  // A whole object carries the other note as it was.
  const key = request.method === "PUT" ? "sim/lock" : "sim/note";
  const note = meta?.annotations?.[key];
  return note === undefined ? null : `${key} ${note}`;
}

/** How often each mark was made. */
function marksIn(entries: readonly Entry[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  const before = new Map<string, Meta["annotations"]>();
  const count = (mark: string) => times.set(mark, (times.get(mark) ?? 0) + 1);
  for (const { writer, type, resource, name, uid, subject } of entries) {
    if (writer === "worker" && type === "ADDED") count(`name ${name}`);
    // Revisions copy the notes of their set.
    if (subject.kind !== "object" || type === "DELETED" || resource !== "daemonsets.apps") continue;
    const { annotations } = subject.body.metadata;
    for (const key of notes) {
      const note = annotations?.[key];
      if (note !== undefined && note !== before.get(uid)?.[key]) count(`${key} ${note}`);
    }
    before.set(uid, annotations);
  }
  return times;
}

export function onceBreaches(
  operations: readonly Operation[],
  entries: readonly Entry[],
  checked: Checked,
): readonly Breach[] {
  const times = marksIn(entries);
  const byMark = Map.groupBy(operations, markOf);
  return [...byMark].flatMap(([mark, sent]) => {
    // What was tried again until it was answered may have been done by any of the tries.
    const [operation] = sent;
    if (mark === null || operation === undefined || sent.length > 1) return [];
    checked({ id: "D4", name: "writes that were sent once" });
    const { answer, request } = operation;
    const isRefused = answer?.outcome === "answered" && answer.status >= 400 && answer.status < 500;
    const isDone = answer?.outcome === "answered" && answer.status < 300;
    const [least, most] = [isDone ? 1 : 0, isRefused ? 0 : 1];
    const found = times.get(mark) ?? 0;
    if (found >= least && found <= most) return [];
    return [{ rule: "D4", what: `${request.method} ${request.path} of ${mark} took place ${found} times` }];
  });
}
