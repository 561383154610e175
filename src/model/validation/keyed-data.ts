// The rules that ConfigMaps and Secrets share.
// Source: pkg/apis/core/validation ValidateConfigMap, ValidateSecretUpdate.
import { semanticEqual } from "../equality.ts";
import { forbidden, invalidForEach } from "../field-error.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import { configMapKey } from "./names.ts";

export function validateKey(key: string, path: string): Errors {
  return invalidForEach(`${path}[${key}]`, key, configMapKey(key));
}

/** Objects that say they are immutable stay so, with the contents that `fields` name. */
export function validateImmutability<T extends { readonly immutable?: boolean | undefined }>(
  object: T,
  old: T,
  fields: readonly (keyof T & string)[],
): Errors {
  if (old.immutable !== true) return noErrors;
  const why = "field is immutable when `immutable` is set";
  const changed = fields.filter((field) => !semanticEqual(object[field], old[field]));
  return [...(object.immutable === true ? [] : ["immutable"]), ...changed].map((field) => forbidden(field, why));
}
