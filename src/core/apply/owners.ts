// Who owns which fields of an object, and what a write makes of that. Source: sigs.k8s.io/structured-merge-diff merge,
// update.go.
import type { Json } from "../../model/fields.ts";
import { isSameJson } from "../json.ts";
import { type Comparison, compare, without } from "./comparison.ts";
import {
  difference,
  emptySet,
  type FieldSet,
  intersection,
  isEmptySet,
  pathsOf,
  recursiveDifference,
  union,
  withNamedFields,
} from "./field-set.ts";
import type { FieldType } from "./field-type.ts";
import { fieldsOf } from "./fields-of.ts";
import { merge } from "./merge.ts";
import { withoutFields } from "./remove.ts";

/** An owner's fields, in the version of the API that it wrote them in. */
export type Owned = { readonly fields: FieldSet; readonly apiVersion: string };

/** By whatever tells owners apart. */
export type Owners = ReadonlyMap<string, Owned>;

export type Ground = {
  readonly type: FieldType;
  readonly apiVersion: string;
  /** What a write of this sort does not reach: status, or all but status. */
  readonly ignored: FieldSet;
};

export type Conflict = { readonly owner: string; readonly path: readonly string[] };

type Write = {
  readonly live: Json;
  readonly next: Json;
  readonly owners: Owners;
  /** Who writes. */
  readonly owner: string;
};

type Taken = { readonly owners: Map<string, Owned>; readonly comparison: Comparison };

/** After a write that takes what it changes: the writer owns what it added and modified, besides what it owned. */
export function ownersAfterWrite(ground: Ground, write: Write): Owners {
  const { owners, comparison } = take(ground, write);
  const { added, modified, removed } = comparison;
  const before = owners.get(write.owner)?.fields ?? emptySet;
  const fields = recursiveDifference(difference(union(union(before, modified), added), removed), ground.ignored);
  owners.delete(write.owner);
  if (!isEmptySet(fields)) owners.set(write.owner, { fields, apiVersion: ground.apiVersion });
  return owners;
}

/** Takes from all others what the write changed or removed. */
function take(ground: Ground, { live, next, owners, owner }: Write): Taken {
  const comparison = without(compare(ground.type, live, next), ground.ignored);
  const changed = union(union(comparison.modified, comparison.added), comparison.removed);
  const left = new Map<string, Owned>();
  for (const [id, owned] of owners) {
    if (id !== owner && !isSameGroup(owned.apiVersion, ground.apiVersion)) continue;
    const fields = id === owner ? owned.fields : difference(owned.fields, changed);
    if (!isEmptySet(fields)) left.set(id, { ...owned, fields });
  }
  return { owners: left, comparison };
}

/** Versions of a group differ in name alone here; what was written in another group says nothing of this object. */
function isSameGroup(a: string, b: string): boolean {
  const groupOf = (apiVersion: string) => apiVersion.slice(0, Math.max(apiVersion.indexOf("/"), 0));
  return groupOf(a) === groupOf(b);
}

type Application = {
  readonly live: Json;
  readonly applied: Json;
  readonly owners: Owners;
  readonly owner: string;
  /** True: takes the fields of others instead of being in conflict with them. */
  readonly force: boolean;
};

export type Applied =
  /** `isSame`: nothing of the object changes, though who owns it may. */
  | { readonly ok: true; readonly object: Json; readonly isSame: boolean; readonly owners: Owners }
  | { readonly ok: false; readonly conflicts: readonly Conflict[] };

/**
 * `live` with what `applied` names, and without what its owner named the last time and nobody else owns. The owner owns
 * exactly what it names.
 */
export function apply(ground: Ground, { live, applied, owners, owner, force }: Application): Applied {
  const last = owners.get(owner)?.fields ?? emptySet;
  const fields = recursiveDifference(fieldsOf(ground.type, applied), ground.ignored);
  const claimed = new Map(owners).set(owner, { fields, apiVersion: ground.apiVersion });
  const merged = merge(ground.type, live, applied);
  const next = prune(ground, { merged, last, owners: claimed });
  if (!force) {
    const conflicts = conflictsOf(ground, { live, next, owners: claimed, owner });
    if (conflicts.length > 0) return { ok: false, conflicts };
  }
  const { owners: left } = take(ground, { live, next, owners: claimed, owner });
  return { ok: true, object: next, isSame: isSameJson(live, next), owners: left };
}

/** The fields of others that the write changes, in order of owners and paths. */
function conflictsOf(ground: Ground, { live, next, owners, owner }: Write): readonly Conflict[] {
  const { added, modified } = without(compare(ground.type, live, next), ground.ignored);
  const changed = union(modified, added);
  return [...owners]
    .filter(([id, { apiVersion }]) => id !== owner && isSameGroup(apiVersion, ground.apiVersion))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([id, owned]) => pathsOf(intersection(owned.fields, changed)).map((path) => ({ owner: id, path })));
}

type Pruning = { readonly merged: Json; readonly last: FieldSet; readonly owners: Owners };

/** Removes what the owner named the last time, unless anybody owns it now. */
function prune({ type, apiVersion }: Ground, { merged, last, owners }: Pruning): Json {
  if (isEmptySet(last)) return merged;
  const named = (set: FieldSet): FieldSet => withNamedFields(set, type);
  const present = named(fieldsOf(type, merged));
  const owned = [...owners.values()]
    .filter((other) => isSameGroup(other.apiVersion, apiVersion))
    .reduce((all, { fields }) => union(all, fields), emptySet);
  const bare = withoutFields(type, merged, named(last));
  // Removing a field takes all below it; what is owned there comes back.
  const kept = union(named(fieldsOf(type, bare)), named(owned));
  const pruned = withoutFields(type, merged, difference(present, kept));
  const gone = difference(present, named(fieldsOf(type, pruned)));
  return withoutFields(type, merged, intersection(gone, named(last)));
}
