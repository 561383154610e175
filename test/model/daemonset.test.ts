import { describe, expect, it } from "vitest";

import { daemonSets } from "../../src/model/daemonset.ts";
import type { Changes } from "./objects.ts";
import { daemonSet } from "./objects.ts";

const templateGeneration = "deprecated.daemonset.template.generation";
const wiped = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };

describe("prepareForCreate", () => {
  it("wipes the status and starts both generations at 1", () => {
    const created = daemonSets.prepareForCreate(daemonSet({ "status.numberReady": 5, "metadata.generation": 9 }));
    expect(created.status).toEqual(wiped);
    expect(created.metadata.generation).toBe(1);
    expect(created.metadata.annotations).toEqual({ [templateGeneration]: "1" });
  });

  it.each([
    ["keeps a higher template generation", "7", "7"],
    ["raises one below 1", "0", "1"],
    ["starts over from text", "x", "1"],
  ])("%s", (_rule, given, kept) => {
    const set = daemonSet({ "metadata.annotations": { [templateGeneration]: given } });
    expect(daemonSets.prepareForCreate(set).metadata.annotations?.[templateGeneration]).toBe(kept);
  });
});

describe("prepareForUpdate", () => {
  const old = daemonSet({
    "metadata.generation": 4,
    "metadata.annotations": { [templateGeneration]: "2" },
    "status.numberReady": 3,
  });

  it.each<readonly [string, Changes, number, string]>([
    ["a new image raises both generations", { "spec.template.spec.containers[0].image": "nginx:2" }, 5, "3"],
    ["a new template annotation raises both", { "spec.template.metadata.annotations": { a: "b" } }, 5, "3"],
    ["an empty list is no change", { "spec.template.spec.tolerations": [] }, 4, "2"],
    ["an amount written otherwise is no change", { "spec.template.spec.containers[0].resources": {} }, 4, "2"],
    ["minReadySeconds raise the generation alone", { "spec.minReadySeconds": 5 }, 5, "2"],
    ["another strategy raises the generation alone", { "spec.updateStrategy.type": "OnDelete" }, 5, "2"],
    ["labels raise nothing", { "metadata.labels": { a: "b" } }, 4, "2"],
    ["a generation of the user's own is ignored", { "metadata.generation": 99 }, 4, "2"],
    [
      "a template generation of the user's own is ignored",
      { "metadata.annotations": { [templateGeneration]: "9" } },
      4,
      "2",
    ],
    ["status is ignored", { "status.numberReady": 9 }, 4, "2"],
  ])("%s", (_rule, changes, generation, ofTemplate) => {
    const updated = daemonSets.prepareForUpdate(daemonSet(changes), old);
    expect(updated.metadata.generation).toBe(generation);
    expect(updated.metadata.annotations?.[templateGeneration]).toBe(ofTemplate);
    expect(updated.status.numberReady).toBe(3);
  });

  it("tells an empty struct from none", () => {
    const withEmpty = daemonSet({ "spec.template.spec.containers[0].securityContext": {} });
    expect(daemonSets.prepareForUpdate(withEmpty, old).metadata.generation).toBe(5);
  });
});

it("prepareForStatusUpdate takes the status and leaves spec and generations alone", () => {
  const old = daemonSet({ "metadata.generation": 4, "metadata.annotations": { [templateGeneration]: "2" } });
  const written = daemonSet({
    "metadata.generation": 9,
    "metadata.labels": { seen: "yes" },
    "spec.minReadySeconds": 60,
    "status.numberReady": 7,
  });
  const updated = daemonSets.prepareForStatusUpdate(written, old);
  expect(updated.spec).toEqual(old.spec);
  expect(updated.status.numberReady).toBe(7);
  expect(updated.metadata.labels).toEqual({ seen: "yes" });
  expect(updated.metadata.generation).toBe(4);
  expect(updated.metadata.annotations).toEqual({ [templateGeneration]: "2" });
});
