// One thing wrong with one field, worded as Kubernetes words it.
// Source: apimachinery pkg/util/validation/field.

export type FieldErrorType =
  | "FieldValueInvalid"
  | "FieldValueRequired"
  | "FieldValueNotSupported"
  | "FieldValueForbidden"
  | "FieldValueDuplicate"
  | "FieldValueNotFound"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "FieldValueTypeInvalid"
  | "InternalError";

export type FieldError = {
  readonly type: FieldErrorType;
  /** Path such as `spec.template.spec.containers[0].name`. */
  readonly field: string;
  /** `Invalid value: "x": must be ...`: the text without the path. */
  readonly body: string;
};

const titles: Readonly<Record<FieldErrorType, string>> = {
  FieldValueInvalid: "Invalid value",
  FieldValueRequired: "Required value",
  FieldValueNotSupported: "Unsupported value",
  FieldValueForbidden: "Forbidden",
  FieldValueDuplicate: "Duplicate value",
  FieldValueNotFound: "Not found",
  FieldValueTooLong: "Too long",
  FieldValueTooMany: "Too many",
  FieldValueTypeInvalid: "Invalid value",
  InternalError: "Internal error",
};

/** A value as error messages print it: strings quoted, numbers and booleans plain, anything else as JSON. */
function printValue(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (value === undefined || value === null) return "null";
  return JSON.stringify(value);
}

function error(type: FieldErrorType, field: string, value: string | null, detail: string): FieldError {
  const parts = [titles[type], value, detail].filter((part) => part !== null && part !== "");
  return { type, field, body: parts.join(": ") };
}

export function invalid(field: string, value: unknown, detail: string): FieldError {
  return error("FieldValueInvalid", field, printValue(value), detail);
}

/** One error for each thing that is wrong with the value. */
export function invalidForEach(field: string, value: unknown, problems: readonly string[]): readonly FieldError[] {
  return problems.map((problem) => invalid(field, value, problem));
}

export function required(field: string, detail = ""): FieldError {
  return error("FieldValueRequired", field, null, detail);
}

export function forbidden(field: string, detail: string): FieldError {
  return error("FieldValueForbidden", field, null, detail);
}

export function duplicate(field: string, value: unknown, detail = ""): FieldError {
  return error("FieldValueDuplicate", field, printValue(value), detail);
}

export function notFound(field: string, value: unknown, detail = ""): FieldError {
  return error("FieldValueNotFound", field, printValue(value), detail);
}

/** `supported` in the order upstream lists them for this field. */
export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const detail =
    supported.length === 0 ? "" : `supported values: ${supported.map((v) => JSON.stringify(v)).join(", ")}`;
  return error("FieldValueNotSupported", field, printValue(value), detail);
}

/** `maxLength` in bytes. */
export function tooLong(field: string, maxLength: number): FieldError {
  return error("FieldValueTooLong", field, null, `may not be more than ${maxLength} byte${maxLength === 1 ? "" : "s"}`);
}

export function typeInvalid(field: string, value: unknown, detail: string): FieldError {
  return error("FieldValueTypeInvalid", field, printValue(value), detail);
}

export function tooMany(field: string, count: number, most: number): FieldError {
  return error("FieldValueTooMany", field, String(count), `must have at most ${most} item${most === 1 ? "" : "s"}`);
}

/** The error as one line: path, then text. */
export function fieldErrorText(fieldError: FieldError): string {
  return `${fieldError.field}: ${fieldError.body}`;
}
