import { describe, expect, it } from "vitest";

import { ApiError } from "../../src/model/api-error.ts";
import { labelQueryMatches, parseLabelQuery } from "../../src/model/label-query.ts";

const labels = { app: "web", size: "10", in: "yes", empty: "" };

it.each<readonly [string, boolean]>([
  ["", true],
  ["app=web", true],
  ["app==web", true],
  ["app=db", false],
  ["app!=db", true],
  ["zone!=a", true],
  ["app in (db, web)", true],
  ["app in (db)", false],
  ["zone in (a)", false],
  ["app notin (db)", true],
  ["zone notin (a)", true],
  ["app", true],
  ["zone", false],
  ["!zone", true],
  ["! app", false],
  ["app=web,size>9", true],
  ["size>10", false],
  ["size<11", true],
  ["app>1", false],
  ["zone<1", false],
  ["in=yes", true],
  ["in in (in, yes)", true],
  ["empty=", true],
  ["empty in ()", true],
  ["empty in (,a)", true],
  ["app = web , !zone", true],
  ["toString", false],
  ["example.com/x!=1,app", true],
])("%s on app=web, size=10, in=yes, empty=: %s", (query, matches) => {
  expect(labelQueryMatches(parseLabelQuery(query), labels)).toBe(matches);
});

it("orders requirements by key and values by themselves, each once", () => {
  expect(parseLabelQuery("z,a in (c,b,,c)")).toEqual([
    { key: "a", operator: "in", values: ["", "b", "c"] },
    { key: "z", operator: "exists", values: [] },
  ]);
});

const name =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const value =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

describe("parseLabelQuery refuses", () => {
  it.each([
    ["=a", "found '=', expected: !, identifier, or 'end of string'"],
    ["a,", "found '', expected: identifier after ','"],
    ["a=b c", "found 'c', expected: ',' or 'end of string'"],
    ["!a=b", "found '=', expected: ',' or 'end of string'"],
    ["!", "unable to parse requirement: found '', expected: identifier"],
    ["a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ["a in b", "unable to parse requirement: found 'b' expected: '('"],
    ["a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"],
    ["a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"],
    ["a in (b", "unable to parse requirement: found '', expected: ',' or ')'"],
    ["a==!", "unable to parse requirement: found '!', expected: identifier"],
    ["-a=b", `unable to parse requirement: <nil>: Invalid value: "-a": ${name}`],
    ["a=b c/d", "found 'c/d', expected: ',' or 'end of string'"],
    ["a=b/c", `unable to parse requirement: values[0][a]: Invalid value: "b/c": ${value}`],
    [
      "a>b",
      "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
  ])("%s", (query, message) => {
    expect(() => parseLabelQuery(query)).toThrow(new ApiError("BadRequest", message));
  });
});
