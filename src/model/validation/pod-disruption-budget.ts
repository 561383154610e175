// The rules of PodDisruptionBudgets.
// Source: pkg/apis/policy/validation.
import { invalid, notSupported } from "../field-error.ts";
import type { IntOrString } from "../fields.ts";
import type {
  PodDisruptionBudget,
  PodDisruptionBudgetSpec,
  PodDisruptionBudgetStatus,
} from "../pod-disruption-budget.ts";
import { validateConditions } from "./conditions.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import { validateAtMost100Percent, validateCount } from "./int-or-percent.ts";
import { validateLabelSelector, validateMetadata, validateNotNegative } from "./metadata.ts";
import { pathSegment } from "./names.ts";

const evictionPolicies = ["AlwaysAllow", "IfHealthyBudget"];

export function validateDisruptionBudget({ metadata, spec }: PodDisruptionBudget): Errors {
  const { minAvailable, maxUnavailable, unhealthyPodEvictionPolicy: eviction } = spec;
  return [
    ...validateMetadata(metadata, { namespaced: true, name: pathSegment }),
    ...(minAvailable !== undefined && maxUnavailable !== undefined
      ? [invalid("spec", internalForm(spec), "minAvailable and maxUnavailable cannot be both set")]
      : noErrors),
    ...validateAmount(minAvailable, "spec.minAvailable"),
    ...validateAmount(maxUnavailable, "spec.maxUnavailable"),
    ...(eviction === undefined || evictionPolicies.includes(eviction)
      ? noErrors
      : [notSupported("spec.unhealthyPodEvictionPolicy", eviction, evictionPolicies)]),
    ...validateLabelSelector(spec.selector, "spec.selector"),
  ];
}

/** Upstream prints its internal form of the spec. */
function internalForm({ minAvailable, selector, maxUnavailable, ...spec }: PodDisruptionBudgetSpec) {
  return {
    MinAvailable: minAvailable ?? null,
    Selector: selector ?? null,
    MaxUnavailable: maxUnavailable ?? null,
    UnhealthyPodEvictionPolicy: spec.unhealthyPodEvictionPolicy ?? null,
  };
}

function validateAmount(amount: IntOrString | undefined, path: string): Errors {
  if (amount === undefined) return noErrors;
  return [...validateCount(amount, path), ...validateAtMost100Percent(amount, path)];
}

const counters = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const;

export function validateDisruptionBudgetStatus(status: PodDisruptionBudgetStatus): Errors {
  return [
    ...validateConditions(status.conditions, "status.conditions"),
    ...counters.flatMap((counter) => validateNotNegative(status[counter], `status.${counter}`)),
  ];
}
