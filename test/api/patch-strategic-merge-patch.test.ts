import { describe, expect, it } from "vitest";
import { patchSchemaOf } from "../../src/api/patch/patch-schema.ts";
import { applyStrategicMergePatch } from "../../src/api/patch/strategic-merge-patch.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { ApiError } from "../../src/model/api-error.ts";
import type { Json } from "../../src/model/fields.ts";
import { ships } from "./small-resources.ts";

const schema = patchSchemaOf(ships);

/** Patches the spec of a ship. */
function patchSpec(spec: JsonObject, patch: Json): Json | undefined {
  const before = JSON.stringify([spec, patch]);
  const patched = applyStrategicMergePatch({ kind: "Ship", spec }, { spec: patch }, schema);
  expect(JSON.stringify([spec, patch])).toBe(before);
  expect(patched["kind"]).toBe("Ship");
  return patched["spec"];
}

function refusal(spec: JsonObject, patch: Json): readonly [code: number, message: string] {
  try {
    patchSpec(spec, patch);
  } catch (error) {
    if (error instanceof ApiError) return [error.code, error.message];
    throw error;
  }
  throw new Error("nothing was refused");
}

const a = { name: "a", image: "1" };
const b = { name: "b", image: "1" };
const c = { name: "c", image: "1" };

type Case = [rule: string, spec: JsonObject, patch: Json, expected: Json];

describe("maps", () => {
  it.each<Case>([
    [
      "merge",
      { nodeSelector: { os: "linux" } },
      { nodeSelector: { arch: "arm" } },
      { nodeSelector: { os: "linux", arch: "arm" } },
    ],
    [
      "lose what is null",
      { nodeSelector: { os: "linux", arch: "arm" } },
      { nodeSelector: { os: null } },
      { nodeSelector: { arch: "arm" } },
    ],
    ["go when they are null", { nodeSelector: { os: "linux" } }, { nodeSelector: null }, {}],
    [
      "$patch replace: become the patch",
      { nodeSelector: { os: "linux" } },
      { nodeSelector: { $patch: "replace", arch: "arm" } },
      { nodeSelector: { arch: "arm" } },
    ],
    [
      "$patch delete: are emptied",
      { nodeSelector: { os: "linux" } },
      { nodeSelector: { $patch: "delete", arch: "arm" } },
      { nodeSelector: {} },
    ],
    ["$patch where there is nothing: leaves nothing", {}, { nodeSelector: { $patch: "replace", arch: "arm" } }, {}],
    ["$patch on a list or text: removes it", { containers: [a] }, { containers: { $patch: "delete" } }, {}],
    [
      "$retainKeys: lose every other key",
      { ballast: 0, nodeSelector: { os: "linux", arch: "arm" } },
      { nodeSelector: { $retainKeys: ["os", "zone"], zone: "x" } },
      { ballast: 0, nodeSelector: { os: "linux", zone: "x" } },
    ],
    [
      "with strategy replace: become the patch",
      { ballast: { stone: "1" } },
      { ballast: { water: "2" } },
      { ballast: { water: "2" } },
    ],
    [
      "of structs: know the fields of their values",
      { rigging: { fore: { env: [{ name: "A" }] } } },
      { rigging: { fore: { env: [{ name: "B" }] } } },
      { rigging: { fore: { env: [{ name: "B" }, { name: "A" }] } } },
    ],
    [
      "unknown: merge as plain JSON",
      { pets: { cat: { age: 1 } } },
      { pets: { cat: { name: "Tom" }, dogs: [1] } },
      { pets: { cat: { age: 1, name: "Tom" }, dogs: [1] } },
    ],
    [
      "that are new: come without nulls and directives",
      {},
      {
        rigging: {
          fore: {
            image: null,
            env: [
              { $patch: "delete", name: "A" },
              { name: "B", value: null },
            ],
            "$setElementOrder/env": [{ name: "B" }],
          },
        },
      },
      { rigging: { fore: { env: [{ name: "B" }] } } },
    ],
  ])("%s", (_rule, spec, patch, expected) => {
    expect(patchSpec(spec, patch)).toEqual(expected);
  });
});

