// What the query of a log's read asks for, checked.
// Source: k8s.io/api core/v1 PodLogOptions, pkg/apis/core/validation ValidatePodLogOptions.
import { ApiError, invalidError } from "../../model/api-error.ts";
import { forbidden, invalid } from "../../model/field-error.ts";
import type { SessionWish } from "../../sync/messages.ts";
import { booleanParameter, integerParameter } from "../parameters.ts";

const resource = { group: "", plural: "pods", kind: "PodLogOptions" } as const;

/** Throws BadRequest and Invalid. */
export function logWish(query: URLSearchParams, pod: string): Extract<SessionWish, { kind: "log" }> {
  const sinceSeconds = integerParameter(query, "sinceSeconds");
  const sinceTime = timeParameter(query, "sinceTime");
  const tailLines = integerParameter(query, "tailLines");
  const limitBytes = integerParameter(query, "limitBytes");
  const isTwice = sinceSeconds !== null && sinceTime !== null;
  const errors = [
    ...(tailLines !== null && tailLines < 0
      ? [invalid("tailLines", tailLines, "must be greater than or equal to 0")]
      : []),
    ...(limitBytes !== null && limitBytes < 1 ? [invalid("limitBytes", limitBytes, "must be greater than 0")] : []),
    ...(isTwice ? [forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified")] : []),
    ...(!isTwice && sinceSeconds !== null && sinceSeconds < 1
      ? [invalid("sinceSeconds", sinceSeconds, "must be greater than 0")]
      : []),
  ];
  if (errors.length > 0) throw invalidError(resource, pod, errors);
  return {
    kind: "log",
    follow: booleanParameter(query, "follow") ?? false,
    previous: booleanParameter(query, "previous") ?? false,
    timestamps: booleanParameter(query, "timestamps") ?? false,
    ...(sinceSeconds === null ? {} : { sinceSeconds }),
    ...(sinceTime === null ? {} : { sinceTime }),
    ...(tailLines === null ? {} : { tailLines }),
    ...(limitBytes === null ? {} : { limitBytes }),
  };
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Null: not given. */
function timeParameter(query: URLSearchParams, name: string): string | null {
  const given = query.get(name) ?? "";
  if (given === "" || given === "null") return null;
  if (instant.test(given) && !Number.isNaN(Date.parse(given))) return given;
  const shown = JSON.stringify(given);
  throw new ApiError("BadRequest", `parsing time ${shown} as "2006-01-02T15:04:05Z07:00": cannot parse ${shown}`);
}
