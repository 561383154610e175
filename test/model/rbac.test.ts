import { describe, expect, it } from "vitest";

import type { KubeObject } from "../../src/model/meta.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "../../src/model/rbac.ts";
import type { Resource } from "../../src/model/resource.ts";
import { decoded, texts } from "./objects.ts";

const group = "rbac.authorization.k8s.io";
const nowMs = Date.UTC(2026, 0, 2);

function make<T extends KubeObject>(resource: Resource<T>, json: object): T {
  const creationTimestamp = "2026-01-01T00:00:00Z";
  const metadata = { name: "a", creationTimestamp, ...(resource.namespaced ? { namespace: "default" } : {}) };
  return decoded(resource, { metadata, ...json });
}

function cells<T extends KubeObject>(resource: Resource<T>, json: object) {
  const object = make(resource, json);
  return resource.columns.map(({ name, cell }) => [name, cell(object, nowMs)]);
}

const pods = { apiGroups: [""], resources: ["pods"], verbs: ["get"] };
const metrics = { nonResourceURLs: ["/metrics"], verbs: ["get"] };
const oneVerb = "verbs must contain at least one value";
const mixed = "rules cannot apply to both regular resources and non-resource URLs";

describe("the rules of a role", () => {
  it.each<readonly [string, object, readonly string[], readonly string[]]>([
    ["about resources", pods, [], []],
    [
      "about paths",
      metrics,
      ['rules[0].nonResourceURLs: Invalid value: ["/metrics"]: namespaced rules cannot apply to non-resource URLs'],
      [],
    ],
    [
      "about both",
      { ...pods, ...metrics },
      [
        'rules[0].nonResourceURLs: Invalid value: ["/metrics"]: namespaced rules cannot apply to non-resource URLs',
        `rules[0].nonResourceURLs: Invalid value: ["/metrics"]: ${mixed}`,
      ],
      [`rules[0].nonResourceURLs: Invalid value: ["/metrics"]: ${mixed}`],
    ],
    [
      "without verbs",
      { ...pods, verbs: [] },
      [`rules[0].verbs: Required value: ${oneVerb}`],
      [`rules[0].verbs: Required value: ${oneVerb}`],
    ],
    [
      "about nothing",
      { verbs: ["get"] },
      [
        "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
        "rules[0].resources: Required value: resource rules must supply at least one resource",
      ],
      [
        "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
        "rules[0].resources: Required value: resource rules must supply at least one resource",
      ],
    ],
  ])("%s", (_rule, rule, ofRole, ofClusterRole) => {
    expect(texts(roles.validate(make(roles, { rules: [rule] })))).toEqual(ofRole);
    expect(texts(clusterRoles.validate(make(clusterRoles, { rules: [rule] })))).toEqual(ofClusterRole);
  });

  it("may be gathered from roles that a selector picks, and from no others", () => {
    const selectors = (clusterRoleSelectors: readonly object[]) =>
      texts(clusterRoles.validate(make(clusterRoles, { aggregationRule: { clusterRoleSelectors } })));
    expect(selectors([{ matchLabels: { a: "b" } }])).toEqual([]);
    expect(selectors([])).toEqual([
      "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
    ]);
    expect(selectors([{ matchExpressions: [{ key: "a", operator: "In" }] }])).toEqual([
      "aggregationRule.clusterRoleSelectors[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ]);
  });

  it("are null when there are none", () => {
    expect(make(roles, {}).rules).toBeNull();
    expect(make(roles, { rules: [] }).rules).toBeNull();
  });
});

describe("bindings", () => {
  const roleRef = { kind: "ClusterRole", name: "reader" };
  const account = { kind: "ServiceAccount", name: "agent", namespace: "logging" };

  it("are of this group, and so are the users and groups they name", () => {
    const subjects = [account, { kind: "User", name: "eve" }, { kind: "Group", name: "admins" }];
    const binding = make(roleBindings, { roleRef, subjects });
    expect(binding.roleRef).toEqual({ ...roleRef, apiGroup: group });
    expect(binding.subjects?.map(({ apiGroup }) => apiGroup)).toEqual([undefined, group, group]);
    expect(texts(roleBindings.validate(binding))).toEqual([]);
  });

  it.each<readonly [string, object, readonly string[]]>([
    ["to whom", { subjects: [account] }, []],
    [
      "no role",
      { roleRef: {} },
      ['roleRef.kind: Unsupported value: "": supported values: "Role", "ClusterRole"', "roleRef.name: Required value"],
    ],
    [
      "a role of elsewhere",
      { roleRef: { ...roleRef, apiGroup: "apps", name: "a/b" } },
      [
        `roleRef.apiGroup: Unsupported value: "apps": supported values: "${group}"`,
        "roleRef.name: Invalid value: \"a/b\": may not contain '/'",
      ],
    ],
    [
      "an account of a wrong name and group",
      { subjects: [{ kind: "ServiceAccount", name: "A", apiGroup: group }] },
      [
        expect.stringContaining('subjects[0].name: Invalid value: "A": a lowercase RFC 1123 subdomain'),
        `subjects[0].apiGroup: Unsupported value: "${group}": supported values: ""`,
      ],
    ],
    [
      "a nameless user",
      { subjects: [{ kind: "User" }] },
      ["subjects[0].name: Required value", 'subjects[0].name: Invalid value: "": user name cannot be empty'],
    ],
    [
      "a group of another group",
      { subjects: [{ kind: "Group", name: "g", apiGroup: "apps" }] },
      [`subjects[0].apiGroup: Unsupported value: "apps": supported values: "${group}"`],
    ],
    [
      "what is nobody",
      { subjects: [{ kind: "Robot", name: "r" }] },
      ['subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"'],
    ],
  ])("say %s", (_what, fields, errors) => {
    expect(texts(roleBindings.validate(make(roleBindings, { roleRef, ...fields })))).toEqual(errors);
  });

  it("of the cluster give roles of the cluster, to accounts of a namespace", () => {
    const binding = make(clusterRoleBindings, {
      roleRef: { kind: "Role", name: "reader" },
      subjects: [{ kind: "ServiceAccount", name: "agent" }],
    });
    expect(texts(clusterRoleBindings.validate(binding))).toEqual([
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
      "subjects[0].namespace: Required value",
    ]);
  });

  it.each([
    ["roles", roleBindings],
    ["roles of the cluster", clusterRoleBindings],
  ])("keep their %s", (_what, resource) => {
    const old = make(resource, { roleRef });
    const other = make(resource, { roleRef: { ...roleRef, name: "writer" } });
    expect(texts(resource.validateUpdate(other, old))).toEqual([
      `roleRef: Invalid value: {"apiGroup":"${group}","kind":"ClusterRole","name":"writer"}: cannot change roleRef`,
    ]);
    expect(texts(resource.validateUpdate(make(resource, { roleRef, subjects: [account] }), old))).toEqual([]);
  });
});

describe("tables", () => {
  it("say when a role was made", () => {
    expect(cells(clusterRoles, {})).toEqual([
      ["Name", "a"],
      ["Created At", "2026-01-01T00:00:00Z"],
    ]);
  });

  it("say what a binding gives, and to whom", () => {
    const subjects = [
      { kind: "User", name: "eve" },
      { kind: "ServiceAccount", name: "agent", namespace: "logging" },
      { kind: "User", name: "adam" },
    ];
    expect(cells(clusterRoleBindings, { roleRef: { kind: "ClusterRole", name: "reader" }, subjects })).toEqual([
      ["Name", "a"],
      ["Role", "ClusterRole/reader"],
      ["Age", "24h"],
      ["Users", "eve, adam"],
      ["Groups", ""],
      ["ServiceAccounts", "logging/agent"],
    ]);
  });
});
