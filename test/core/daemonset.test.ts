import { describe, expect, it } from "vitest";

import { daemonPodTemplate, daemonSetFacts, daemonSetStatus } from "../../src/core/daemonset.ts";
import type { NodeCounts } from "../../src/core/node-decision.ts";
import { podFromTemplate } from "../../src/model/pod-template.ts";
import type { Changes } from "../model/objects.ts";
import { daemonSet } from "../model/objects.ts";
import { noCounts, nowMs } from "../support/facts.ts";

const generation = "deprecated.daemonset.template.generation";
const stored: Changes = { "metadata.uid": "u1", "metadata.annotations": { [generation]: "3" } };

describe("daemonSetFacts", () => {
  it.each<readonly [string, string, string]>([
    ["TestGetTemplateGeneration: a number", "3", "3"],
    ["TestGetTemplateGeneration: no number", "x", ""],
    ["TestGetTemplateGeneration: nothing", "", ""],
  ])("%s", (_rule, given, templateGeneration) => {
    const set = daemonSet({ "metadata.annotations": { [generation]: given } });
    expect(daemonSetFacts(set, "h").templateGeneration).toBe(templateGeneration);
  });

  it("has no budgets with OnDelete", () => {
    const facts = daemonSetFacts(daemonSet({ "spec.updateStrategy": { type: "OnDelete" } }), "h");
    expect(facts).toMatchObject({ strategy: "OnDelete", maxUnavailable: 0, maxSurge: 0 });
  });

  it("has the defaults of a DaemonSet that says nothing", () => {
    expect(daemonSetFacts(daemonSet(), "h")).toMatchObject({
      strategy: "RollingUpdate",
      maxUnavailable: 1,
      maxSurge: 0,
      minReadySeconds: 0,
      observedGeneration: 0,
      hash: "h",
    });
  });
});

describe("daemonPodTemplate", () => {
  it("TestCreatePodTemplate: adds the revision's hash and the template's generation to the labels", () => {
    expect(daemonPodTemplate(daemonSet(stored), "h").metadata.labels).toEqual({
      app: "web",
      "controller-revision-hash": "h",
      "pod-template-generation": "3",
    });
  });

  it("TestCreatePodTemplate: leaves the generation out when the DaemonSet has none", () => {
    const labels = daemonPodTemplate(daemonSet({ "metadata.annotations": { [generation]: "x" } }), "h").metadata.labels;
    expect(labels).toEqual({ app: "web", "controller-revision-hash": "h" });
  });

  it("names the DaemonSet as the pods' controller, which waits for them when it is deleted in the foreground", () => {
    const { metadata } = daemonPodTemplate(daemonSet(stored), "h");
    expect(metadata.ownerReferences).toEqual([
      { apiVersion: "apps/v1", kind: "DaemonSet", name: "web", uid: "u1", controller: true, blockOwnerDeletion: true },
    ]);
    expect(metadata.generateName).toBe("web-");
  });

  it("takes over annotations and finalizers of the template, and no names", () => {
    const set = daemonSet({
      "spec.template.metadata.annotations": { a: "b" },
      "spec.template.metadata.finalizers": ["example.com/mine"],
      "spec.template.metadata.name": "other",
      "spec.template.metadata.namespace": "elsewhere",
    });
    expect(Object.keys(daemonPodTemplate(set, "h").metadata).toSorted()).toEqual([
      "annotations",
      "finalizers",
      "generateName",
      "labels",
      "ownerReferences",
    ]);
  });

  it("adds the automatic tolerations after the user's", () => {
    const set = daemonSet({ "spec.template.spec.tolerations": [{ key: "mine", operator: "Exists" }] });
    const tolerations = daemonPodTemplate(set, "h").spec.tolerations ?? [];
    expect([tolerations.length, tolerations[0]?.key]).toEqual([7, "mine"]);
  });
});

