// Which environment variables a container may have.
// Source: pkg/apis/core/validation ValidateEnv, ValidateEnvFrom, validateObjectFieldSelector.
import type { EnvFromSource, EnvVar } from "../env.ts";
import { invalid, invalidForEach, notSupported, required } from "../field-error.ts";
import { compareQuantities } from "../quantity.ts";
import type { ConfigMapKeySelector, ObjectFieldSelector, ResourceFieldSelector } from "../references.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors } from "./each.ts";
import { validateLabelName } from "./metadata.ts";
import { asPrefix, configMapKey, dns1123Subdomain, envVarName } from "./names.ts";

const envFieldPaths = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
const knownFieldPaths = [
  ...envFieldPaths,
  "metadata.annotations",
  "metadata.labels",
  "spec.restartPolicy",
  "spec.schedulerName",
  "spec.terminationGracePeriodSeconds",
  "spec.host",
  "status.phase",
];
const resourcePaths = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];
const hugePagesPath = /^(?:limits|requests)\.hugepages-/;
const byteDivisors = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

export function validateEnv(variables: readonly EnvVar[] | undefined, path: string): Errors {
  return eachOf(variables, path, (variable, variablePath) => [
    ...(variable.name === ""
      ? [required(`${variablePath}.name`)]
      : invalidForEach(`${variablePath}.name`, variable.name, envVarName(variable.name))),
    ...validateValueFrom(variable, `${variablePath}.valueFrom`),
  ]);
}

function validateValueFrom({ value, valueFrom }: EnvVar, path: string): Errors {
  if (valueFrom === undefined) return noErrors;
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom;
  const sources = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef].filter((source) => source !== undefined);
  return [
    ...(fieldRef === undefined ? [] : validateFieldSelector(fieldRef, envFieldPaths, `${path}.fieldRef`)),
    ...(resourceFieldRef === undefined
      ? []
      : validateResourceFieldSelector(resourceFieldRef, `${path}.resourceFieldRef`)),
    ...(configMapKeyRef === undefined ? [] : validateKeySelector(configMapKeyRef, `${path}.configMapKeyRef`)),
    ...(secretKeyRef === undefined ? [] : validateKeySelector(secretKeyRef, `${path}.secretKeyRef`)),
    ...validateOneSource(sources, value, path),
  ];
}

function validateOneSource(sources: readonly object[], value: string | undefined, path: string): Errors {
  if (sources.length === 0) {
    const choices = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
    return [invalid(path, "", `must specify one of: ${choices}`)];
  }
  if (value !== undefined) return [invalid(path, "", "may not be specified when `value` is not empty")];
  return sources.length > 1 ? [invalid(path, "", "may not have more than one field specified at a time")] : noErrors;
}

/** `fieldPaths` in alphabetical order. */
export function validateFieldSelector(
  { apiVersion, fieldPath }: ObjectFieldSelector,
  fieldPaths: readonly string[],
  path: string,
): Errors {
  if (apiVersion === "") return [required(`${path}.apiVersion`)];
  if (fieldPath === "") return [required(`${path}.fieldPath`)];
  const problem = conversionProblem(apiVersion, fieldPath);
  if (problem !== null) return [invalid(`${path}.fieldPath`, fieldPath, `error converting fieldPath: ${problem}`)];
  const { field, subscript } = splitSubscript(fieldPath);
  if (subscript !== null) {
    return validateLabelName(field === "metadata.annotations" ? subscript.toLowerCase() : subscript, path);
  }
  const internal = field === "spec.host" ? "spec.nodeName" : field;
  return fieldPaths.includes(internal) ? noErrors : [notSupported(`${path}.fieldPath`, internal, fieldPaths)];
}

function conversionProblem(apiVersion: string, fieldPath: string): string | null {
  if (apiVersion !== "v1") return `unsupported pod version: ${apiVersion}`;
  const { field, subscript } = splitSubscript(fieldPath);
  if (subscript === null) return knownFieldPaths.includes(field) ? null : `field label not supported: ${fieldPath}`;
  const subscriptable = field === "metadata.annotations" || field === "metadata.labels";
  return subscriptable ? null : `field label does not support subscript: ${fieldPath}`;
}

/** `metadata.labels['app']` is the field metadata.labels with the subscript app. */
function splitSubscript(fieldPath: string): { readonly field: string; readonly subscript: string | null } {
  const match = /^(.+?)\['(.*)'\]$/s.exec(fieldPath);
  return match === null ? { field: fieldPath, subscript: null } : { field: match[1] ?? "", subscript: match[2] ?? "" };
}

export function validateResourceFieldSelector({ resource, divisor }: ResourceFieldSelector, path: string): Errors {
  return [...validateResourcePath(resource, path), ...validateDivisor(resource, divisor, path)];
}

function validateResourcePath(resource: string, path: string): Errors {
  if (resource === "") return [required(`${path}.resource`)];
  if (resourcePaths.includes(resource) || hugePagesPath.test(resource)) return noErrors;
  return [notSupported(`${path}.resource`, resource, resourcePaths)];
}

function validateDivisor(resource: string, divisor: string, path: string): Errors {
  if (compareQuantities(divisor, "0") === 0) return noErrors;
  const wrong = (detail: string) => [invalid(`${path}.divisor`, resource, `only divisor's values ${detail}`)];
  if (resource.endsWith(".cpu")) {
    if (divisor === "1m" || divisor === "1") return noErrors;
    return wrong("1m and 1 are supported with the cpu resource");
  }
  if (byteDivisors.includes(divisor)) return noErrors;
  const supported = `${byteDivisors.join(", ")} are supported with the`;
  if (resource.endsWith(".memory")) return wrong(`${supported} memory resource`);
  if (resource.endsWith(".ephemeral-storage")) return wrong(`${supported} local ephemeral storage resource`);
  return hugePagesPath.test(resource) ? wrong(`${supported} hugepages resource`) : noErrors;
}

function validateKeySelector({ name = "", key }: ConfigMapKeySelector, path: string): Errors {
  return [
    ...invalidForEach(`${path}.name`, name, dns1123Subdomain(name)),
    ...(key === "" ? [required(`${path}.key`)] : invalidForEach(`${path}.key`, key, configMapKey(key))),
  ];
}

export function validateEnvFrom(sources: readonly EnvFromSource[] | undefined, path: string): Errors {
  return eachOf(sources, path, ({ prefix, configMapRef, secretRef }, sourcePath) => [
    ...(prefix === undefined ? [] : invalidForEach(`${sourcePath}.prefix`, prefix, envVarName(prefix))),
    ...(configMapRef === undefined ? [] : validateSourceName(configMapRef.name, `${sourcePath}.configMapRef.name`)),
    ...(secretRef === undefined ? [] : validateSourceName(secretRef.name, `${sourcePath}.secretRef.name`)),
    ...(configMapRef === undefined && secretRef === undefined
      ? [invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")]
      : []),
    ...(configMapRef !== undefined && secretRef !== undefined
      ? [invalid(path, "", "may not have more than one field specified at a time")]
      : []),
  ]);
}

/** Upstream checks these names as prefixes, so that they may end in a dash. */
function validateSourceName(name: string | undefined, path: string): Errors {
  if (name === undefined) return [required(path)];
  return invalidForEach(path, name, asPrefix(dns1123Subdomain)(name));
}