describe("lists", () => {
  it.each<Case>([
    [
      "without a strategy are replaced",
      { tolerations: [{ key: "x" }] },
      { tolerations: [{ key: "y" }] },
      { tolerations: [{ key: "y" }] },
    ],
    ["unknown are replaced", { pets: [1, 2] }, { pets: [3] }, { pets: [3] }],
    [
      "within elements are replaced too",
      { containers: [{ ...a, args: ["x", "y"] }] },
      { containers: [{ name: "a", args: ["z"] }] },
      { containers: [{ ...a, args: ["z"] }] },
    ],
    [
      "merge by key",
      { containers: [a, b] },
      { containers: [{ name: "b", image: "2" }] },
      { containers: [a, { name: "b", image: "2" }] },
    ],
    [
      "merge by numbers too",
      { containers: [{ ...a, ports: [{ containerPort: 80 }] }] },
      { containers: [{ name: "a", ports: [{ containerPort: 80, protocol: "UDP" }] }] },
      { containers: [{ ...a, ports: [{ containerPort: 80, protocol: "UDP" }] }] },
    ],
    [
      "of one key twice: the first is merged",
      {
        containers: [
          {
            ports: [
              { containerPort: 53, protocol: "TCP" },
              { containerPort: 53, protocol: "UDP" },
            ],
            name: "a",
          },
        ],
      },
      { containers: [{ name: "a", ports: [{ containerPort: 53, name: "dns" }] }] },
      {
        containers: [
          {
            name: "a",
            ports: [
              { containerPort: 53, protocol: "TCP", name: "dns" },
              { containerPort: 53, protocol: "UDP" },
            ],
          },
        ],
      },
    ],
    ["take new elements in front", { containers: [a, b] }, { containers: [c] }, { containers: [c, a, b] }],
    [
      "take new elements before the next of the patch",
      { containers: [a, b] },
      { containers: [{ name: "b" }, c] },
      { containers: [a, b, c] },
    ],
    [
      "keep the order of the patch among its own",
      { containers: [a, b, c] },
      { containers: [{ name: "c" }, { name: "a" }] },
      { containers: [b, c, a] },
    ],
    ["go when they are null", { containers: [a] }, { containers: null }, {}],
    [
      "are taken as they are where there were none",
      {},
      { containers: [a, { $patch: "delete", name: "b" }] },
      { containers: [a] },
    ],
    [
      "$patch delete: lose the element",
      { containers: [a, b] },
      {
        containers: [
          { $patch: "delete", name: "a" },
          { $patch: "delete", name: "x" },
        ],
      },
      { containers: [b] },
    ],
    [
      "$patch replace: become the rest of the patch",
      { containers: [a, b] },
      { containers: [{ $patch: "replace" }, c] },
      { containers: [c] },
    ],
    [
      "$retainKeys: an element loses every other key",
      { volumes: [{ name: "v", emptyDir: {} }] },
      { volumes: [{ $retainKeys: ["name", "hostPath"], name: "v", hostPath: { path: "/" } }] },
      { volumes: [{ name: "v", hostPath: { path: "/" } }] },
    ],
    [
      "new elements come without nulls and directives",
      { volumes: [{ name: "v" }] },
      { volumes: [{ $retainKeys: ["name"], name: "w", emptyDir: null }] },
      { volumes: [{ name: "w" }, { name: "v" }] },
    ],
  ])("%s", (_rule, spec, patch, expected) => {
    expect(patchSpec(spec, patch)).toEqual(expected);
  });
});

