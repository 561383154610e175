import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { difference, emptySet, type FieldSet, isEmptySet, pathsOf } from "../../../src/core/apply/field-set.ts";
import { fieldsOf } from "../../../src/core/apply/fields-of.ts";
import { decodeFields, encodeFields } from "../../../src/core/apply/fields-v1.ts";
import {
  decodeManaged,
  encodeManaged,
  nobody,
  ownerOf,
  withFewUpdaters,
} from "../../../src/core/apply/managed-fields.ts";
import type { Owners } from "../../../src/core/apply/owners.ts";
import { apply, ownersAfterWrite } from "../../../src/core/apply/owners.ts";
import { pathText } from "../../../src/core/apply/path-element.ts";
import { isJsonObject, isSameJson } from "../../../src/core/json.ts";
import type { Json } from "../../../src/model/fields.ts";
import { ground, shipType } from "./types.ts";

const letter = fc.constantFrom("a", "b", "c", "d");
const value = fc.constantFrom("x", "y");
const unique = <T>(element: fc.Arbitrary<T>, key: (element: T) => unknown) =>
  fc.uniqueArray(element, { selector: key, minLength: 1, maxLength: 4 });

/** Objects that may be applied. */
const ship: fc.Arbitrary<Json> = fc.record(
  {
    name: value,
    crew: fc.nat(2),
    labels: fc.dictionary(letter, value, { minKeys: 1, maxKeys: 3 }),
    selector: fc.dictionary(letter, value, { minKeys: 1, maxKeys: 2 }),
    captain: fc.record({ name: value, age: fc.nat(2) }, { requiredKeys: ["name"] }),
    decks: unique(
      fc.record(
        { name: letter, cabins: fc.dictionary(letter, fc.nat(2), { minKeys: 1, maxKeys: 2 }) },
        { requiredKeys: ["name"] },
      ),
      ({ name }) => name,
    ),
    ports: unique(
      fc.record(
        { number: fc.nat(2), protocol: fc.constantFrom("TCP", "UDP"), name: value },
        { requiredKeys: ["number"] },
      ),
      ({ number, protocol = "TCP" }) => `${number} ${protocol}`,
    ),
    flags: unique(letter, (flag) => flag),
    orders: fc.array(value, { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: [] },
);

type Step = { readonly by: string; readonly ship: Json; readonly how: "apply" | "force" | "write" };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({ by: fc.constantFrom("m1", "m2", "m3"), ship, how: fc.constantFrom("apply", "force", "write") }),
  { minLength: 1, maxLength: 6 },
);

type State = { readonly object: Json; readonly owners: Owners };

/** Every object has something that nobody owns. */
const keel = { draught: 1 };
const nothing: State = { object: keel, owners: new Map() };

/** Nulls are not kept, as decoding leaves them out. */
function kept(value: Json): Json {
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value).map(([name, member]) => [name, kept(member)] as const);
  return Object.fromEntries(members.filter(([, member]) => member !== null));
}

function step(state: State, { by, ship, how }: Step): State {
  const { object: live, owners } = state;
  const next = { ...keel, ...Object(ship) };
  if (how === "write")
    return { object: next, owners: ownersAfterWrite(ground, { live, next, owners, owner: `w-${by}` }) };
  const outcome = apply(ground, { live, applied: ship, owners, owner: by, force: how === "force" });
  return outcome.ok ? { object: kept(outcome.object), owners: outcome.owners } : state;
}

/** Tells whether a path leads to something in the object. */
function isThere(object: Json): (path: string) => boolean {
  const present = pathsOf(fieldsOf(shipType, object)).map(pathText);
  return (path) => present.some((other) => other.startsWith(path));
}

const run = (all: readonly Step[]): State => all.reduce(step, nothing);

const owned = ({ owners }: State) =>
  [...owners].map(([owner, { fields }]) => [owner, pathsOf(fields).map(pathText)] as const);

