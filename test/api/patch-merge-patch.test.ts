import fc from "fast-check";
import { expect, it } from "vitest";
import { applyMergePatch } from "../../src/api/patch/merge-patch.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { ApiError } from "../../src/model/api-error.ts";
import type { Json } from "../../src/model/fields.ts";

it.each<[JsonObject, JsonObject, JsonObject]>([
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])("applyMergePatch, RFC 7386 appendix A: %j with %j is %j", (document, patch, expected) => {
  expect(applyMergePatch(document, patch)).toEqual(expected);
});

it.each<[Json, Json, Json]>([
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, "bar", "bar"],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
])("applyMergePatch, RFC 7386 appendix A, one level down: %j with %j is %j", (document, patch, expected) => {
  expect(applyMergePatch({ value: document }, { value: patch })).toEqual({ value: expected });
});

it("applyMergePatch, RFC 7386 section 3: the article", () => {
  const document = {
    title: "Goodbye!",
    author: { givenName: "John", familyName: "Doe" },
    tags: ["example", "sample"],
    content: "This will be unchanged",
  };
  const patch = { title: "Hello!", phoneNumber: "+01-123-456-7890", author: { familyName: null }, tags: ["example"] };
  expect(applyMergePatch(document, patch)).toEqual({
    title: "Hello!",
    author: { givenName: "John" },
    tags: ["example"],
    content: "This will be unchanged",
    phoneNumber: "+01-123-456-7890",
  });
});

it.each<[Json, string]>([
  [["c"], "array"],
  [null, "null"],
  ["bar", "string"],
  [true, "bool"],
  [1, "number"],
])("applyMergePatch refuses %j as a body", (patch, kind) => {
  expect(() => applyMergePatch({ a: "b" }, patch)).toThrow(
    new ApiError(
      "BadRequest",
      `error decoding patch: json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`,
    ),
  );
});

it("applyMergePatch treats __proto__ as any other key", () => {
  const patch: Json = JSON.parse(
    '{"__proto__":{"polluted":true},"a":{"__proto__":{"polluted":true},"constructor":{"x":1}}}',
  );
  const patched = applyMergePatch({}, patch);
  expect(JSON.stringify(patched)).toBe(JSON.stringify(patch));
  expect(Reflect.get({}, "polluted")).toBeUndefined();
  expect(Reflect.get(patched, "polluted")).toBeUndefined();
});

const json = fc.jsonValue({ maxDepth: 3 }).map((value): Json => JSON.parse(JSON.stringify(value)));
const object = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), json).map((value): JsonObject => ({ ...value }));

it("applying a merge patch twice is applying it once, and the inputs stay as they were", () => {
  fc.assert(
    fc.property(object, object, (document, patch) => {
      const before = JSON.stringify([document, patch]);
      const once = applyMergePatch(document, patch);
      expect(applyMergePatch(once, patch)).toEqual(once);
      expect(JSON.stringify([document, patch])).toBe(before);
    }),
  );
});