describe("$setElementOrder", () => {
  const order = (...names: string[]): Json => names.map((name) => ({ name }));
  it.each<Case>([
    [
      "orders a list that is not in the patch",
      { containers: [a, b, c] },
      { "$setElementOrder/containers": order("c", "b", "a") },
      { containers: [c, b, a] },
    ],
    [
      "places new elements",
      { containers: [a, b] },
      { "$setElementOrder/containers": order("a", "c", "b"), containers: [c] },
      { containers: [a, c, b] },
    ],
    [
      "leaves what only the server has in its place",
      { containers: [a, b, c] },
      { "$setElementOrder/containers": order("c", "a") },
      { containers: [b, c, a] },
    ],
    [
      "ignores names that are nowhere",
      { containers: [a, b] },
      { "$setElementOrder/containers": order("x", "b", "a") },
      { containers: [b, a] },
    ],
    [
      "goes with deletions",
      { containers: [a, b, c] },
      { "$setElementOrder/containers": order("c", "a"), containers: [{ $patch: "delete", name: "b" }] },
      { containers: [c, a] },
    ],
    [
      "lets a new element take the place of a deleted one",
      { containers: [a, b] },
      { "$setElementOrder/containers": order("c"), containers: [c, { $patch: "delete", name: "a" }] },
      { containers: [b, c] },
    ],
    [
      "orders a new list",
      {},
      { "$setElementOrder/containers": order("a", "b"), containers: [a, b] },
      { containers: [a, b] },
    ],
    [
      "of a list that goes is ignored",
      { containers: [a] },
      { "$setElementOrder/containers": order("a"), containers: null },
      {},
    ],
    ["of a list that is nowhere is ignored", {}, { "$setElementOrder/containers": order("a") }, {}],
    [
      "of a list that does not merge is ignored",
      { tolerations: [{ key: "x" }] },
      { "$setElementOrder/tolerations": [] },
      { tolerations: [{ key: "x" }] },
    ],
    [
      "of nothing leaves the server's order, new ones last",
      { containers: [a, b] },
      { "$setElementOrder/containers": [], containers: [c] },
      { containers: [a, b, c] },
    ],
    [
      "orders plain values",
      { flags: ["x", "y"] },
      { "$setElementOrder/flags": ["z", "y", "x"], flags: ["z"] },
      { flags: ["z", "y", "x"] },
    ],
  ])("%s", (_rule, spec, patch, expected) => {
    expect(patchSpec(spec, patch)).toEqual(expected);
  });
});

describe("lists of plain values", () => {
  it.each<Case>([
    ["merge as sets, new ones in front", { flags: ["x", "y"] }, { flags: ["z", "y"] }, { flags: ["z", "x", "y"] }],
    [
      "$deleteFromPrimitiveList: lose values",
      { flags: ["x", "y"] },
      { "$deleteFromPrimitiveList/flags": ["x", "q"] },
      { flags: ["y"] },
    ],
    [
      "lose and gain at once",
      { flags: ["x", "y"] },
      { "$deleteFromPrimitiveList/flags": ["x"], "$setElementOrder/flags": ["y", "z"], flags: ["z"] },
      { flags: ["y", "z"] },
    ],
    ["$deleteFromPrimitiveList of nothing does nothing", {}, { "$deleteFromPrimitiveList/flags": ["x"] }, {}],
    ["$deleteFromPrimitiveList null: go whole", { flags: ["x"] }, { "$deleteFromPrimitiveList/flags": null }, {}],
    [
      "without a strategy may lose values too",
      { containers: [{ name: "a", args: ["x", "y"] }] },
      { containers: [{ name: "a", "$deleteFromPrimitiveList/args": ["x"] }] },
      { containers: [{ name: "a", args: ["y"] }] },
    ],
  ])("%s", (_rule, spec, patch, expected) => {
    expect(patchSpec(spec, patch)).toEqual(expected);
  });
});

