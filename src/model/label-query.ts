// What a `labelSelector=` query asks for.
// Source: the grammar and the messages of apimachinery pkg/labels Parse.
import { ApiError } from "./api-error.ts";
import { fieldErrorText, invalid } from "./field-error.ts";
import type { Labels } from "./labels.ts";
import { labelValue, qualifiedName } from "./validation/names.ts";

type LabelOperator = "=" | "==" | "!=" | "in" | "notin" | ">" | "<" | "exists" | "!";

type LabelRequirement = {
  readonly key: string;
  readonly operator: LabelOperator;
  /** In order and without repetition; empty for `exists` and `!`. */
  readonly values: readonly string[];
};

/** All requirements must hold; none hold for everything. */
export type LabelQuery = readonly LabelRequirement[];

export function labelQueryMatches(query: LabelQuery, labels: Labels | undefined): boolean {
  return query.every((requirement) => requirementMatches(requirement, labels ?? {}));
}

function requirementMatches({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "=":
    case "==":
    case "in":
      return value !== undefined && values.includes(value);
    case "!=":
    case "notin":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case ">":
    case "<":
      return compares(operator, value, values[0]);
  }
}

function compares(operator: ">" | "<", label: string | undefined, bound: string | undefined): boolean {
  if (label === undefined || bound === undefined || !isInteger(label)) return false;
  return operator === ">" ? BigInt(label) > BigInt(bound) : BigInt(label) < BigInt(bound);
}

function isInteger(value: string): boolean {
  return /^-?\d{1,19}$/.test(value);
}

