// The rules of StorageClasses and CSIDrivers.
// Source: pkg/apis/storage/validation.
import { semanticEqual } from "../equality.ts";
import { duplicate, forbidden, invalid, invalidForEach, notSupported, required, tooLong } from "../field-error.ts";
import type { CSIDriver, StorageClass, TopologySelectorTerm } from "../storage-class.ts";
import { utf8Length } from "../utf8.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors, repetitions } from "./each.ts";
import { validateImmutable, validateLabelName, validateMetadata, validateMetadataUpdate } from "./metadata.ts";
import { dns1123Subdomain, qualifiedName } from "./names.ts";

const reclaimPolicies = ["Delete", "Retain"];
const bindingModes = ["Immediate", "WaitForFirstConsumer"];
const mostParameters = 512;
const parametersBytes = 256 * 1024;
const longestDriverName = 63;
const lifecycleModes = ["Ephemeral", "Persistent"];
const fsGroupPolicies = ["File", "None", "ReadWriteOnceWithFSType"];
const leastTokenSeconds = 600;
const mostTokenSeconds = 2 ** 32;

export function validateStorageClass(storageClass: StorageClass): Errors {
  const { metadata, provisioner, parameters, reclaimPolicy, volumeBindingMode } = storageClass;
  return [
    ...validateMetadata(metadata, { namespaced: false, name: dns1123Subdomain }),
    ...(provisioner === ""
      ? [required("provisioner", provisioner)]
      : invalidForEach("provisioner", provisioner, qualifiedName(provisioner.toLowerCase()))),
    ...validateParameters(parameters ?? {}),
    ...(reclaimPolicies.includes(reclaimPolicy)
      ? noErrors
      : [notSupported("reclaimPolicy", reclaimPolicy, reclaimPolicies)]),
    ...(bindingModes.includes(volumeBindingMode)
      ? noErrors
      : [notSupported("volumeBindingMode", volumeBindingMode, bindingModes)]),
    ...eachOf(storageClass.allowedTopologies, "allowedTopologies", validateTopology),
  ];
}

function validateParameters(parameters: Readonly<Record<string, string>>): Errors {
  const entries = Object.entries(parameters);
  if (entries.length > mostParameters) return [tooLong("parameters", mostParameters)];
  const sizeBytes = entries.reduce((sum, [key, value]) => sum + utf8Length(key) + utf8Length(value), 0);
  return [
    ...entries.flatMap(([key]) => (key === "" ? [invalid("parameters", key, "field can not be empty.")] : noErrors)),
    ...(sizeBytes > parametersBytes ? [tooLong("parameters", parametersBytes)] : noErrors),
  ];
}

function validateTopology({ matchLabelExpressions }: TopologySelectorTerm, path: string): Errors {
  const isRepeated = repetitions();
  return eachOf(matchLabelExpressions, `${path}.matchLabelExpressions`, ({ key, values }, at) => [
    ...((values ?? []).length === 0 ? [required(`${at}.values`)] : noErrors),
    ...validateLabelName(key, `${at}.key`),
    ...(isRepeated(key) ? [duplicate(`${at}.key`, key)] : noErrors),
  ]);
}

const fixed = ["parameters", "provisioner", "reclaimPolicy"] as const;

export function validateStorageClassUpdate(storageClass: StorageClass, old: StorageClass): Errors {
  return [
    ...validateMetadataUpdate(storageClass.metadata, old.metadata),
    ...fixed
      .filter((field) => !semanticEqual(storageClass[field], old[field]))
      .map((field) => forbidden(field, `updates to ${field} are forbidden.`)),
    ...validateImmutable(storageClass.volumeBindingMode, old.volumeBindingMode, "volumeBindingMode"),
  ];
}

export function validateDriver({ metadata, spec }: CSIDriver): Errors {
  const { name = "" } = metadata;
  const isRepeated = repetitions();
  return [
    ...validateMetadata(metadata, { namespaced: false, name: () => [] }),
    ...(utf8Length(name) > longestDriverName ? [tooLong("metadata.name", longestDriverName)] : noErrors),
    ...invalidForEach("metadata.name", name, dns1123Subdomain(name.toLowerCase())),
    ...eachOf(spec.tokenRequests, "spec.tokenRequests", ({ audience, expirationSeconds: seconds }, path) => [
      ...(isRepeated(audience) ? [duplicate(`${path}.audience`, audience)] : noErrors),
      ...(seconds !== undefined && seconds < leastTokenSeconds
        ? [invalid(`${path}.expirationSeconds`, seconds, "may not specify a duration less than 10 minutes")]
        : noErrors),
      ...(seconds !== undefined && seconds > mostTokenSeconds
        ? [invalid(`${path}.expirationSeconds`, seconds, "may not specify a duration larger than 2^32 seconds")]
        : noErrors),
    ]),
    ...spec.volumeLifecycleModes
      .filter((mode) => !lifecycleModes.includes(mode))
      .map((mode) => notSupported("spec.volumeLifecycleModes", mode, lifecycleModes)),
    ...(fsGroupPolicies.includes(spec.fsGroupPolicy)
      ? noErrors
      : [notSupported("spec.fsGroupPolicy", spec.fsGroupPolicy, fsGroupPolicies)]),
  ];
}

export function validateDriverUpdate({ metadata, spec }: CSIDriver, old: CSIDriver): Errors {
  return [
    ...validateMetadataUpdate(metadata, old.metadata),
    ...validateImmutable(spec.attachRequired, old.spec.attachRequired, "spec.attachedRequired"),
    ...validateImmutable(spec.volumeLifecycleModes, old.spec.volumeLifecycleModes, "spec.volumeLifecycleModes"),
  ];
}