describe("whatever anybody does", () => {
  it("applying again changes nothing", () => {
    fc.assert(
      fc.property(steps, ship, (before, wanted) => {
        const once = step(run(before), { by: "m1", ship: wanted, how: "force" });
        const twice = step(once, { by: "m1", ship: wanted, how: "apply" });
        expect(isSameJson(twice.object, once.object)).toBe(true);
        expect(owned(twice)).toEqual(owned(once));
      }),
    );
  });

  it("who applies owns exactly what they name, and it is so", () => {
    fc.assert(
      fc.property(steps, ship, (before, wanted) => {
        const { object, owners } = step(run(before), { by: "m1", ship: wanted, how: "force" });
        const named = fieldsOf(shipType, wanted);
        const fields = owners.get("m1")?.fields;
        expect(fields === undefined ? [] : pathsOf(fields)).toEqual(pathsOf(named));
        const again = apply(ground, { live: object, applied: wanted, owners, owner: "m1", force: false });
        expect(again.ok && again.isSame).toBe(true);
      }),
    );
  });

  it("nobody owns what is not there", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { object, owners } = run(all);
        const leaves = [...owners].flatMap(([, { fields }]) => pathsOf(fields).filter(isLeaf(fields)).map(pathText));
        // Who made a map or a list keeps the claim to it when others have emptied it.
        const emptied = /\.(captain|labels|cabins|decks|ports|flags)$/;
        expect(leaves.filter((path) => !isThere(object)(path) && !emptied.test(path))).toEqual([]);
      }),
    );
  });

  it("without force nobody loses what they own to somebody who applies another value", () => {
    fc.assert(
      fc.property(steps, ship, (before, wanted) => {
        const state = run(before);
        const outcome = apply(ground, {
          live: state.object,
          applied: wanted,
          owners: state.owners,
          owner: "m1",
          force: false,
        });
        if (!outcome.ok) return;
        for (const [owner, { fields }] of state.owners) {
          if (owner === "m1") continue;
          const left = outcome.owners.get(owner)?.fields ?? emptySet;
          // An element of a list goes with the last claim to its key, and takes along what others wrote into it.
          const stillThere = (set: FieldSet) => pathsOf(set).map(pathText).filter(isThere(outcome.object));
          expect(stillThere(left)).toEqual(stillThere(fields));
        }
      }),
    );
  });

  it("who stops naming anything leaves what the others want", () => {
    fc.assert(
      fc.property(ship, ship, (mine, theirs) => {
        const both = step(step(nothing, { by: "m2", ship: theirs, how: "apply" }), {
          by: "m1",
          ship: mine,
          how: "force",
        });
        const left = step(both, { by: "m1", ship: {}, how: "apply" });
        expect([...left.owners.keys()].filter((owner) => owner !== "m2")).toEqual([]);
        // Nothing is there but what is theirs, and what nobody ever owned.
        const theirFields = fieldsOf(shipType, { ...keel, ...Object(theirs) });
        expect(pathsOf(difference(fieldsOf(shipType, left.object), theirFields)).map(pathText)).toEqual([]);
      }),
    );
  });

  it("the order of elements does not change by applying the same", () => {
    fc.assert(
      fc.property(steps, ship, (before, wanted) => {
        const once = step(run(before), { by: "m1", ship: wanted, how: "force" });
        const twice = step(once, { by: "m1", ship: wanted, how: "force" });
        expect(JSON.stringify(twice.object)).toBe(JSON.stringify(once.object));
      }),
    );
  });

  it("what is written of the owners is read the same", () => {
    fc.assert(
      fc.property(steps, (all) => {
        for (const { fields } of run(all).owners.values()) {
          const read = decodeFields(encodeFields(fields));
          expect(read === null ? null : pathsOf(read)).toEqual(pathsOf(fields));
        }
      }),
    );
  });
});

function isLeaf(fields: Parameters<typeof pathsOf>[0]): (path: readonly string[]) => boolean {
  const all = pathsOf(fields).map(pathText);
  return (path) => !all.some((other) => other !== pathText(path) && other.startsWith(pathText(path)));
}

describe("managedFields", () => {
  const entry = (manager: string, operation: string, time: string) => ({
    manager,
    operation,
    apiVersion: "v1",
    time,
    fieldsType: "FieldsV1",
    fieldsV1: { "f:a": {} },
  });

  it("list those who apply first, then by time and name", () => {
    const managed = decodeManaged([
      entry("c", "Update", "2026-01-01T00:00:01Z"),
      entry("b", "Update", "2026-01-01T00:00:00Z"),
      entry("a", "Update", "2026-01-01T00:00:01Z"),
      entry("z", "Apply", "2026-01-01T00:00:09Z"),
    ]);
    expect(encodeManaged(managed ?? nobody).map(({ manager }) => manager)).toEqual(["z", "b", "a", "c"]);
  });

  it("keep one entry for each manager, operation, version and subresource; those who apply are the same in all versions", () => {
    const writer = { manager: "m", operation: "Update", apiVersion: "v1", subresource: "" } as const;
    expect(ownerOf(writer)).not.toBe(ownerOf({ ...writer, subresource: "status" }));
    expect(ownerOf(writer)).not.toBe(ownerOf({ ...writer, apiVersion: "v2" }));
    expect(ownerOf({ ...writer, operation: "Apply" })).toBe(
      ownerOf({ ...writer, operation: "Apply", apiVersion: "v2" }),
    );
  });

  it.each([
    ["another operation", { operation: "Delete" }],
    ["no version", { apiVersion: undefined }],
    ["fields of another type", { fieldsType: "FieldsV2" }],
    ["fields that are none", { fieldsV1: { x: {} } }],
  ])("are not made out with %s", (_what, change) => {
    const changed = { ...entry("m", "Update", "2026-01-01T00:00:00Z"), ...change };
    // Typed stub: entries that no writer of ours would make.
    expect(decodeManaged([changed as ReturnType<typeof entry>])).toBeNull();
  });

  it("put the oldest of more than ten writers together, and never who applies", () => {
    const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, "0")}Z`;
    const updates = Array.from({ length: 13 }, (_, index) => ({
      ...entry(`w${index}`, "Update", at(index)),
      fieldsV1: { [`f:${index}`]: {} },
    }));
    const applied = Array.from({ length: 12 }, (_, index) => entry(`m${index}`, "Apply", at(0)));
    const few = withFewUpdaters(decodeManaged([...updates, ...applied]) ?? nobody);
    const entries = encodeManaged(few).filter(({ operation }) => operation === "Update");
    expect(entries).toHaveLength(10);
    expect(entries[0]).toMatchObject({
      manager: "ancient-changes",
      time: at(3),
      fieldsV1: { "f:0": {}, "f:1": {}, "f:2": {}, "f:3": {} },
    });
    expect(few.owners.size).toBe(22);
    expect([...few.owners.values()].some(({ fields }) => isEmptySet(fields))).toBe(false);
  });
});
