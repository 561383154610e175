import { describe, expect, it } from "vitest";

import { compare } from "../../../src/core/apply/comparison.ts";
import { withControllerStatus } from "../../../src/core/apply/controller-status.ts";
import {
  difference,
  intersection,
  pathsOf,
  recursiveDifference,
  setOf,
  union,
} from "../../../src/core/apply/field-set.ts";
import { fieldsOf } from "../../../src/core/apply/fields-of.ts";
import { decodeFields, encodeFields } from "../../../src/core/apply/fields-v1.ts";
import { merge } from "../../../src/core/apply/merge.ts";
import { pathText } from "../../../src/core/apply/path-element.ts";
import { withoutFields } from "../../../src/core/apply/remove.ts";
import { typedProblem } from "../../../src/core/apply/typed-errors.ts";
import type { Json } from "../../../src/model/fields.ts";
import { daemonSet } from "../../model/objects.ts";
import { shipType } from "./types.ts";

type Row = readonly [rule: string, before: Json, after: Json, expected: unknown];

const texts = (set: Parameters<typeof pathsOf>[0]) => pathsOf(set).map(pathText);

describe("fieldsOf", () => {
  it.each<readonly [string, Json, readonly string[]]>([
    ["the fields of structs, not the structs", { captain: { name: "n" } }, [".captain.name"]],
    ["the keys of maps, not the map", { labels: { a: "1", b: "2" } }, [".labels.a", ".labels.b"]],
    [
      "the elements of lists and their fields",
      { decks: [{ name: "d" }] },
      ['.decks[name="d"]', '.decks[name="d"].name'],
    ],
    [
      "maps in elements",
      { decks: [{ name: "d", cabins: { a: 1 } }] },
      ['.decks[name="d"]', '.decks[name="d"].name', '.decks[name="d"].cabins.a'],
    ],
    [
      "keys that are left out by their default",
      { ports: [{ number: 1 }] },
      ['.ports[number=1,protocol="TCP"]', '.ports[number=1,protocol="TCP"].number'],
    ],
    ["the values of sets", { flags: ["b", "a"] }, ['.flags[="a"]', '.flags[="b"]']],
    [
      "atomic lists, maps and structs as a whole",
      { orders: ["x"], selector: { a: "1" }, home: { town: "t" } },
      [".home", ".orders", ".selector"],
    ],
    ["what is empty or null itself", { captain: {}, labels: {}, name: null }, [".captain", ".labels", ".name"]],
    ["open values by what they are", { cargo: { a: { b: 1 }, c: [1] } }, [".cargo.a", ".cargo.c", ".cargo.a.b"]],
  ])("names %s", (_what, value, expected) => {
    expect(texts(fieldsOf(shipType, value))).toEqual(expected);
  });
});

describe("compare", () => {
  it.each<readonly [string, Json, Json, object]>([
    ["nothing where nothing changed", { name: "a", labels: { a: "1" } }, { labels: { a: "1" }, name: "a" }, {}],
    [
      "scalars",
      { name: "a", crew: 1 },
      { name: "b", sails: true },
      { added: [".sails"], modified: [".name"], removed: [".crew"] },
    ],
    ["a new map with its keys", {}, { labels: { a: "1" } }, { added: [".labels", ".labels.a"] }],
    ["a map that was null without it", { labels: null }, { labels: { a: "1" } }, { added: [".labels.a"] }],
    ["a new list with its elements", {}, { flags: ["a"] }, { added: [".flags", '.flags[="a"]'] }],
    [
      "elements of lists",
      { decks: [{ name: "a" }] },
      { decks: [{ name: "b" }] },
      {
        added: ['.decks[name="b"]', '.decks[name="b"].name'],
        removed: ['.decks[name="a"]', '.decks[name="a"].name'],
      },
    ],
    ["no order of lists", { flags: ["a", "b"] }, { flags: ["b", "a"] }, {}],
    ["the order of atomic lists", { orders: ["a", "b"] }, { orders: ["b", "a"] }, { modified: [".orders"] }],
    ["atomic structs as a whole", { home: { town: "a" } }, { home: { pier: 1 } }, { modified: [".home"] }],
    ["empty lists that were absent", {}, { flags: [] }, { added: [".flags"] }],
    [
      "repeated elements as a whole",
      { flags: ["a", "a"] },
      { flags: ["a"] },
      { added: ['.flags[="a"]'], removed: ['.flags[="a"]'] },
    ],
    [
      "open values that change their form",
      { cargo: "a" },
      { cargo: { b: 1 } },
      { added: [".cargo.b"], modified: [".cargo"] },
    ],
  ])("tells %s", (_what, before, after, expected) => {
    const { added, modified, removed } = compare(shipType, before, after);
    const found = { added: texts(added), modified: texts(modified), removed: texts(removed) };
    expect(found).toEqual({ added: [], modified: [], removed: [], ...expected });
  });
});

