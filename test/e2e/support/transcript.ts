// What a transcript of kubectl is: steps with the output that they must have. Reads one.
//
// A file of test/e2e/transcripts is a row of steps; between steps there are blank lines and comments (`# ...`).
//
//     $ kubectl get ds nope
//     ! Error from server (NotFound): daemonsets.apps "nope" not found
//     ? 1
//
// The command line has words as in a shell (quotes, `\` at the end of a line to go on), and may take its input from lines:
// `<<EOF` up to a line `EOF`. Then come the lines of stdout, those of stderr after `! `, and after `? ` the exit code if it
// is not 0. A blank line ends the step.
//
// Commands
//     kubectl ...                 in a directory, namespace, kubeconfig and HOME of this file's own
//     env NAME=VALUE kubectl ...  the same with variables, such as KUBE_EDITOR
//     POD=$(kubectl ...)          keeps what is printed; later lines say {{POD}}
//     write FILE <<EOF            a file in the step's directory
//     follow kubectl ...          starts a command that goes on by itself (a watch), waits for its first output or 1.5 seconds
//     followed                    its output, waited for up to 10 seconds; then it is stopped
//
// In front of `$`:  [within 10s]  the step is repeated until it matches;  [>=1.30] [<1.31]  only for these kubectls.
// The latter may stand in front of a line of output too.
//
// In lines of output
//     {{*}}    any text          {{age}}  an age such as 5s or 2m3s
//     {{...}}  alone on a line: any number of lines
//     {{ns}}   the file's namespace, in commands and input too, as {{POD}} and the like
// Blank lines do not count, nor blanks at the end of a line; two and more blanks between words match any
// number of them: columns are as wide as what stands in them.
// `x deleted from y namespace`, as kubectl says from 1.34 on, is read as `x deleted`.
//
// Comments at the top may direct:
//     # cluster: own      a cluster for this file alone, because it changes nodes or other things that all see
//     # kubectl: >=1.30   only for these kubectls

export type Stream = "stdout" | "stderr";

type VersionBound = { readonly operator: ">=" | "<" | ">" | "<=" | "="; readonly minor: number };

type Line = { readonly bounds: readonly VersionBound[]; readonly stream: Stream; readonly text: string };

type Code = { readonly bounds: readonly VersionBound[]; readonly code: number };

export type Step = {
  readonly line: number;
  /** As written, for people. */
  readonly title: string;
  readonly bounds: readonly VersionBound[];
  readonly withinMs: number;
  readonly words: readonly string[];
  readonly stdin: string | null;
  readonly lines: readonly Line[];
  readonly codes: readonly Code[];
};

export type Transcript = {
  readonly ownCluster: boolean;
  readonly bounds: readonly VersionBound[];
  readonly steps: readonly Step[];
};

const guard = /^\[((?:[<>=]{1,2}1\.\d+ ?)+)\] /;
const patience = /^\[within (\d+)s\] /;

function parseBounds(text: string): readonly VersionBound[] {
  return text
    .trim()
    .split(" ")
    .map((bound) => {
      const [, operator, minor] = /^(>=|<=|<|>|=)1\.(\d+)$/.exec(bound) ?? [];
      if (operator === undefined) throw new Error(`not a range of versions: ${bound}`);
      return { operator: operator as VersionBound["operator"], minor: Number(minor) }; // The expression lets no other through.
    });
}

/** Whether something with these bounds concerns kubectl 1.`minor`. */
export function concerns(bounds: readonly VersionBound[], minor: number): boolean {
  return bounds.every((bound) => {
    switch (bound.operator) {
      case ">=":
        return minor >= bound.minor;
      case "<=":
        return minor <= bound.minor;
      case ">":
        return minor > bound.minor;
      case "<":
        return minor < bound.minor;
      case "=":
        return minor === bound.minor;
      default:
        return bound.operator satisfies never;
    }
  });
}

type Unguarded = { readonly bounds: readonly VersionBound[]; readonly withinMs: number; readonly rest: string };

/** Takes guards from the front of a line. */
function unguard(line: string): Unguarded {
  let bounds: readonly VersionBound[] = [];
  let withinMs = 0;
  let rest = line;
  for (;;) {
    const versions = guard.exec(rest);
    const seconds = versions === null ? patience.exec(rest) : null;
    const found = versions ?? seconds;
    if (found === null) return { bounds, withinMs, rest };
    if (versions !== null) bounds = [...bounds, ...parseBounds(versions[1] ?? "")];
    if (seconds !== null) withinMs = Number(seconds[1]) * 1000;
    rest = rest.slice(found[0].length);
  }
}

/** The words of a command line, as a shell would part them. */
function shellWords(line: string): readonly string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] ?? "";
    if (char === "'" || char === '"') {
      const quoted = readQuoted(line, at);
      word = (word ?? "") + quoted.text;
      at = quoted.end;
    } else if (char === "\\") {
      at += 1;
      word = (word ?? "") + (line[at] ?? "");
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? "") + char;
    }
  }
  return word === null ? words : [...words, word];
}