/** Parses a query such as `a=b,c in (x,y),!d`; empty text asks for everything. Throws BadRequest. */
export function parseLabelQuery(query: string): LabelQuery {
  const requirements = new Parser(tokens(query)).requirements();
  return requirements.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

function badQuery(why: string): ApiError {
  return new ApiError("BadRequest", why);
}

function unreadable(why: string): ApiError {
  return badQuery(`unable to parse requirement: ${why}`);
}

type TokenKind = LabelOperator | "(" | ")" | "," | "identifier" | "end";
type Token = { readonly kind: TokenKind; readonly text: string };

const symbols: ReadonlyMap<string, TokenKind> = new Map([
  ["(", "("],
  [")", ")"],
  [",", ","],
  ["!", "!"],
  ["=", "="],
  ["==", "=="],
  ["!=", "!="],
  [">", ">"],
  ["<", "<"],
]);
const words: ReadonlyMap<string, TokenKind> = new Map([
  ["in", "in"],
  ["notin", "notin"],
]);

const whitespace = /^[ \t\r\n]+/;
const word = /^[^=!(),<> \t\r\n]+/;

function tokens(query: string): readonly Token[] {
  const found: Token[] = [];
  let rest = query.replace(whitespace, "");
  while (rest !== "") {
    const token = nextToken(rest);
    found.push(token);
    rest = rest.slice(token.text.length).replace(whitespace, "");
  }
  found.push({ kind: "end", text: "" });
  return found;
}

function nextToken(rest: string): Token {
  const text = word.exec(rest)?.[0];
  if (text !== undefined) return { kind: words.get(text) ?? "identifier", text };
  const pair = rest.slice(0, 2);
  const symbol = symbols.has(pair) ? pair : rest.slice(0, 1);
  return { kind: symbols.get(symbol) ?? "identifier", text: symbol };
}

const binaryOperators = "in, notin, =, ==, !=, gt, lt";

/** Reads requirements from left to right; throws BadRequest where upstream's parser gives up. */
class Parser {
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  requirements(): readonly LabelRequirement[] {
    const found: LabelRequirement[] = [];
    for (;;) {
      const next = this.#peek();
      if (next.kind === "end") return found;
      if (!startsRequirement(next)) {
        throw badQuery(`found '${next.text}', expected: !, identifier, or 'end of string'`);
      }
      found.push(this.#requirement());
      const separator = this.#take();
      if (separator.kind === "end") return found;
      if (separator.kind !== ",") {
        throw badQuery(`found '${separator.text}', expected: ',' or 'end of string'`);
      }
      const after = this.#peek();
      if (!startsRequirement(after)) throw badQuery(`found '${after.text}', expected: identifier after ','`);
    }
  }

  /** Where a value may stand, `in` and `notin` are plain words. */
  #peek(): Token {
    const token = this.#tokens[this.#position] ?? { kind: "end", text: "" };
    return token.kind === "in" || token.kind === "notin" ? { kind: "identifier", text: token.text } : token;
  }

  #take(): Token {
    const token = this.#peek();
    this.#position += 1;
    return token;
  }

  #takeOperator(): LabelOperator {
    const token = this.#tokens[this.#position] ?? { kind: "end", text: "" };
    this.#position += 1;
    switch (token.kind) {
      case "in":
      case "notin":
      case "=":
      case "==":
      case "!=":
      case ">":
      case "<":
        return token.kind;
      default:
        throw unreadable(`found '${token.text}', expected: ${binaryOperators}`);
    }
  }

  #requirement(): LabelRequirement {
    let token = this.#take();
    const negated = token.kind === "!";
    if (negated) token = this.#take();
    if (token.kind !== "identifier") throw unreadable(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const problems = qualifiedName(key);
    if (problems.length > 0) throw unreadable(fieldErrorText(invalid("<nil>", key, problems.join("; "))));
    const next = this.#peek().kind;
    if (negated) return { key, operator: "!", values: [] };
    if (next === "end" || next === ",") return { key, operator: "exists", values: [] };
    const operator = this.#takeOperator();
    const values = operator === "in" || operator === "notin" ? this.#values() : [this.#exactValue()];
    return checked({ key, operator, values });
  }

  #exactValue(): string {
    const next = this.#peek();
    if (next.kind === "end" || next.kind === ",") return "";
    this.#position += 1;
    if (next.kind === "identifier") return next.text;
    throw unreadable(`found '${next.text}', expected: identifier`);
  }

  #values(): readonly string[] {
    const open = this.#take();
    if (open.kind !== "(") throw unreadable(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (first.kind !== "identifier" && first.kind !== "," && first.kind !== ")") {
      throw unreadable(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values = new Set<string>();
    for (;;) {
      values.add(this.#listedValue());
      const separator = this.#take();
      if (separator.kind === ")") return [...values].toSorted();
      if (separator.kind !== ",") throw unreadable(`found '${separator.text}', expected: ',' or ')'`);
    }
  }

  /** Between two commas, or a comma and a parenthesis, stands the empty value. */
  #listedValue(): string {
    const next = this.#peek();
    if (next.kind === "," || next.kind === ")") return "";
    this.#position += 1;
    if (next.kind === "identifier") return next.text;
    throw unreadable(`found '${next.text}', expected: ',', or identifier`);
  }
}

function startsRequirement(token: Token): boolean {
  return token.kind === "identifier" || token.kind === "!";
}

function checked(requirement: LabelRequirement): LabelRequirement {
  const texts = [...new Set(requirement.values.flatMap((value, index) => valueProblems(requirement, value, index)))];
  if (texts.length === 0) return requirement;
  throw unreadable(texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`);
}

function valueProblems({ key, operator }: LabelRequirement, value: string, index: number): readonly string[] {
  const problems = labelValue(value);
  const malformed = problems.length === 0 ? [] : [invalid(`values[${index}][${key}]`, value, problems.join("; "))];
  const comparison = operator === ">" || operator === "<";
  if (!comparison || isInteger(value)) return malformed.map(fieldErrorText);
  const noNumber = invalid(`values[${index}]`, value, "for 'Gt', 'Lt' operators, the value must be an integer");
  return [noNumber, ...malformed].map(fieldErrorText);
}
