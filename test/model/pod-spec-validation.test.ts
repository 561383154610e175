import { describe, expect, it } from "vitest";

import { daemonSets } from "../../src/model/daemonset.ts";
import { daemonSet, texts } from "./objects.ts";
import type { Row } from "./template-errors.ts";
import { checkTemplates, namePart, subdomain } from "./template-errors.ts";

describe("the rest of a pod", () => {
  checkTemplates([
    [
      "a DNS policy that exists",
      { dnsPolicy: "Host" },
      [
        'dnsPolicy: Unsupported value: "Host": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
      ],
    ],
    [
      "no DNS but one's own",
      { dnsPolicy: "None" },
      ["dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
    ],
    [
      "three name servers",
      { "dnsConfig.nameservers": ["10.0.0.1", "10.0.0.2", "2001:db8::1", "x"] },
      [
        'dnsConfig.nameservers: Invalid value: ["10.0.0.1","10.0.0.2","2001:db8::1","x"]: must not have more than 3 nameservers',
        'dnsConfig.nameservers[3]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ],
    ],
    [
      "aliases of addresses",
      { hostAliases: [{ ip: "300.1.1.1", hostnames: ["A"] }] },
      [
        'hostAliases[0].ip: Invalid value: "300.1.1.1": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        `hostAliases[0].hostnames[0]: Invalid value: "A": ${subdomain}`,
      ],
    ],
    ["a host name", { hostname: "a.b" }, ['hostname: Invalid value: "a.b": must not contain dots']],
    ["an account", { serviceAccountName: "A" }, [`serviceAccountName: Invalid value: "A": ${subdomain}`]],
    ["a priority class", { priorityClassName: "A" }, [`priorityClassName: Invalid value: "A": ${subdomain}`]],
    [
      "a way to preempt",
      { preemptionPolicy: "Sometimes" },
      ['preemptionPolicy: Unsupported value: "Sometimes": supported values: "PreemptLowerPriority", "Never"'],
    ],
    [
      "each gate once",
      { schedulingGates: [{ name: "a" }, { name: "a" }] },
      ['schedulingGates[1]: Duplicate value: "a"'],
    ],
    [
      "claims from somewhere",
      { resourceClaims: [{ name: "a" }] },
      [
        'resourceClaims[0]: Invalid value: {"name":"a"}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
      ],
    ],
    ["an overhead", { overhead: { cpu: "10m" } }, []],
  ]);
});

describe("the template's metadata", () => {
  it.each<Row>([
    [
      "labels that can be",
      { "spec.template.metadata.labels": { app: "web", "a/b/c": "" } },
      [
        `spec.template.labels: Invalid value: "a/b/c": a qualified name ${namePart.replace("name part ", "")} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
      ],
    ],
    [
      "annotations that can be",
      { "spec.template.metadata.annotations": { "-": "" } },
      [`spec.template.annotations: Invalid value: "-": ${namePart}`],
    ],
    [
      "annotations that say the same as fields",
      {
        "spec.template.metadata.annotations": { "seccomp.security.alpha.kubernetes.io/pod": "runtime/default" },
        "spec.template.spec.securityContext.seccompProfile": { type: "RuntimeDefault" },
      },
      [],
    ],
  ])("%s", (_rule, changes, expected) => {
    expect(texts(daemonSets.validate(daemonSet(changes)))).toEqual(expected);
  });

  it("refuses annotations that contradict fields", () => {
    const set = daemonSet({
      "spec.template.metadata.annotations": { "seccomp.security.alpha.kubernetes.io/pod": "unconfined" },
      "spec.template.spec.securityContext.seccompProfile": { type: "RuntimeDefault" },
    });
    expect(texts(daemonSets.validate(set))).toEqual([
      "spec.template.spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match",
    ]);
  });
});
