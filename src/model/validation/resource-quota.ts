// The rules of ResourceQuotas.
// Source: pkg/apis/core/validation ValidateResourceQuota, pkg/apis/core/helper.
import { semanticEqual } from "../equality.ts";
import { invalid, notSupported, required } from "../field-error.ts";
import type { ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement } from "../resource-quota.ts";
import type { ResourceList } from "../resource-requirements.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors } from "./each.ts";
import { validateMetadata } from "./metadata.ts";
import { dns1123Subdomain } from "./names.ts";
import { isQuotaResource, validateResourceAmount, validateResourceName } from "./resources.ts";

const scopeNames = [
  "BestEffort",
  "CrossNamespacePodAffinity",
  "NotBestEffort",
  "NotTerminating",
  "PriorityClass",
  "Terminating",
];
const operators = ["DoesNotExist", "Exists", "In", "NotIn"];
const conflicts: readonly (readonly [string, string])[] = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
];

export function validateQuota({ metadata, spec }: ResourceQuota): Errors {
  return [
    ...validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }),
    ...validateQuotaAmounts(spec.hard, "spec.hard"),
    ...validateScopes(spec),
    ...eachOf(spec.scopeSelector?.matchExpressions, "spec.scopeSelector.matchExpressions", validateRequirement),
  ];
}

export function validateQuotaAmounts(amounts: ResourceList | undefined, path: string): Errors {
  return Object.entries(amounts ?? {}).flatMap(([name, amount]) => [
    ...validateQuotaName(name, `${path}[${name}]`),
    ...validateResourceAmount(name, amount, `${path}[${name}]`),
  ]);
}

function validateQuotaName(name: string, path: string): Errors {
  const errors = validateResourceName(name, path);
  if (name.includes("/") || isQuotaResource(name)) return errors;
  return [...errors, invalid(path, name, "must be a standard resource for quota")];
}

function validateScopes({ scopes = [] }: ResourceQuotaSpec): Errors {
  const unknown = scopes.some((scope) => !scopeNames.includes(scope));
  const conflicting = conflicts.some((pair) => pair.every((scope) => scopes.includes(scope)));
  return [
    ...(unknown ? [invalid("spec.scopes", scopes, "unsupported scope")] : noErrors),
    ...(conflicting ? [invalid("spec.scopes", scopes, "conflicting scopes")] : noErrors),
  ];
}

function validateRequirement(
  { scopeName, operator, values = [] }: ScopedResourceSelectorRequirement,
  path: string,
): Errors {
  const needsValues = operator === "In" || operator === "NotIn";
  return [
    ...(scopeNames.includes(scopeName) ? noErrors : [invalid(`${path}.scopeName`, scopeName, "unsupported scope")]),
    ...(operators.includes(operator) ? noErrors : [notSupported(`${path}.operator`, operator, operators)]),
    ...(needsValues && values.length === 0
      ? [required(`${path}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector")]
      : noErrors),
    ...(!needsValues && values.length > 0
      ? [
          invalid(
            `${path}.values`,
            values,
            "must be no value when `operator` is 'EXIST' or 'DOES_NOT_EXIST' for scope selector",
          ),
        ]
      : noErrors),
  ];
}

export function validateQuotaScopesUpdate(spec: ResourceQuotaSpec, old: ResourceQuotaSpec): Errors {
  const same = semanticEqual([...(spec.scopes ?? [])].toSorted(), [...(old.scopes ?? [])].toSorted());
  return same ? noErrors : [invalid("spec.scopes", spec.scopes, "field is immutable")];
}
