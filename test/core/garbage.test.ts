import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { OwnerState } from "../../src/core/garbage.ts";
import { blocks, judgeDependent, lookAgainInMs, stateOfOwner, withoutOwner } from "../../src/core/garbage.ts";
import type { KubeObject, OwnerReference } from "../../src/model/meta.ts";

function owner(uid: string, fields: Partial<OwnerReference> = {}): OwnerReference {
  return { apiVersion: "apps/v1", kind: "DaemonSet", name: uid, uid, ...fields };
}

/** Owners by their state: `gone-1` is gone, and so on. */
function stateOf({ uid }: OwnerReference): OwnerState {
  return uid.startsWith("gone") ? "gone" : uid.startsWith("waits") ? "waits" : "exists";
}

describe("judgeDependent", () => {
  it.each<readonly [string, readonly string[], string]>([
    ["what nobody owns stays", [], "keep"],
    ["what its owner keeps stays", ["exists-1"], "keep"],
    ["what its only owner left goes", ["gone-1"], "delete"],
    ["what all its owners left goes", ["gone-1", "gone-2"], "delete"],
    ["what its owner waits for goes", ["waits-1"], "delete"],
    ["what another owner keeps loses the others", ["gone-1", "exists-1", "waits-1"], "disown"],
  ])("%s", (_rule, uids, verdict) => {
    expect(
      judgeDependent(
        uids.map((uid) => owner(uid)),
        stateOf,
      ).do,
    ).toBe(verdict);
  });

  it("keeps every owner that is there, and no other", () => {
    const states = fc.array(fc.constantFrom("exists", "gone", "waits"), { maxLength: 5 });
    fc.assert(
      fc.property(states, (given) => {
        const owners = given.map((state, index) => owner(`${state}-${index}`));
        const verdict = judgeDependent(owners, stateOf);
        const solid = owners.filter((one) => stateOf(one) === "exists");
        if (verdict.do === "disown") expect(verdict.ownerReferences).toEqual(solid);
        expect(verdict.do === "delete").toBe(owners.length > 0 && solid.length === 0);
      }),
    );
  });
});

describe("stateOfOwner", () => {
  const given = (metadata: Partial<KubeObject["metadata"]>): KubeObject =>
    // Typed stub: only the mark and the finalizers are read.
    ({ apiVersion: "v1", kind: "ConfigMap", metadata }) as KubeObject;

  it.each<readonly [string, Partial<KubeObject["metadata"]>, OwnerState]>([
    ["one that is not marked exists", { finalizers: ["foregroundDeletion"] }, "exists"],
    [
      "one that is marked and waits for its dependents",
      { deletionTimestamp: "t", finalizers: ["foregroundDeletion"] },
      "waits",
    ],
    [
      "one that is marked and held by something else exists",
      { deletionTimestamp: "t", finalizers: ["mine"] },
      "exists",
    ],
  ])("%s", (_rule, metadata, state) => {
    expect(stateOfOwner(given(metadata))).toBe(state);
  });
});

describe("deletions that wait are looked at", () => {
  it.each([
    ["each second at first", 0, 1_000],
    ["each second for the time that containers usually have", 10_000, 1_000],
    ["less often the longer nothing changes", 100_000, 10_000],
    ["at least each minute", 86_400_000, 60_000],
  ])("%s", (_rule, idleMs, waitMs) => {
    expect(lookAgainInMs(idleMs)).toBe(waitMs);
  });
});

describe("owner references", () => {
  it("lose the owner that let go, by uid and not by name", () => {
    const owners = [owner("a", { name: "web" }), owner("b", { name: "web" })];
    expect(withoutOwner(owners, "a")).toEqual([owners[1]]);
  });

  it("block their owner only if they say so", () => {
    expect(blocks([owner("a", { blockOwnerDeletion: true })], "a")).toBe(true);
    expect(blocks([owner("a")], "a")).toBe(false);
    expect(blocks([owner("b", { blockOwnerDeletion: true })], "a")).toBe(false);
  });
});
