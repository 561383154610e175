// The transcripts of kubectl (test/e2e/transcripts), as far as no cluster is needed: how they are read and compared.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

import type { Step, Transcript } from "../e2e/support/transcript.ts";
import { concerns, parseTranscript, plainCommand } from "../e2e/support/transcript.ts";
import { compare, fillIn } from "../e2e/support/transcript-matching.ts";

const dir = fileURLToPath(new URL("../e2e/transcripts", import.meta.url));

function only(text: string): Step {
  const [step, ...others] = parseTranscript(text).steps;
  if (step === undefined || others.length > 0) throw new Error("one step was to be read");
  return step;
}

describe("parseTranscript", () => {
  it("reads commands, their input, and what they must print", () => {
    const step = only(`
# Why.
[>=1.30] [within 10s] $ kubectl apply -f - <<EOF
kind: ConfigMap

data: {}
EOF
configmap/a created
[<1.31] ! Warning: old
? 1
`);
    expect(step).toEqual({
      line: 3,
      title: "kubectl apply -f - <<EOF",
      bounds: [{ operator: ">=", minor: 30 }],
      withinMs: 10_000,
      words: ["kubectl", "apply", "-f", "-"],
      stdin: "kind: ConfigMap\n\ndata: {}\n",
      lines: [
        { bounds: [], stream: "stdout", text: "configmap/a created" },
        { bounds: [{ operator: "<", minor: 31 }], stream: "stderr", text: "Warning: old" },
      ],
      codes: [{ bounds: [], code: 1 }],
    });
  });

  it.each([
    ["blanks part words", "kubectl  get   ds", ["kubectl", "get", "ds"]],
    ["single quotes keep all", `kubectl -p '{"$patch": "a\\n"}'`, ["kubectl", "-p", `{"$patch": "a\\n"}`]],
    ["double quotes end at a quote that is not escaped", `kubectl "a \\"b\\" c"d`, ["kubectl", `a "b" cd`]],
    ["an empty word stays", "kubectl label a ''", ["kubectl", "label", "a", ""]],
    ["a backslash keeps the next character", "kubectl a\\ b", ["kubectl", "a b"]],
    ["a backslash at the end goes on", "kubectl get \\\n    ds", ["kubectl", "get", "ds"]],
  ])("%s", (_rule, line, words) => {
    expect(only(`$ ${line}`).words).toEqual(words);
  });

  it("ends a step at a blank line, and at the next command", () => {
    const { steps } = parseTranscript("$ kubectl a\nx\n$ kubectl b\n\n# note\n$ kubectl c\ny\n");
    expect(steps.map(({ words, lines }) => [words[1], lines.map(({ text }) => text)])).toEqual([
      ["a", ["x"]],
      ["b", []],
      ["c", ["y"]],
    ]);
  });

  it("takes directives for the whole file", () => {
    const transcript: Transcript = parseTranscript("# Nodes.\n# cluster: own\n# kubectl: >=1.29 <1.33\n");
    expect(transcript.ownCluster).toBe(true);
    expect([28, 29, 32, 33].map((minor) => concerns(transcript.bounds, minor))).toEqual([false, true, true, false]);
  });

  it.each([
    ["output without a command", "configmap/a created\n", "line 1: not a command"],
    ["something else than kubectl", "$ kubectl a\n\n$ rm -rf x\n", "line 3: not a command that a transcript knows"],
    ["input that does not end", "$ kubectl a <<EOF\nx\n", "the file ends in the middle of a step"],
    ["a quote that does not end", "$ kubectl 'a\n", "line 1: a quote is not closed"],
    ["write without a text", "$ write a.yaml\n", "line 1: not a command"],
    ["an unknown directive", "# cluster: mine\n", "line 1: a cluster can only be: own"],
  ])("refuses %s", (_what, text, message) => {
    expect(() => parseTranscript(text)).toThrow(message);
  });
});

