import { describe } from "vitest";

import { checkTemplates, labelValue, namePart, subdomain } from "./template-errors.ts";

describe("placement", () => {
  const required = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution";
  const terms = `${required}.nodeSelectorTerms`;
  const expression = (value: object) => ({ [terms]: [{ matchExpressions: [value] }] });
  const field = (value: object) => ({ [terms]: [{ matchFields: [value] }] });
  const e = `${terms}[0].matchExpressions[0]`;
  const f = `${terms}[0].matchFields[0]`;
  checkTemplates([
    [
      "by labels that can be",
      { nodeSelector: { "a b": "c d" } },
      [`nodeSelector: Invalid value: "a b": ${namePart}`, `nodeSelector: Invalid value: "c d": ${labelValue}`],
    ],
    ["by a node's name", { nodeName: "N" }, [`nodeName: Invalid value: "N": ${subdomain}`]],
    ["by terms", { [terms]: [] }, [`${terms}: Required value: must have at least one node selector term`]],
    [
      "In some values",
      expression({ key: "a", operator: "In" }),
      [`${e}.values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`],
    ],
    [
      "Exists with no values",
      expression({ key: "a", operator: "Exists", values: ["b"] }),
      [`${e}.values: Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`],
    ],
    [
      "Gt with one value",
      expression({ key: "a", operator: "Gt", values: ["1", "2"] }),
      [`${e}.values: Required value: must be specified single value when \`operator\` is 'Lt' or 'Gt'`],
    ],
    [
      "with operators that exist",
      expression({ key: "a", operator: "Eq", values: ["b"] }),
      [`${e}.operator: Invalid value: "Eq": not a valid selector operator`],
    ],
    [
      "with values that labels can have",
      expression({ key: "a", operator: "In", values: ["b c"] }),
      [`${e}.values[0]: Invalid value: "b c": ${labelValue}`],
    ],
    ["by the field metadata.name", field({ key: "metadata.name", operator: "In", values: ["n"] }), []],
    [
      "by no other field",
      field({ key: "spec.x", operator: "In", values: ["n"] }),
      [`${f}.key: Invalid value: "spec.x": not a valid field selector key`],
    ],
    [
      "by one name",
      field({ key: "metadata.name", operator: "In", values: ["n", "m"] }),
      [
        `${f}.values: Required value: must be only one value when \`operator\` is 'In' or 'NotIn' for node field selector`,
      ],
    ],
    [
      "by preferences of some weight",
      { "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution": [{ weight: 101, preference: {} }] },
      [
        "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100",
      ],
    ],
    [
      "by preferences of the greatest weight",
      { "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution": [{ weight: 100, preference: {} }] },
      [],
    ],
    [
      "beside other pods, somewhere",
      { "affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution": [{}] },
      [
        "affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty",
        'affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: "": name part must be non-empty',
        `affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: "": ${namePart}`,
      ],
    ],
    [
      "spread evenly",
      { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: "z", whenUnsatisfiable: "Maybe" }] },
      [
        "topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
        'topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Maybe": supported values: "DoNotSchedule", "ScheduleAnyway"',
      ],
    ],
    [
      "spread by each key once",
      {
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: "z", whenUnsatisfiable: "DoNotSchedule" },
          { maxSkew: 2, topologyKey: "z", whenUnsatisfiable: "DoNotSchedule" },
        ],
      },
      ['topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: "{z, DoNotSchedule}"'],
    ],
  ]);
});

describe("tolerations", () => {
  const toleration = (value: object) => ({ tolerations: [value] });
  const t = "tolerations[0]";
  checkTemplates([
    ["of everything", toleration({ operator: "Exists" }), []],
    [
      "of no key are of all keys",
      toleration({ value: "a" }),
      [
        `${t}.operator: Invalid value: "": operator must be Exists when \`key\` is empty, which means "match all values and all keys"`,
      ],
    ],
    [
      "for a time are of evictions",
      toleration({ key: "a", operator: "Exists", effect: "NoSchedule", tolerationSeconds: 1 }),
      [`${t}.effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when \`tolerationSeconds\` is set`],
    ],
    [
      "of any value name none",
      toleration({ key: "a", operator: "Exists", value: "b" }),
      [`${t}.operator: Invalid value: "b": value must be empty when \`operator\` is 'Exists'`],
    ],
    [
      "compare as they can",
      toleration({ key: "a", operator: "Gt", value: "1" }),
      [`${t}.operator: Unsupported value: "Gt": supported values: "Equal", "Exists"`],
    ],
    [
      "are of effects that exist",
      toleration({ key: "a", operator: "Exists", effect: "Never" }),
      [`${t}.effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"`],
    ],
  ]);
});
