// What the query of a request asks for, checked.
// Source: apimachinery metav1 ListOptions, CreateOptions; apiserver validation of options.
import { ApiError, invalidError } from "../model/api-error.ts";
import { invalid, notSupported } from "../model/field-error.ts";
import type { FieldQuery } from "../model/field-query.ts";
import { parseFieldQuery } from "../model/field-query.ts";
import type { LabelQuery } from "../model/label-query.ts";
import { parseLabelQuery } from "../model/label-query.ts";
import { fieldManagerBytes } from "../model/limits.ts";
import type { Resource } from "../model/resource.ts";
import type { Place } from "./storage.ts";

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

export type ListOptions = {
  readonly labels: LabelQuery;
  readonly fields: FieldQuery;
  /** 0: no limit. */
  readonly limit: number;
  readonly continueAt: Continuation | null;
  /** Null: the client did not say. */
  readonly resourceVersion: number | null;
};

export function listOptions(query: URLSearchParams, resource: Resource): ListOptions {
  const resourceVersion = resourceVersionOf(query);
  const token = query.get("continue") ?? "";
  // A list of what any cache holds comes whole.
  const limit = resourceVersion === 0 ? 0 : integer(query.get("limit"), "limit");
  return {
    labels: parseLabelQuery(query.get("labelSelector") ?? ""),
    fields: knownFields(parseFieldQuery(query.get("fieldSelector") ?? ""), resource),
    limit,
    continueAt: token === "" ? null : readContinuation(token),
    resourceVersion,
  };
}

function resourceVersionOf(query: URLSearchParams): number | null {
  const given = query.get("resourceVersion") ?? "";
  if (given === "") return null;
  if (!/^\d{1,16}$/.test(given)) {
    throw new ApiError("BadRequest", `resourceVersion: Invalid value: ${JSON.stringify(given)}: must be a number`);
  }
  return Number(given);
}

function integer(given: string | null, name: string): number {
  if (given === null || given === "") return 0;
  if (!/^\d{1,15}$/.test(given))
    throw new ApiError("BadRequest", `${name}: invalid value ${JSON.stringify(given)}: must be a number`);
  return Number(given);
}

/** What the fields of every kind are; the kind's own come from an object of it. */
const commonFields = ["metadata.name", "metadata.namespace"] as const;

function knownFields(query: FieldQuery, resource: Resource): FieldQuery {
  const known: ReadonlySet<string> = new Set([...commonFields, ...resource.selectableFieldNames]);
  const unknown = query.find(({ field }) => !known.has(field));
  if (unknown === undefined) return query;
  if (resource.group === "") throw new ApiError("BadRequest", `field label not supported: ${unknown.field}`);
  const names = [...known].map((name) => JSON.stringify(name)).join(", ");
  throw new ApiError("BadRequest", `${JSON.stringify(unknown.field)} is not a known field selector: only ${names}`);
}

/** Where a list goes on, and the resourceVersion of its first page. */
export type Continuation = { readonly rv: number; readonly after: Place };

export function continuationToken({ rv, after }: Continuation): string {
  const text = JSON.stringify({ v: "meta.k8s.io/v1", rv, namespace: after.namespace, name: after.name });
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

function readContinuation(token: string): Continuation {
  try {
    const text = atob(token.replaceAll("-", "+").replaceAll("_", "/"));
    const { rv, namespace, name } = JSON.parse(text);
    if (typeof rv === "number" && typeof namespace === "string" && typeof name === "string") {
      return { rv, after: { namespace, name } };
    }
  } catch {
    // Told below, as for a token that can be read but is none of ours.
  }
  throw new ApiError("BadRequest", "invalid continue token: the continue key is not valid");
}
