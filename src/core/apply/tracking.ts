// What becomes of an object and of its managedFields when somebody writes or applies it: the rules around ownership.
// Source: apimachinery pkg/util/managedfields/internal (fieldmanager.go and the managers it is made of).
import type { Json } from "../../model/fields.ts";
import { annotationsBytes } from "../../model/limits.ts";
import { utf8Length } from "../../model/utf8.ts";
import { goJson } from "../go-json.ts";
import { isJsonObject, type JsonObject, member, withoutMember } from "../json.ts";
import { compare } from "./comparison.ts";
import { difference, emptySet, type FieldSet, intersection, isEmptySet, setOf, union } from "./field-set.ts";
import { fieldsOf } from "./fields-of.ts";
import {
  decodeManaged,
  encodeManaged,
  type Managed,
  type ManagedFieldsEntry,
  nobody,
  ownerOf,
  withFewUpdaters,
  writerOf,
} from "./managed-fields.ts";
import { type Applied, apply, type Conflict, type Ground, type Owned, ownersAfterWrite } from "./owners.ts";

export type Tracking = Ground & {
  /** An object of the kind in which nothing is set. */
  readonly empty: JsonObject;
  /** Empty: the object itself. */
  readonly subresource: string;
  /** RFC 3339. */
  readonly time: string;
};

type Entries = readonly ManagedFieldsEntry[];

/** An object and, apart from it, its managedFields. */
export type Tracked = { readonly object: JsonObject; readonly managedFields: Entries | undefined };

/** What nobody owns: who and when the object is. */
const nobodys = setOf(
  ["f:apiVersion"],
  ["f:kind"],
  ["f:metadata"],
  ...[
    ...["name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields"],
    "resourceVersion",
  ].map((name) => ["f:metadata", `f:${name}`]),
);

const beforeApply = "before-first-apply";

type WrittenObject = { readonly live: Tracked | null; readonly next: Tracked; readonly manager: string };

/**
 * The managedFields after a write that is no application. `live` null: the object is new. Objects that have none get
 * none: whoever was there before would be left out.
 */
export function managedAfterWrite(tracking: Tracking, { live, next, manager }: WrittenObject): Entries | undefined {
  const managed = managedOf(tracking, live, next);
  if (live !== null && managed.owners.size === 0) return undefined;
  const write = { live: live?.object ?? tracking.empty, next: next.object, manager };
  return entriesOf(afterWrite(tracking, managed, write));
}

/** As the client wants them, where it may say; an entry with nothing in it wipes them, an empty list does not. */
function managedOf({ subresource }: Tracking, live: Tracked | null, next: Tracked): Managed {
  const kept = decodeManaged(live?.managedFields) ?? nobody;
  if (subresource !== "") return kept;
  const given = next.managedFields ?? [];
  if (given.length === 1 && Object.keys(given[0] ?? {}).length === 0) return nobody;
  const managed = decodeManaged(given);
  return managed === null || managed.owners.size === 0 ? kept : managed;
}

function entriesOf(managed: Managed): Entries | undefined {
  return managed.owners.size === 0 ? undefined : encodeManaged(managed);
}

/** Stands for the writer, so that what it takes now can be told from what it has. */
const writing = "";

type Write = { readonly live: Json; readonly next: Json; readonly manager: string };

function afterWrite(tracking: Tracking, managed: Managed, { live, next, manager }: Write): Managed {
  const { apiVersion, subresource, time } = tracking;
  const writer = { manager: manager || "unknown", operation: "Update", apiVersion, subresource } as const;
  const owner = ownerOf(writer);
  const owners = new Map(ownersAfterWrite(tracking, { live, next, owners: managed.owners, owner: writing }));
  const taken = difference(owners.get(writing)?.fields ?? emptySet, nobodys);
  owners.delete(writing);
  if (isEmptySet(taken)) return withFewUpdaters({ owners, times: managed.times });
  owners.set(owner, { fields: union(taken, owners.get(owner)?.fields ?? emptySet), apiVersion });
  return withFewUpdaters({ owners, times: new Map(managed.times).set(owner, time) });
}

type Application = {
  /** Null: the object does not exist. */
  readonly live: Tracked | null;
  readonly applied: JsonObject;
  readonly manager: string;
  readonly force: boolean;
};

export type ApplyOutcome =
  | ({ readonly ok: true } & Tracked)
  | { readonly ok: false; readonly conflicts: readonly Conflict[] };

