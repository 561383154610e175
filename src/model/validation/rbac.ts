// The rules of roles and their bindings.
// Source: pkg/apis/rbac/validation.
import { invalid, invalidForEach, notSupported, required } from "../field-error.ts";
import type { AggregationRule, PolicyRule, RoleRef, Subject } from "../rbac.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors } from "./each.ts";
import { validateLabelSelector } from "./metadata.ts";
import { dns1123Subdomain, pathSegment } from "./names.ts";

/** The group of these kinds, and of the users and groups they name. */
export const rbacGroup = "rbac.authorization.k8s.io";

type Scope = { readonly namespaced: boolean };

export function validateRules(rules: readonly PolicyRule[] | null, scope: Scope): Errors {
  return eachOf(rules ?? [], "rules", (rule, path) => [
    ...((rule.verbs ?? []).length > 0
      ? noErrors
      : [required(`${path}.verbs`, "verbs must contain at least one value")]),
    ...((rule.nonResourceURLs ?? []).length > 0
      ? validateUrlRule(rule, path, scope)
      : validateResourceRule(rule, path)),
  ]);
}

function validateUrlRule(rule: PolicyRule, path: string, { namespaced }: Scope): Errors {
  const field = `${path}.nonResourceURLs`;
  const urls = rule.nonResourceURLs;
  const mixes = [rule.apiGroups, rule.resources, rule.resourceNames].some((values = []) => values.length > 0);
  return [
    ...(namespaced ? [invalid(field, urls, "namespaced rules cannot apply to non-resource URLs")] : noErrors),
    ...(mixes
      ? [invalid(field, urls, "rules cannot apply to both regular resources and non-resource URLs")]
      : noErrors),
  ];
}

function validateResourceRule({ apiGroups = [], resources = [] }: PolicyRule, path: string): Errors {
  return [
    ...(apiGroups.length > 0
      ? noErrors
      : [required(`${path}.apiGroups`, "resource rules must supply at least one api group")]),
    ...(resources.length > 0
      ? noErrors
      : [required(`${path}.resources`, "resource rules must supply at least one resource")]),
  ];
}

export function validateAggregation(rule: AggregationRule | undefined): Errors {
  if (rule === undefined) return noErrors;
  const path = "aggregationRule.clusterRoleSelectors";
  if ((rule.clusterRoleSelectors ?? []).length === 0)
    return [required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")];
  return eachOf(rule.clusterRoleSelectors, path, validateLabelSelector);
}

export function validateRoleRef({ apiGroup, kind, name }: RoleRef, kinds: readonly string[]): Errors {
  return [
    ...(apiGroup === rbacGroup ? noErrors : [notSupported("roleRef.apiGroup", apiGroup, [rbacGroup])]),
    ...(kinds.includes(kind) ? noErrors : [notSupported("roleRef.kind", kind, kinds)]),
    ...(name === "" ? [required("roleRef.name")] : invalidForEach("roleRef.name", name, pathSegment(name))),
  ];
}

export function validateRoleRefUpdate(roleRef: RoleRef, old: RoleRef): Errors {
  const isSame = roleRef.apiGroup === old.apiGroup && roleRef.kind === old.kind && roleRef.name === old.name;
  return isSame ? noErrors : [invalid("roleRef", roleRef, "cannot change roleRef")];
}

export function validateSubjects(subjects: readonly Subject[] | undefined, scope: Scope): Errors {
  return eachOf(subjects, "subjects", (subject, path) => [
    ...(subject.name === "" ? [required(`${path}.name`)] : noErrors),
    ...validateSubjectKind(subject, path, scope),
  ]);
}

function validateSubjectKind(subject: Subject, path: string, { namespaced }: Scope): Errors {
  const { kind, name, namespace, apiGroup = "" } = subject;
  switch (kind) {
    case "ServiceAccount":
      return [
        ...(name === "" ? noErrors : invalidForEach(`${path}.name`, name, dns1123Subdomain(name))),
        ...(apiGroup === "" ? noErrors : [notSupported(`${path}.apiGroup`, apiGroup, [""])]),
        ...(namespaced || namespace !== undefined ? noErrors : [required(`${path}.namespace`)]),
      ];
    case "User":
    case "Group":
      return [
        ...(name === "" ? [invalid(`${path}.name`, name, `${kind.toLowerCase()} name cannot be empty`)] : noErrors),
        ...(apiGroup === rbacGroup ? noErrors : [notSupported(`${path}.apiGroup`, apiGroup, [rbacGroup])]),
      ];
    default:
      return [notSupported(`${path}.kind`, kind, ["ServiceAccount", "User", "Group"])];
  }
}
