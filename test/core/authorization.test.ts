// Who may do what, by rules alone.
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Attributes, Policy } from "../../src/core/authorization.ts";
import { decide, policyOf } from "../../src/core/authorization.ts";
import { missingRules } from "../../src/core/escalation.ts";
import { effectiveRules, planAggregation } from "../../src/core/role-aggregation.ts";
import { defaultClusterRoles } from "../../src/model/default-roles.ts";
import type { ClusterRole, PolicyRule } from "../../src/model/rbac.ts";

const user = { name: "jane", uid: "", groups: ["team", "system:authenticated"], extra: {} };
const meta = (name: string) => ({ name });

function clusterRole(name: string, rules: readonly PolicyRule[], fields: Partial<ClusterRole> = {}): ClusterRole {
  return { apiVersion: "v1", kind: "ClusterRole", metadata: meta(name), rules: [...rules], ...fields };
}

/** Jane has these rules everywhere. */
function policyWith(...rules: readonly PolicyRule[]): Policy {
  const roleRef = { apiGroup: "", kind: "ClusterRole", name: "r" };
  const subjects = [{ kind: "User", name: "jane" }];
  const binding = { apiVersion: "v1", kind: "ClusterRoleBinding", metadata: meta("b"), roleRef, subjects };
  return policyOf({
    clusterRoles: [clusterRole("r", rules)],
    roles: [],
    roleBindings: [],
    clusterRoleBindings: [binding],
  });
}

function asked(verb: string, what: string, name = ""): Attributes {
  if (what.startsWith("/")) return { kind: "path", verb, path: what };
  const [resource = "", subresource = ""] = what.split("/");
  const [plural = "", ...group] = resource.split(".");
  return { kind: "resource", verb, group: group.join("."), resource: plural, subresource, namespace: "a", name };
}

const of = (verbs: string, groups: string, resources: string, names?: string): PolicyRule => ({
  verbs: verbs.split(","),
  apiGroups: groups.split(","),
  resources: resources.split(","),
  ...(names === undefined ? {} : { resourceNames: names.split(",") }),
});
const ofUrls = (verbs: string, urls: string): PolicyRule => ({
  verbs: verbs.split(","),
  nonResourceURLs: urls.split(","),
});

describe("a rule", () => {
  it.each<readonly [string, PolicyRule, Attributes, boolean]>([
    ["allows a verb it names", of("get,list", "", "pods"), asked("list", "pods"), true],
    ["allows no verb it does not name", of("get", "", "pods"), asked("list", "pods"), false],
    ["allows every verb with a star", of("*", "", "pods"), asked("anything", "pods"), true],
    ["allows no other group", of("get", "", "pods"), asked("get", "pods.apps"), false],
    ["allows every group with a star", of("get", "*", "pods"), asked("get", "pods.apps"), true],
    ["of a resource allows no part of it", of("get", "", "pods"), asked("get", "pods/log"), false],
    ["of a part does not allow the whole", of("get", "", "pods/log"), asked("get", "pods"), false],
    ["of a part allows it", of("get", "", "pods/log"), asked("get", "pods/log"), true],
    ["of a part of everything allows it", of("get", "", "*/log"), asked("get", "pods/log"), true],
    ["of a part of everything allows no other", of("get", "", "*/log"), asked("get", "pods/exec"), false],
    ["of every resource allows parts too", of("get", "", "*"), asked("get", "pods/log"), true],
    ["of all parts is not known", of("get", "", "pods/*"), asked("get", "pods/log"), false],
    ["with names allows those", of("get", "", "pods", "x,y"), asked("get", "pods", "y"), true],
    ["with names allows no other", of("get", "", "pods", "x,y"), asked("get", "pods", "z"), false],
    ["with names allows nothing without a name", of("list", "", "pods", "x"), asked("list", "pods"), false],
    ["of names that begin alike allows none", of("get", "", "pods", "x"), asked("get", "pods", "xy"), false],
    ["of resources allows no path", of("*", "*", "*"), asked("get", "/metrics"), false],
    ["of paths allows no resource", ofUrls("*", "*"), asked("get", "pods"), false],
    ["of a path allows it", ofUrls("get", "/metrics"), asked("get", "/metrics"), true],
    ["of a path allows none below it", ofUrls("get", "/metrics"), asked("get", "/metrics/x"), false],
    ["of paths with a star allows those below", ofUrls("get", "/api/*"), asked("get", "/api/v1"), true],
    ["of paths with a star does not allow the path itself", ofUrls("get", "/api/*"), asked("get", "/api"), false],
    ["of another case allows nothing", of("Get", "", "Pods"), asked("get", "pods"), false],
    [
      "without verbs allows nothing",
      { verbs: null, apiGroups: [""], resources: ["pods"] },
      asked("get", "pods"),
      false,
    ],
  ])("%s", (_what, rule, attributes, allowed) => {
    expect(decide(policyWith(rule), user, attributes).allowed).toBe(allowed);
  });
});

