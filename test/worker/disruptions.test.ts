import { expect, it } from "vitest";

import type { PodRow } from "../../src/store/pod-rows.ts";
import { statusesWithReasons } from "../../src/sync/disruptions.ts";

const ready = { type: "Ready", status: "True" };
const reason = { type: "DisruptionTarget", status: "True", reason: "PreemptionByScheduler" };
const key = { namespace: "default", name: "web-abcde", uid: "u1", node: "edge-1" };
const row: PodRow = {
  ...key,
  rv: 7,
  template: "t1",
  bucket: 0,
  ownerUid: null,
  slot: 0,
  createdMs: 0,
  deletionMs: null,
  graceSeconds: null,
  hasFinalizers: false,
  phase: "Pending",
  observation: 3,
  status: { phase: "Pending", conditions: [] },
};
const marked = { ...row, status: { phase: "Pending", conditions: [reason] } };
const report = {
  ...key,
  phase: "Running",
  status: { phase: "Running", conditions: [ready] },
  observation: 4,
  lost: false,
};
const goes = { ...key, condition: reason, phase: null };

it.each([
  {
    name: "a pod that goes is told so",
    writes: { statuses: [], disruptions: [goes] },
    stored: row,
    becomes: { phase: "Pending", observation: 3, expectRv: 7, conditions: [reason] },
  },
  {
    name: "a report in the same batch is kept beside the reason",
    writes: { statuses: [report], disruptions: [goes] },
    stored: row,
    becomes: { phase: "Running", observation: 4, conditions: [ready, reason] },
  },
  {
    name: "a report that was read before the reason was stored does not take it away",
    writes: { statuses: [report], disruptions: [] },
    stored: marked,
    becomes: { phase: "Running", observation: 4, conditions: [ready, reason] },
  },
  {
    name: "the reason is added to a report that was stored since it was decided",
    writes: { statuses: [], disruptions: [goes] },
    stored: { ...row, rv: 9, observation: 5, phase: "Running", status: { phase: "Running", conditions: [ready] } },
    becomes: { phase: "Running", observation: 5, expectRv: 9, conditions: [ready, reason] },
  },
  {
    name: "a pod whose node is gone has failed, whatever its agent said",
    writes: { statuses: [report], disruptions: [{ ...goes, phase: "Failed" }] },
    stored: row,
    becomes: { phase: "Failed", observation: 4, conditions: [ready, reason] },
  },
])("$name", ({ writes, stored, becomes: { conditions, ...update } }) => {
  expect(statusesWithReasons(writes, () => stored)).toEqual([
    { ...key, lost: false, ...update, status: { phase: update.phase, conditions } },
  ]);
});

it("a report of a pod that nobody drives away is taken as it is", () => {
  expect(statusesWithReasons({ statuses: [report], disruptions: [] }, () => row)).toEqual([report]);
});

it("a pod that is gone needs no reason", () => {
  expect(statusesWithReasons({ statuses: [], disruptions: [goes] }, () => undefined)).toEqual([]);
});
