// Which numbers and percentages say how many of some pods are meant.
// Source: pkg/apis/apps/validation ValidatePositiveIntOrPercent, IsNotMoreThan100Percent.
import { invalid, invalidForEach } from "../field-error.ts";
import type { IntOrString } from "../fields.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import { notNegative } from "./metadata.ts";
import { percent } from "./names.ts";

/** The number of a percentage or the number itself; text that is no percentage counts as 0. */
export function leadingNumber(value: IntOrString): number {
  if (typeof value === "number") return value;
  return percent(value).length === 0 ? Number(value.slice(0, -1)) : 0;
}

export function validateCount(value: IntOrString, path: string): Errors {
  if (typeof value === "string") return invalidForEach(path, value, percent(value));
  return value < 0 ? [invalid(path, value, notNegative)] : noErrors;
}

export function validateAtMost100Percent(value: IntOrString, path: string): Errors {
  if (typeof value === "number" || leadingNumber(value) <= 100) return noErrors;
  return [invalid(path, value, "must not be greater than 100%")];
}
