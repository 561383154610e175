// The rules of conditions.
// Source: apimachinery pkg/apis/meta/v1/validation ValidateConditions.
import type { Condition } from "../condition.ts";
import { duplicate, invalidForEach, notSupported, required, tooLong } from "../field-error.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors, repetitions } from "./each.ts";
import { validateLabelName, validateNotNegative } from "./metadata.ts";

const statuses = ["False", "True", "Unknown"];
const reasonFormat = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?";
const reasonPattern = new RegExp(`^${reasonFormat}$`);
const reasonCharacters = 1_024;
const messageCharacters = 32_768;

export function validateConditions(conditions: readonly Condition[] | undefined, path: string): Errors {
  const isRepeated = repetitions();
  return eachOf(conditions, path, (condition, at) => [
    ...(isRepeated(condition.type) ? [duplicate(`${at}.type`, condition.type)] : noErrors),
    ...validateCondition(condition, at),
  ]);
}

function validateCondition(condition: Condition, path: string): Errors {
  const { type, status, reason, message, lastTransitionTime } = condition;
  return [
    ...(type === "" ? [required(`${path}.type`, "must be set")] : validateLabelName(type, `${path}.type`)),
    ...(statuses.includes(status) ? noErrors : [notSupported(`${path}.status`, status, statuses)]),
    ...validateNotNegative(condition.observedGeneration, `${path}.observedGeneration`),
    ...(lastTransitionTime ? noErrors : [required(`${path}.lastTransitionTime`, "must be set")]),
    ...validateReason(reason, `${path}.reason`),
    ...(message.length > messageCharacters ? [tooLong(`${path}.message`, messageCharacters)] : noErrors),
  ];
}

function validateReason(reason: string, path: string): Errors {
  if (reason === "") return [required(path, "must be set")];
  if (reason.length > reasonCharacters) return [tooLong(path, reasonCharacters)];
  if (reasonPattern.test(reason)) return noErrors;
  const why =
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
  const examples = "(e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', ";
  return invalidForEach(path, reason, [`${why} ${examples}regex used for validation is '${reasonFormat}')`]);
}
