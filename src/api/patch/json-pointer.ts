// Where in a document an operation of a JSON patch takes place. Source: RFC 6901.
import type { Tree } from "./json-tree.ts";

/** The tokens of a pointer; none for the whole document. */
export type Pointer = readonly string[];

/** The pointer a text spells, or undefined when it spells none. */
export function parsePointer(text: string): Pointer | undefined {
  if (text === "") return [];
  if (!text.startsWith("/")) return undefined;
  const tokens = text.slice(1).split("/");
  return tokens.map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

export function pointerText(pointer: Pointer): string {
  return pointer.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The value a pointer leads to, or undefined when it leads nowhere. */
export function valueAt(document: Tree, pointer: Pointer): Tree | undefined {
  let value: Tree | undefined = document;
  for (const token of pointer) {
    if (value instanceof Map) value = value.get(token);
    else if (Array.isArray(value)) value = value[placeOf(token, value.length) ?? -1];
    else return undefined;
  }
  return value;
}

/** The place a token names among `count`, or undefined. Negative ones count from the end, which only the API server does. */
export function placeOf(token: string, count: number): number | undefined {
  if (!/^(0|-?[1-9]\d*)$/.test(token)) return undefined;
  const index = Number(token);
  const place = index < 0 ? index + count : index;
  return place >= 0 && place < count ? place : undefined;
}
