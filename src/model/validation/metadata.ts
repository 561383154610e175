// What metadata an object may have.
// Source: apimachinery pkg/api/validation/objectmeta.go, pkg/apis/meta/v1/validation; core validation's finalizers.
import { semanticEqual } from "../equality.ts";
import { forbidden, invalid, invalidForEach, required, tooLong } from "../field-error.ts";
import { annotationsBytes, fieldManagerBytes } from "../limits.ts";
import type { LabelSelector, LabelSelectorRequirement, ObjectMeta, OwnerReference } from "../meta.ts";
import { utf8Length } from "../utf8.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors } from "./each.ts";
import type { Check } from "./names.ts";
import { asPrefix, dns1123Label, labelValue, qualifiedName } from "./names.ts";

export const notNegative = "must be greater than or equal to 0";
const immutable = "field is immutable";
const longestSubresource = 256;
const standardFinalizers = ["kubernetes", "orphan", "foregroundDeletion"];

export type MetadataRules = { readonly namespaced: boolean; readonly name: Check };

export function validateMetadata(metadata: ObjectMeta, rules: MetadataRules): Errors {
  return [
    ...validateNames(metadata, rules),
    ...validateNamespace(metadata, rules),
    ...validateNotNegative(metadata.generation, "metadata.generation"),
    ...validateContents(metadata),
    ...validateFinalizers(metadata.finalizers ?? []),
    ...validateManagedFields(metadata),
    ...eachOf(metadata.finalizers, "metadata.finalizers", validateKubeFinalizer),
  ];
}

/** What an update may not change. The rules of `validateMetadata` hold besides. */
export function validateMetadataUpdate(metadata: ObjectMeta, old: ObjectMeta): Errors {
  const unchangeable = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
  ] as const;
  return [
    ...validateNoNewFinalizers(metadata, old),
    ...((metadata.generation ?? 0) < (old.generation ?? 0)
      ? [invalid("metadata.generation", metadata.generation ?? 0, "must not be decremented")]
      : []),
    ...unchangeable.flatMap((field) => validateImmutable(metadata[field], old[field], `metadata.${field}`)),
  ];
}

/** As `validateMetadataUpdate`, for writes to which no other rule on metadata is applied. */
export function validateMetadataStatusUpdate(metadata: ObjectMeta, old: ObjectMeta): Errors {
  return [...validateMetadataUpdate(metadata, old), ...validateContents(metadata), ...validateManagedFields(metadata)];
}

export function validateImmutable(value: unknown, old: unknown, path: string): Errors {
  return semanticEqual(value, old) ? noErrors : [invalid(path, value, immutable)];
}

export function validateNotNegative(value: number | undefined, path: string): Errors {
  return value !== undefined && value < 0 ? [invalid(path, value, notNegative)] : noErrors;
}

function validateNames({ name, generateName }: ObjectMeta, { name: check }: MetadataRules): Errors {
  const prefixErrors =
    generateName === undefined
      ? noErrors
      : invalidForEach("metadata.generateName", generateName, asPrefix(check)(generateName));
  if (name === undefined || name === "") {
    return [...prefixErrors, required("metadata.name", "name or generateName is required")];
  }
  return [...prefixErrors, ...invalidForEach("metadata.name", name, check(name))];
}

function validateNamespace({ namespace = "" }: ObjectMeta, { namespaced }: MetadataRules): Errors {
  const path = "metadata.namespace";
  if (!namespaced) return namespace === "" ? noErrors : [forbidden(path, "not allowed on this type")];
  return namespace === "" ? [required(path)] : invalidForEach(path, namespace, dns1123Label(namespace));
}

function validateContents(metadata: ObjectMeta): Errors {
  return [
    ...validateLabels(metadata.labels, "metadata.labels"),
    ...validateAnnotations(metadata.annotations, "metadata.annotations"),
    ...validateOwnerReferences(metadata.ownerReferences ?? []),
  ];
}

export function validateLabelName(name: string, path: string): Errors {
  return invalidForEach(path, name, qualifiedName(name));
}

export function validateLabels(labels: Readonly<Record<string, string>> | undefined, path: string): Errors {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...validateLabelName(key, path),
    ...invalidForEach(path, value, labelValue(value)),
  ]);
}

export function validateAnnotations(annotations: Readonly<Record<string, string>> | undefined, path: string): Errors {
  const entries = Object.entries(annotations ?? {});
  const sizeBytes = entries.reduce((sum, [key, value]) => sum + utf8Length(key) + utf8Length(value), 0);
  return [
    ...entries.flatMap(([key]) => invalidForEach(path, key, qualifiedName(key.toLowerCase()))),
    ...(sizeBytes > annotationsBytes ? [tooLong(path, annotationsBytes)] : []),
  ];
}

