// Plain JSON as patches and server-side apply see it. A key such as "__proto__" is data like any other: objects are read
// through own properties only and built with Object.fromEntries, which defines and never assigns.
import type { Json } from "../model/fields.ts";

export type JsonObject = { readonly [key: string]: Json };

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isJsonArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** The value of a key, or undefined when the object has none. */
export function member(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** The object without one member. */
export function withoutMember(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}

/** Deep equality; the order of an object's members does not count. */
export function isSameJson(a: Json, b: Json): boolean {
  if (isJsonArray(a)) {
    return (
      isJsonArray(b) && a.length === b.length && a.every((element, index) => isSameJson(element, b[index] ?? null))
    );
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return a === b;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && isSameJson(a[name] ?? null, b[name] ?? null));
}

/** The name Go's JSON decoder has for a value, as error messages of the API use it. */
export function goJsonKind(value: Json): string {
  if (isJsonArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  return value === null ? "null" : typeof value;
}

/** A value as Go prints it ("%v"), which is how error messages of the API show objects and lists. */
export function goText(value: Json): string {
  if (value === null) return "<nil>";
  if (isJsonArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (!isJsonObject(value)) return String(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${key}:${goText(member(value, key) ?? null)}`);
  return `map[${members.join(" ")}]`;
}
