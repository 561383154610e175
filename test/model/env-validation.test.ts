import { describe } from "vitest";

import { c, checkTemplates, subdomain } from "./template-errors.ts";

describe("environment variables", () => {
  const env = (value: object) => ({ [`${c}.env`]: [value] });
  const valueFrom = `${c}.env[0].valueFrom`;
  checkTemplates([
    ["have a name", env({ value: "a" }), [`${c}.env[0].name: Required value`]],
    ["have almost any name", env({ name: "1 a.b-c/d" }), []],
    [
      "have a name without an equals sign",
      env({ name: "a=b" }),
      [
        `${c}.env[0].name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than '='`,
      ],
    ],
    [
      "come from somewhere",
      env({ name: "a", valueFrom: {} }),
      [
        `${valueFrom}: Invalid value: "": must specify one of: \`fieldRef\`, \`resourceFieldRef\`, \`configMapKeyRef\` or \`secretKeyRef\``,
      ],
    ],
    [
      "come from one place",
      env({
        name: "a",
        valueFrom: { fieldRef: { fieldPath: "metadata.name" }, secretKeyRef: { name: "s", key: "k" } },
      }),
      [`${valueFrom}: Invalid value: "": may not have more than one field specified at a time`],
    ],
    [
      "have a value or come from somewhere",
      env({ name: "a", value: "b", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }),
      [`${valueFrom}: Invalid value: "": may not be specified when \`value\` is not empty`],
    ],
    [
      "name a field",
      env({ name: "a", valueFrom: { fieldRef: {} } }),
      [`${valueFrom}.fieldRef.fieldPath: Required value`],
    ],
    [
      "name a field that exists",
      env({ name: "a", valueFrom: { fieldRef: { fieldPath: "spec.magic" } } }),
      [
        `${valueFrom}.fieldRef.fieldPath: Invalid value: "spec.magic": error converting fieldPath: field label not supported: spec.magic`,
      ],
    ],
    [
      "name a field that is offered",
      env({ name: "a", valueFrom: { fieldRef: { fieldPath: "metadata.labels" } } }),
      [
        `${valueFrom}.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"`,
      ],
    ],
    ["may name one label", env({ name: "a", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } }), []],
    [
      "name a resource that is offered",
      env({ name: "a", valueFrom: { resourceFieldRef: { resource: "limits.gpu" } } }),
      [
        `${valueFrom}.resourceFieldRef.resource: Unsupported value: "limits.gpu": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"`,
      ],
    ],
    [
      "divide by what is offered",
      env({ name: "a", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "2" } } }),
      [
        `${valueFrom}.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`,
      ],
    ],
    [
      "name object and key",
      env({ name: "a", valueFrom: { configMapKeyRef: { name: "CM" } } }),
      [
        `${valueFrom}.configMapKeyRef.name: Invalid value: "CM": ${subdomain}`,
        `${valueFrom}.configMapKeyRef.key: Required value`,
      ],
    ],
    [
      "from whole objects come from one",
      { [`${c}.envFrom`]: [{ prefix: "A_" }] },
      [`${c}.envFrom: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``],
    ],
    [
      "from whole objects name it",
      { [`${c}.envFrom`]: [{ secretRef: {} }] },
      [`${c}.envFrom[0].secretRef.name: Required value`],
    ],
  ]);
});
