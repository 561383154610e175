// Applies a strategic merge patch: a merge patch that also merges lists, by the keys the kind declares for them.
// Source: apimachinery pkg/util/strategicpatch; its directives are explained in the Kubernetes API conventions.

import { isJsonArray, isJsonObject, type JsonObject, member, withoutMember } from "../../core/json.ts";
import type { Json } from "../../model/fields.ts";
import {
  deletePrefix,
  directedList,
  orderPrefix,
  patchDirective,
  retainKeysDirective,
  withoutDirectives,
} from "./directives.ts";
import { mergeList, withoutValues } from "./list-merge.ts";
import { listExpected, malformed, unknownPatchType } from "./patch-error.ts";
import { elementSchema, fieldSchema, type PatchSchema } from "./patch-schema.ts";

type ObjectMerge = { readonly original: JsonObject; readonly patch: JsonObject; readonly schema: PatchSchema };

/** An object half merged: what it has become, and what of the patch is still to be merged into it. */
type Draft = {
  readonly merged: Map<string, Json>;
  readonly rest: Map<string, Json>;
  readonly schema: PatchSchema;
};

/**
 * The document with the patch merged in. The result shares with its inputs what did not change; fields the schema does
 * not know are merged as plain JSON.
 * Throws BadRequest for directives of the wrong form, and an error without a reason, as the API server does, for an unknown
 * `$patch`, for list elements without their merge key, and for an order that contradicts the patch.
 */
export function applyStrategicMergePatch(document: JsonObject, patch: Json, schema: PatchSchema): JsonObject {
  if (!isJsonObject(patch)) throw malformed("JSON document");
  return mergeObject({ original: document, patch, schema });
}

function mergeObject({ original, patch, schema }: ObjectMerge): JsonObject {
  const directive = member(patch, patchDirective);
  if (directive === "replace") return withoutMember(patch, patchDirective);
  if (directive === "delete") return {};
  if (directive !== undefined) throw unknownPatchType(directive, patch);
  const draft: Draft = {
    merged: new Map(Object.entries(original)),
    rest: new Map(Object.entries(patch)),
    schema,
  };
  retainKeys(draft);
  mergeOrderedLists(draft);
  for (const [key, value] of draft.rest) mergeField(draft, key, value);
  return Object.fromEntries(draft.merged);
}

/** `$retainKeys`: drops every field it does not name, so that one choice of a union replaces another. */
function retainKeys({ merged, rest }: Draft): void {
  const keys = rest.get(retainKeysDirective);
  if (keys === undefined) return;
  if (!isJsonArray(keys)) throw malformed("patch format of retainKeys");
  rest.delete(retainKeysDirective);
  const retained = new Set<Json>(keys);
  for (const [key, value] of rest) {
    if (value === null || key.startsWith(deletePrefix) || key.startsWith(orderPrefix)) continue;
    if (!retained.has(key)) throw malformed("patch format of retainKeys");
  }
  for (const key of [...merged.keys()]) {
    if (!retained.has(key)) merged.delete(key);
  }
}

/** Merges each list that has a `$setElementOrder`, and takes both out of the rest. Other lists have no order to set. */
function mergeOrderedLists({ merged, rest, schema }: Draft): void {
  for (const [key, order] of [...rest]) {
    if (!key.startsWith(orderPrefix)) continue;
    rest.delete(key);
    const field = directedList(key, orderPrefix);
    if (field === undefined) throw malformed("patch format of setElementOrder list");
    if (!isJsonArray(order)) throw listExpected(order);
    const listSchema = fieldSchema(schema, field);
    const original = merged.get(field);
    const patch = rest.get(field);
    const isRemoved = patch === null;
    const isAbsent = original === undefined && patch === undefined;
    if (listSchema.strategy !== "merge" || isRemoved || isAbsent) continue;
    rest.delete(field);
    merged.set(field, mergeElements({ original: original ?? [], patch: patch ?? [], order, schema: listSchema }));
  }
}

type ElementMerge = {
  readonly original: Json;
  readonly patch: Json;
  readonly order: readonly Json[] | undefined;
  readonly schema: PatchSchema;
};

function mergeElements({ original, patch, order, schema }: ElementMerge): readonly Json[] {
  if (!isJsonArray(original)) throw listExpected(original);
  if (!isJsonArray(patch)) throw listExpected(patch);
  const elements = elementSchema(schema);
  return mergeList({
    original,
    patch,
    order,
    mergeKey: schema.mergeKey,
    mergeElement: (pair) => mergeObject({ ...pair, schema: elements }),
  });
}

function mergeField(draft: Draft, key: string, value: Json): void {
  const { merged, schema } = draft;
  if (key.startsWith(deletePrefix)) {
    deleteListed(draft, directedList(key, deletePrefix), value);
    return;
  }
  const original = merged.get(key);
  const next = value === null ? undefined : mergeValue({ original, patch: value, schema: fieldSchema(schema, key) });
  if (next === undefined) merged.delete(key);
  else merged.set(key, next);
}

/** `$deleteFromPrimitiveList`: what is not there, or is no list, is left alone. */
function deleteListed({ merged }: Draft, field: string | undefined, values: Json): void {
  if (field === undefined) throw malformed("patch format of primitive list");
  const list = merged.get(field);
  if (values === null) merged.delete(field);
  else if (isJsonArray(list) && isJsonArray(values)) merged.set(field, withoutValues({ list, values }));
}

type ValueMerge = { readonly original: Json | undefined; readonly patch: Json; readonly schema: PatchSchema };

/** The merged value, or undefined when nothing is to be left. */
function mergeValue({ original, patch, schema }: ValueMerge): Json | undefined {
  if (isJsonObject(original) && isJsonObject(patch)) {
    return schema.strategy === "replace" ? patch : mergeObject({ original, patch, schema });
  }
  if (isJsonArray(original) && isJsonArray(patch)) {
    return schema.strategy === "merge" ? mergeElements({ original, patch, order: undefined, schema }) : patch;
  }
  return withoutDirectives(patch);
}