/** The object as it is to be, still without defaults. `applied` must be fit for the type. */
export function applyObject(tracking: Tracking, { live, applied, manager, force }: Application): ApplyOutcome {
  const object = live?.object ?? tracking.empty;
  const managed = managedBeforeApply(tracking, live);
  const owner = ownerOf({ manager, operation: "Apply", apiVersion: "", subresource: tracking.subresource });
  const application = { live: object, applied, owners: managed.owners, owner };
  const outcome = apply(tracking, { ...application, force });
  const settled = outcome.ok || manager !== kubectl ? outcome : settle(tracking, application, outcome);
  if (!settled.ok) return settled;
  const owners = withoutNobodys(settled.owners, owner);
  const times = settled.isSame ? managed.times : new Map(managed.times).set(owner, tracking.time);
  // Merged from objects, it is one.
  const next = settled.isSame ? object : (settled.object as JsonObject);
  return {
    ok: true,
    object: manager === kubectl ? withLastApplied(next, applied) : next,
    managedFields: entriesOf({ owners, times }),
  };
}

/** Who owned an object that was not tracked so far cannot be told any more; somebody did. */
function managedBeforeApply(tracking: Tracking, live: Tracked | null): Managed {
  const managed = decodeManaged(live?.managedFields) ?? nobody;
  if (live === null || managed.owners.size > 0) return managed;
  return afterWrite(tracking, managed, { live: tracking.empty, next: live.object, manager: beforeApply });
}

function withoutNobodys(owners: ReadonlyMap<string, Owned>, owner: string): ReadonlyMap<string, Owned> {
  const left = new Map(owners);
  const owned = left.get(owner);
  const fields = difference(owned?.fields ?? emptySet, nobodys);
  left.delete(owner);
  if (owned !== undefined && !isEmptySet(fields)) left.set(owner, { ...owned, fields });
  return left;
}

const kubectl = "kubectl";
const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

/** kubectl is not in conflict over what it applied itself when it still did so on its own side. */
function settle(
  tracking: Tracking,
  application: Omit<Parameters<typeof apply>[1], "force">,
  { conflicts }: Extract<Applied, { readonly ok: false }>,
): Applied {
  const own = lastAppliedFields(tracking, application.live);
  if (own === null) return { ok: false, conflicts };
  const left = conflicts.filter(({ path }) => isEmptySet(intersection(setOf(path), own)));
  return left.length > 0 ? { ok: false, conflicts: left } : apply(tracking, { ...application, force: true });
}

/** The fields that are still as kubectl last applied them; null when it never did. */
function lastAppliedFields({ type, apiVersion }: Ground, live: Json): FieldSet | null {
  const lastApplied = parseObject(annotationOf(live, lastAppliedAnnotation));
  if (lastApplied === null || lastApplied["apiVersion"] !== apiVersion) return null;
  const { added, modified, removed } = compare(type, lastApplied, live);
  return difference(fieldsOf(type, lastApplied), union(union(modified, added), removed));
}

function parseObject(text: string): JsonObject | null {
  try {
    // JSON.parse yields JSON.
    const value = JSON.parse(text) as Json;
    return isJsonObject(value) ? value : null;
  } catch {
    // Anybody may write an annotation; this one says nothing then.
    return null;
  }
}

function annotationOf(object: Json, name: string): string {
  const annotations = annotationsOf(object);
  const value = member(annotations, name);
  return typeof value === "string" ? value : "";
}

function annotationsOf(object: Json): JsonObject {
  const metadata = isJsonObject(object) ? object["metadata"] : undefined;
  const annotations = isJsonObject(metadata) ? metadata["annotations"] : undefined;
  return isJsonObject(annotations) ? annotations : {};
}

/** What kubectl keeps for the day it applies on its own side again goes with what it applies here. */
function withLastApplied(object: JsonObject, applied: JsonObject): JsonObject {
  const annotations = annotationsOf(object);
  if (annotationOf(object, lastAppliedAnnotation) === "") return object;
  const next = { ...annotations, [lastAppliedAnnotation]: `${goJson(withoutAnnotation(applied))}\n` };
  const fits = annotationsSize(next) <= annotationsBytes;
  const kept = fits ? next : withoutMember(annotations, lastAppliedAnnotation);
  return withAnnotations(object, kept);
}

function withoutAnnotation(applied: JsonObject): JsonObject {
  const annotations = annotationsOf(applied);
  if (!Object.hasOwn(annotations, lastAppliedAnnotation)) return applied;
  return withAnnotations(applied, withoutMember(annotations, lastAppliedAnnotation));
}

function withAnnotations(object: JsonObject, annotations: JsonObject): JsonObject {
  const metadata = object["metadata"];
  return { ...object, metadata: { ...(isJsonObject(metadata) ? metadata : {}), annotations } };
}

function annotationsSize(annotations: JsonObject): number {
  return Object.entries(annotations).reduce(
    (size, [name, value]) => size + utf8Length(name) + utf8Length(String(value)),
    0,
  );
}

/** Whom a conflict is with, as clients print it. */
export function ownerText(owner: string): string {
  const { manager, operation, apiVersion, subresource } = writerOf(owner);
  const name = `${JSON.stringify(manager)}${subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`}`;
  return operation === "Update" ? `${name} using ${apiVersion}` : name;
}
