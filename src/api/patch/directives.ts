// The keys that steer a strategic merge patch instead of being part of its data.

import { isJsonArray, isJsonObject, member } from "../../core/json.ts";
import type { Json } from "../../model/fields.ts";

export const patchDirective = "$patch";
export const retainKeysDirective = "$retainKeys";
/** `$setElementOrder/<list>` */
export const orderPrefix = "$setElementOrder";
/** `$deleteFromPrimitiveList/<list>` */
export const deletePrefix = "$deleteFromPrimitiveList";

/** The list a prefixed directive is about, or undefined when it names none. */
export function directedList(key: string, prefix: string): string | undefined {
  return key.startsWith(`${prefix}/`) ? key.slice(prefix.length + 1) : undefined;
}

function isDirective(key: string): boolean {
  return key === retainKeysDirective || key.startsWith(orderPrefix) || key.startsWith(deletePrefix);
}

/**
 * Part of a patch as it reads where there is nothing to merge it with: without nulls and directives.
 * Undefined for an object with `$patch`: even "replace" leaves nothing there, as upstream has it.
 */
export function withoutDirectives(value: Json): Json | undefined {
  if (isJsonArray(value)) return value.map(withoutDirectives).filter((element) => element !== undefined);
  if (!isJsonObject(value)) return value;
  if (member(value, patchDirective) !== undefined) return undefined;
  const kept: [string, Json][] = [];
  for (const [key, given] of Object.entries(value)) {
    const stripped = given === null || isDirective(key) ? undefined : withoutDirectives(given);
    if (stripped !== undefined) kept.push([key, stripped]);
  }
  return Object.fromEntries(kept);
}
