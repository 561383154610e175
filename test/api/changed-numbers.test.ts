// Which numbers are not what they were once JavaScript has read them, in JSON and in YAML.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDocument } from "yaml";

import { changedInYaml, isChanged } from "../../src/api/changed-numbers.ts";
import { changedInJson } from "../../src/api/json-text.ts";

describe("isChanged", () => {
  it.each([
    ...["0", "-0", "1.5", "1e2", "9007199254740991", "-9007199254740992", "1e22", "10000000000000000000000"],
    ...["0.1234567890123456789", "1e-400", "12345678901234567.5", "9007199254740993e0", "9007199254740994"],
  ])("leaves %s alone", (text) => {
    expect(isChanged(text)).toBe(false);
  });

  it.each([
    ...["9007199254740993", "-9007199254740993", "9223372036854775807", "9223372036854775808", "1e400", "-1e309"],
    ...["123456789012345678901234567890", "1".repeat(400), "0x20000000000001"],
  ])("tells of %s", (text) => {
    expect(isChanged(text)).toBe(true);
  });

  it("agrees with what is written again", () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 69n), 2n ** 69n), (number) => {
        expect(isChanged(String(number))).toBe(JSON.stringify(JSON.parse(String(number))) !== String(number));
      }),
    );
  });
});

it("JSON is told with paths, and texts are no numbers", () => {
  const text = '{"a":"9007199254740993","1e400":[1,{"b":9007199254740993}],"c":-1E+400}';
  expect(changedInJson(text)).toEqual([
    { path: "1e400[1].b", text: "9007199254740993" },
    { path: "c", text: "-1E+400" },
  ]);
  expect(changedInJson('{"a":"1234567890123456"}')).toEqual([]);
});

it("YAML is told with paths, however its numbers are written", () => {
  const text = `
a: "9007199254740993"
b:
  - 1
  - {c: 0x20000000000001, d: +9007199254740993}
e: .inf
f: -.INF
g: .nan
h: 0o777777777777777777777
i: 9007199254740993
`;
  const document = parseDocument(text, { version: "1.1", schema: "core" });
  expect(changedInYaml(document, text).map(({ path, text: number }) => `${path} ${number}`)).toEqual([
    "b[1].c 0x20000000000001",
    "b[1].d +9007199254740993",
    "e .inf",
    "f -.INF",
    "g .nan",
    "h 0o777777777777777777777",
    "i 9007199254740993",
  ]);
});
