import { describe, expect, it } from "vitest";

import { parseJsonPath, valuesAt } from "../../src/model/custom/json-path.ts";

const object = {
  metadata: { name: "a", annotations: { "example.com/x": "dotted", "x.y": "z" } },
  spec: { replicas: 3, on: false, list: ["a", "b", "c", "d"], map: { one: 1, two: 2 } },
  status: {
    conditions: [
      { type: "Ready", status: "True", weight: 2 },
      { type: "Old)]", status: "False", weight: 1 },
      { type: "Plain", weight: 3 },
    ],
  },
};

describe("a path", () => {
  it.each([
    [".metadata.name", ["a"]],
    ["metadata.name", ["a"]],
    [".spec.replicas", [3]],
    [".spec.on", [false]],
    [".spec.none", []],
    [".spec.none.deeper", []],
    [".spec.replicas.deeper", []],
    [".constructor", []],
    [".spec['replicas']", [3]],
    ['.spec["replicas"]', [3]],
    [".spec['replicas','on']", [3, false]],
    [String.raw`.metadata.annotations.example\.com/x`, ["dotted"]],
    [".metadata.annotations['example.com/x']", ["dotted"]],
    [".spec.list[0]", ["a"]],
    [".spec.list[-1]", ["d"]],
    [".spec.list[0,2]", ["a", "c"]],
    [".spec.list[9]", []],
    [".spec.list[1:3]", ["b", "c"]],
    [".spec.list[:]", ["a", "b", "c", "d"]],
    [".spec.list[0:4:2]", ["a", "c"]],
    [".spec.list[*]", ["a", "b", "c", "d"]],
    [".spec.map.*", [1, 2]],
    ["..weight", [2, 1, 3]],
    ['.status.conditions[?(@.type=="Ready")].status', ["True"]],
    [".status.conditions[?(@.type == 'Ready')].status", ["True"]],
    ['.status.conditions[?(@.type=="Old)]")].status', ["False"]],
    ['.status.conditions[?(@.type!="Ready")].weight', [1, 3]],
    [".status.conditions[?(@.weight>1)].type", ["Ready", "Plain"]],
    [".status.conditions[?(@.weight<=1)].type", ["Old)]"]],
    [".status.conditions[?(@.status)].type", ["Ready", "Old)]"]],
    ['.status.conditions[?(@.type=="None")].status', []],
  ])("%s leads to %j", (text, expected) => {
    const path = parseJsonPath(text);
    expect(path).not.toBeNull();
    expect([...valuesAt(object, path ?? [])]).toEqual(expected);
  });

  it.each(["[", ".a[", ".a[b]", ".a[?(@.b==)]", ".a[?(@.b=='x]", ".a[1:2:0]", ". a", ".a..", "{.a}", ".a[?(b==1)]"])(
    "%s is none",
    (text) => {
      expect(parseJsonPath(text)).toBeNull();
    },
  );
});
