// Reads regular expressions in the syntax of Go. Source: regexp/syntax of the Go standard library.
import type { CharTest } from "./pattern-classes.ts";
import { anyChar, anyCharButNewline, bracketClass, escapedClass, escapedLiteral, oneChar } from "./pattern-classes.ts";

export type Pattern =
  | { readonly kind: "char"; readonly test: CharTest }
  | { readonly kind: "assert"; readonly what: Assertion }
  | { readonly kind: "sequence"; readonly parts: readonly Pattern[] }
  | { readonly kind: "choice"; readonly options: readonly Pattern[] }
  /** `max` null: without end. */
  | { readonly kind: "repeat"; readonly part: Pattern; readonly min: number; readonly max: number | null };

export type Assertion = "textStart" | "textEnd" | "lineStart" | "lineEnd" | "wordEdge" | "noWordEdge";

/** What is wrong with an expression, as Go says it. */
export class PatternError extends Error {
  constructor(problem: string, where: string) {
    super(`error parsing regexp: ${problem}: \`${where}\``);
  }
}

type Flags = { readonly i: boolean; readonly m: boolean; readonly s: boolean };

const deepest = 200;
const mostRepeats = 1000;

export function parsePattern(text: string): Pattern {
  const parser = new Parser(text);
  const pattern = parser.choice({ i: false, m: false, s: false }, 0);
  parser.end();
  return pattern;
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  end(): void {
    if (this.#at < this.#text.length) throw new PatternError("unexpected )", this.#text);
  }

  choice(given: Flags, depth: number): Pattern {
    if (depth > deepest) throw new PatternError("expression nests too deeply", this.#text);
    const options: Pattern[] = [];
    let parts: Pattern[] = [];
    let flags = given;
    while (this.#at < this.#text.length && this.#peek() !== ")") {
      if (this.#take("|")) {
        options.push({ kind: "sequence", parts });
        parts = [];
        continue;
      }
      const changed = this.#flagsAlone(flags);
      if (changed !== null) flags = changed;
      else if (this.#take("\\Q")) parts.push(...this.#quoted(flags));
      else parts.push(this.#repeated(flags, depth));
    }
    options.push({ kind: "sequence", parts });
    const [only] = options;
    return only !== undefined && options.length === 1 ? only : { kind: "choice", options };
  }

  #quoted(flags: Flags): Pattern[] {
    const end = this.#text.indexOf("\\E", this.#at);
    const quoted = this.#text.slice(this.#at, end < 0 ? this.#text.length : end);
    this.#at = end < 0 ? this.#text.length : end + 2;
    return [...quoted].map((char) => ({ kind: "char", test: oneChar(char, flags) }));
  }

  #repeated(flags: Flags, depth: number): Pattern {
    const start = this.#at;
    if (/^[*+?]/.test(this.#rest())) {
      throw new PatternError("missing argument to repetition operator", this.#peek());
    }
    const part = this.#atom(flags, depth);
    const operator = this.#operator();
    if (operator === null) return part;
    const next = /^(?:[*+?]|\{\d+(?:,\d*)?\})/.exec(this.#rest());
    if (next !== null) {
      throw new PatternError("invalid nested repetition operator", `${operator.text}${next[0]}`);
    }
    const pattern: Pattern = { kind: "repeat", part, min: operator.min, max: operator.max };
    if (repeatsOf(pattern) > mostRepeats) {
      throw new PatternError("invalid repeat count", this.#text.slice(start, this.#at));
    }
    return pattern;
  }

  #operator(): { readonly min: number; readonly max: number | null; readonly text: string } | null {
    const match = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/.exec(this.#rest());
    if (match === null) return null;
    const [text, simple, low, comma, high] = match;
    this.#at += text.length;
    if (simple === "*") return { min: 0, max: null, text };
    if (simple === "+") return { min: 1, max: null, text };
    if (simple === "?") return { min: 0, max: 1, text };
    const min = Number(low);
    const max = comma === undefined ? min : high === "" ? null : Number(high);
    if (min > mostRepeats || (max !== null && (max > mostRepeats || max < min))) {
      throw new PatternError("invalid repeat count", text);
    }
    return { min, max, text };
  }

  #atom(flags: Flags, depth: number): Pattern {
    if (this.#take("(")) return this.#group(flags, depth);
    if (this.#take("[")) return { kind: "char", test: this.#bracket(flags) };
    if (this.#take(".")) return { kind: "char", test: flags.s ? anyChar : anyCharButNewline };
    if (this.#take("^")) return { kind: "assert", what: flags.m ? "lineStart" : "textStart" };
    if (this.#take("$")) return { kind: "assert", what: flags.m ? "lineEnd" : "textEnd" };
    if (this.#take("\\")) return this.#escape(flags);
    const char = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
    this.#at += char.length;
    return { kind: "char", test: oneChar(char, flags) };
  }

  #group(flags: Flags, depth: number): Pattern {
    const head = /^\?(?:P?<([^>]*)>|([imsU]*(?:-[imsU]+)?):)/.exec(this.#rest());
    if (this.#peek() === "?" && head === null) {
      throw new PatternError("invalid or unsupported Perl syntax", `(${this.#rest().slice(0, 2)}`);
    }
    if (head?.[1] !== undefined && !/^\w+$/.test(head[1])) {
      throw new PatternError("invalid named capture", `(${head[0]}`);
    }
    this.#at += head?.[0].length ?? 0;
    const pattern = this.choice(withFlags(flags, head?.[2] ?? ""), depth + 1);
    if (!this.#take(")")) throw new PatternError("missing closing )", this.#text);
    return pattern;
  }

  /** `(?i)`: for the rest of the group. */
  #flagsAlone(flags: Flags): Flags | null {
    const match = /^\(\?([imsU]*(?:-[imsU]+)?)\)/.exec(this.#rest());
    if (match?.[1] === undefined || match[1] === "") return null;
    this.#at += match[0].length;
    return withFlags(flags, match[1]);
  }

  #escape(flags: Flags): Pattern {
    const rest = this.#rest();
    const assertion = assertions.get(rest.charAt(0));
    if (assertion !== undefined) {
      this.#at += 1;
      return { kind: "assert", what: assertion };
    }
    const found = escapedClass(rest) ?? escapedLiteral(rest, flags);
    if (found === null) {
      if (rest === "") throw new PatternError("trailing backslash at end of expression", "");
      throw new PatternError("invalid escape sequence", `\\${rest.slice(0, 1)}`);
    }
    this.#at += found.length;
    return { kind: "char", test: found.test };
  }

  #bracket(flags: Flags): CharTest {
    const found = bracketClass(this.#rest(), flags);
    if (typeof found === "string") throw new PatternError(found, `[${this.#rest()}`);
    this.#at += found.length;
    return found.test;
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #rest(): string {
    return this.#text.slice(this.#at);
  }

  #take(expected: string): boolean {
    if (!this.#text.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }
}

const assertions: ReadonlyMap<string, Assertion> = new Map([
  ["A", "textStart"],
  ["z", "textEnd"],
  ["b", "wordEdge"],
  ["B", "noWordEdge"],
]);

function withFlags(flags: Flags, text: string): Flags {
  const [on = "", off = ""] = text.split("-");
  const flag = (name: "i" | "m" | "s") => (flags[name] || on.includes(name)) && !off.includes(name);
  return { i: flag("i"), m: flag("m"), s: flag("s") };
}

/** How often the innermost part is written out at most. */
function repeatsOf(pattern: Pattern): number {
  switch (pattern.kind) {
    case "char":
    case "assert":
      return 1;
    case "sequence":
      return Math.max(1, ...pattern.parts.map(repeatsOf));
    case "choice":
      return Math.max(1, ...pattern.options.map(repeatsOf));
    case "repeat":
      return Math.max(pattern.min, pattern.max ?? 1, 1) * repeatsOf(pattern.part);
  }
}
