import { describe, expect, it } from "vitest";

import type { Deletion, PropagationPolicy } from "../../src/core/deletion.ts";
import { isReleased, planDeletion, withFinalizers } from "../../src/core/deletion.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import { nowMs } from "../support/facts.ts";

const marked = "2026-05-01T00:00:00Z";

function object(metadata: Partial<KubeObject["metadata"]> = {}, fields: Partial<KubeObject> = {}): KubeObject {
  // Typed stub: metadata has no field that is always there but the time of creation.
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    ...fields,
    metadata: { name: "a", creationTimestamp: null, ...metadata },
  } as KubeObject;
}

function told(deletion: Deletion): string {
  if (deletion.do !== "mark") return deletion.do;
  return `mark ${(deletion.object.metadata.finalizers ?? []).join(" ")}`;
}

describe("planDeletion", () => {
  it.each<readonly [string, KubeObject, PropagationPolicy | null, string]>([
    ["what nothing holds goes at once", object(), null, "remove"],
    ["in the background the object goes first", object(), "Background", "remove"],
    ["in the foreground it waits for its dependents", object(), "Foreground", "mark foregroundDeletion"],
    ["to orphan its dependents it waits until they are let go", object(), "Orphan", "mark orphan"],
    ["a finalizer of a user's holds it", object({ finalizers: ["mine"] }), null, "mark mine"],
    ["a user's finalizer stays beside the policy's", object({ finalizers: ["mine"] }), "Orphan", "mark mine orphan"],
    ["without a policy an earlier one holds", object({ finalizers: ["orphan"] }), null, "mark orphan"],
    [
      "a policy takes the place of an earlier one",
      object({ finalizers: ["orphan"] }),
      "Foreground",
      "mark foregroundDeletion",
    ],
    ["background takes an earlier policy away", object({ finalizers: ["foregroundDeletion"] }), "Background", "remove"],
    ["what is marked waits", object({ finalizers: ["mine"], deletionTimestamp: marked }), null, "wait"],
    [
      "what is marked can still be given another policy",
      object({ finalizers: ["mine"], deletionTimestamp: marked }),
      "Foreground",
      "mark mine foregroundDeletion",
    ],
    [
      "a Namespace is held by its spec",
      object({}, { kind: "Namespace", spec: { finalizers: ["kubernetes"] } }),
      null,
      "mark ",
    ],
  ])("%s", (_rule, given, policy, expected) => {
    expect(told(planDeletion(given, policy, nowMs))).toBe(expected);
  });

  it("dates the mark and raises the generation", () => {
    const deletion = planDeletion(object({ finalizers: ["mine"], generation: 4 }), null, nowMs);
    expect(deletion).toMatchObject({
      object: { metadata: { deletionTimestamp: "2026-06-01T12:00:00Z", deletionGracePeriodSeconds: 0, generation: 5 } },
    });
  });

  it("never sets the mark anew", () => {
    const deletion = planDeletion(object({ finalizers: ["mine"], deletionTimestamp: marked }), "Orphan", nowMs);
    expect(deletion).toMatchObject({ object: { metadata: { deletionTimestamp: marked } } });
  });

  it("puts a Namespace in the phase Terminating", () => {
    const namespace = object(
      {},
      { kind: "Namespace", spec: { finalizers: ["kubernetes"] }, status: { phase: "Active" } },
    );
    expect(planDeletion(namespace, null, nowMs)).toMatchObject({ object: { status: { phase: "Terminating" } } });
  });
});

describe("isReleased", () => {
  it.each<readonly [string, KubeObject, boolean]>([
    ["what is not marked is not", object(), false],
    ["what is marked and held is not", object({ deletionTimestamp: marked, finalizers: ["mine"] }), false],
    ["what is marked and held by nothing is", object({ deletionTimestamp: marked }), true],
    [
      "a Namespace is not while its spec holds it",
      object({ deletionTimestamp: marked }, { kind: "Namespace", spec: { finalizers: ["kubernetes"] } }),
      false,
    ],
    ["an empty Namespace is", object({ deletionTimestamp: marked }, { kind: "Namespace", spec: {} }), true],
  ])("%s", (_rule, given, released) => {
    expect(isReleased(given)).toBe(released);
  });
});

describe("withFinalizers", () => {
  it("leaves the field out when there are none", () => {
    expect("finalizers" in withFinalizers(object({ finalizers: ["mine"] }), []).metadata).toBe(false);
  });
});
