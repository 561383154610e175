// What ConfigMaps and Secrets say as text.
import type { HeldObject } from "../assignment/objects.ts";

/** Undefined for a key that is not there. What a ConfigMap has as bytes is no text. */
export function textOf({ kind, data, binaryData }: HeldObject, key: string): string | undefined {
  const held = kind === "ConfigMap" ? data : binaryData;
  const value = Object.hasOwn(held, key) ? held[key] : undefined;
  return value === undefined || kind === "ConfigMap" ? value : Buffer.from(value, "base64").toString("utf8");
}

/** All keys that have a text. */
export function textKeysOf({ kind, data, binaryData }: HeldObject): readonly string[] {
  return Object.keys(kind === "ConfigMap" ? data : binaryData);
}
