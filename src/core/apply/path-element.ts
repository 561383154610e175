// One step of the way to a field, in the form that managedFields have it: `f:` a field, `k:` the list element with these
// keys, `v:` the element of a set. The form is canonical, so that equal steps are equal texts.
// Source: sigs.k8s.io/structured-merge-diff fieldpath, serialize-pe.go and element.go.
import type { Json } from "../../model/fields.ts";
import { goJson } from "../go-json.ts";
import { isJsonObject, type JsonObject } from "../json.ts";

const ranks = ["f:", "k:", "v:", "i:"] as const;

export function fieldElement(name: string): string {
  return `f:${name}`;
}

/** The element of a list that has these values in its key fields. */
export function keyElement(keys: readonly (readonly [string, Json])[]): string {
  return `k:${goJson(Object.fromEntries(keys))}`;
}

export function valueElement(value: Json): string {
  return `v:${goJson(value)}`;
}

/** The name of the field that a step leads to; undefined for elements of lists. */
export function fieldName(element: string): string | undefined {
  return element.startsWith("f:") ? element.slice(2) : undefined;
}

export function isListElement(element: string): boolean {
  return element.startsWith("k:") || element.startsWith("v:");
}

/** The step in its canonical form; null for what is none. Throws SyntaxError for keys that are no JSON. */
export function parseElement(text: string): string | null {
  const content = text.slice(2);
  switch (text.slice(0, 2)) {
    case "f:":
      return text;
    case "k:": {
      const keys = parseJson(content);
      return isJsonObject(keys) ? keyElement(Object.entries(keys)) : null;
    }
    case "v:":
      return valueElement(parseJson(content));
    case "i:":
      return /^\d+$/.test(content) ? text : null;
    default:
      return null;
  }
}

function parseJson(text: string): Json {
  // JSON.parse yields JSON.
  return JSON.parse(text) as Json;
}

/** The way as error messages have it: `.spec.containers[name="c"].image`. */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join("");
}

export function elementText(element: string): string {
  const content = element.slice(2);
  if (element.startsWith("f:")) return `.${content}`;
  if (element.startsWith("v:")) return `[=${content}]`;
  if (!element.startsWith("k:")) return `[${content}]`;
  return `[${keysIn(element)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(",")}]`;
}

/** The order of steps from one place: fields by name, then list elements by their keys, then those of sets. */
export function compareElements(a: string, b: string): number {
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0) return rank;
  if (a.startsWith("k:")) return compareKeys(keysIn(a), keysIn(b));
  if (a.startsWith("v:")) return compareValues(parseJson(a.slice(2)), parseJson(b.slice(2)));
  return compareText(a, b);
}

function rankOf(element: string): number {
  return ranks.findIndex((prefix) => element.startsWith(prefix));
}

type Keys = readonly (readonly [string, Json])[];

function keysIn(element: string): Keys {
  // Made by `keyElement`, so it is an object.
  return Object.entries(parseJson(element.slice(2)) as JsonObject);
}

function compareKeys(a: Keys, b: Keys): number {
  for (const [index, [name, value]] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    const order = compareText(name, other[0]) || compareValues(value, other[1]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Numbers before texts before booleans. */
function compareValues(a: Json, b: Json): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  return valueRank(a) - valueRank(b) || compareText(goJson(a), goJson(b));
}

function valueRank(value: Json): number {
  return ["number", "string", "boolean"].indexOf(typeof value);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
