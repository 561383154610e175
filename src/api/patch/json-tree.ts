// JSON that may be changed: objects as maps, so that no key is special and none of the changes costs a copy.

import { isJsonArray, isJsonObject } from "../../core/json.ts";
import type { Json } from "../../model/fields.ts";

export type Tree = null | boolean | number | string | Tree[] | Map<string, Tree>;

/** A tree of its own: changing it changes nothing else. */
export function treeOf(json: Json): Tree {
  if (isJsonArray(json)) return json.map(treeOf);
  if (!isJsonObject(json)) return json;
  const tree = new Map<string, Tree>();
  for (const [key, value] of Object.entries(json)) tree.set(key, treeOf(value));
  return tree;
}

export function jsonOf(tree: Tree): Json {
  if (Array.isArray(tree)) return tree.map(jsonOf);
  if (!(tree instanceof Map)) return tree;
  return Object.fromEntries([...tree].map(([key, value]) => [key, jsonOf(value)]));
}

export function isSameTree(a: Tree, b: Tree): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((element, index) => isSameTree(element, b[index] ?? null));
  }
  if (!(a instanceof Map) || !(b instanceof Map)) return a === b;
  if (a.size !== b.size) return false;
  return [...a].every(([key, value]) => {
    const other = b.get(key);
    return other !== undefined && isSameTree(value, other);
  });
}
