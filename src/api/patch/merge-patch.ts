// Applies a JSON merge patch. Source: RFC 7386.

import { isJsonObject, type JsonObject } from "../../core/json.ts";
import type { Json } from "../../model/fields.ts";
import { undecodable } from "./patch-error.ts";

/**
 * The document with the patch merged in: null removes a member, objects merge, anything else replaces.
 * The result shares what did not change with its inputs. Throws BadRequest when the patch is no object.
 */
export function applyMergePatch(document: JsonObject, patch: Json): JsonObject {
  if (!isJsonObject(patch)) throw undecodable(patch, "map[string]interface {}");
  return mergeObject(document, patch);
}

function mergeObject(target: JsonObject, patch: JsonObject): JsonObject {
  const merged = new Map(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergeValue(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

function mergeValue(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  return mergeObject(isJsonObject(target) ? target : {}, patch);
}
