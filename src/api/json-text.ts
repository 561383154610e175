// A look at JSON as text, for what JSON.parse does not say: where it is wrong, in Go's words, and which fields stand
// twice in one object.
// Source: the behaviour of Go's encoding/json and of sigs.k8s.io/json.
import { type ChangedNumber, isChanged, mayChangeInJson } from "./changed-numbers.ts";

/** What is wrong with the text; null: it is JSON. */
export function jsonProblem(text: string): string | null {
  try {
    new Scanner(text, null).scan();
    return null;
  } catch (error) {
    if (error instanceof SyntaxProblem) return error.message;
    throw error;
  }
}

export type SeenKey = { readonly path: string; readonly isDuplicate: boolean };

/** Whether some object of the JSON has a field twice. */
export function hasDuplicates(text: string): boolean {
  const scanner = new Scanner(text, null);
  scanner.scan();
  return scanner.hasDuplicates;
}

/** Every field of the JSON with its path (`spec.containers[0].name`), in the order of the text. */
export function keysOf(text: string): readonly SeenKey[] {
  const keys: SeenKey[] = [];
  new Scanner(text, keys).scan();
  return keys;
}

/** The numbers of the JSON that cannot be kept as they are. */
export function changedInJson(text: string): readonly ChangedNumber[] {
  if (!mayChangeInJson(text)) return [];
  const scanner = new Scanner(text, []);
  scanner.scan();
  return scanner.changedNumbers;
}

class SyntaxProblem extends Error {}

const whitespace = /[ \t\n\r]*/y;
const numberText = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
/** A string up to its end, or up to what may not stand in it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON forbids.
const stringText = /"(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*/y;
const literals = ["true", "false", "null"] as const;

/** Nested deeper than this, the text is refused before the stack is at its end. */
const deepest = 2_000;

class Scanner {
  readonly #text: string;
  readonly #keys: SeenKey[] | null;
  #at = 0;
  hasDuplicates = false;
  /** With their paths only if keys are asked for. */
  readonly changedNumbers: ChangedNumber[] = [];

  constructor(text: string, keys: SeenKey[] | null) {
    this.#text = text;
    this.#keys = keys;
  }

  scan(): void {
    this.#value("", 0);
    this.#skip(whitespace);
    if (this.#at < this.#text.length) throw this.#unexpected("after top-level value");
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  /** The next character that is no blank; empty at the end. */
  #peek(): string {
    this.#skip(whitespace);
    return this.#text[this.#at] ?? "";
  }

  #value(path: string, depth: number): void {
    if (depth > deepest) throw new SyntaxProblem("exceeded max depth");
    const next = this.#peek();
    if (next === "{") this.#object(path, depth);
    else if (next === "[") this.#array(path, depth);
    else if (next === '"') this.#string();
    else if (next === "-" || (next >= "0" && next <= "9")) this.#number(path);
    else this.#literal();
  }

  #object(path: string, depth: number): void {
    const seen = new Set<string>();
    this.#at += 1;
    if (this.#peek() === "}") {
      this.#at += 1;
      return;
    }
    for (;;) {
      if (this.#peek() !== '"') throw this.#unexpected("looking for beginning of object key string");
      this.#member(path, depth, seen);
      const separator = this.#peek();
      if (separator !== "," && separator !== "}") throw this.#unexpected("after object key:value pair");
      this.#at += 1;
      if (separator === "}") return;
    }
  }

  #member(path: string, depth: number, seen: Set<string>): void {
    const key = this.#string();
    const isDuplicate = seen.has(key);
    seen.add(key);
    if (isDuplicate) this.hasDuplicates = true;
    const keyPath = this.#keys === null ? "" : path === "" ? key : `${path}.${key}`;
    this.#keys?.push({ path: keyPath, isDuplicate });
    if (this.#peek() !== ":") throw this.#unexpected("after object key");
    this.#at += 1;
    this.#value(keyPath, depth + 1);
  }

  #array(path: string, depth: number): void {
    this.#at += 1;
    if (this.#peek() === "]") {
      this.#at += 1;
      return;
    }
    for (let index = 0; ; index += 1) {
      this.#value(this.#keys === null ? "" : `${path}[${index}]`, depth + 1);
      const separator = this.#peek();
      if (separator !== "," && separator !== "]") throw this.#unexpected("after array element");
      this.#at += 1;
      if (separator === "]") return;
    }
  }

  #string(): string {
    const raw = this.#skip(stringText);
    if (this.#text[this.#at] !== '"') throw this.#badString();
    this.#at += 1;
    // The pattern takes nothing but what JSON allows.
    return raw.includes("\\") ? (JSON.parse(`${raw}"`) as string) : raw.slice(1);
  }

  #badString(): SyntaxProblem {
    if (this.#text[this.#at] !== "\\") return this.#unexpected("in string literal");
    this.#at += 1;
    if (this.#text[this.#at] !== "u") return this.#unexpected("in string escape code");
    this.#at += 1;
    while (/[0-9a-fA-F]/.test(this.#text[this.#at] ?? "")) this.#at += 1;
    return this.#unexpected("in \\u hexadecimal character escape");
  }

  #number(path: string): void {
    const number = this.#skip(numberText);
    const next = this.#text[this.#at] ?? "";
    if (number === "") {
      this.#at += 1;
      throw this.#unexpected("in numeric literal");
    }
    if (next === ".") {
      this.#at += 1;
      throw this.#unexpected("after decimal point in numeric literal");
    }
    if (next === "e" || next === "E") {
      this.#at += 1;
      if (/[-+]/.test(this.#text[this.#at] ?? "")) this.#at += 1;
      throw this.#unexpected("in exponent of numeric literal");
    }
    if (isChanged(number)) this.changedNumbers.push({ path, text: number });
  }

  #literal(): void {
    const literal = literals.find((word) => this.#text[this.#at] === word[0]);
    if (literal === undefined) throw this.#unexpected("looking for beginning of value");
    for (let index = 1; index < literal.length; index += 1) {
      this.#at += 1;
      if (this.#text[this.#at] !== literal[index]) {
        throw this.#unexpected(`in literal ${literal} (expecting '${literal[index]}')`);
      }
    }
    this.#at += 1;
  }

  #unexpected(where: string): SyntaxProblem {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) return new SyntaxProblem("unexpected end of JSON input");
    return new SyntaxProblem(`invalid character ${quoted(code)} ${where}`);
  }
}

const named = new Map([
  [8, "'\\b'"],
  [9, "'\\t'"],
  [10, "'\\n'"],
  [12, "'\\f'"],
  [13, "'\\r'"],
  [34, "'\"'"],
  [39, "'\\''"],
  [92, "'\\\\'"],
]);

/** A character as Go quotes it; of what is no ASCII it looks at the first byte alone. */
function quoted(code: number): string {
  const name = named.get(code);
  if (name !== undefined) return name;
  if (code < 0x20 || code === 0x7f) return `'\\x${code.toString(16).padStart(2, "0")}'`;
  if (code < 0x7f) return `'${String.fromCharCode(code)}'`;
  const [first = 0] = new TextEncoder().encode(String.fromCodePoint(code));
  return `'${String.fromCharCode(first)}'`;
}