describe("merge", () => {
  it.each<Row>([
    ["what is applied takes the place of what is there", { name: "a", crew: 1 }, { name: "b" }, { name: "b", crew: 1 }],
    [
      "maps merge",
      { labels: { a: "1", b: "1" } },
      { labels: { b: "2", c: "1" } },
      { labels: { a: "1", b: "2", c: "1" } },
    ],
    ["atomic maps are replaced", { selector: { a: "1" } }, { selector: { b: "1" } }, { selector: { b: "1" } }],
    ["atomic lists are replaced", { orders: ["a"] }, { orders: ["b"] }, { orders: ["b"] }],
    ["atomic structs are replaced", { home: { town: "t" } }, { home: { pier: 1 } }, { home: { pier: 1 } }],
    [
      "null leaves maps and lists as they are",
      { labels: { a: "1" }, flags: ["x"] },
      { labels: null, flags: null },
      { labels: { a: "1" }, flags: ["x"] },
    ],
    ["null wipes a scalar", { name: "a" }, { name: null }, { name: null }],
    [
      "elements merge by key",
      { decks: [{ name: "a", cabins: { x: 1 } }] },
      { decks: [{ name: "a", cabins: { y: 2 } }] },
      { decks: [{ name: "a", cabins: { x: 1, y: 2 } }] },
    ],
    [
      "elements merge by defaulted key",
      { ports: [{ number: 1, protocol: "TCP" }] },
      { ports: [{ number: 1, name: "n" }] },
      { ports: [{ number: 1, protocol: "TCP", name: "n" }] },
    ],
    ["new elements come last", { flags: ["a", "b"] }, { flags: ["c"] }, { flags: ["a", "b", "c"] }],
    [
      "new elements come before what follows them in the applied list",
      { flags: ["a", "b"] },
      { flags: ["c", "a"] },
      { flags: ["c", "a", "b"] },
    ],
    [
      "the applied order is that of the elements that both have",
      { flags: ["a", "b", "c"] },
      { flags: ["c", "a"] },
      { flags: ["b", "c", "a"] },
    ],
    [
      "elements that only the live list has keep their place",
      { flags: ["x", "a", "y", "b"] },
      { flags: ["a", "b"] },
      { flags: ["x", "a", "y", "b"] },
    ],
  ])("%s", (_rule, live, applied, expected) => {
    expect(merge(shipType, live, applied)).toEqual(expected);
  });

  it("keeps repeated elements that are not applied", () => {
    expect(merge(shipType, { flags: ["a", "b", "a"] }, { flags: ["c"] })).toEqual({ flags: ["a", "b", "a", "c"] });
  });
});

it.each<readonly [string, Json, readonly (readonly string[])[], Json]>([
  ["a field", { name: "a", crew: 1 }, [["f:name"]], { crew: 1 }],
  ["a key of a map", { labels: { a: "1", b: "1" } }, [["f:labels", "f:a"]], { labels: { b: "1" } }],
  ["the last key of a map", { labels: { a: "1" } }, [["f:labels", "f:a"]], { labels: null }],
  ["an element", { flags: ["a", "b"] }, [["f:flags", 'v:"a"']], { flags: ["b"] }],
  [
    "a field of an element",
    { decks: [{ name: "a", cabins: { x: 1 } }] },
    [["f:decks", 'k:{"name":"a"}', "f:cabins"]],
    { decks: [{ name: "a" }] },
  ],
  ["nothing that is not there", { name: "a" }, [["f:crew"]], { name: "a" }],
])("withoutFields removes %s", (_what, value, paths, expected) => {
  expect(withoutFields(shipType, value, setOf(...paths))).toEqual(expected);
});

