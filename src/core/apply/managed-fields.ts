// The managedFields of an object: its owners as clients see them.
// Source: apimachinery pkg/util/managedfields/internal, managedfields.go and capmanagers.go.
import type { ObjectMeta } from "../../model/meta.ts";
import { emptySet, union } from "./field-set.ts";
import { decodeFields, encodeFields } from "./fields-v1.ts";
import type { Owned, Owners } from "./owners.ts";

export type ManagedFieldsEntry = NonNullable<ObjectMeta["managedFields"]>[number];

/** Who writes, and in which way. */
export type Writer = {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  /** Empty: the object itself. */
  readonly subresource: string;
};

/** Owners and when each last wrote. */
export type Managed = { readonly owners: Owners; readonly times: ReadonlyMap<string, string> };

export const nobody: Managed = { owners: new Map(), times: new Map() };

/** What tells owners apart. Those who apply are the same in every version of the API. */
export function ownerOf({ manager, operation, apiVersion, subresource }: Writer): string {
  return JSON.stringify({
    ...(manager === "" ? {} : { manager }),
    operation,
    ...(operation === "Apply" ? {} : { apiVersion }),
    ...(subresource === "" ? {} : { subresource }),
  });
}

/** The writer that an owner is; who applies has no apiVersion here. */
export function writerOf(owner: string): Writer {
  // Made by `ownerOf`.
  const parts = JSON.parse(owner) as Partial<Writer> & Pick<Writer, "operation">;
  return { manager: "", apiVersion: "", subresource: "", ...parts };
}

/** Null for entries that cannot be made out. */
export function decodeManaged(entries: readonly ManagedFieldsEntry[] | undefined): Managed | null {
  const owners = new Map<string, Owned>();
  const times = new Map<string, string>();
  for (const { manager = "", operation, apiVersion = "", subresource = "", fieldsType, fieldsV1, time } of entries ??
    []) {
    if ((operation !== "Apply" && operation !== "Update") || apiVersion === "" || fieldsType !== "FieldsV1")
      return null;
    // The API keeps JSON in it.
    const fields = decodeFields(fieldsV1 as Parameters<typeof decodeFields>[0]);
    if (fields === null) return null;
    const owner = ownerOf({ manager, operation, apiVersion, subresource });
    owners.set(owner, { fields, apiVersion });
    if (time !== undefined) times.set(owner, time);
  }
  return { owners, times };
}

/** Those who apply first, then by time and name. */
export function encodeManaged({ owners, times }: Managed): readonly ManagedFieldsEntry[] {
  const entries = [...owners].map(([owner, { fields, apiVersion }]): ManagedFieldsEntry => {
    const { manager, operation, subresource } = writerOf(owner);
    const time = times.get(owner);
    return {
      ...(manager === "" ? {} : { manager }),
      operation,
      apiVersion,
      ...(time === undefined ? {} : { time }),
      fieldsType: "FieldsV1",
      fieldsV1: encodeFields(fields),
      ...(subresource === "" ? {} : { subresource }),
    };
  });
  return entries.toSorted(
    (a, b) =>
      compareText(a.operation, b.operation) ||
      compareText(a.time, b.time) ||
      compareText(a.manager, b.manager) ||
      compareText(a.apiVersion, b.apiVersion) ||
      compareText(a.subresource, b.subresource),
  );
}

function compareText(a = "", b = ""): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** As many owners that do not apply as are told apart. */
const mostUpdaters = 10;
const oldUpdaters = "ancient-changes";

/** Puts the oldest of too many writers together. */
export function withFewUpdaters(managed: Managed): Managed {
  const owners = new Map(managed.owners);
  const times = new Map(managed.times);
  const updaters = [...owners.keys()].filter((owner) => writerOf(owner).operation === "Update");
  const oldest = updaters.toSorted((a, b) => compareText(times.get(a), times.get(b)) || compareText(a, b));
  const firsts = new Map<string, string>();
  let count = updaters.length;
  for (const owner of oldest) {
    const owned = owners.get(owner);
    if (count <= mostUpdaters || owned === undefined) break;
    const { apiVersion } = owned;
    const first = firsts.get(apiVersion);
    if (first === undefined) {
      firsts.set(apiVersion, owner);
      continue;
    }
    const bucket = ownerOf({ manager: oldUpdaters, operation: "Update", apiVersion, subresource: "" });
    if (owner === bucket) continue;
    const together = owners.get(bucket) ?? owners.get(first);
    if (!owners.has(bucket)) owners.delete(first);
    owners.delete(owner);
    owners.set(bucket, { apiVersion, fields: union(owned.fields, together?.fields ?? emptySet) });
    const time = times.get(owner);
    if (time !== undefined) times.set(bucket, time);
    count -= 1;
  }
  return { owners, times };
}
