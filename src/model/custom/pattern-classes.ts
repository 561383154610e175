// Which characters a piece of a regular expression stands for. Source: regexp/syntax of the Go standard library.

export type CharTest = (codePoint: number) => boolean;
type Found = { readonly test: CharTest /** Of the text it was read from. */; readonly length: number };
type Folding = { readonly i: boolean };

export const anyChar: CharTest = () => true;
export const anyCharButNewline: CharTest = (code) => code !== 0x0a;

export function oneChar(char: string, folding: Folding): CharTest {
  const wanted = char.codePointAt(0);
  return folded((code) => code === wanted, folding);
}

/** Letters are alike in either case. */
function folded(test: CharTest, { i }: Folding): CharTest {
  if (!i) return test;
  return (code) => {
    const char = String.fromCodePoint(code);
    return test(code) || [char.toLowerCase(), char.toUpperCase()].some((other) => test(other.codePointAt(0) ?? -1));
  };
}

const isDigit = inRanges([0x30, 0x39]);
const isWord = inRanges([0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]);
const isSpace = inRanges([0x09, 0x0a], [0x0c, 0x0d], [0x20, 0x20]);

type Range = readonly [low: number, high: number];

function inRanges(...ranges: readonly Range[]): CharTest {
  return (code) => ranges.some(([low, high]) => code >= low && code <= high);
}

function not(test: CharTest): CharTest {
  return (code) => !test(code);
}

export const isWordChar = isWord;

const perlClasses: ReadonlyMap<string, CharTest> = new Map([
  ["d", isDigit],
  ["D", not(isDigit)],
  ["w", isWord],
  ["W", not(isWord)],
  ["s", isSpace],
  ["S", not(isSpace)],
]);

/** `\d`, `\pL`, `\P{Greek}`: what follows the backslash. */
export function escapedClass(text: string): Found | null {
  const perl = perlClasses.get(text.charAt(0));
  if (perl !== undefined) return { test: perl, length: 1 };
  const match = /^([pP])(?:([A-Z])|\{(\^?)(\w+)\})/.exec(text);
  if (match === null) return null;
  const [whole, letter, short, negation, long] = match;
  const test = unicodeClass(short ?? long ?? "");
  if (test === null) return null;
  return { test: (letter === "P") === (negation === "^") ? test : not(test), length: whole.length };
}

function unicodeClass(name: string): CharTest | null {
  if (name === "Any") return anyChar;
  for (const property of [name, `Script=${name}`]) {
    try {
      // Of one character at a time, so there is nothing to backtrack into.
      const pattern = new RegExp(`^\\p{${property}}$`, "u");
      return (code) => pattern.test(String.fromCodePoint(code));
    } catch {}
  }
  return null;
}

const controls: ReadonlyMap<string, number> = new Map([
  ["a", 0x07],
  ["f", 0x0c],
  ["n", 0x0a],
  ["r", 0x0d],
  ["t", 0x09],
  ["v", 0x0b],
]);

/** `\n`, `\x41`, `\.`: what follows the backslash. */
export function escapedLiteral(text: string, folding: Folding): Found | null {
  const found = escapedCode(text);
  if (found === null) return null;
  const { code, length } = found;
  return { test: folded((other) => other === code, folding), length };
}

function escapedCode(text: string): { readonly code: number; readonly length: number } | null {
  const control = controls.get(text.charAt(0));
  if (control !== undefined) return { code: control, length: 1 };
  const hex = /^x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})/.exec(text);
  if (hex !== null) {
    const code = Number.parseInt(hex[1] ?? hex[2] ?? "", 16);
    return code > 0x10ffff ? null : { code, length: hex[0].length };
  }
  const octal = /^(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(text);
  if (octal !== null) return { code: Number.parseInt(octal[0], 8), length: octal[0].length };
  return /^[!-/:-@[-`{-~]/.test(text) ? { code: text.charCodeAt(0), length: 1 } : null;
}

const asciiClasses: ReadonlyMap<string, CharTest> = new Map([
  ["alnum", inRanges([0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a])],
  ["alpha", inRanges([0x41, 0x5a], [0x61, 0x7a])],
  ["ascii", inRanges([0, 0x7f])],
  ["blank", inRanges([0x09, 0x09], [0x20, 0x20])],
  ["cntrl", inRanges([0, 0x1f], [0x7f, 0x7f])],
  ["digit", isDigit],
  ["graph", inRanges([0x21, 0x7e])],
  ["lower", inRanges([0x61, 0x7a])],
  ["print", inRanges([0x20, 0x7e])],
  ["punct", inRanges([0x21, 0x2f], [0x3a, 0x40], [0x5b, 0x60], [0x7b, 0x7e])],
  ["space", inRanges([0x09, 0x0d], [0x20, 0x20])],
  ["upper", inRanges([0x41, 0x5a])],
  ["word", isWord],
  ["xdigit", inRanges([0x30, 0x39], [0x41, 0x46], [0x61, 0x66])],
]);

/** What stands between brackets, from behind the first one to behind the last; or what is wrong with it. */
export function bracketClass(text: string, folding: Folding): Found | string {
  const tests: CharTest[] = [];
  const ranges: Range[] = [];
  const isNegated = text.startsWith("^");
  let at = isNegated ? 1 : 0;
  for (let isFirst = true; isFirst || !text.startsWith("]", at); isFirst = false) {
    if (at >= text.length) return "missing closing ]";
    const found = classAt(text, at);
    if (found === "invalid") return "invalid character class range";
    if (found !== null) {
      tests.push(found.test);
      at += found.length;
      continue;
    }
    const low = codeAt(text, at);
    if (low === null) return "invalid escape sequence";
    at += low.length;
    const isRange = text.startsWith("-", at) && at + 1 < text.length && !text.startsWith("-]", at);
    const high = isRange ? codeAt(text, at + 1) : low;
    if (high === null || high.code < low.code) return "invalid character class range";
    if (isRange) at += 1 + high.length;
    ranges.push([low.code, high.code]);
  }
  const inside = folded((code) => inRanges(...ranges)(code) || tests.some((test) => test(code)), folding);
  return { test: isNegated ? not(inside) : inside, length: at + 1 };
}

function classAt(text: string, at: number): Found | "invalid" | null {
  const ascii = /^\[:(\^?)(\w+):\]/.exec(text.slice(at, at + 16));
  if (ascii !== null) {
    const test = asciiClasses.get(ascii[2] ?? "");
    if (test === undefined) return "invalid";
    return { test: ascii[1] === "^" ? not(test) : test, length: ascii[0].length };
  }
  if (!text.startsWith("\\", at)) return null;
  const found = escapedClass(text.slice(at + 1));
  return found === null ? null : { test: found.test, length: found.length + 1 };
}

function codeAt(text: string, at: number): { readonly code: number; readonly length: number } | null {
  if (!text.startsWith("\\", at)) {
    const code = text.codePointAt(at) ?? 0;
    return { code, length: code > 0xffff ? 2 : 1 };
  }
  const found = escapedCode(text.slice(at + 1));
  return found === null ? null : { code: found.code, length: found.length + 1 };
}
