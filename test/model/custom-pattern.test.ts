import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { patternMatches, patternProblem } from "../../src/model/custom/pattern.ts";

describe("a pattern", () => {
  it.each([
    ["^a+$", "aaa", true],
    ["^a+$", "aab", false],
    ["b", "abc", true],
    ["", "anything", true],
    [String.raw`^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$`, "*/5 * * * *", true],
    [String.raw`^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$`, "* * *", false],
    ["^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "a-b", true],
    ["^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "a-", false],
    ["^[^/]+$", "a/b", false],
    ["^[]a]+$", "]a", true],
    [String.raw`^[\w.-]+$`, "a_b.c-d", true],
    ["^[[:alpha:]]+$", "abc", true],
    ["^[[:^alpha:]]+$", "abc", false],
    [String.raw`^\p{Greek}+$`, "αβγ", true],
    [String.raw`^\PL$`, "1", true],
    ["(?i)^HELLO$", "hello", true],
    ["^(?i:a)b$", "Ab", true],
    ["^(?i:a)b$", "AB", false],
    [String.raw`^\Qa.b\E$`, "a.b", true],
    [String.raw`^\Qa.b\E$`, "axb", false],
    [String.raw`^\x41\x{1F600}$`, "A\u{1F600}", true],
    ["^.$", "\u{1F600}", true],
    ["^.$", "\n", false],
    ["(?s)^.$", "\n", true],
    ["^a$", "b\na", false],
    ["(?m)^a$", "b\na", true],
    [String.raw`\bb\b`, "a b c", true],
    [String.raw`\bb\b`, "abc", false],
    ["^a{2,3}$", "aa", true],
    ["^a{2,3}$", "aaaa", false],
    ["^a{2,}?$", "aaaa", true],
    ["^a{$", "a{", true],
    ["^a{,2}$", "a{,2}", true],
    ["^(?P<name>a|b)*c$", "ababc", true],
    ["^(|a)+$", "aa", true],
    ["^(a*)*$", "aab", false],
  ])("%s on %s: %s", (pattern, text, expected) => {
    expect(patternProblem(pattern)).toBeNull();
    expect(patternMatches(pattern, text)).toBe(expected);
  });

  it.each([
    ["[a", "missing closing ]: `[a`"],
    ["(a", "missing closing ): `(a`"],
    ["a)", "unexpected ): `a)`"],
    ["*a", "missing argument to repetition operator: `*`"],
    ["a**", "invalid nested repetition operator: `**`"],
    ["a{1001}", "invalid repeat count: `{1001}`"],
    ["(a{100}){100}", "invalid repeat count: `(a{100}){100}`"],
    ["(?=a)", "invalid or unsupported Perl syntax: `(?=`"],
    ["(?<!a)", "invalid or unsupported Perl syntax: `(?<`"],
    [String.raw`\1`, "invalid escape sequence: `\\1`"],
    [String.raw`\y`, "invalid escape sequence: `\\y`"],
    ["a\\", "trailing backslash at end of expression: ``"],
    ["[z-a]", "invalid character class range: `[z-a]`"],
    ["(".repeat(5_000), "expression nests too deeply"],
    ["(a{900}){1}".repeat(100), "expression too large"],
  ])("%s is no expression", (pattern, problem) => {
    expect(patternProblem(pattern)).toContain(`error parsing regexp: ${problem.slice(0, 60)}`);
    expect(patternMatches(pattern, "a")).toBe(false);
  });

  it.each([
    ["^(a+)+$", `${"a".repeat(50_000)}b`],
    ["^(a|a)*$", `${"a".repeat(50_000)}b`],
    ["^(a|aa)+$", `${"a".repeat(50_000)}b`],
    ["(.*)*(.*)*(.*)*x", "a".repeat(20_000)],
    ["^(([a-z])+.)+[A-Z]([a-z])+$", "a".repeat(50_000)],
    ["(x+x+)+y", "x".repeat(50_000)],
  ])("that explodes elsewhere is decided at once: %s", (pattern, text) => {
    const before = performance.now();
    expect(patternMatches(pattern, text)).toBe(false);
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  it("that is too dear for its text is not decided", () => {
    expect(patternMatches("(a?){1000}b", "a".repeat(200_000))).toBeNull();
  });

  it("means what it means to the engine, where both know it", () => {
    const atom = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "(a|b)", "(?:ab)", String.raw`\d`, String.raw`\w`, "1");
    const piece = fc
      .tuple(atom, fc.constantFrom("", "*", "+", "?", "{2}", "{1,2}", "*?", "+?"))
      .map((two) => two.join(""));
    const pattern = fc.tuple(
      fc.constantFrom("", "^"),
      fc.array(fc.oneof(piece, fc.constant("|")), { maxLength: 6 }),
      fc.constantFrom("", "$"),
    );
    const text = fc.string({ unit: fc.constantFrom("a", "b", "1", "c"), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, ([start, pieces, end], given) => {
        const source = `${start}${pieces.join("")}${end}`;
        expect(patternMatches(source, given)).toBe(new RegExp(source, "u").test(given));
      }),
      { numRuns: 2_000 },
    );
  });
});
