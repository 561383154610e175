// Which taints a pod may tolerate, how it may be spread, and what may hold it back.
// Source: pkg/apis/core/validation ValidateTolerations, validateTopologySpreadConstraints, validateSchedulingGates.
import { duplicate, forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { PodSchedulingGate, TopologySpreadConstraint } from "../pod-spec.ts";
import type { Taint, Toleration } from "../taint.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors, repetitions } from "./each.ts";
import { validateLabelName, validateLabelSelector } from "./metadata.ts";
import { labelValue } from "./names.ts";

const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
const positive = "must be greater than zero";

export function validateTolerations(tolerations: readonly Toleration[] | undefined, path: string): Errors {
  return eachOf(tolerations, path, (toleration, tolerationPath) => [
    ...validateTolerationKey(toleration, tolerationPath),
    ...validateTolerationSeconds(toleration, `${tolerationPath}.effect`),
    ...validateTolerationValue(toleration, `${tolerationPath}.operator`),
    ...(toleration.effect === undefined ? [] : validateTaintEffect(toleration.effect, `${tolerationPath}.effect`)),
  ]);
}

function validateTolerationKey({ key, operator = "" }: Toleration, path: string): Errors {
  if (key !== undefined) return validateLabelName(key, `${path}.key`);
  if (operator === "Exists") return noErrors;
  const all = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
  return [invalid(`${path}.operator`, operator, all)];
}

function validateTolerationSeconds({ tolerationSeconds, effect = "" }: Toleration, path: string): Errors {
  if (tolerationSeconds === undefined || effect === "NoExecute") return noErrors;
  return [invalid(path, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")];
}

function validateTolerationValue({ operator = "Equal", value = "" }: Toleration, path: string): Errors {
  if (operator === "Exists") {
    return value === "" ? noErrors : [invalid(path, value, "value must be empty when `operator` is 'Exists'")];
  }
  if (operator !== "Equal") return [notSupported(path, operator, ["Equal", "Exists"])];
  const problems = labelValue(value);
  return problems.length === 0 ? noErrors : [invalid(path, value, problems.join(";"))];
}

function validateTaintEffect(effect: string, path: string): Errors {
  if (effect === "") return [required(path)];
  return taintEffects.includes(effect) ? noErrors : [notSupported(path, effect, taintEffects)];
}

/** Taints of a node: one for each key and effect. */
export function validateTaints(taints: readonly Taint[] | undefined, path: string): Errors {
  const isRepeated = repetitions();
  return eachOf(taints, path, (taint, taintPath) => {
    const { key, value = "", effect } = taint;
    const problems = labelValue(value);
    return [
      ...validateLabelName(key, `${taintPath}.key`),
      ...(problems.length === 0 ? [] : [invalid(`${taintPath}.value`, value, problems.join(";"))]),
      ...validateTaintEffect(effect, `${taintPath}.effect`),
      ...(isRepeated(`${effect} ${key}`)
        ? [duplicate(taintPath, taint, "taints must be unique by key and effect pair")]
        : []),
    ];
  });
}

export function validateSchedulingGates(gates: readonly PodSchedulingGate[] | undefined, path: string): Errors {
  const isRepeated = repetitions();
  return eachOf(gates, path, ({ name }, gatePath) => [
    ...validateLabelName(name, gatePath),
    ...(isRepeated(name) ? [duplicate(gatePath, name)] : []),
  ]);
}

export function validateSpread(constraints: readonly TopologySpreadConstraint[] | undefined, path: string): Errors {
  return eachOf(constraints, path, (constraint, constraintPath, index) => {
    const { maxSkew, topologyKey, whenUnsatisfiable, labelSelector } = constraint;
    const repeated = (constraints ?? [])
      .slice(index + 1)
      .some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable);
    const pair = `${constraintPath}.{topologyKey, whenUnsatisfiable}`;
    return [
      ...(maxSkew > 0 ? [] : [invalid(`${constraintPath}.maxSkew`, maxSkew, positive)]),
      ...(topologyKey === "" ? [required(`${constraintPath}.topologyKey`, "can not be empty")] : []),
      ...validateSpreadAction(whenUnsatisfiable, `${constraintPath}.whenUnsatisfiable`),
      ...(repeated ? [duplicate(pair, `{${topologyKey}, ${whenUnsatisfiable}}`)] : []),
      ...validateMinDomains(constraint, `${constraintPath}.minDomains`),
      ...validateInclusion(constraint.nodeAffinityPolicy, `${constraintPath}.nodeAffinityPolicy`),
      ...validateInclusion(constraint.nodeTaintsPolicy, `${constraintPath}.nodeTaintsPolicy`),
      ...validateSpreadKeys(constraint, `${constraintPath}.matchLabelKeys`),
      ...validateLabelSelector(labelSelector, `${constraintPath}.labelSelector`),
    ];
  });
}

function validateSpreadAction(action: string, path: string): Errors {
  const actions = ["DoNotSchedule", "ScheduleAnyway"];
  return actions.includes(action) ? noErrors : [notSupported(path, action, actions)];
}

function validateMinDomains({ minDomains, whenUnsatisfiable }: TopologySpreadConstraint, path: string): Errors {
  if (minDomains === undefined) return noErrors;
  const only = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
  return [
    ...(minDomains > 0 ? [] : [invalid(path, minDomains, positive)]),
    ...(whenUnsatisfiable === "DoNotSchedule" ? [] : [invalid(path, minDomains, only)]),
  ];
}

function validateInclusion(policy: string | undefined, path: string): Errors {
  const policies = ["Honor", "Ignore"];
  return policy === undefined || policies.includes(policy) ? noErrors : [notSupported(path, policy, policies)];
}

function validateSpreadKeys({ matchLabelKeys, labelSelector }: TopologySpreadConstraint, path: string): Errors {
  if (matchLabelKeys === undefined) return noErrors;
  const selected = new Set([
    ...Object.keys(labelSelector?.matchLabels ?? {}),
    ...(labelSelector?.matchExpressions ?? []).map(({ key }) => key),
  ]);
  return [
    ...(labelSelector === undefined ? [forbidden(path, "must not be specified when labelSelector is not set")] : []),
    ...eachOf(matchLabelKeys, path, (key, keyPath) => [
      ...validateLabelName(key, keyPath),
      ...(selected.has(key) ? [invalid(keyPath, key, "exists in both matchLabelKeys and labelSelector")] : []),
    ]),
  ];
}