it.each<readonly [string, Json, string]>([
  ["unknown fields", { colour: "red" }, ".colour: field not declared in schema"],
  ["texts that are none", { name: 1 }, ".name: expected string, got &value.valueUnstructured{Value:1}"],
  [
    "texts that are maps",
    { name: { a: [true] } },
    '.name: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"a":[]interface {}{true}}}',
  ],
  ["numbers that are none", { crew: "1" }, ".crew: expected numeric (int or float), got string"],
  ["flags that are none", { sails: "yes" }, ".sails: expected boolean, got &{yes}"],
  ["lists that are none", { flags: { a: "b" } }, ".flags: expected list, got &{map[a:b]}"],
  ["maps that are none", { labels: ["a"] }, ".labels: expected map, got &{[a]}"],
  [
    "elements without their key",
    { decks: [{}] },
    '.decks: element 0: associative list with keys has an element that omits key field "name" (and doesn\'t have default value)',
  ],
  ["null elements", { decks: [null] }, ".decks: element 0: associative list with keys may not have a null element"],
  [
    "elements that are no maps",
    { decks: ["a"] },
    ".decks: element 0: associative list with keys may not have non-map elements",
  ],
  [
    "sets of maps",
    { flags: [{}] },
    ".flags: element 0: associative list without keys has an element that's a map type",
  ],
  [
    "repeated elements",
    { ports: [{ number: 1 }, { number: 1, protocol: "TCP" }] },
    '.ports: duplicate entries for key [number=1,protocol="TCP"]',
  ],
  [
    "what is wrong in elements",
    { decks: [{ name: "a", cabins: { x: "1" } }] },
    '.decks[name="a"].cabins.x: expected numeric (int or float), got string',
  ],
  [
    "what is wrong in atomic lists",
    { orders: ["a", 1] },
    ".orders[1]: expected string, got &value.valueUnstructured{Value:1}",
  ],
  [
    "several things at once",
    { name: 1, crew: "1" },
    "errors:\n  .name: expected string, got &value.valueUnstructured{Value:1}\n  .crew: expected numeric (int or float), got string",
  ],
])("typedProblem tells %s", (_what, value, problem) => {
  expect(typedProblem(shipType, value)).toBe(problem);
});

it("typedProblem minds no nulls, and nothing in open values", () => {
  expect(
    typedProblem(shipType, { name: null, decks: null, labels: null, cargo: [{ a: 1 }, "b"], draught: 1.5 }),
  ).toBeNull();
});

describe("sets of fields", () => {
  const a = setOf(["f:a"], ["f:a", "f:b"], ["f:c", "f:d"]);

  it("know the difference from the recursive one", () => {
    expect(texts(difference(a, setOf(["f:a"])))).toEqual([".a.b", ".c.d"]);
    expect(texts(recursiveDifference(a, setOf(["f:a"])))).toEqual([".c.d"]);
    expect(texts(recursiveDifference(a, setOf(["f:a", "f:b"])))).toEqual([".a", ".c.d"]);
  });

  it("unite and intersect by field", () => {
    expect(texts(union(a, setOf(["f:c"])))).toEqual([".a", ".c", ".a.b", ".c.d"]);
    expect(texts(intersection(a, setOf(["f:a", "f:b"], ["f:c"])))).toEqual([".a.b"]);
  });

  it("are written in order, with a dot for the place itself", () => {
    const ports = ['k:{"number":80,"protocol":"TCP"}', 'k:{"number":443,"protocol":"TCP"}'];
    const set = setOf(
      ["f:ports", ports[1] ?? ""],
      ["f:ports", ports[0] ?? ""],
      ["f:ports", ports[0] ?? "", "f:name"],
      ["f:name"],
    );
    expect(JSON.stringify(encodeFields(set))).toBe(
      '{"f:name":{},"f:ports":{"k:{\\"number\\":80,\\"protocol\\":\\"TCP\\"}":{".":{},"f:name":{}},"k:{\\"number\\":443,\\"protocol\\":\\"TCP\\"}":{}}}',
    );
  });

  it("are read whatever the order of keys, and not at all if they are none", () => {
    const read = decodeFields({ "f:p": { 'k:{"b":1,"a":"x"}': {} } });
    expect(read === null ? null : texts(read)).toEqual(['.p[a="x",b=1]']);
    for (const bad of [{ name: {} }, { "k:{": {} }, { "f:a": 1 }, [], { "k:[]": {} }])
      expect(decodeFields(bad)).toBeNull();
  });
});

describe("withControllerStatus", () => {
  const set = daemonSet();

  it("says which fields the controller changed, beside what others own", () => {
    const entry = {
      manager: "m",
      operation: "Apply",
      apiVersion: "apps/v1",
      fieldsType: "FieldsV1",
      fieldsV1: { "f:spec": {} },
    };
    const tracked = { ...set, metadata: { ...set.metadata, managedFields: [entry] } };
    const { metadata, status } = withControllerStatus(
      tracked,
      { ...set.status, desiredNumberScheduled: 3, numberReady: 3 },
      0,
    );
    expect(status.numberReady).toBe(3);
    expect(metadata.managedFields).toEqual([
      entry,
      {
        manager: "kube-controller-manager",
        operation: "Update",
        apiVersion: "apps/v1",
        time: "1970-01-01T00:00:00Z",
        fieldsType: "FieldsV1",
        fieldsV1: { "f:status": { "f:desiredNumberScheduled": {}, "f:numberReady": {} } },
        subresource: "status",
      },
    ]);
  });

  it("begins no record where there is none", () => {
    expect(withControllerStatus(set, { ...set.status, numberReady: 3 }, 0).metadata.managedFields).toBeUndefined();
  });
});
