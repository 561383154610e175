// Short, stable, label-safe names for contents.
// Source: hash/fnv (FNV-1a, 32 bits), apimachinery pkg/util/rand SafeEncodeString.

const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;
const safeAlphabet = "bcdfghjklmnpqrstvwxz2456789";

/** FNV-1a over the UTF-8 form of `text`; continues from `seed`, an earlier hash. */
export function fnv1a32(text: string, seed: number = offsetBasis): number {
  let hash = seed;
  for (const byte of utf8(text)) hash = Math.imul(hash ^ byte, prime) >>> 0;
  return hash;
}

function* utf8(text: string): Generator<number> {
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    if (point < 0x80) yield point;
    else if (point < 0x800) yield* [0xc0 | (point >> 6), tail(point)];
    else if (point < 0x10000) yield* [0xe0 | (point >> 12), tail(point >> 6), tail(point)];
    else yield* [0xf0 | (point >> 18), tail(point >> 12), tail(point >> 6), tail(point)];
  }
}

function tail(bits: number): number {
  return 0x80 | (bits & 0x3f);
}

/** A number in letters and digits that spell no words. */
export function safeEncode(value: number): string {
  return [...String(value)].map((digit) => safeAlphabet[digit.charCodeAt(0) % safeAlphabet.length]).join("");
}

/** Five random characters for a generated name; `randomIndex(n)` returns an integer from 0 to n-1. */
export function nameSuffix(randomIndex: (below: number) => number): string {
  return Array.from({ length: 5 }, () => safeAlphabet[randomIndex(safeAlphabet.length)]).join("");
}

const longestGeneratedBase = 58;

/** `generateName` with its suffix, cut so that the whole fits a label. */
export function generatedName(generateName: string, suffix: string): string {
  return generateName.slice(0, longestGeneratedBase) + suffix;
}