function validateOwnerReferences(references: readonly OwnerReference[]): Errors {
  const path = "metadata.ownerReferences";
  const controllers = references.filter(({ controller }) => controller === true);
  const first = controllers[0];
  return references.flatMap((reference) => [
    ...validateOwnerReference(reference, path),
    ...(first !== undefined && reference !== first && reference.controller === true
      ? [
          invalid(
            path,
            references,
            `Only one reference can have Controller set to true. Found "true" in references for ${ownerName(first)} and ${ownerName(reference)}`,
          ),
        ]
      : []),
  ]);
}

function ownerName({ kind, name }: OwnerReference): string {
  return `${kind}/${name}`;
}

function validateOwnerReference(reference: OwnerReference, path: string): Errors {
  const { apiVersion, kind } = reference;
  const empty = (["kind", "name", "uid"] as const).filter((field) => reference[field] === "");
  const disallowed = apiVersion === "v1" && kind === "Event";
  return [
    ...(apiVersion === "" ? [invalid(`${path}.apiVersion`, apiVersion, "version must not be empty")] : []),
    ...empty.map((field) => invalid(`${path}.${field}`, "", "must not be empty")),
    ...(disallowed ? [invalid(path, reference, "/v1, Kind=Event is disallowed from being an owner")] : []),
  ];
}

function validateFinalizers(finalizers: readonly string[]): Errors {
  const path = "metadata.finalizers";
  const both = finalizers.includes("orphan") && finalizers.includes("foregroundDeletion");
  return [
    ...finalizers.flatMap((finalizer) => invalidForEach(path, finalizer, qualifiedName(finalizer))),
    ...(both ? [invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set")] : []),
  ];
}

/** A finalizer without a domain must be one that Kubernetes knows. */
export function validateKubeFinalizer(finalizer: string, path: string): Errors {
  if (finalizer.includes("/") || standardFinalizers.includes(finalizer)) return noErrors;
  return [invalid(path, finalizer, "name is neither a standard finalizer name nor is it fully qualified")];
}

function validateNoNewFinalizers(metadata: ObjectMeta, old: ObjectMeta): Errors {
  if (old.deletionTimestamp === undefined) return noErrors;
  const added = (metadata.finalizers ?? []).filter((finalizer) => !old.finalizers?.includes(finalizer)).toSorted();
  if (added.length === 0) return noErrors;
  const shown = `[]string{${added.map((finalizer) => JSON.stringify(finalizer)).join(", ")}}`;
  return [
    forbidden(
      "metadata.finalizers",
      `no new finalizers can be added if the object is being deleted, found new finalizers ${shown}`,
    ),
  ];
}

function validateManagedFields({ managedFields }: ObjectMeta): Errors {
  return eachOf(managedFields, "metadata.managedFields", (entry, path) => [
    ...(entry.operation === "Apply" || entry.operation === "Update"
      ? []
      : [invalid(`${path}.operation`, entry.operation ?? "", "must be `Apply` or `Update`")]),
    ...(entry.fieldsType === undefined || entry.fieldsType === "FieldsV1"
      ? []
      : [invalid(`${path}.fieldsType`, entry.fieldsType, "must be `FieldsV1`")]),
    ...(utf8Length(entry.manager ?? "") > fieldManagerBytes ? [tooLong(`${path}.manager`, fieldManagerBytes)] : []),
    ...(utf8Length(entry.subresource ?? "") > longestSubresource
      ? [tooLong(`${path}.subresource`, longestSubresource)]
      : []),
  ]);
}

export function validateLabelSelector(selector: LabelSelector | null | undefined, path: string): Errors {
  if (selector === null || selector === undefined) return noErrors;
  return [
    ...validateLabels(selector.matchLabels, `${path}.matchLabels`),
    ...eachOf(selector.matchExpressions, `${path}.matchExpressions`, validateLabelRequirement),
  ];
}

function validateLabelRequirement(requirement: LabelSelectorRequirement, path: string): Errors {
  return [
    ...validateOperator(requirement, path),
    ...validateLabelName(requirement.key, `${path}.key`),
    ...eachOf(requirement.values, `${path}.values`, (value, valuePath) =>
      invalidForEach(valuePath, value, labelValue(value)),
    ),
  ];
}

/** How many values go with which of the operators that selectors of labels and of nodes share. */
export function validateOperator(
  { operator, values = [] }: { readonly operator: string; readonly values?: readonly string[] | undefined },
  path: string,
): Errors {
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length > 0) return noErrors;
      return [required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
    case "Exists":
    case "DoesNotExist":
      if (values.length === 0) return noErrors;
      return [forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
    default:
      return [invalid(`${path}.operator`, operator, "not a valid selector operator")];
  }
}
