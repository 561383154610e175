// Regular expressions of users, matched in time that grows with the text and never explodes: all ways through the
// expression are followed at once. The engine's own expressions try one way after the other, and some never come to an end.
import type { CharTest } from "./pattern-classes.ts";
import { isWordChar } from "./pattern-classes.ts";
import type { Assertion, Pattern } from "./pattern-syntax.ts";
import { PatternError, parsePattern } from "./pattern-syntax.ts";

type Instruction =
  | { readonly do: "char"; readonly test: CharTest }
  | { readonly do: "assert"; readonly what: Assertion }
  /** Goes on at both. */
  | { readonly do: "split"; readonly to: number; readonly or: number }
  | { readonly do: "jump"; readonly to: number };

/** Ends with the end of the array: what gets there has matched. */
type Program = readonly Instruction[];

const mostInstructions = 10_000;
/** Instructions followed for one text, at most. */
const mostSteps = 4_000_000;

const compiled = new Map<string, Program | PatternError>();
const mostCompiled = 500;

function compile(text: string): Program | PatternError {
  const known = compiled.get(text);
  if (known !== undefined) return known;
  const program = write(text);
  if (compiled.size >= mostCompiled) compiled.clear();
  compiled.set(text, program);
  return program;
}

function write(text: string): Program | PatternError {
  try {
    const program: Instruction[] = [];
    emit(parsePattern(text), program, text);
    return program;
  } catch (error) {
    if (error instanceof PatternError) return error;
    throw error;
  }
}

function emit(pattern: Pattern, program: Instruction[], text: string): void {
  if (program.length > mostInstructions) throw new PatternError("expression too large", text);
  switch (pattern.kind) {
    case "char":
      program.push({ do: "char", test: pattern.test });
      return;
    case "assert":
      program.push({ do: "assert", what: pattern.what });
      return;
    case "sequence":
      for (const part of pattern.parts) emit(part, program, text);
      return;
    case "choice":
      emitChoice(pattern.options, program, text);
      return;
    case "repeat":
      emitRepeat(pattern, program, text);
  }
}

function emitChoice(options: readonly Pattern[], program: Instruction[], text: string): void {
  const jumps: number[] = [];
  options.forEach((option, index) => {
    const isLast = index === options.length - 1;
    const split = isLast ? null : program.push({ do: "jump", to: 0 }) - 1;
    emit(option, program, text);
    if (split === null) return;
    jumps.push(program.push({ do: "jump", to: 0 }) - 1);
    program[split] = { do: "split", to: split + 1, or: program.length };
  });
  for (const jump of jumps) program[jump] = { do: "jump", to: program.length };
}

function emitRepeat(
  { part, min, max }: Extract<Pattern, { readonly kind: "repeat" }>,
  program: Instruction[],
  text: string,
): void {
  for (let times = 0; times < min; times += 1) emit(part, program, text);
  if (max === null) {
    const split = program.push({ do: "jump", to: 0 }) - 1;
    emit(part, program, text);
    program.push({ do: "jump", to: split });
    program[split] = { do: "split", to: split + 1, or: program.length };
    return;
  }
  const splits: number[] = [];
  for (let times = min; times < max; times += 1) {
    splits.push(program.push({ do: "jump", to: 0 }) - 1);
    emit(part, program, text);
  }
  for (const split of splits) program[split] = { do: "split", to: split + 1, or: program.length };
}

/** What is wrong with an expression, in Go's words; null: nothing. */
export function patternProblem(pattern: string): string | null {
  const program = compile(pattern);
  return program instanceof PatternError ? program.message : null;
}

/** Whether the expression matches some part of the text; null: that would take too long to find out. */
export function patternMatches(pattern: string, text: string): boolean | null {
  const program = compile(pattern);
  if (program instanceof PatternError) return false;
  return run(
    program,
    [...text].map((char) => char.codePointAt(0) ?? 0),
  );
}

function run(program: Program, codes: readonly number[]): boolean | null {
  const seen = new Int32Array(program.length + 1).fill(-1);
  let threads: number[] = [];
  let steps = 0;
  for (let at = 0; at <= codes.length; at += 1) {
    // A match may begin anywhere.
    const reached = follow(program, [0, ...threads].reverse(), { seen, at, codes });
    if (reached === null) return true;
    steps += reached.length + 1;
    if (steps > mostSteps) return null;
    const code = codes[at];
    if (code === undefined) return false;
    threads = [];
    for (const index of reached) {
      const instruction = program[index];
      if (instruction?.do === "char" && instruction.test(code)) threads.push(index + 1);
    }
  }
  return false;
}

type Place = { readonly seen: Int32Array; readonly at: number; readonly codes: readonly number[] };

/** The instructions that wait for a character; null: the end was reached. */
function follow(program: Program, open: number[], { seen, at, codes }: Place): number[] | null {
  const waiting: number[] = [];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (seen[index] === at) continue;
    seen[index] = at;
    const instruction = program[index];
    if (instruction === undefined) return null;
    switch (instruction.do) {
      case "char":
        waiting.push(index);
        break;
      case "jump":
        open.push(instruction.to);
        break;
      case "split":
        open.push(instruction.or, instruction.to);
        break;
      case "assert":
        if (holds(instruction.what, codes, at)) open.push(index + 1);
    }
  }
  return waiting;
}

const newline = 0x0a;

function holds(what: Assertion, codes: readonly number[], at: number): boolean {
  const isEdge = isWordAt(codes, at - 1) !== isWordAt(codes, at);
  switch (what) {
    case "textStart":
      return at === 0;
    case "textEnd":
      return at === codes.length;
    case "lineStart":
      return at === 0 || codes[at - 1] === newline;
    case "lineEnd":
      return at === codes.length || codes[at] === newline;
    case "wordEdge":
      return isEdge;
    case "noWordEdge":
      return !isEdge;
  }
}

function isWordAt(codes: readonly number[], at: number): boolean {
  const code = codes[at];
  return code !== undefined && isWordChar(code);
}
