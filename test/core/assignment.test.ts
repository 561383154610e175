import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { AssignablePod } from "../../src/core/assignment.ts";
import { assignmentEtag, assignments } from "../../src/core/assignment.ts";
import { nowMs } from "../support/facts.ts";

function pod(uid: string, fields: Partial<AssignablePod> = {}): AssignablePod {
  return {
    uid,
    namespace: "default",
    name: `web-${uid}`,
    template: "t1",
    createdMs: nowMs,
    deletionMs: null,
    graceSeconds: null,
    observation: 0,
    ...fields,
  };
}

describe("assignments", () => {
  it("are in the same order, whatever the order they come in", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string()), (uids) => {
        const pods = uids.map((uid) => pod(uid));
        expect(assignments(pods.toReversed())).toEqual(assignments(pods));
      }),
    );
  });

  it("say when a pod must end, and only then", () => {
    const [stays, ends] = assignments([pod("a"), pod("b", { deletionMs: nowMs, graceSeconds: 30 })]);
    expect(stays).not.toHaveProperty("deletion");
    expect(ends?.deletion).toEqual({ atMs: nowMs, gracePeriodSeconds: 30 });
  });
});

describe("assignmentEtag", () => {
  const base = assignments([pod("a"), pod("b")]);

  it.each<readonly [string, readonly AssignablePod[]]>([
    ["a pod more", [pod("a"), pod("b"), pod("c")]],
    ["a pod less", [pod("a")]],
    ["another pod", [pod("a"), pod("c")]],
    ["another template", [pod("a"), pod("b", { template: "t2" })]],
    ["an end", [pod("a"), pod("b", { deletionMs: nowMs, graceSeconds: 30 })]],
  ])("changes with %s", (_what, pods) => {
    expect(assignmentEtag(assignments(pods))).not.toBe(assignmentEtag(base));
  });

  it("changes when a pod must end sooner", () => {
    const ending = (graceSeconds: number) =>
      assignmentEtag(assignments([pod("a", { deletionMs: nowMs, graceSeconds })]));
    expect(ending(30)).not.toBe(ending(5));
  });

  it("does not change with what an agent reports", () => {
    expect(assignmentEtag(assignments([pod("a", { observation: 9 }), pod("b")]))).toBe(assignmentEtag(base));
  });

  it("is never empty, which is the etag of an agent that has nothing", () => {
    expect(assignmentEtag([])).toMatch(/^[0-9a-f]{16}$/);
  });
});