function readQuoted(line: string, start: number): { readonly text: string; readonly end: number } {
  const quote = line[start];
  let text = "";
  for (let at = start + 1; at < line.length; at += 1) {
    const char = line[at] ?? "";
    if (char === quote) return { text, end: at };
    if (char === "\\" && quote === '"' && /["\\$`]/.test(line[at + 1] ?? "")) {
      at += 1;
      text += line[at] ?? "";
    } else {
      text += char;
    }
  }
  throw new Error(`a quote is not closed: ${line}`);
}

class Reader {
  readonly #lines: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#lines = text.split("\n");
  }

  /** Counted from 1. */
  get number(): number {
    return this.#at;
  }

  peek(): string | null {
    return this.#lines[this.#at] ?? null;
  }

  next(): string {
    const line = this.#lines[this.#at];
    if (line === undefined) throw new Error("the file ends in the middle of a step");
    this.#at += 1;
    return line;
  }
}

/** Throws an error with the line's number where the file makes no sense. */
export function parseTranscript(text: string): Transcript {
  const reader = new Reader(text);
  const steps: Step[] = [];
  let ownCluster = false;
  let bounds: readonly VersionBound[] = [];
  try {
    while (reader.peek() !== null) {
      const line = reader.next();
      const [, name, value] = /^# (cluster|kubectl): (.*)$/.exec(line) ?? [];
      if (name === "cluster" && value !== "own") throw new Error("a cluster can only be: own");
      if (name === "cluster") ownCluster = true;
      else if (name === "kubectl") bounds = parseBounds(value ?? "");
      else if (line.trim() !== "" && !line.startsWith("#")) steps.push(parseStep(line, reader));
    }
  } catch (error) {
    throw new Error(`line ${reader.number}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { ownCluster, bounds, steps };
}

function parseStep(first: string, reader: Reader): Step {
  const line = reader.number;
  const { bounds, withinMs, rest } = unguard(first);
  if (!rest.startsWith("$ ")) throw new Error(`not a command, and no step is open: ${first}`);
  let command = rest.slice(2);
  while (command.endsWith("\\")) command = `${command.slice(0, -1).trimEnd()} ${reader.next().trim()}`;
  const [, bare, mark] = /^(.*?)\s*<<'?(\w+)'?$/.exec(command) ?? [];
  const stdin = mark === undefined ? null : readUntil(mark, reader);
  const words = shellWords(bare ?? command);
  checkCommand(words, stdin);
  return { line, title: command, bounds, withinMs, words, stdin, ...readExpected(reader) };
}

function readUntil(mark: string, reader: Reader): string {
  let text = "";
  for (let line = reader.next(); line !== mark; line = reader.next()) text += `${line}\n`;
  return text;
}

function checkCommand(words: readonly string[], stdin: string | null): void {
  const [verb, ...rest] = words;
  const { command } = plainCommand(words);
  if (command !== null) return;
  if (verb === "write" && rest.length === 1 && stdin !== null) return;
  if (verb === "followed" && rest.length === 0) return;
  throw new Error(`not a command that a transcript knows: ${words.join(" ")}`);
}

export type PlainCommand = {
  /** What kubectl is called with; null when this is no call of kubectl. */
  readonly command: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  readonly keepAs: string | null;
  readonly follow: boolean;
};

/** Takes apart `env A=B kubectl ...`, `NAME=$(kubectl ...)` and `follow kubectl ...`. */
export function plainCommand(words: readonly string[]): PlainCommand {
  const keepAs = /^([A-Z][A-Z0-9]*)=\$\((.+)$/.exec(words[0] ?? "");
  if (keepAs !== null) {
    const inner = [keepAs[2] ?? "", ...words.slice(1)];
    const last = inner.at(-1) ?? "";
    if (!last.endsWith(")")) throw new Error("$( is not closed");
    return { ...plainCommand([...inner.slice(0, -1), last.slice(0, -1)]), keepAs: keepAs[1] ?? "" };
  }
  if (words[0] === "follow") return { ...plainCommand(words.slice(1)), follow: true };
  const env: Record<string, string> = {};
  let at = words[0] === "env" ? 1 : 0;
  for (; at > 0 && /^\w+=/.test(words[at] ?? ""); at += 1) {
    const [name = "", ...value] = (words[at] ?? "").split("=");
    env[name] = value.join("=");
  }
  return { command: words[at] === "kubectl" ? words.slice(at + 1) : null, env, keepAs: null, follow: false };
}

function readExpected(reader: Reader): { readonly lines: readonly Line[]; readonly codes: readonly Code[] } {
  const lines: Line[] = [];
  const codes: Code[] = [];
  for (;;) {
    const next = reader.peek();
    if (next === null || next.trim() === "") return { lines, codes };
    const { bounds, rest } = unguard(next);
    if (rest.startsWith("$ ")) return { lines, codes };
    reader.next();
    const [, code] = /^\? (\d+)$/.exec(rest) ?? [];
    if (code !== undefined) codes.push({ bounds, code: Number(code) });
    else if (rest.startsWith("! ")) lines.push({ bounds, stream: "stderr", text: rest.slice(2) });
    else lines.push({ bounds, stream: "stdout", text: rest });
  }
}