it.each([
  ["kubectl get ds", { command: ["get", "ds"], env: {}, keepAs: null, follow: false }],
  ["env A=b=c kubectl edit", { command: ["edit"], env: { A: "b=c" }, keepAs: null, follow: false }],
  ["POD=$(kubectl get pod -o name)", { command: ["get", "pod", "-o", "name"], env: {}, keepAs: "POD", follow: false }],
  ["follow kubectl get -w", { command: ["get", "-w"], env: {}, keepAs: null, follow: true }],
])("plainCommand takes apart %s", (line, parts) => {
  expect(plainCommand(line.split(" "))).toEqual(parts);
});

describe("compare", () => {
  const known = new Map([["ns", "demo"]]);

  function match(expected: string, stdout: string, { stderr = "", code = 0, minor = 32 } = {}) {
    const step = only(`$ kubectl x\n${expected}`);
    return compare(step, { code, stdout, stderr }, { minor, known });
  }

  it.each([
    ["the same lines", "a\nb", "a\nb\n"],
    ["wider columns", "NAME  AGE\na  {{age}}", "NAME       AGE\na          4m30s\n"],
    ["blank lines and blanks at the end", "a\nb", "a  \n\nb\n\n"],
    ["any text in a line", "pod/web-{{*}} deleted", "pod/web-x7k2p deleted\n"],
    ["the namespace", "in {{ns}}", "in demo\n"],
    ["any lines before, between and after", "{{...}}\nb\n{{...}}\nd\n{{...}}", "a\nb\nc\nc\nd\n"],
    ["any lines, where there are none", "a\n{{...}}", "a\n"],
    ["any lines that look like the next", "{{...}}\nb\nc", "b\nb\nb\nc\n"],
    ["what is special in an expression", "a.b [c] (d)* $x", "a.b [c] (d)* $x\n"],
    ["what newer kubectls add", 'pod "a" deleted', 'pod "a" deleted from demo namespace\n'],
    ["lines of another kubectl left out", "[<1.30] old\n[>=1.30] new", "new\n"],
  ])("takes %s", (_what, expected, stdout) => {
    const { expected: wanted, got } = match(expected, stdout);
    expect(got).toBe(wanted);
  });

  it.each([
    ["another line", "a", "b\n"],
    ["a line too many", "a", "a\nb\n"],
    ["a line too few", "a\nb", "a\n"],
    ["another order", "a\nb", "b\na\n"],
    ["another indentation", "  a", "    a\n"],
    ["no age", "a  {{age}}", "a  <unknown>\n"],
    ["a line between that is not expected", "a\n{{...}}\nc\nd", "a\nb\nc\nx\nd\n"],
    ["nothing", "a", ""],
    ["something instead of nothing", "", "a\n"],
    ["a dot for any character", "a.c", "abc\n"],
  ])("does not take %s", (_what, expected, stdout) => {
    const { expected: wanted, got } = match(expected, stdout);
    expect(got).not.toBe(wanted);
  });

  it("tells stderr and the exit code apart", () => {
    const failure = { stderr: "error: x\n", code: 1 };
    const right = match("! error: x\n? 1", "", failure);
    expect(right.got).toBe(right.expected);
    for (const wrong of ["error: x\n? 1", "! error: x", "! error: x\n? 2", "? 1"]) {
      const { expected, got } = match(wrong, "", failure);
      expect(got).not.toBe(expected);
    }
  });

  it("shows what matched as it was printed, so that the difference is what matters", () => {
    expect(match("a {{*}}\nb\n{{...}}\nc", "a 1\nx\ny\nc\n")).toEqual({
      expected: "a 1\nb\nx\ny\nc",
      got: "a 1\nx\ny\nc",
    });
  });

  it("passes over what the client logs about itself", () => {
    const { expected, got } = match("a", "a\n", { stderr: "I1121 18:59:21.1 request.go:1] Waited for 1s\n" });
    expect(got).toBe(expected);
  });
});

it("fillIn leaves templates of the user alone", () => {
  expect(fillIn("{{.metadata.name}} {{range .items}} {{POD}} {{ns}}", new Map([["ns", "demo"]]))).toBe(
    "{{.metadata.name}} {{range .items}} {{POD}} demo",
  );
});

it("every transcript makes sense, and together they show enough", () => {
  const counts = readdirSync(dir).map((file) => parseTranscript(readFileSync(join(dir, file), "utf8")).steps.length);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(250);
});
