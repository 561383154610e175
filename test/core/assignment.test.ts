import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { AssignablePod } from "../../src/core/assignment.ts";
import * as core from "../../src/core/assignment.ts";
import type { AccountTerms } from "../../src/core/named-objects.ts";
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
    status: null,
    ...fields,
  };
}

function assignments(pods: Iterable<AssignablePod>, terms?: AccountTerms): readonly core.Assignment[] {
  return core.assignments(pods, () => terms);
}

function assignmentEtag(assigned: readonly core.Assignment[], objects: readonly core.ObjectVersion[] = []): string {
  return core.assignmentEtag(assigned, objects);
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

  it("carry what the ServiceAccount says, by the names of its Secrets", () => {
    const terms = { imagePullSecrets: [{ name: "pull" }, {}], automountServiceAccountToken: false };
    expect(assignments([pod("a")], terms)[0]?.serviceAccount).toEqual({
      imagePullSecrets: ["pull"],
      automountServiceAccountToken: false,
    });
    expect(assignments([pod("a")])[0]).not.toHaveProperty("serviceAccount");
  });
});

const saying = (...conditions: { type: string; status: string }[]) => pod("a", { status: { conditions } });

describe("conditions that others write", () => {
  it("are told to the node, and those that it told are not", () => {
    const [told] = assignments([
      saying({ type: "Ready", status: "True" }, { type: "example.com/gate", status: "False" }),
    ]);
    expect(told?.conditions).toEqual({ "example.com/gate": "False" });
    expect(assignments([saying({ type: "Ready", status: "True" })])[0]).not.toHaveProperty("conditions");
  });

  it("make another assignment when they change", () => {
    const etags = ["True", "False", null].map((status) =>
      assignmentEtag(assignments([status === null ? pod("a") : saying({ type: "example.com/gate", status })])),
    );
    expect(new Set(etags).size).toBe(3);
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

  const settings = { kind: "ConfigMap", namespace: "default", name: "settings", version: 7 } as const;
  const key = { kind: "Secret", namespace: "default", name: "key", version: 3 } as const;

  it.each<readonly [string, readonly core.ObjectVersion[]]>([
    ["an object more", [settings, key]],
    ["an object less", []],
    ["another version of an object", [{ ...settings, version: 8 }]],
    ["an object that is gone", [{ ...settings, version: 0 }]],
    ["an object of another kind", [{ ...settings, kind: "Secret" }]],
    ["an object of another namespace", [{ ...settings, namespace: "other" }]],
  ])("changes with %s", (_what, objects) => {
    expect(assignmentEtag(base, objects)).not.toBe(assignmentEtag(base, [settings]));
  });

  it("does not depend on the order of the objects", () => {
    expect(assignmentEtag(base, [key, settings])).toBe(assignmentEtag(base, [settings, key]));
  });

  it("changes with what the ServiceAccount says", () => {
    const given = assignments([pod("a"), pod("b")], { imagePullSecrets: [{ name: "pull" }] });
    expect(assignmentEtag(given)).not.toBe(assignmentEtag(base));
  });

  it("does not change with what an agent reports", () => {
    expect(assignmentEtag(assignments([pod("a", { observation: 9 }), pod("b")]))).toBe(assignmentEtag(base));
  });

  it("is never empty, which is the etag of an agent that has nothing", () => {
    expect(assignmentEtag([])).toMatch(/^[0-9a-f]{16}$/);
  });
});
