// Whether somebody may do something: rules, who is given them, and a request.
// Source: pkg/registry/rbac/validation, plugin/pkg/auth/authorizer/rbac.
import type { ClusterRole, PolicyRule, Role, RoleBinding, Subject } from "../model/rbac.ts";
import type { User } from "../model/user-info.ts";
import { mastersGroup } from "../model/user-info.ts";
import { effectiveRules } from "./role-aggregation.ts";

type ResourceRequest = {
  readonly kind: "resource";
  readonly verb: string;
  /** Empty: all namespaces, or a kind that is in none. */
  readonly namespace: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  /** Empty: any. */
  readonly name: string;
};

/** What is asked of the API, as far as it matters to whether it may be. */
export type Attributes = ResourceRequest | { readonly kind: "path"; readonly verb: string; readonly path: string };

/** `reason` says what allows it, or which role that may have allowed it is missing; often nothing. */
export type Decision = { readonly allowed: boolean; readonly reason: string };

type Rules = readonly PolicyRule[];

/** All roles and bindings, arranged for asking. */
export type Policy = {
  readonly clusterRoles: ReadonlyMap<string, Rules>;
  /** By `namespace/name`. */
  readonly roles: ReadonlyMap<string, Rules>;
  readonly clusterRoleBindings: readonly RoleBinding[];
  /** By namespace. */
  readonly roleBindings: ReadonlyMap<string, readonly RoleBinding[]>;
};

export type PolicyObjects = {
  readonly clusterRoles: readonly ClusterRole[];
  readonly roles: readonly Role[];
  readonly clusterRoleBindings: readonly RoleBinding[];
  readonly roleBindings: readonly RoleBinding[];
};

export function policyOf({ clusterRoles, roles, clusterRoleBindings, roleBindings }: PolicyObjects): Policy {
  return {
    clusterRoles: new Map(
      clusterRoles.map((role) => [role.metadata.name ?? "", effectiveRules(role, clusterRoles)] as const),
    ),
    roles: new Map(
      roles.map(({ metadata, rules }) => [`${metadata.namespace}/${metadata.name}`, rules ?? []] as const),
    ),
    clusterRoleBindings,
    roleBindings: Map.groupBy(roleBindings, ({ metadata }) => metadata.namespace ?? ""),
  };
}

export function isMaster({ groups }: Pick<User, "groups">): boolean {
  return groups.includes(mastersGroup);
}

export function decide(policy: Policy, user: User, asked: Attributes): Decision {
  if (isMaster(user)) return { allowed: true, reason: "" };
  const missing: string[] = [];
  for (const grant of grantsOf(policy, user, asked.kind === "resource" ? asked.namespace : "")) {
    if (grant.rules === null) missing.push(grant.missing);
    else if (grant.rules.some((rule) => ruleAllows(rule, asked)))
      return { allowed: true, reason: `RBAC: allowed by ${grant.by}` };
  }
  return { allowed: false, reason: missing.length === 0 ? "" : `RBAC: ${aggregate(missing)}` };
}

/** Every rule that holds for a user in a namespace (empty: in none), and which roles were not found. */
export function rulesFor(policy: Policy, user: User, namespace: string) {
  const grants = [...grantsOf(policy, user, namespace)];
  return {
    rules: grants.flatMap(({ rules }) => rules ?? []),
    missing: grants.flatMap((grant) => (grant.rules === null ? [grant.missing] : [])),
  };
}

/** The rules of the role that a binding is to; null: there is no such role. */
export function rulesOfRole(policy: Policy, { roleRef, metadata }: RoleBinding): Rules | null {
  const { kind, name } = roleRef;
  const rules = kind === "Role" ? policy.roles.get(`${metadata.namespace}/${name}`) : policy.clusterRoles.get(name);
  return rules ?? null;
}

type Grant =
  | { readonly rules: Rules; readonly by: string }
  /** The binding is to a role that does not exist. */
  | { readonly rules: null; readonly missing: string };

function* grantsOf(policy: Policy, user: User, namespace: string): Generator<Grant> {
  for (const binding of policy.clusterRoleBindings) {
    const subject = subjectOf(binding, user);
    if (subject !== undefined) yield grantOf(policy, binding, subject);
  }
  for (const binding of policy.roleBindings.get(namespace) ?? []) {
    const subject = subjectOf(binding, user);
    if (subject !== undefined) yield grantOf(policy, binding, subject);
  }
}

function grantOf(policy: Policy, binding: RoleBinding, subject: Subject): Grant {
  const { metadata, roleRef } = binding;
  const rules = rulesOfRole(policy, binding);
  if (rules === null) {
    const kind = roleRef.kind.toLowerCase();
    return { rules, missing: `${kind}.rbac.authorization.k8s.io ${JSON.stringify(roleRef.name)} not found` };
  }
  const [kind, name] =
    metadata.namespace === undefined
      ? ["ClusterRoleBinding", metadata.name]
      : ["RoleBinding", `${metadata.name}/${metadata.namespace}`];
  const role = `${roleRef.kind} ${JSON.stringify(roleRef.name)}`;
  return { rules, by: `${kind} ${JSON.stringify(name)} of ${role} to ${subjectText(subject, binding)}` };
}

function subjectText({ kind, name, namespace }: Subject, { metadata }: RoleBinding): string {
  const shown = kind === "ServiceAccount" ? `${name}/${namespace ?? metadata.namespace ?? ""}` : name;
  return `${kind} ${JSON.stringify(shown)}`;
}

/** The subject of a binding that a user is. */
function subjectOf({ subjects = [], metadata }: RoleBinding, user: User): Subject | undefined {
  return subjects.find(({ kind, name, namespace = metadata.namespace }) => {
    switch (kind) {
      case "User":
        return user.name === name;
      case "Group":
        return user.groups.includes(name);
      case "ServiceAccount":
        return namespace !== undefined && user.name === `system:serviceaccount:${namespace}:${name}`;
      default:
        return false;
    }
  });
}

function ruleAllows(rule: PolicyRule, asked: Attributes): boolean {
  if (!includesOrAll(rule.verbs ?? [], asked.verb)) return false;
  if (asked.kind === "path") return (rule.nonResourceURLs ?? []).some((url) => urlMatches(url, asked.path));
  const names = rule.resourceNames ?? [];
  return (
    includesOrAll(rule.apiGroups ?? [], asked.group) &&
    (rule.resources ?? []).some((resource) => resourceMatches(resource, asked)) &&
    (names.length === 0 || names.includes(asked.name))
  );
}

function includesOrAll(given: readonly string[], wanted: string): boolean {
  return given.includes("*") || given.includes(wanted);
}

function resourceMatches(given: string, { resource, subresource }: ResourceRequest): boolean {
  if (given === "*") return true;
  if (subresource === "") return given === resource;
  return given === `${resource}/${subresource}` || given === `*/${subresource}`;
}

/** Whether a URL of a rule, which may end in a star, is or includes another. */
export function urlMatches(given: string, path: string): boolean {
  return given === "*" || given === path || (given.endsWith("*") && path.startsWith(given.replace(/\*+$/, "")));
}

/** Several errors as one, each said once. */
function aggregate(messages: readonly string[]): string {
  const [first = "", ...more] = new Set(messages);
  return more.length === 0 ? first : `[${[first, ...more].join(", ")}]`;
}
