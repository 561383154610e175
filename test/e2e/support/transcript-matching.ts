// Whether what a step printed is what its transcript says.
import type { Output } from "./kubectl.ts";
import type { Step, Stream } from "./transcript.ts";
import { concerns } from "./transcript.ts";

/** Puts what is known by a name (`ns`, and what steps kept) in place of {{name}}. */
export function fillIn(text: string, known: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\{\{(ns|[A-Z][A-Z0-9]*)\}\}/g, (whole, name) => known.get(name) ?? whole);
}

/** What stands for any number of lines. */
const anyLines = Symbol("any lines");

type Pattern = { readonly text: string; readonly matches: RegExp | typeof anyLines };

function normal(line: string): string {
  return line.trimEnd().replaceAll(/(?<=\S) {2,}/g, "  ");
}

function pattern(text: string): Pattern {
  if (text.trim() === "{{...}}") return { text, matches: anyLines };
  const parts = normal(text).split(/(\{\{\*\}\}|\{\{age\}\})/);
  const source = parts.map((part) => {
    if (part === "{{*}}") return ".*";
    if (part === "{{age}}") return String.raw`(?:\d+[smhdy]){1,2}`;
    return part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  });
  return { text, matches: new RegExp(`^${source.join("")}$`) };
}

/**
 * The expected lines, with what was printed in place of those that match it: the fewest lines differ from what was printed,
 * and none if, and only if, all of it matches.
 */
function resolve(patterns: readonly Pattern[], lines: readonly string[]): readonly string[] {
  const costs = differences(patterns, lines);
  const cost = (row: number, column: number) => costs[row]?.[column] ?? Number.POSITIVE_INFINITY;
  const resolved: string[] = [];
  let row = 0;
  let column = 0;
  while (row < patterns.length) {
    const { text, matches } = patterns[row] ?? pattern("");
    const line = lines[column];
    if (matches === anyLines) {
      if (cost(row + 1, column) === cost(row, column)) row += 1;
      else {
        resolved.push(line ?? "");
        column += 1;
      }
    } else if (line !== undefined && matches.test(normal(line)) && cost(row + 1, column + 1) === cost(row, column)) {
      resolved.push(line);
      row += 1;
      column += 1;
    } else if (cost(row + 1, column) + 1 === cost(row, column)) {
      resolved.push(text);
      row += 1;
    } else {
      column += 1;
    }
  }
  return resolved;
}

/** By pattern and line: how many patterns and lines from there on have no partner. */
function differences(patterns: readonly Pattern[], lines: readonly string[]): readonly (readonly number[])[] {
  const costs = patterns.map((): number[] => []);
  costs.push(Array.from({ length: lines.length + 1 }, (_, column) => lines.length - column));
  for (let row = patterns.length - 1; row >= 0; row -= 1) {
    const below = costs[row + 1] ?? [];
    const here = costs[row] ?? [];
    const { matches } = patterns[row] ?? pattern("");
    for (let column = lines.length; column >= 0; column -= 1) {
      const down = below[column] ?? 0;
      const right = here[column + 1] ?? Number.POSITIVE_INFINITY;
      if (matches === anyLines) here[column] = Math.min(down, right);
      else if (column < lines.length && matches.test(normal(lines[column] ?? ""))) {
        here[column] = Math.min(below[column + 1] ?? 0, down + 1, right + 1);
      } else here[column] = Math.min(down, right) + 1;
    }
  }
  return costs;
}

function printedLines(text: string): readonly string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}

/** From 1.34 on kubectl says from which namespace it deleted; transcripts are written as before. */
function withoutNamespace(line: string): string {
  return line.replace(/^(\S+ "\S+" (?:force )?deleted) from \S+ namespace/, "$1");
}

/** Not what the client logs about its own doings, such as being throttled. */
function isSaid(line: string): boolean {
  return !/^I\d{4} /.test(line);
}

function render(stdout: readonly string[], stderr: readonly string[], code: number): string {
  return [...stdout, ...stderr.map((line) => `! ${line}`), ...(code === 0 ? [] : [`? ${code}`])].join("\n");
}

/** Two texts that are equal if, and only if, the output is what the step says; their difference is what a person needs. */
export function compare(
  step: Step,
  output: Output,
  { minor, known }: { readonly minor: number; readonly known: ReadonlyMap<string, string> },
): { readonly expected: string; readonly got: string } {
  const wanted = step.lines.filter((line) => concerns(line.bounds, minor));
  const patterns = (stream: Stream) =>
    wanted.filter((line) => line.stream === stream).map((line) => pattern(fillIn(line.text, known)));
  const stdout = printedLines(output.stdout).map(withoutNamespace);
  const stderr = printedLines(output.stderr).filter(isSaid);
  const code = step.codes.find((one) => concerns(one.bounds, minor))?.code ?? 0;
  return {
    expected: render(resolve(patterns("stdout"), stdout), resolve(patterns("stderr"), stderr), code),
    got: render(stdout, stderr, output.code),
  };
}
