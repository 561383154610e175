// Single parameters of a query, read and refused as Go's conversions do.
// Source: apimachinery pkg/runtime converter.go.
import { ApiError } from "../model/api-error.ts";
import type { FieldError } from "../model/field-error.ts";

/** Null: not given. Throws BadRequest for what is no number. */
export function integerParameter(query: URLSearchParams, name: string): number | null {
  const given = query.get(name);
  if (given === null) return null;
  const shown = JSON.stringify(given);
  if (!/^[+-]?\d+$/.test(given)) throw new ApiError("BadRequest", `strconv.ParseInt: parsing ${shown}: invalid syntax`);
  const value = BigInt(given);
  if (value >= 2n ** 63n || value < -(2n ** 63n)) {
    throw new ApiError("BadRequest", `strconv.ParseInt: parsing ${shown}: value out of range`);
  }
  return Number(value);
}

/** What is wrong with `dryRun` values other than All, which upstream prints as Go writes them. */
export function unsupportedDryRun(given: readonly string[]): FieldError {
  const values = given.map((value) => JSON.stringify(value)).join(", ");
  const body = `Unsupported value: []string{${values}}: supported values: "All"`;
  return { type: "FieldValueNotSupported", field: "dryRun", body };
}

/** Null: not given. Everything but `false` and `0` is a yes. */
export function booleanParameter(query: URLSearchParams, name: string): boolean | null {
  const given = query.get(name);
  if (given === null) return null;
  return given !== "0" && given.toLowerCase() !== "false";
}
