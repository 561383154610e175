// What the query of a write asks for, checked.
// Source: apimachinery metav1 CreateOptions, UpdateOptions, PatchOptions and their validation.
import { invalidError } from "../model/api-error.ts";
import type { FieldError } from "../model/field-error.ts";
import { forbidden, invalid, notSupported, required, tooLong } from "../model/field-error.ts";
import { fieldManagerBytes } from "../model/limits.ts";
import { utf8Length } from "../model/utf8.ts";
import { unsupportedDryRun } from "./parameters.ts";

type FieldValidation = "Strict" | "Warn" | "Ignore";

export type WriteOptions = { readonly dryRun: boolean; readonly fieldValidation: FieldValidation };

const fieldValidations = ["Ignore", "Warn", "Strict"] as const;

/** `kind` names the options in errors. */
export function writeOptions(query: URLSearchParams, kind: "CreateOptions" | "UpdateOptions"): WriteOptions {
  return checkedOptions(query, kind, []);
}

/** `force`: of server-side apply, which also has to say who applies. */
export function patchOptions(
  query: URLSearchParams,
  { isApply }: { readonly isApply: boolean },
): WriteOptions & { readonly force: boolean } {
  const force = query.get("force");
  const isNameless = (query.get("fieldManager") ?? "") === "";
  const errors = [
    ...(force !== null && !isApply ? [forbidden("force", "may not be specified for non-apply patch")] : []),
    ...(isApply && isNameless ? [required("fieldManager", "is required for apply patch")] : []),
  ];
  return {
    ...checkedOptions(query, "PatchOptions", errors),
    force: force !== null && !["0", "false"].includes(force.toLowerCase()),
  };
}

function checkedOptions(query: URLSearchParams, kind: string, errors: readonly FieldError[]): WriteOptions {
  const dryRun = query.getAll("dryRun").filter((value) => value !== "");
  const given = query.get("fieldValidation") || "Warn";
  const fieldValidation = fieldValidations.find((value) => value === given);
  const problems = [
    ...errors,
    ...validateFieldManager(query.get("fieldManager") ?? "", "fieldManager"),
    ...(dryRun.some((value) => value !== "All") ? [unsupportedDryRun(dryRun)] : []),
    ...(fieldValidation === undefined
      ? [notSupported("fieldValidation", given, ["", "Ignore", "Strict", "Warn"])]
      : []),
  ];
  if (problems.length > 0 || fieldValidation === undefined) {
    throw invalidError({ group: "meta.k8s.io", plural: "", kind }, "", problems);
  }
  return { dryRun: dryRun.length > 0, fieldValidation };
}

function validateFieldManager(manager: string, path: string): readonly FieldError[] {
  const unprintable = [...manager].flatMap((character, index, all) =>
    isPrintable(character) ? [] : [{ character, at: utf8Length(all.slice(0, index).join("")) }],
  );
  return [
    ...(utf8Length(manager) > fieldManagerBytes ? [tooLong(path, fieldManagerBytes)] : []),
    ...unprintable.map(({ character, at }) =>
      invalid(path, manager, `invalid character ${codePoint(character)} (at position ${at})`),
    ),
  ];
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** As Go's unicode.IsPrint has it: letters, marks, numbers, punctuation, symbols and the common blank. */
export function isPrintable(character: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character);
}
