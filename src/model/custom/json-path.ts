// Paths into objects, as printer columns have them: `.status.conditions[?(@.type=="Ready")].status`.
// Source: client-go util/jsonpath.

type Step =
  | { readonly kind: "field"; readonly names: readonly string[] }
  | { readonly kind: "index"; readonly indexes: readonly number[] }
  | { readonly kind: "slice"; readonly from: number | null; readonly to: number | null; readonly by: number }
  | { readonly kind: "all" }
  | { readonly kind: "everywhere" }
  | { readonly kind: "filter"; readonly left: Operand; readonly operator: Operator | null; readonly right: Operand };

type Operand = { readonly value: unknown } | { readonly path: JsonPath };
type Operator = "==" | "!=" | "<" | "<=" | ">" | ">=";

export type JsonPath = readonly Step[];

/** Null: this is no such path. */
export function parseJsonPath(text: string): JsonPath | null {
  const steps: Step[] = [];
  let rest = text;
  while (rest !== "") {
    const found = rest.startsWith("[") ? bracketStep(rest) : fieldStep(rest);
    if (found === null) return null;
    steps.push(found.step);
    rest = rest.slice(found.length);
  }
  return steps;
}

type Found = { readonly step: Step; readonly length: number };

function fieldStep(text: string): Found | null {
  if (text.startsWith("..")) {
    // What follows the two dots stands with one dot of its own, unless it is in brackets.
    return { step: { kind: "everywhere" }, length: text.startsWith("..[") ? 2 : 1 };
  }
  const match = /^\.?((?:\\.|[^.[\]\\ '"()@{}])+)/.exec(text);
  if (match?.[1] === undefined) return null;
  const name = match[1].replaceAll(/\\(.)/g, "$1");
  const step: Step = match[1] === "*" ? { kind: "all" } : { kind: "field", names: [name] };
  return { step, length: match[0].length };
}

const quoted = `'(?:[^'\\\\]|\\\\.)*'|"(?:[^"\\\\]|\\\\.)*"`;
const quotedNames = new RegExp(`^\\[((?:${quoted})(?:,(?:${quoted}))*)\\]`);

function bracketStep(text: string): Found | null {
  if (text.startsWith("[*]")) return { step: { kind: "all" }, length: 3 };
  if (text.startsWith("[?(")) return filterStep(text);
  const names = quotedNames.exec(text);
  if (names?.[1] !== undefined) {
    const all = [...names[1].matchAll(new RegExp(quoted, "g"))].map(([name]) => unquoted(name));
    return { step: { kind: "field", names: all }, length: names[0].length };
  }
  const indexes = /^\[(-?\d+(?:,-?\d+)*)\]/.exec(text);
  if (indexes?.[1] !== undefined) {
    return { step: { kind: "index", indexes: indexes[1].split(",").map(Number) }, length: indexes[0].length };
  }
  const slice = /^\[(-?\d*):(-?\d*)(?::(-?\d*))?\]/.exec(text);
  if (slice === null) return null;
  const bound = (part: string | undefined) => (part === undefined || part === "" ? null : Number(part));
  const step: Step = { kind: "slice", from: bound(slice[1]), to: bound(slice[2]), by: bound(slice[3]) ?? 1 };
  return step.by <= 0 ? null : { step, length: slice[0].length };
}

function unquoted(text: string): string {
  return text.slice(1, -1).replaceAll(/\\(.)/g, "$1");
}

function filterStep(text: string): Found | null {
  const end = endOfFilter(text);
  if (end === null) return null;
  const inside = text.slice(3, end).trim();
  const match = new RegExp(`^((?:${quoted}|[^'"=<>!])+?)(?:\\s*(==|!=|<=|>=|<|>)\\s*(.+))?$`).exec(inside);
  const left = operandOf(match?.[1]?.trim() ?? "");
  // The pattern lets nothing else through.
  const operator = (match?.[2] ?? null) as Operator | null;
  const right = operator === null ? { value: null } : operandOf(match?.[3]?.trim() ?? "");
  if (left === null || right === null) return null;
  return { step: { kind: "filter", left, operator, right }, length: end + 2 };
}

/** Where `)]` stands that is in no quotes and belongs to no filter inside. */
function endOfFilter(text: string): number | null {
  let quote = "";
  for (let at = 3; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (quote !== "") {
      if (char === "\\") at += 1;
      else if (char === quote) quote = "";
    } else if (char === "'" || char === '"') quote = char;
    else if (text.startsWith(")]", at)) return at;
  }
  return null;
}

function operandOf(text: string): Operand | null {
  if (text.startsWith("@")) {
    const path = parseJsonPath(text.slice(1));
    return path === null ? null : { path };
  }
  if (new RegExp(`^(?:${quoted})$`).test(text)) return { value: unquoted(text) };
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return { value: Number(text) };
  if (text === "true" || text === "false") return { value: text === "true" };
  return null;
}

/** All that the path leads to, in order, one after the other. */
export function* valuesAt(value: unknown, [step, ...rest]: JsonPath): Generator<unknown> {
  if (step === undefined) yield value;
  else for (const next of stepFrom(value, step)) yield* valuesAt(next, rest);
}

/** The first value that the path leads to; undefined: it leads nowhere. */
export function valueAt(value: unknown, path: JsonPath): unknown {
  return valuesAt(value, path).next().value;
}

function* stepFrom(value: unknown, step: Step): Generator<unknown> {
  switch (step.kind) {
    case "field":
      for (const name of step.names) if (isObject(value) && Object.hasOwn(value, name)) yield value[name];
      return;
    case "index":
      for (const index of step.indexes) {
        const found = Array.isArray(value) ? value.at(index) : undefined;
        if (found !== undefined) yield found;
      }
      return;
    case "slice":
      if (!Array.isArray(value)) return;
      yield* value.slice(step.from ?? 0, step.to ?? value.length).filter((_, index) => index % step.by === 0);
      return;
    case "all":
      yield* childrenOf(value);
      return;
    case "everywhere":
      yield value;
      for (const child of childrenOf(value)) yield* stepFrom(child, step);
      return;
    case "filter":
      for (const child of Array.isArray(value) ? value : []) if (passes(child, step)) yield child;
  }
}

function childrenOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function passes(value: unknown, { left, operator, right }: Extract<Step, { readonly kind: "filter" }>): boolean {
  const [a, b] = [left, right].map((operand) => ("path" in operand ? valueAt(value, operand.path) : operand.value));
  if (operator === null) return a !== undefined;
  if (a === undefined || b === undefined) return false;
  switch (operator) {
    case "==":
      return a === b;
    case "!=":
      return a !== b;
    default:
      return typeof a === typeof b && isInOrder(a, operator, b);
  }
}

function isInOrder(a: unknown, operator: "<" | "<=" | ">" | ">=", b: unknown): boolean {
  const [left, right] = typeof a === "number" ? [a, Number(b)] : [String(a), String(b)];
  switch (operator) {
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
  }
}
