// Single parameters of a query, read and refused as Go's conversions do.
// Source: apimachinery pkg/runtime converter.go.
import { ApiError } from "../model/api-error.ts";

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

/** Null: not given. Everything but `false` and `0` is a yes. */
export function booleanParameter(query: URLSearchParams, name: string): boolean | null {
  const given = query.get(name);
  if (given === null) return null;
  return given !== "0" && given.toLowerCase() !== "false";
}
