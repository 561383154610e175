import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { applyJsonPatch } from "../../src/api/patch/json-patch.ts";
import { RejectedPatch } from "../../src/api/patch/patch-error.ts";
import { ApiError } from "../../src/model/api-error.ts";
import type { Json } from "../../src/model/fields.ts";

function refusal(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** What is wrong with the only operation of a patch. */
function refusalCause(document: Json, operation: Json): string | undefined {
  const error = refusal(() => applyJsonPatch(document, [operation]));
  return error instanceof RejectedPatch ? error.detail.replace("patch[0]: ", "") : undefined;
}

describe("the examples of RFC 6902, appendix A", () => {
  it.each<[string, Json, Json, Json]>([
    [
      "A.1 adding an object member",
      { foo: "bar" },
      [{ op: "add", path: "/baz", value: "qux" }],
      { baz: "qux", foo: "bar" },
    ],
    [
      "A.2 adding an array element",
      { foo: ["bar", "baz"] },
      [{ op: "add", path: "/foo/1", value: "qux" }],
      { foo: ["bar", "qux", "baz"] },
    ],
    ["A.3 removing an object member", { baz: "qux", foo: "bar" }, [{ op: "remove", path: "/baz" }], { foo: "bar" }],
    [
      "A.4 removing an array element",
      { foo: ["bar", "qux", "baz"] },
      [{ op: "remove", path: "/foo/1" }],
      { foo: ["bar", "baz"] },
    ],
    [
      "A.5 replacing a value",
      { baz: "qux", foo: "bar" },
      [{ op: "replace", path: "/baz", value: "boo" }],
      { baz: "boo", foo: "bar" },
    ],
    [
      "A.6 moving a value",
      { foo: { bar: "baz", waldo: "fred" }, qux: { corge: "grault" } },
      [{ op: "move", from: "/foo/waldo", path: "/qux/thud" }],
      { foo: { bar: "baz" }, qux: { corge: "grault", thud: "fred" } },
    ],
    [
      "A.7 moving an array element",
      { foo: ["all", "grass", "cows", "eat"] },
      [{ op: "move", from: "/foo/1", path: "/foo/3" }],
      { foo: ["all", "cows", "eat", "grass"] },
    ],
    [
      "A.8 testing a value: success",
      { baz: "qux", foo: ["a", 2, "c"] },
      [
        { op: "test", path: "/baz", value: "qux" },
        { op: "test", path: "/foo/1", value: 2 },
      ],
      { baz: "qux", foo: ["a", 2, "c"] },
    ],
    [
      "A.10 adding a nested member object",
      { foo: "bar" },
      [{ op: "add", path: "/child", value: { grandchild: {} } }],
      { foo: "bar", child: { grandchild: {} } },
    ],
    [
      "A.11 ignoring unrecognized elements",
      { foo: "bar" },
      [{ op: "add", path: "/baz", value: "qux", xyz: 123 }],
      { foo: "bar", baz: "qux" },
    ],
    ["A.14 ~ escape ordering", { "/": 9, "~1": 10 }, [{ op: "test", path: "/~01", value: 10 }], { "/": 9, "~1": 10 }],
    [
      "A.16 adding an array value",
      { foo: ["bar"] },
      [{ op: "add", path: "/foo/-", value: ["abc", "def"] }],
      { foo: ["bar", ["abc", "def"]] },
    ],
  ])("%s", (_name, document, patch, expected) => {
    expect(applyJsonPatch(document, patch)).toEqual(expected);
  });

  it.each<[string, Json, Json]>([
    ["A.9 testing a value: error", { baz: "qux" }, { op: "test", path: "/baz", value: "bar" }],
    ["A.12 adding to a nonexistent target", { foo: "bar" }, { op: "add", path: "/baz/bat", value: "qux" }],
    [
      "A.13 an operation repeated in one member keeps the last",
      { foo: "bar" },
      { op: "remove", path: "/baz", value: "qux" },
    ],
    ["A.15 comparing strings and numbers", { "/": 9, "~1": 10 }, { op: "test", path: "/~01", value: "10" }],
  ])("%s", (_name, document, operation) => {
    const error = refusal(() => applyJsonPatch(document, [operation]));
    expect(error.reason).toBe("Invalid");
    expect(error.message).toBe("the server rejected our request due to an error in our request");
  });
});

it.each<[string, Json, Json, Json]>([
  ["add replaces a member that is there", { a: 1 }, { op: "add", path: "/a", value: 2 }, { a: 2 }],
  ["add at the end may name the index", { a: [1] }, { op: "add", path: "/a/1", value: 2 }, { a: [1, 2] }],
  ["a path of nothing is the whole document", { a: 1 }, { op: "replace", path: "", value: { b: 1 } }, { b: 1 }],
  ["an empty token is a key", { "": 1 }, { op: "replace", path: "/", value: 2 }, { "": 2 }],
  [
    "replace brings in a member that is not there",
    { a: {} },
    { op: "replace", path: "/a/b", value: 1 },
    { a: { b: 1 } },
  ],
  ["a negative index counts from the end", { a: [1, 2] }, { op: "replace", path: "/a/-1", value: 3 }, { a: [1, 3] }],
  ["add at -1 appends", { a: [1, 2] }, { op: "add", path: "/a/-1", value: 3 }, { a: [1, 2, 3] }],
  [
    "paths lead through negative indexes",
    { a: [{ b: 1 }] },
    { op: "add", path: "/a/-1/b", value: 2 },
    { a: [{ b: 2 }] },
  ],
  ["test for null passes where there is nothing", { a: 1 }, { op: "test", path: "/b", value: null }, { a: 1 }],
  [
    "test compares objects whatever their order",
    { a: { b: 1, c: [2] } },
    { op: "test", path: "/a", value: { c: [2], b: 1 } },
    { a: { b: 1, c: [2] } },
  ],
  ["copy leaves the source", { a: { b: 1 } }, { op: "copy", from: "/a", path: "/c" }, { a: { b: 1 }, c: { b: 1 } }],
  ["move onto itself changes nothing", { a: 1 }, { op: "move", from: "/a", path: "/a" }, { a: 1 }],
])("applyJsonPatch: %s", (_rule, document, operation, expected) => {
  expect(applyJsonPatch(document, [operation])).toEqual(expected);
});

it.each<[string, Json, Json, string]>([
  ["an unknown operation", { a: 1 }, { op: "merge", path: "/a" }, 'unknown operation "merge"'],
  ["no operation", { a: 1 }, { path: "/a" }, "unknown operation null"],
  ["no path", { a: 1 }, { op: "remove" }, '"path" must be a text that is empty or starts with "/"'],
  [
    "a path without a slash",
    { a: 1 },
    { op: "remove", path: "a" },
    '"path" must be a text that is empty or starts with "/"',
  ],
  ["no source", { a: 1 }, { op: "copy", path: "/b" }, '"from" must be a text that is empty or starts with "/"'],
  ["no value", { a: 1 }, { op: "add", path: "/b" }, '"value" is missing'],
  ["a missing member", { a: {} }, { op: "remove", path: "/a/b" }, 'path "/a/b" does not exist'],
  ["a missing parent", { a: {} }, { op: "add", path: "/b/c/d", value: 1 }, 'path "/b/c" does not exist'],
  ["a missing source", { a: {} }, { op: "move", from: "/b", path: "/a/b" }, 'path "/b" does not exist'],
  ["a test below nothing", { a: {} }, { op: "test", path: "/b/c", value: null }, 'path "/b" does not exist'],
  ["an index past the end", { a: [1] }, { op: "add", path: "/a/2", value: 1 }, 'path "/a/2" does not exist'],
  [
    "the end where an element is needed",
    { a: [1] },
    { op: "replace", path: "/a/-", value: 1 },
    'path "/a/-" does not exist',
  ],
  ["an index with leading zeros", { a: [1, 2] }, { op: "remove", path: "/a/01" }, 'path "/a/01" does not exist'],
  ["a path into a plain value", { a: 1 }, { op: "add", path: "/a/b", value: 1 }, 'path "/a/b" does not exist'],
  ["removing the whole document", { a: 1 }, { op: "remove", path: "" }, 'path "" does not exist'],
  [
    "moving a value into itself",
    { a: { b: {} } },
    { op: "move", from: "/a", path: "/a/b/c" },
    '"/a" cannot be moved into itself',
  ],
  [
    "an inherited property",
    { a: {} },
    { op: "copy", from: "/a/toString", path: "/b" },
    'path "/a/toString" does not exist',
  ],
])("applyJsonPatch refuses %s and says why", (_case, document, operation, cause) => {
  expect(refusalCause(document, operation)).toBe(cause);
});

it("names the operation that failed", () => {
  const patch = [
    { op: "add", path: "/b", value: 1 },
    { op: "remove", path: "/c" },
  ];
  const error = refusal(() => applyJsonPatch({}, patch));
  expect(error.code).toBe(422);
  expect(error).toMatchObject({ detail: 'patch[1]: path "/c" does not exist', details: {} });
});

it.each<[string, Json, string]>([
  ["an object", {}, "error decoding patch: json: cannot unmarshal object into Go value of type []interface {}"],
  ["a text", "x", "error decoding patch: json: cannot unmarshal string into Go value of type []interface {}"],
  [
    "a list of numbers",
    [1],
    "error decoding patch: json: cannot unmarshal number into Go value of type jsonpatch.Operation",
  ],
])("applyJsonPatch refuses %s as a bad request", (_case, patch, message) => {
  const error = refusal(() => applyJsonPatch({}, patch));
  expect([error.code, error.message]).toEqual([400, message]);
});

it("applyJsonPatch refuses more than 1,000 operations", () => {
  const operation = { op: "add", path: "/a", value: 1 };
  expect(
    applyJsonPatch(
      {},
      Array.from({ length: 1_000 }, () => operation),
    ),
  ).toEqual({ a: 1 });
  const error = refusal(() =>
    applyJsonPatch(
      {},
      Array.from({ length: 1_001 }, () => operation),
    ),
  );
  expect(error.code).toBe(413);
});

it("applyJsonPatch refuses copies that double until nothing is left", () => {
  const doubling = Array.from({ length: 60 }, () => ({ op: "copy", from: "/a", path: "/a/-" }));
  const error = refusal(() => applyJsonPatch({ a: ["x".repeat(100)] }, doubling));
  expect((error as RejectedPatch).detail).toContain("copies must not add more than");
});

it("applyJsonPatch treats __proto__ as any other key", () => {
  const patch: Json = JSON.parse('[{"op":"add","path":"/a/__proto__","value":{"polluted":true}}]');
  const patched = applyJsonPatch({ a: {} }, patch);
  expect(JSON.stringify(patched)).toBe('{"a":{"__proto__":{"polluted":true}}}');
  expect(Reflect.get({}, "polluted")).toBeUndefined();
  expect(refusalCause({}, { op: "add", path: "/__proto__/polluted", value: true })).toContain("does not exist");
});

const json = fc.jsonValue({ maxDepth: 3 }).map((value): Json => JSON.parse(JSON.stringify(value)));
const object = fc.dictionary(fc.string(), json).map((value) => ({ ...value }));

it("add then remove is nothing at all, and the inputs stay as they were", () => {
  fc.assert(
    fc.property(object, fc.string(), json, (document, key, value) => {
      fc.pre(!Object.hasOwn(document, key));
      const path = `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const before = JSON.stringify(document);
      const added = applyJsonPatch(document, [{ op: "add", path, value }]);
      expect(
        applyJsonPatch(added, [
          { op: "test", path, value },
          { op: "remove", path },
        ]),
      ).toEqual(document);
      expect(JSON.stringify(document)).toBe(before);
    }),
  );
});
