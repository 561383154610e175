// How a patch that makes no sense is refused, in upstream's words and with upstream's codes: 400 for a body of the wrong
// form, 422 for operations that do not apply, 500 for what goes wrong in a strategic merge.
// Source: apimachinery pkg/util/mergepatch, apiserver pkg/endpoints/handlers (patch).

import { goJsonKind, goText } from "../../core/json.ts";
import { ApiError } from "../../model/api-error.ts";
import type { Json } from "../../model/fields.ts";

type Malformed =
  | "JSON document"
  | "patch format of primitive list"
  | "patch format of retainKeys"
  | "patch format of setElementOrder list";

/** A body that is not even a patch of its kind; `goType` is what upstream would decode it into. */
export function undecodable(value: Json, goType: string): ApiError {
  const kind = goJsonKind(value);
  return new ApiError(
    "BadRequest",
    `error decoding patch: json: cannot unmarshal ${kind} into Go value of type ${goType}`,
  );
}

/** A patch that does not apply. Upstream leaves it at this message; which part was at fault is told in a warning. */
export class RejectedPatch extends ApiError {
  /** Such as `patch[1]: path "/a" does not exist`. */
  readonly detail: string;

  constructor(field: string, problem: string) {
    super("Invalid", "the server rejected our request due to an error in our request", {});
    this.detail = `${field}: ${problem}`;
  }
}

export function malformed(what: Malformed): ApiError {
  return new ApiError("BadRequest", `invalid ${what}`);
}

export function unknownPatchType(directive: Json, element: Json): ApiError {
  const shown = directive === null ? "%!s(<nil>)" : goText(directive);
  return new ApiError("", `unknown patch type: ${shown} in map: ${goText(element)}`);
}

export function missingMergeKey(element: Json, mergeKey: string): ApiError {
  return new ApiError("", `map: ${goText(element)} does not contain declared merge key: ${mergeKey}`);
}

export function listExpected(received: Json): ApiError {
  return new ApiError("", `expected a []interface {}, but received a ${goType(received)}`);
}

export function mixedElements(lists: readonly Json[]): ApiError {
  return new ApiError("", `list element types are not identical: ${goText(lists)}`);
}

export function orderMismatch({ patch, order }: Record<"patch" | "order", readonly Json[]>): ApiError {
  return new ApiError(
    "",
    `The order in patch list:\n${goText(patch)}\n doesn't match $setElementOrder list:\n${goText(order)}\n`,
  );
}

function goType(value: Json): string {
  const kind = goJsonKind(value);
  if (kind === "null") return "%!s(<nil>)";
  if (kind === "array") return "[]interface {}";
  if (kind === "object") return "map[string]interface {}";
  if (kind === "number") return Number.isInteger(value) ? "int64" : "float64";
  return kind;
}