describe("a daemon pod on its node", () => {
  const affinityWith = (nodeAffinity: object): Changes => ({ "spec.template.spec.affinity": { nodeAffinity } });
  const zone = { matchExpressions: [{ key: "zone", operator: "In", values: ["a"] }] };
  const preferred = [{ weight: 1, preference: zone }];

  const pinned = (changes: Changes) =>
    podFromTemplate(daemonPodTemplate(daemonSet(changes), "h"), {
      namespace: "default",
      name: "web-x",
      uid: "p1",
      rv: 5,
      node: "edge-1",
      createdMs: nowMs,
      deletionMs: null,
      graceSeconds: null,
      observation: 0,
      status: null,
    });

  const toNode = {
    nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["edge-1"] }] }],
  };

  it.each<readonly [string, Changes, object]>([
    ["without affinity", {}, { requiredDuringSchedulingIgnoredDuringExecution: toNode }],
    [
      "required terms give way",
      affinityWith({ requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [zone, zone] } }),
      { requiredDuringSchedulingIgnoredDuringExecution: toNode },
    ],
    [
      "preferred terms stay",
      affinityWith({ preferredDuringSchedulingIgnoredDuringExecution: preferred }),
      {
        preferredDuringSchedulingIgnoredDuringExecution: preferred,
        requiredDuringSchedulingIgnoredDuringExecution: toNode,
      },
    ],
  ])("TestReplaceDaemonSetPodNodeNameNodeAffinity: %s", (_rule, changes, nodeAffinity) => {
    expect(pinned(changes).spec.affinity?.nodeAffinity).toEqual(nodeAffinity);
  });

  it("TestSimpleDaemonSetScheduleDaemonSetPodsLaunchesPods: is pinned to it, and bound at once, for there is no scheduler", () => {
    const { spec, status } = pinned({});
    expect(spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution).toEqual(toNode);
    expect(spec.nodeName).toBe("edge-1");
    expect(status.conditions).toMatchObject([{ type: "PodScheduled", status: "True" }]);
  });

  it("keeps the template's nodeSelector", () => {
    expect(pinned({ "spec.template.spec.nodeSelector": { zone: "a" } }).spec.nodeSelector).toEqual({ zone: "a" });
  });
});

describe("daemonSetStatus", () => {
  const counts: NodeCounts = {
    ...noCounts,
    desired: 5,
    current: 4,
    misscheduled: 1,
    ready: 3,
    available: 2,
    updated: 1,
  };
  const set = daemonSet({ "metadata.generation": 7 });

  it("has the counters, and the generation that was acted on", () => {
    expect(daemonSetStatus(set, counts)).toEqual({
      desiredNumberScheduled: 5,
      currentNumberScheduled: 4,
      numberMisscheduled: 1,
      numberReady: 3,
      numberAvailable: 2,
      numberUnavailable: 3,
      updatedNumberScheduled: 1,
      observedGeneration: 7,
    });
  });

  it("leaves out zeroes where Go leaves them out", () => {
    expect(daemonSetStatus(set, noCounts)).toEqual({
      desiredNumberScheduled: 0,
      currentNumberScheduled: 0,
      numberMisscheduled: 0,
      numberReady: 0,
      observedGeneration: 7,
    });
  });

  it("is the very same when nothing changed, so that nothing is written", () => {
    const after = { ...set, status: daemonSetStatus(set, counts) };
    expect(daemonSetStatus(after, counts)).toBe(after.status);
  });

  it("keeps what others wrote: conditions and the number of collisions", () => {
    const conditions = [{ type: "Mine", status: "True" }];
    const others = daemonSet({ "status.conditions": conditions, "status.collisionCount": 2 });
    expect(daemonSetStatus(others, counts)).toMatchObject({ conditions, collisionCount: 2 });
  });

  it("TestObservedGeneration: follows the generation when no counter changed", () => {
    const seen = { ...set, status: daemonSetStatus(set, counts) };
    const next = { ...seen, metadata: { ...seen.metadata, generation: 8 } };
    expect(daemonSetStatus(next, counts).observedGeneration).toBe(8);
  });
});
