// Merges two lists of a strategic merge patch: by merge key where the elements are objects, as sets where they are
// plain values. Source: apimachinery pkg/util/strategicpatch.

import { goJsonKind, isJsonObject, type JsonObject, member } from "../../core/json.ts";
import { ApiError } from "../../model/api-error.ts";
import type { Json } from "../../model/fields.ts";
import { patchDirective, withoutDirectives } from "./directives.ts";
import { inOrder } from "./element-order.ts";
import {
  malformed,
  missingMergeKey,
  mixedElements,
  orderMismatch,
  RejectedPatch,
  unknownPatchType,
} from "./patch-error.ts";

type ListMerge = {
  readonly original: readonly Json[];
  readonly patch: readonly Json[];
  /** What `$setElementOrder` asks for; undefined: the order of the patch itself. */
  readonly order: readonly Json[] | undefined;
  /** Undefined for lists of plain values. */
  readonly mergeKey: string | undefined;
  readonly mergeElement: (pair: { readonly original: JsonObject; readonly patch: JsonObject }) => JsonObject;
};

export function mergeList(merge: ListMerge): readonly Json[] {
  const { original, patch } = merge;
  const kinds = new Set([...original, ...patch].map(goJsonKind));
  if (kinds.size === 0) return original;
  if (kinds.size > 1 || kinds.has("null")) throw mixedElements([original, patch]);
  if (kinds.has("array")) throw new RejectedPatch("patch", "lists of lists are not supported");
  return kinds.has("object") ? mergeObjects(merge) : mergeValues(merge);
}

function mergeValues({ original, patch, order }: ListMerge): readonly Json[] {
  const keyOf = (element: Json): Json => element;
  if (order !== undefined) checkOrder({ patch, order, keyOf });
  return inOrder({
    merged: [...new Set([...original, ...patch])],
    keyOf,
    patchOrder: order ?? patch,
    serverOrder: original,
  });
}

function mergeObjects({ original, patch, order, mergeKey, mergeElement }: ListMerge): readonly Json[] {
  if (mergeKey === undefined) throw new ApiError("", "cannot merge lists without merge key");
  const keyOf = (element: Json): Json => keyIn(element, mergeKey);
  if (order !== undefined) checkOrder({ patch, order, keyOf });
  const { kept, additions } = applyDirectives({ original, patch, mergeKey });
  const merged: Json[] = [...kept];
  const places = new Map<Json, number>();
  // From the back, so that of elements with the same key the first is the one found.
  for (let place = merged.length - 1; place >= 0; place--) places.set(keyOf(merged[place] ?? null), place);
  for (const addition of additions) {
    const key = keyOf(addition);
    const place = places.get(key);
    const present = place === undefined ? undefined : merged[place];
    if (place !== undefined && isJsonObject(present)) {
      merged[place] = mergeElement({ original: present, patch: addition });
    } else {
      places.set(key, merged.push(withoutDirectives(addition) ?? addition) - 1);
    }
  }
  // With an explicit order, upstream lets new elements take the places of deleted ones; without, they have none.
  const server = order === undefined ? kept : merged.slice(0, original.length);
  return inOrder({ merged, keyOf, patchOrder: (order ?? additions).map(keyOf), serverOrder: server.map(keyOf) });
}

function keyIn(element: Json, mergeKey: string): Json {
  const key = isJsonObject(element) ? member(element, mergeKey) : undefined;
  if (key === undefined) throw missingMergeKey(element, mergeKey);
  return key;
}

type Undirected = Pick<ListMerge, "original" | "patch"> & { readonly mergeKey: string };
type Directed = { readonly kept: readonly Json[]; readonly additions: readonly JsonObject[] };

/** What is left of the original after the `$patch` elements of the patch, and the elements that are not of that kind. */
function applyDirectives({ original, patch, mergeKey }: Undirected): Directed {
  const elements = patch.filter(isJsonObject);
  const additions = elements.filter((element) => !Object.hasOwn(element, patchDirective));
  const removed = new Set<Json>();
  let isReplaced = false;
  for (const element of elements) {
    const directive = member(element, patchDirective);
    if (directive === undefined) continue;
    if (directive === "delete") removed.add(keyIn(element, mergeKey));
    else if (directive === "replace") isReplaced = true;
    else if (directive === "merge") throw new ApiError("", "merging lists cannot yet be specified in the patch");
    else throw unknownPatchType(directive, element);
  }
  if (isReplaced) return { kept: [], additions };
  if (removed.size === 0) return { kept: original, additions };
  return { kept: original.filter((element) => !removed.has(keyIn(element, mergeKey))), additions };
}

type OrderedPatch = {
  readonly patch: readonly Json[];
  readonly order: readonly Json[];
  readonly keyOf: (element: Json) => Json;
};

/** Refuses a patch whose elements are not in the order that its own `$setElementOrder` names. */
function checkOrder({ patch, order, keyOf }: OrderedPatch): void {
  if (order.length === 0) return;
  let next = 0;
  for (const element of patch) {
    if (isJsonObject(element) && Object.hasOwn(element, patchDirective)) continue;
    const key = keyOf(element);
    while (next < order.length && keyOf(order[next] ?? null) !== key) next++;
    if (next === order.length) throw orderMismatch({ patch, order });
    next++;
  }
}

/** The list without the values that `$deleteFromPrimitiveList` names. */
export function withoutValues({ list, values }: Record<"list" | "values", readonly Json[]>): readonly Json[] {
  if (values.some(isJsonObject)) throw malformed("patch format of primitive list");
  const removed = new Set(values);
  return list.filter((element) => !removed.has(element));
}
