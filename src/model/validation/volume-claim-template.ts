// The rules of the claim that an ephemeral volume makes.
// Source: pkg/apis/core/validation ValidatePersistentVolumeClaimTemplate.
import { accessModes } from "../access-modes.ts";
import { semanticEqual } from "../equality.ts";
import { forbidden, invalid, invalidForEach, notSupported, required } from "../field-error.ts";
import type { ObjectMeta } from "../meta.ts";
import { compareQuantities } from "../quantity.ts";
import type { TypedObjectReference } from "../references.ts";
import type { PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate } from "../volume-claim-template.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import { validateAnnotations, validateLabelSelector, validateLabels } from "./metadata.ts";
import { dns1123Label, dns1123Subdomain } from "./names.ts";

const volumeModes = ["Block", "Filesystem"];

export function validateClaimTemplate({ metadata, spec }: PersistentVolumeClaimTemplate, path: string): Errors {
  return [...validateTemplateMetadata(metadata, `${path}.metadata`), ...validateClaimSpec(spec, `${path}.spec`)];
}

/** Only labels and annotations are taken over. */
function validateTemplateMetadata(metadata: ObjectMeta, path: string): Errors {
  const { labels, annotations, creationTimestamp: _unset, ...others } = metadata;
  const set = Object.entries(others).filter(([, value]) => value !== undefined);
  return [
    ...validateAnnotations(annotations, `${path}.annotations`),
    ...validateLabels(labels, `${path}.labels`),
    ...set.map(([field]) => forbidden(`${path}.${field}`, "cannot be set")),
  ];
}

export function validateClaimSpec(spec: PersistentVolumeClaimSpec, path: string): Errors {
  const { storageClassName, volumeMode, volumeAttributesClassName } = spec;
  return [
    ...((spec.accessModes ?? []).length === 0
      ? [required(`${path}.accessModes`, "at least 1 access mode is required")]
      : noErrors),
    ...validateAccessModes(spec.accessModes ?? [], `${path}.accessModes`),
    ...validateLabelSelector(spec.selector, `${path}.selector`),
    ...validateStorage(spec.resources.requests?.["storage"], `${path}.resources[storage]`),
    ...validateClassName(storageClassName, `${path}.storageClassName`),
    ...validateVolumeMode(volumeMode, `${path}.volumeMode`),
    ...validateDataSources(spec, path),
    ...validateClassName(volumeAttributesClassName, `${path}.volumeAttributesClassName`),
  ];
}

function validateClassName(name: string | undefined, path: string): Errors {
  return name === undefined || name === "" ? noErrors : invalidForEach(path, name, dns1123Subdomain(name));
}

export function validateAccessModes(modes: readonly string[], path: string): Errors {
  const unsupported = modes.filter((mode) => !accessModes.includes(mode));
  const mixed = modes.includes("ReadWriteOncePod") && modes.some((mode) => mode !== "ReadWriteOncePod");
  return [
    ...unsupported.map((mode) => notSupported(path, mode, accessModes)),
    ...(mixed ? [forbidden(path, "may not use ReadWriteOncePod with other access modes")] : []),
  ];
}

export function validateVolumeMode(mode: string, path: string): Errors {
  return volumeModes.includes(mode) ? noErrors : [notSupported(path, mode, volumeModes)];
}

function validateStorage(amount: string | undefined, path: string): Errors {
  if (amount === undefined) return [required(path)];
  return compareQuantities(amount, "0") > 0 ? noErrors : [invalid(path, amount, "must be greater than zero")];
}

function validateDataSources({ dataSource, dataSourceRef }: PersistentVolumeClaimSpec, path: string): Errors {
  return [
    ...(dataSource === undefined ? [] : validateDataSource(dataSource, `${path}.dataSource`)),
    ...(dataSourceRef === undefined ? [] : validateDataSource(dataSourceRef, `${path}.dataSourceRef`)),
    ...(dataSource === undefined || dataSourceRef === undefined
      ? []
      : validateSameSource(dataSource, dataSourceRef, path)),
  ];
}

type DataSource = Pick<TypedObjectReference, "apiGroup" | "kind" | "name" | "namespace">;

function validateDataSource({ apiGroup, kind, name, namespace }: DataSource, path: string): Errors {
  const group = apiGroup ?? "";
  return [
    ...(name === "" ? [required(`${path}.name`)] : []),
    ...(kind === "" ? [required(`${path}.kind`)] : []),
    ...(group === "" && kind !== "PersistentVolumeClaim"
      ? [invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup")]
      : []),
    ...(group === "" ? [] : invalidForEach(`${path}.apiGroup`, group, dns1123Subdomain(group))),
    ...(namespace === undefined || namespace === ""
      ? []
      : invalidForEach(`${path}.namespace`, namespace, dns1123Label(namespace))),
  ];
}

function validateSameSource(source: DataSource, { namespace, ...reference }: DataSource, path: string): Errors {
  const shown = `${path}.dataSource`;
  if (namespace !== undefined && namespace !== "") {
    return [invalid(path, shown, "may not be specified when dataSourceRef.namespace is specified")];
  }
  return semanticEqual(source, reference) ? noErrors : [invalid(path, shown, "must match dataSourceRef")];
}
