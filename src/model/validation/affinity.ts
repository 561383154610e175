// Which nodes and neighbours a pod may ask for.
// Source: pkg/apis/core/validation validateNodeAffinity, validatePodAffinity.
import type {
  Affinity,
  NodeAffinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
} from "../affinity.ts";
import { forbidden, invalid, invalidForEach, required } from "../field-error.ts";
import type { LabelSelector } from "../meta.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors } from "./each.ts";
import { validateLabelName, validateLabelSelector, validateOperator } from "./metadata.ts";
import { dns1123Label, dns1123Subdomain, labelValue } from "./names.ts";

const highestWeight = 100;

export function validateAffinity(affinity: Affinity | undefined, path: string): Errors {
  if (affinity === undefined) return noErrors;
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  return [
    ...(nodeAffinity === undefined ? [] : validateNodeAffinity(nodeAffinity, `${path}.nodeAffinity`)),
    ...(podAffinity === undefined ? [] : validatePodAffinity(podAffinity, `${path}.podAffinity`)),
    ...(podAntiAffinity === undefined ? [] : validatePodAffinity(podAntiAffinity, `${path}.podAntiAffinity`)),
  ];
}

function validateNodeAffinity(affinity: NodeAffinity, path: string): Errors {
  const { requiredDuringSchedulingIgnoredDuringExecution: needed } = affinity;
  return [
    ...(needed === undefined
      ? []
      : validateNodeSelector(needed, `${path}.requiredDuringSchedulingIgnoredDuringExecution`)),
    ...eachOf(
      affinity.preferredDuringSchedulingIgnoredDuringExecution,
      `${path}.preferredDuringSchedulingIgnoredDuringExecution`,
      ({ weight, preference }, termPath) => [
        ...validateWeight(weight, `${termPath}.weight`),
        // A preference that no node can meet does no harm, so its values are not looked at.
        ...validateTerm(preference, `${termPath}.preference`, { checkValues: false }),
      ],
    ),
  ];
}

function validateWeight(weight: number, path: string): Errors {
  return weight >= 1 && weight <= highestWeight ? noErrors : [invalid(path, weight, "must be in the range 1-100")];
}

export function validateNodeSelector({ nodeSelectorTerms }: NodeSelector, path: string): Errors {
  const terms = `${path}.nodeSelectorTerms`;
  if (nodeSelectorTerms.length === 0) return [required(terms, "must have at least one node selector term")];
  return eachOf(nodeSelectorTerms, terms, (term, termPath) => validateTerm(term, termPath, { checkValues: true }));
}

function validateTerm(
  { matchExpressions, matchFields }: NodeSelectorTerm,
  path: string,
  { checkValues }: { readonly checkValues: boolean },
): Errors {
  return [
    ...eachOf(matchExpressions, `${path}.matchExpressions`, (requirement, requirementPath) => [
      ...validateNodeOperator(requirement, requirementPath),
      ...validateLabelName(requirement.key, `${requirementPath}.key`),
      ...(checkValues ? validateValues(requirement, `${requirementPath}.values`) : []),
    ]),
    ...eachOf(matchFields, `${path}.matchFields`, validateFieldRequirement),
  ];
}

function validateNodeOperator(requirement: NodeSelectorRequirement, path: string): Errors {
  const { operator, values = [] } = requirement;
  if (operator !== "Gt" && operator !== "Lt") return validateOperator(requirement, path);
  if (values.length === 1) return noErrors;
  return [required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
}

function validateValues({ values }: NodeSelectorRequirement, path: string): Errors {
  return eachOf(values, path, (value, valuePath) => invalidForEach(valuePath, value, labelValue(value)));
}

/** Of a node's fields, only its name can be asked for. */
function validateFieldRequirement({ key, operator, values = [] }: NodeSelectorRequirement, path: string): Errors {
  const single = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
  const known = operator === "In" || operator === "NotIn";
  return [
    ...(known && values.length !== 1 ? [required(`${path}.values`, single)] : []),
    ...(known ? [] : [invalid(`${path}.operator`, operator, "not a valid selector operator")]),
    ...(key === "metadata.name"
      ? eachOf(values, `${path}.values`, (value, valuePath) =>
          invalidForEach(valuePath, value, dns1123Subdomain(value)),
        )
      : [invalid(`${path}.key`, key, "not a valid field selector key")]),
  ];
}

function validatePodAffinity(affinity: PodAffinity, path: string): Errors {
  return [
    ...eachOf(
      affinity.requiredDuringSchedulingIgnoredDuringExecution,
      `${path}.requiredDuringSchedulingIgnoredDuringExecution`,
      validatePodAffinityTerm,
    ),
    ...eachOf(
      affinity.preferredDuringSchedulingIgnoredDuringExecution,
      `${path}.preferredDuringSchedulingIgnoredDuringExecution`,
      ({ weight, podAffinityTerm }, termPath) => [
        ...validateWeight(weight, `${termPath}.weight`),
        ...validatePodAffinityTerm(podAffinityTerm, `${termPath}.podAffinityTerm`),
      ],
    ),
  ];
}

function validatePodAffinityTerm(term: PodAffinityTerm, path: string): Errors {
  const { topologyKey } = term;
  return [
    ...validateLabelSelector(term.labelSelector, `${path}.labelSelector`),
    ...validateLabelSelector(term.namespaceSelector, `${path}.namespaceSelector`),
    ...(term.namespaces ?? []).flatMap((name) => invalidForEach(`${path}.namespace`, name, dns1123Label(name))),
    ...validateMatchKeys(term, path),
    ...(topologyKey === "" ? [required(`${path}.topologyKey`, "can not be empty")] : []),
    ...validateLabelName(topologyKey, `${path}.topologyKey`),
  ];
}

/** Keys whose values are taken from the pod's own labels. */
function validateMatchKeys(term: PodAffinityTerm, path: string): Errors {
  const { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector } = term;
  return [
    ...validateLabelKeys(matchLabelKeys, labelSelector, `${path}.matchLabelKeys`),
    ...validateLabelKeys(mismatchLabelKeys, labelSelector, `${path}.mismatchLabelKeys`),
    ...validateKeysUnselected(matchLabelKeys, labelSelector, path),
    ...eachOf(matchLabelKeys, `${path}.matchLabelKeys`, (key, keyPath) =>
      mismatchLabelKeys.includes(key)
        ? [invalid(keyPath, key, "exists in both matchLabelKeys and mismatchLabelKeys")]
        : noErrors,
    ),
  ];
}

function validateLabelKeys(keys: readonly string[], selector: LabelSelector | undefined, path: string): Errors {
  if (keys.length === 0) return noErrors;
  if (selector === undefined) return [forbidden(path, "must not be specified when labelSelector is not set")];
  return eachOf(keys, path, validateLabelName);
}

function validateKeysUnselected(keys: readonly string[], selector: LabelSelector | undefined, path: string): Errors {
  const selected = new Set(Object.keys(selector?.matchLabels ?? {}));
  return (selector?.matchExpressions ?? []).flatMap(({ key }) => {
    const index = keys.lastIndexOf(key);
    const both = index >= 0 && selected.has(key);
    selected.add(key);
    return both ? [invalid(`${path}[${index}]`, key, "exists in both matchLabelKeys and labelSelector")] : noErrors;
  });
}
