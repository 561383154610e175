import { describe, expect, it } from "vitest";

import { invalidError } from "../../src/model/api-error.ts";
import { daemonSets } from "../../src/model/daemonset.ts";
import type { FieldErrorType } from "../../src/model/field-error.ts";
import type { Changes } from "./objects.ts";
import { daemonSet, texts } from "./objects.ts";

type Row = readonly [
  rule: string,
  changes: Changes,
  cause: readonly [type: FieldErrorType, field: string, message: string],
];

const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const notNegative = "must be greater than or equal to 0";
const percent =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
const rollingUpdate = "spec.updateStrategy.rollingUpdate";

const rows: readonly Row[] = [
  [
    "a bad name",
    { "metadata.name": "Web" },
    ["FieldValueInvalid", "metadata.name", `Invalid value: "Web": ${subdomain}`],
  ],
  [
    "a selector with an operator that does not exist",
    { "spec.selector": { matchExpressions: [{ key: "app", operator: "Near" }] } },
    [
      "FieldValueInvalid",
      "spec.selector.matchExpressions[0].operator",
      'Invalid value: "Near": not a valid selector operator',
    ],
  ],
  [
    "a selector's In without values",
    { "spec.selector": { matchExpressions: [{ key: "app", operator: "In" }] } },
    [
      "FieldValueRequired",
      "spec.selector.matchExpressions[0].values",
      "Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ],
  ],
  [
    "a selector's Exists with values",
    { "spec.selector": { matchExpressions: [{ key: "app", operator: "Exists", values: ["a"] }] } },
    [
      "FieldValueForbidden",
      "spec.selector.matchExpressions[0].values",
      "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    ],
  ],
  [
    "a selector that does not pick the template's labels",
    { "spec.template.metadata.labels": { app: "b" } },
    [
      "FieldValueInvalid",
      "spec.template.metadata.labels",
      'Invalid value: {"app":"b"}: `selector` does not match template `labels`',
    ],
  ],
  [
    "an empty selector",
    { "spec.selector": {} },
    ["FieldValueInvalid", "spec.selector", "Invalid value: {}: empty selector is invalid for daemonset"],
  ],
  [
    "no selector, which matches nothing",
    { "spec.selector": undefined },
    [
      "FieldValueInvalid",
      "spec.template.metadata.labels",
      'Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ],
  ],
  [
    "a pod that may end",
    { "spec.template.spec.restartPolicy": "Never" },
    [
      "FieldValueNotSupported",
      "spec.template.spec.restartPolicy",
      'Unsupported value: "Never": supported values: "Always"',
    ],
  ],
  [
    "a pod with a deadline",
    { "spec.template.spec.activeDeadlineSeconds": 5 },
    [
      "FieldValueForbidden",
      "spec.template.spec.activeDeadlineSeconds",
      "Forbidden: activeDeadlineSeconds in DaemonSet is not Supported",
    ],
  ],
  [
    "negative minReadySeconds",
    { "spec.minReadySeconds": -1 },
    ["FieldValueInvalid", "spec.minReadySeconds", `Invalid value: -1: ${notNegative}`],
  ],
  [
    "a strategy that does not exist",
    { "spec.updateStrategy": { type: "Recreate" } },
    [
      "FieldValueNotSupported",
      "spec.updateStrategy",
      'Unsupported value: {"type":"Recreate"}: supported values: "RollingUpdate", "OnDelete"',
    ],
  ],
  [
    "maxUnavailable that is no percentage",
    { [`${rollingUpdate}.maxUnavailable`]: "half", [`${rollingUpdate}.maxSurge`]: 1 },
    ["FieldValueInvalid", `${rollingUpdate}.maxUnavailable`, `Invalid value: "half": ${percent}`],
  ],
  [
    "negative maxUnavailable",
    { [`${rollingUpdate}.maxUnavailable`]: -1 },
    ["FieldValueInvalid", `${rollingUpdate}.maxUnavailable`, `Invalid value: -1: ${notNegative}`],
  ],
  [
    "negative maxSurge",
    { [`${rollingUpdate}.maxUnavailable`]: 0, [`${rollingUpdate}.maxSurge`]: -1 },
    ["FieldValueInvalid", `${rollingUpdate}.maxSurge`, `Invalid value: -1: ${notNegative}`],
  ],
  [
    "maxUnavailable of more than all",
    { [`${rollingUpdate}.maxUnavailable`]: "101%" },
    ["FieldValueInvalid", `${rollingUpdate}.maxUnavailable`, 'Invalid value: "101%": must not be greater than 100%'],
  ],
  [
    "maxSurge of more than all",
    { [`${rollingUpdate}.maxUnavailable`]: 0, [`${rollingUpdate}.maxSurge`]: "101%" },
    ["FieldValueInvalid", `${rollingUpdate}.maxSurge`, 'Invalid value: "101%": must not be greater than 100%'],
  ],
  [
    "maxSurge beside the default maxUnavailable",
    { [`${rollingUpdate}.maxSurge`]: 1 },
    [
      "FieldValueInvalid",
      `${rollingUpdate}.maxSurge`,
      "Invalid value: 1: may not be set when maxUnavailable is non-zero",
    ],
  ],
  [
    "maxSurge in percent beside maxUnavailable",
    { [`${rollingUpdate}.maxSurge`]: "10%" },
    [
      "FieldValueInvalid",
      `${rollingUpdate}.maxSurge`,
      'Invalid value: "10%": may not be set when maxUnavailable is non-zero',
    ],
  ],
  [
    "neither maxUnavailable nor maxSurge",
    { [`${rollingUpdate}.maxUnavailable`]: 0 },
    ["FieldValueRequired", `${rollingUpdate}.maxUnavailable`, "Required value: cannot be 0 when maxSurge is 0"],
  ],
  [
    "0 % is none",
    { [`${rollingUpdate}.maxUnavailable`]: "0%" },
    ["FieldValueRequired", `${rollingUpdate}.maxUnavailable`, "Required value: cannot be 0 when maxSurge is 0"],
  ],
  [
    "a negative revisionHistoryLimit",
    { "spec.revisionHistoryLimit": -1 },
    ["FieldValueInvalid", "spec.revisionHistoryLimit", `Invalid value: -1: ${notNegative}`],
  ],
];

it.each(rows)("refuses %s", (_rule, changes, [reason, field, message]) => {
  const set = daemonSet(changes);
  const name = set.metadata.name ?? "";
  expect(invalidError(daemonSets, name, daemonSets.validate(set)).status()).toEqual({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `DaemonSet.apps "${name}" is invalid: ${field}: ${message}`,
    reason: "Invalid",
    details: { name, group: "apps", kind: "DaemonSet", causes: [{ reason, message, field }] },
    code: 422,
  });
});

it.each<readonly [string, Changes]>([
  ["a name as long as a subdomain may be", { "metadata.name": "a".repeat(253) }],
  ["no history", { "spec.revisionHistoryLimit": 0 }],
  ["all nodes at once", { [`${rollingUpdate}.maxUnavailable`]: "100%" }],
  ["any number of nodes at once", { [`${rollingUpdate}.maxUnavailable`]: 100_000 }],
  ["surge instead of unavailability", { [`${rollingUpdate}.maxUnavailable`]: 0, [`${rollingUpdate}.maxSurge`]: "1%" }],
  ["rollingUpdate beside OnDelete, unchecked", { "spec.updateStrategy": { type: "OnDelete", rollingUpdate: {} } }],
  ["a selector of expressions", { "spec.selector": { matchExpressions: [{ key: "app", operator: "Exists" }] } }],
])("accepts %s", (_rule, changes) => {
  expect(texts(daemonSets.validate(daemonSet(changes)))).toEqual([]);
});

it("names every error, in upstream's order, each text once", () => {
  const set = daemonSet({
    "spec.minReadySeconds": -1,
    "spec.template.spec.containers": [{ name: "c" }, { name: "c" }],
  });
  expect(invalidError(daemonSets, "web", daemonSets.validate(set)).message).toBe(
    'DaemonSet.apps "web" is invalid: [spec.template.spec.containers[0].image: Required value, spec.template.spec.containers[1].image: Required value, spec.template.spec.containers[1].name: Duplicate value: "c", spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0]',
  );
});

describe("an update", () => {
  it("may not change the selector", () => {
    const set = daemonSet({ "spec.selector.matchLabels": { app: "b" } });
    expect(texts(daemonSets.validateUpdate(set, daemonSet()))).toEqual([
      'spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable',
    ]);
  });

  it.each<readonly [string, unknown, unknown]>([
    ["name", "old", "new"],
    ["namespace", "old", "new"],
    ["uid", "1", "2"],
    ["creationTimestamp", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"],
    ["deletionTimestamp", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"],
    ["deletionGracePeriodSeconds", 30, 0],
  ])("may not change metadata.%s", (field, before, after) => {
    const old = daemonSet({ [`metadata.${field}`]: before });
    const set = daemonSet({ [`metadata.${field}`]: after });
    expect(texts(daemonSets.validateUpdate(set, old))).toEqual([
      `metadata.${field}: Invalid value: ${JSON.stringify(after)}: field is immutable`,
    ]);
  });

  it("may change everything else", () => {
    const set = daemonSet({ "spec.template.spec.containers[0].image": "nginx:2", "spec.revisionHistoryLimit": 1 });
    expect(texts(daemonSets.validateUpdate(set, daemonSet()))).toEqual([]);
  });
});

describe("a status update", () => {
  it.each([
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
  ])("refuses a negative %s", (counter) => {
    const set = daemonSet({ [`status.${counter}`]: -1 });
    expect(texts(daemonSets.validateStatusUpdate(set, daemonSet()))).toEqual([
      `status.${counter}: Invalid value: -1: must be greater than or equal to 0`,
    ]);
  });

  it.each<readonly [string, number | undefined, number]>([
    ["lowered", 1, 1],
    ["taken away", undefined, 0],
  ])("refuses a collision count that was %s", (_how, count, shown) => {
    const set = daemonSet({ "status.collisionCount": count });
    const old = daemonSet({ "status.collisionCount": 2 });
    expect(texts(daemonSets.validateStatusUpdate(set, old))).toEqual([
      `status.collisionCount: Invalid value: ${shown}: cannot be decremented`,
    ]);
  });
});
