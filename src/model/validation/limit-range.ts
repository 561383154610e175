// The rules of LimitRanges.
// Source: pkg/apis/core/validation ValidateLimitRange.
import { duplicate, forbidden, invalid, invalidForEach, required } from "../field-error.ts";
import type { LimitRange, LimitRangeItem } from "../limit-range.ts";
import { compareQuantities } from "../quantity.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors, repetitions } from "./each.ts";
import { validateMetadata } from "./metadata.ts";
import { dns1123Subdomain, qualifiedName } from "./names.ts";
import { validateResourceAmount, validateResourceName } from "./resources.ts";

const types = ["Pod", "Container", "PersistentVolumeClaim"];

export function validateLimitRange({ metadata, spec }: LimitRange): Errors {
  const isRepeated = repetitions();
  return [
    ...validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }),
    ...eachOf(spec.limits ?? [], "spec.limits", (item, path) => [
      ...validateType(item.type, `${path}.type`),
      ...(isRepeated(item.type) ? [duplicate(`${path}.type`, item.type)] : noErrors),
      ...validateOfType(item, path),
      ...validateAmounts(item, path),
      ...validateBounds(item, path),
    ]),
  ];
}

function validateType(type: string, path: string): Errors {
  const problems = qualifiedName(type);
  if (problems.length > 0) return invalidForEach(path, type, problems);
  if (type.includes("/") || types.includes(type)) return noErrors;
  return [invalid(path, type, "must be a standard limit type or fully qualified")];
}

function validateOfType({ type, min, max, default: limit, defaultRequest }: LimitRangeItem, path: string): Errors {
  if (type === "PersistentVolumeClaim" && min?.["storage"] === undefined && max?.["storage"] === undefined) {
    return [
      required(`${path}.limits`, "either minimum or maximum storage value is required, but neither was provided"),
    ];
  }
  if (type !== "Pod") return noErrors;
  const why = "may not be specified when `type` is 'Pod'";
  return [
    ...(limit === undefined ? noErrors : [forbidden(`${path}.default`, why)]),
    ...(defaultRequest === undefined ? noErrors : [forbidden(`${path}.defaultRequest`, why)]),
  ];
}

const amountFields = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const;

function validateAmounts(item: LimitRangeItem, path: string): Errors {
  return amountFields.flatMap((field) =>
    Object.entries(item[field] ?? {}).flatMap(([name, amount]) => [
      ...validateResourceName(name, `${path}.${field}[${name}]`),
      ...validateResourceAmount(name, amount, `${path}.${field}[${name}]`),
    ]),
  );
}

/** Each pair: what may not be more than what, where the error stands, and what upstream calls the two. */
const orders = [
  ["min", "max", "min", "min value", "max value"],
  ["min", "defaultRequest", "defaultRequest", "min value", "default request value"],
  ["defaultRequest", "max", "defaultRequest", "default request value", "max value"],
  ["defaultRequest", "default", "defaultRequest", "default request value", "default limit value"],
  ["min", "default", "default", "min value", "default value"],
  ["default", "max", "default", "default value", "max value"],
] as const;

function validateBounds(item: LimitRangeItem, path: string): Errors {
  const names = new Set(amountFields.flatMap((field) => Object.keys(item[field] ?? {})));
  return [...names].flatMap((name) => [
    ...orders.flatMap(([small, large, at, smallText, largeText]) => {
      const [low, high, shown] = [item[small]?.[name], item[large]?.[name], item[at]?.[name]];
      if (low === undefined || high === undefined || compareQuantities(low, high) <= 0) return noErrors;
      return [invalid(`${path}.${at}[${name}]`, shown, `${smallText} ${low} is greater than ${largeText} ${high}`)];
    }),
    ...validateRatio(item.maxLimitRequestRatio?.[name], `${path}.maxLimitRequestRatio[${name}]`),
  ]);
}

function validateRatio(ratio: string | undefined, path: string): Errors {
  if (ratio === undefined || compareQuantities(ratio, "1") >= 0) return noErrors;
  return [invalid(path, ratio, `ratio ${ratio} is less than 1`)];
}
