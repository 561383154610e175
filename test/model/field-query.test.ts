import { describe, expect, it } from "vitest";

import { ApiError } from "../../src/model/api-error.ts";
import { fieldQueryMatches, parseFieldQuery } from "../../src/model/field-query.ts";

const fields = { "metadata.name": "web", "status.phase": "Running", note: "a,b=c\\d" };

it.each<readonly [string, boolean]>([
  ["", true],
  ["metadata.name=web", true],
  ["metadata.name==web", true],
  ["metadata.name!=web", false],
  ["status.phase!=Succeeded,status.phase!=Failed", true],
  ["metadata.name=web,status.phase=Pending", false],
  ["metadata.namespace=", true],
  ["metadata.namespace!=", false],
  [",metadata.name=web,", true],
  ["note=a\\,b\\=c\\\\d", true],
  ["=", true],
  ["toString=", true],
])("%s: %s", (query, matches) => {
  expect(fieldQueryMatches(parseFieldQuery(query), fields)).toBe(matches);
});

it("keeps the order and joins both spellings of equality", () => {
  expect(parseFieldQuery("b==1,a!=2")).toEqual([
    { field: "b", operator: "=", value: "1" },
    { field: "a", operator: "!=", value: "2" },
  ]);
});

describe("parseFieldQuery refuses", () => {
  it.each([
    ["metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"],
    ["a=b,c", "invalid selector: 'a=b,c'; can't understand 'c'"],
    ["a=b=c", "invalid field selector: unescaped character in value: 61"],
    ["a=\\b", "invalid field selector: invalid escape sequence: \\b"],
    ["a=b\\", "invalid field selector: invalid escape sequence: \\"],
  ])("%s", (query, message) => {
    expect(() => parseFieldQuery(query)).toThrow(new ApiError("BadRequest", message));
  });
});