it.each<[string, JsonObject, Json, number, string]>([
  [
    "an unknown $patch in a map",
    { nodeSelector: {} },
    { nodeSelector: { $patch: "bogus" } },
    500,
    "unknown patch type: bogus in map: map[$patch:bogus]",
  ],
  [
    "$patch null",
    { nodeSelector: {} },
    { nodeSelector: { $patch: null } },
    500,
    "unknown patch type: %!s(<nil>) in map: map[$patch:<nil>]",
  ],
  [
    "$patch merge in a map",
    { nodeSelector: {} },
    { nodeSelector: { $patch: "merge", x: "1" } },
    500,
    "unknown patch type: merge in map: map[$patch:merge x:1]",
  ],
  [
    "an unknown $patch in a list",
    { containers: [a] },
    { containers: [{ $patch: "bogus" }] },
    500,
    "unknown patch type: bogus in map: map[$patch:bogus]",
  ],
  [
    "$patch merge in a list",
    { containers: [a] },
    { containers: [{ $patch: "merge", name: "a" }] },
    500,
    "merging lists cannot yet be specified in the patch",
  ],
  [
    "an element without its key",
    { containers: [a] },
    { containers: [{ image: "x", args: ["y", 1] }] },
    500,
    "map: map[args:[y 1] image:x] does not contain declared merge key: name",
  ],
  [
    "a deletion without its key",
    { containers: [a] },
    { containers: [{ $patch: "delete", image: "x" }] },
    500,
    "map: map[$patch:delete image:x] does not contain declared merge key: name",
  ],
  [
    "an order without its key",
    { containers: [a] },
    { "$setElementOrder/containers": [{ nme: "a" }] },
    500,
    "map: map[nme:a] does not contain declared merge key: name",
  ],
  [
    "elements of other types",
    { containers: [a] },
    { containers: ["a"] },
    500,
    "list element types are not identical: [[map[image:1 name:a]] [a]]",
  ],
  [
    "null elements",
    { containers: [a] },
    { containers: [null] },
    500,
    "list element types are not identical: [[map[image:1 name:a]] [<nil>]]",
  ],
  [
    "lists of lists",
    { flags: [] },
    { flags: [["x"]] },
    422,
    "the server rejected our request due to an error in our request",
  ],
  ["objects among plain values", { flags: [] }, { flags: [{ x: 1 }] }, 500, "cannot merge lists without merge key"],
  [
    "an order that is no list",
    { containers: [a] },
    { "$setElementOrder/containers": "a" },
    500,
    "expected a []interface {}, but received a string",
  ],
  [
    "an order for what is no list",
    { containers: { a: 1 } },
    { "$setElementOrder/containers": [{ name: "a" }] },
    500,
    "expected a []interface {}, but received a map[string]interface {}",
  ],
  [
    "an order the patch contradicts",
    { containers: [a] },
    { "$setElementOrder/containers": [{ name: "b" }, { name: "c" }], containers: [c, b] },
    500,
    "The order in patch list:\n[map[image:1 name:c] map[image:1 name:b]]\n doesn't match $setElementOrder list:\n[map[name:b] map[name:c]]\n",
  ],
  ["an order without a list", {}, { $setElementOrder: [] }, 400, "invalid patch format of setElementOrder list"],
  ["a deletion without a list", {}, { $deleteFromPrimitiveList: [] }, 400, "invalid patch format of primitive list"],
  [
    "a deletion of objects",
    { flags: ["x"] },
    { "$deleteFromPrimitiveList/flags": [{}] },
    400,
    "invalid patch format of primitive list",
  ],
  [
    "$retainKeys that is no list",
    { nodeSelector: {} },
    { nodeSelector: { $retainKeys: "x" } },
    400,
    "invalid patch format of retainKeys",
  ],
  [
    "$retainKeys that leaves out the patch's own keys",
    { nodeSelector: {} },
    { nodeSelector: { $retainKeys: [], x: "1" } },
    400,
    "invalid patch format of retainKeys",
  ],
])("applyStrategicMergePatch refuses %s", (_case, spec, patch, code, message) => {
  expect(refusal(spec, patch)).toEqual([code, message]);
});

it.each<Json>([[], "x", null, 1])("applyStrategicMergePatch refuses %j as a body", (patch) => {
  expect(() => applyStrategicMergePatch({}, patch, schema)).toThrow(
    new ApiError("BadRequest", "invalid JSON document"),
  );
});

it("applyStrategicMergePatch takes a revision's data back whole", () => {
  const data = { spec: { $patch: "replace", containers: [b] } };
  const document = { metadata: { name: "x" }, spec: { containers: [a], nodeSelector: {} } };
  expect(applyStrategicMergePatch(document, data, schema)).toEqual({
    metadata: { name: "x" },
    spec: { containers: [b] },
  });
});

it("applyStrategicMergePatch treats __proto__ as any other key", () => {
  const patch: Json = JSON.parse(
    '{"spec":{"__proto__":{"polluted":true},"nodeSelector":{"__proto__":"x","toString":"y"}}}',
  );
  const patched = applyStrategicMergePatch({ spec: { nodeSelector: {} } }, patch, schema);
  expect(JSON.stringify(patched)).toBe(
    '{"spec":{"nodeSelector":{"__proto__":"x","toString":"y"},"__proto__":{"polluted":true}}}',
  );
  expect(Reflect.get({}, "polluted")).toBeUndefined();
  expect(Reflect.get(Object(patched["spec"]), "polluted")).toBeUndefined();
});