const word = fc.constantFrom("", "*", "a", "b", "pods", "pods/log", "*/log", "x.y");
const rules = fc.array(
  fc.oneof(
    fc.record({
      verbs: fc.array(word, { minLength: 1, maxLength: 2 }),
      apiGroups: fc.array(word, { minLength: 1, maxLength: 2 }),
      resources: fc.array(word, { minLength: 1, maxLength: 2 }),
      resourceNames: fc.array(fc.constantFrom("n", "m"), { maxLength: 2 }),
    }),
    fc.record({
      verbs: fc.array(word, { minLength: 1, maxLength: 2 }),
      nonResourceURLs: fc.array(fc.constantFrom("*", "/a", "/a/*", "/a/b"), { minLength: 1, maxLength: 2 }),
    }),
  ),
  { maxLength: 4 },
);
const request: fc.Arbitrary<Attributes> = fc.oneof(
  fc.record({
    kind: fc.constant("resource" as const),
    verb: word,
    group: word,
    resource: fc.constantFrom("pods", "a", "*"),
    subresource: fc.constantFrom("", "log", "x"),
    namespace: fc.constantFrom("", "a"),
    name: fc.constantFrom("", "n", "m", "o"),
  }),
  fc.record({ kind: fc.constant("path" as const), verb: word, path: fc.constantFrom("/a", "/a/b", "/a/c", "/b") }),
);

describe("what somebody lacks", () => {
  it("is nothing of their own rules", () => {
    fc.assert(
      fc.property(rules, (held) => {
        expect(missingRules(held, held)).toEqual([]);
      }),
    );
  });

  it("is nothing exactly when what is given allows no more than what is held", () => {
    fc.assert(
      fc.property(rules, rules, request, (held, given, attributes) => {
        if (missingRules(held, given).length > 0 || !decide(policyWith(...given), user, attributes).allowed) return;
        expect(decide(policyWith(...held), user, attributes).allowed).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is all of it for somebody who has nothing, and makes up for it", () => {
    fc.assert(
      fc.property(rules, rules, (held, given) => {
        expect(missingRules([...held, ...missingRules(held, given)], given)).toEqual([]);
      }),
    );
  });

  it("is told short: verbs of one thing together", () => {
    expect(missingRules([of("get", "", "pods")], [of("get,list,watch", "", "pods,secrets")])).toEqual([
      of("list,watch", "", "pods"),
      of("get,list,watch", "", "secrets"),
    ]);
  });
});

describe("a ClusterRole that is put together", () => {
  const selecting = (label: string) => ({
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [label]: "yes" } }] },
  });
  const labelled = (name: string, label: string) => ({ metadata: { name, labels: { [label]: "yes" } } });

  it("has the rules of those it selects, and of those that they select", () => {
    const all = [
      clusterRole("top", [], selecting("to-top")),
      clusterRole("middle", [of("stale", "", "x")], { ...selecting("to-middle"), ...labelled("middle", "to-top") }),
      clusterRole("bottom", [of("get", "", "pods")], labelled("bottom", "to-middle")),
    ];
    expect(all.map((role) => effectiveRules(role, all))).toEqual(Array(3).fill([of("get", "", "pods")]));
    expect(planAggregation(all).map(({ metadata }) => metadata.name)).toEqual(["top", "middle"]);
  });

  it("may select itself, and one that selects it", () => {
    const all = [
      clusterRole("a", [of("get", "", "x")], { ...selecting("l"), ...labelled("a", "l") }),
      clusterRole("b", [of("get", "", "y")], { ...selecting("l"), ...labelled("b", "l") }),
    ];
    expect(effectiveRules(all[0] ?? clusterRole("", []), all)).toEqual([]);
  });

  it("is done once", () => {
    const first = planAggregation(defaultClusterRoles);
    expect(first.map(({ metadata }) => metadata.name)).toEqual(["admin", "edit", "view"]);
    const after = defaultClusterRoles.map(
      (role) => first.find(({ metadata }) => metadata.name === role.metadata.name) ?? role,
    );
    expect(planAggregation(after)).toEqual([]);
  });
});

describe("the default roles", () => {
  const rulesOf = (name: string) => {
    const role = defaultClusterRoles.find(({ metadata }) => metadata.name === name);
    return role === undefined ? [] : effectiveRules(role, defaultClusterRoles);
  };

  it.each([
    ["view", "edit"],
    ["edit", "admin"],
    ["admin", "cluster-admin"],
  ])("%s is part of %s", (less, more) => {
    expect(missingRules(rulesOf(more), rulesOf(less))).toEqual([]);
    expect(missingRules(rulesOf(less), rulesOf(more))).not.toEqual([]);
  });

  it("let viewers see no secrets, and editors give no rights", () => {
    const may = (role: string, verb: string, what: string) =>
      decide(policyWith(...rulesOf(role)), user, asked(verb, what)).allowed;
    expect(may("view", "get", "secrets")).toBe(false);
    expect(may("view", "get", "daemonsets.apps")).toBe(true);
    expect(may("view", "create", "pods/exec")).toBe(false);
    expect(may("edit", "get", "secrets")).toBe(true);
    expect(may("edit", "create", "rolebindings.rbac.authorization.k8s.io")).toBe(false);
    expect(may("admin", "create", "rolebindings.rbac.authorization.k8s.io")).toBe(true);
    expect(may("admin", "create", "nodes")).toBe(false);
  });
});
