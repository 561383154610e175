import { describe, expect, it } from "vitest";

import { formatLabelSelector, formatLabels, labelSelectorMatches } from "../../src/model/labels.ts";
import type { LabelSelector } from "../../src/model/meta.ts";

const labels = { app: "web", tier: "front" };

function expressions(key: string, operator: string, values?: string[]): LabelSelector {
  return { matchExpressions: [{ key, operator, values }] };
}

it.each<readonly [string, LabelSelector | null | undefined, boolean]>([
  ["no selector matches nothing", undefined, false],
  ["null matches nothing", null, false],
  ["an empty selector matches everything", {}, true],
  ["all pairs must be there", { matchLabels: { app: "web", tier: "front" } }, true],
  ["one that differs is enough to fail", { matchLabels: { app: "web", tier: "back" } }, false],
  ["In: the value is listed", expressions("app", "In", ["db", "web"]), true],
  ["In: the label is missing", expressions("zone", "In", ["a"]), false],
  ["NotIn: the value is listed", expressions("app", "NotIn", ["web"]), false],
  ["NotIn: the label is missing", expressions("zone", "NotIn", ["a"]), true],
  ["Exists", expressions("app", "Exists"), true],
  ["Exists: the label is missing", expressions("zone", "Exists"), false],
  ["DoesNotExist", expressions("zone", "DoesNotExist"), true],
  ["what every object inherits is no label", expressions("constructor", "Exists"), false],
  ["an operator that does not exist", expressions("app", "Near", ["web"]), false],
  [
    "labels and expressions must both match",
    { matchLabels: { app: "web" }, ...expressions("tier", "NotIn", ["front"]) },
    false,
  ],
])("labelSelectorMatches: %s", (_rule, selector, matches) => {
  expect(labelSelectorMatches(selector, labels)).toBe(matches);
});

it("labelSelectorMatches: an object without labels is matched by what asks for none", () => {
  expect(labelSelectorMatches({}, undefined)).toBe(true);
  expect(labelSelectorMatches({ matchLabels: { app: "web" } }, undefined)).toBe(false);
});

describe("formatLabelSelector", () => {
  it.each<readonly [string, LabelSelector | undefined, string]>([
    ["no selector", undefined, "<none>"],
    ["an empty one", {}, "<none>"],
    ["pairs by key", { matchLabels: { b: "2", a: "1" } }, "a=1,b=2"],
    ["values in order", expressions("a", "In", ["y", "x"]), "a in (x,y)"],
    ["the other operators", expressions("a", "NotIn", ["x"]), "a notin (x)"],
    ["Exists is the bare key", expressions("a", "Exists"), "a"],
    ["DoesNotExist is the key with a mark", expressions("a", "DoesNotExist"), "!a"],
    ["what cannot be read", expressions("a", "Near"), "<error>"],
    ["everything by key", { matchLabels: { c: "1" }, matchExpressions: [{ key: "b", operator: "Exists" }] }, "b,c=1"],
  ])("%s", (_rule, selector, text) => {
    expect(formatLabelSelector(selector)).toBe(text);
  });
});

it("formatLabels writes pairs in the order of their keys", () => {
  expect(formatLabels({ b: "2", a: "1" })).toBe("a=1,b=2");
  expect(formatLabels(undefined)).toBe("<none>");
});
