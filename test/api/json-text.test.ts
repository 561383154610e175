// JSON as text: what is wrong with it in Go's words, and which fields stand twice.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { hasDuplicates, jsonProblem, keysOf } from "../../src/api/json-text.ts";

describe("what is wrong with a text", () => {
  it.each([
    ["", "unexpected end of JSON input"],
    ["   ", "unexpected end of JSON input"],
    ["{", "unexpected end of JSON input"],
    ['{"a"', "unexpected end of JSON input"],
    ['{"a":1', "unexpected end of JSON input"],
    ["[1,", "unexpected end of JSON input"],
    ['"abc', "unexpected end of JSON input"],
    ["tru", "unexpected end of JSON input"],
    ["xyz", "invalid character 'x' looking for beginning of value"],
    ["'a'", "invalid character '\\'' looking for beginning of value"],
    ["{a:1}", "invalid character 'a' looking for beginning of object key string"],
    ["{,}", "invalid character ',' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair"],
    ["[1 2]", "invalid character '2' after array element"],
    ["[1,]", "invalid character ']' looking for beginning of value"],
    ["{} {}", "invalid character '{' after top-level value"],
    ["01", "invalid character '1' after top-level value"],
    ["-", "unexpected end of JSON input"],
    ["-x", "invalid character 'x' in numeric literal"],
    ["1.x", "invalid character 'x' after decimal point in numeric literal"],
    ["1ex", "invalid character 'x' in exponent of numeric literal"],
    ["+1", "invalid character '+' looking for beginning of value"],
    ["NaN", "invalid character 'N' looking for beginning of value"],
    ["nul1", "invalid character '1' in literal null (expecting 'l')"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['"\u0001"', "invalid character '\\x01' in string literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
  ])("%j", (text, problem) => {
    expect(jsonProblem(text)).toBe(problem);
  });

  it("is nothing exactly when it is JSON", () => {
    const pieces = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"a"',
      '"\\u00e4"',
      "1",
      "-0.5e3",
      "true",
      "null",
      " ",
      "x",
      "\\",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        expect(jsonProblem(text) === null).toBe(isJson(text));
      }),
    );
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(jsonProblem(text)).toBe(null);
      }),
    );
  });

  it("is told of a text nested without end, and the stack survives it", () => {
    expect(jsonProblem("[".repeat(100_000))).toBe("exceeded max depth");
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("fields that stand twice", () => {
  it.each([
    ["none", '{"a":1,"b":{"a":2},"c":[{"a":1},{"a":1}]}', []],
    ["at the top", '{"a":1,"a":2}', ["a"]],
    ["three times", '{"a":1,"a":2,"a":3}', ["a", "a"]],
    ["in a map", '{"data":{"x":"1","x":"2"}}', ["data.x"]],
    ["in a list", '{"s":{"c":[{},{"n":1,"n":1}]}}', ["s.c[1].n"]],
    ["written in two ways", '{"a":1,"\\u0061":2}', ["a"]],
    ["a whole object", '{"m":{"x":1},"m":{"y":1}}', ["m"]],
  ])("%s", (_where, text, paths) => {
    expect(hasDuplicates(text)).toBe(paths.length > 0);
    const duplicates = keysOf(text).filter(({ isDuplicate }) => isDuplicate);
    expect(duplicates.map(({ path }) => path)).toEqual(paths);
  });
});
