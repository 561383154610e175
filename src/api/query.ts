// What the query of a write asks for, checked.
// Source: apimachinery metav1 CreateOptions, UpdateOptions, PatchOptions and their validation.
import { invalidError } from "../model/api-error.ts";
import { invalid, notSupported } from "../model/field-error.ts";
import { fieldManagerBytes } from "../model/limits.ts";

type FieldValidation = "Strict" | "Warn" | "Ignore";

export type WriteOptions = { readonly dryRun: boolean; readonly fieldValidation: FieldValidation };

const fieldValidations = ["Ignore", "Warn", "Strict"] as const;

/** `kind` names the options in errors: CreateOptions, UpdateOptions, PatchOptions. */
export function writeOptions(query: URLSearchParams, kind: string): WriteOptions {
  const options = { group: "meta.k8s.io", plural: "", kind };
  const dryRun = query.getAll("dryRun").filter((value) => value !== "");
  const bad = dryRun.find((value) => value !== "All");
  if (bad !== undefined) throw invalidError(options, "", [notSupported("dryRun", dryRun, ["All"])]);
  const manager = query.get("fieldManager") ?? "";
  if (manager.length > fieldManagerBytes) {
    throw invalidError(options, "", [
      invalid("fieldManager", manager, `must be no more than ${fieldManagerBytes} characters`),
    ]);
  }
  const given = query.get("fieldValidation") ?? "Warn";
  const fieldValidation = fieldValidations.find((value) => value === (given === "" ? "Warn" : given));
  if (fieldValidation === undefined) {
    throw invalidError(options, "", [notSupported("fieldValidation", given, ["Ignore", "Strict", "Warn"])]);
  }
  return { dryRun: dryRun.length > 0, fieldValidation };
}
