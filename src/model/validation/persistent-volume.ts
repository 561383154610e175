// The rules of PersistentVolumes.
// Source: pkg/apis/core/validation ValidatePersistentVolume, ValidatePersistentVolumeUpdate.
import { semanticEqual } from "../equality.ts";
import { forbidden, invalid, invalidForEach, notSupported, required } from "../field-error.ts";
import type { PersistentVolume, PersistentVolumeSpec } from "../persistent-volume.ts";
import { compareQuantities, quantityUnits } from "../quantity.ts";
import type { SecretReference } from "../references.ts";
import { utf8Length } from "../utf8.ts";
import { validateNodeSelector } from "./affinity.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import { validateImmutable, validateMetadata, validateMetadataUpdate } from "./metadata.ts";
import { dns1123Label, dns1123Subdomain } from "./names.ts";
import { validateNoBacksteps } from "./paths.ts";
import { validateAccessModes, validateVolumeMode } from "./volume-claim-template.ts";
import type { SourceField } from "./volume-rule.ts";
import { tooManySources, validateDriverName, volumeRules } from "./volumes.ts";

const reclaimPolicies = ["Delete", "Recycle", "Retain"];
const longestIscsiPortal = 64;

export function validatePersistentVolume({ metadata, spec }: PersistentVolume): Errors {
  return [
    ...validateMetadata(metadata, { namespaced: false, name: dns1123Subdomain }),
    ...validateSpec(spec, metadata.name ?? ""),
  ];
}

function validateSpec(spec: PersistentVolumeSpec, name: string): Errors {
  const { accessModes = [], persistentVolumeReclaimPolicy: policy, nodeAffinity, storageClassName } = spec;
  return [
    ...(accessModes.length === 0 ? [required("spec.accessModes")] : noErrors),
    ...validateAccessModes(accessModes, "spec.accessModes"),
    ...validateCapacity(spec.capacity, "spec.capacity"),
    ...(reclaimPolicies.includes(policy)
      ? noErrors
      : [notSupported("spec.persistentVolumeReclaimPolicy", policy, reclaimPolicies)]),
    ...(nodeAffinity === undefined ? noErrors : validateNodeAffinity(nodeAffinity, "spec.nodeAffinity")),
    ...validateSources(spec, name),
    ...validateRecycling(spec),
    ...(storageClassName === undefined ? noErrors : validateClassName(storageClassName, "spec.storageClassName")),
    ...validateVolumeMode(spec.volumeMode, "spec.volumeMode"),
    ...validateAttributesClass(spec),
  ];
}

function validateCapacity(capacity: PersistentVolumeSpec["capacity"], path: string): Errors {
  const amounts = Object.entries(capacity ?? {});
  return [
    ...(amounts.length === 0 ? [required(path)] : noErrors),
    ...(amounts.length === 1 && capacity?.["storage"] !== undefined
      ? noErrors
      : [notSupported(path, capacity, ["storage"])]),
    ...amounts.flatMap(([resource, amount]) => validateAmount(amount, `${path}[${resource}]`)),
  ];
}

function validateAmount(amount: string, path: string): Errors {
  const isNegative = compareQuantities(amount, "0") < 0;
  return [
    ...(isNegative ? [invalid(path, -quantityUnits(amount.slice(1)), "must be a valid resource quantity")] : noErrors),
    ...(compareQuantities(amount, "0") > 0 ? noErrors : [invalid(path, amount, "must be greater than zero")]),
  ];
}

function validateNodeAffinity(
  { required: needed }: NonNullable<PersistentVolumeSpec["nodeAffinity"]>,
  path: string,
): Errors {
  if (needed === undefined) return [required(`${path}.required`, "must specify required node constraints")];
  return validateNodeSelector(needed, `${path}.required`);
}

type Source<Field extends keyof PersistentVolumeSpec> = NonNullable<PersistentVolumeSpec[Field]>;

type Rule = {
  readonly field: Extract<keyof PersistentVolumeSpec, SourceField | "local">;
  /** What holds for such a volume of a pod holds here. */
  readonly isAsInPods: boolean;
  /** What holds here alone. */
  readonly own: (spec: PersistentVolumeSpec, path: string, name: string) => Errors;
};

function asInPods(field: Rule["field"]): Rule {
  return { field, isAsInPods: true, own: () => noErrors };
}

/** The rules of pods come first. */
function withMore<Field extends Rule["field"]>(
  field: Field,
  check: (source: Source<Field>, path: string, name: string) => Errors,
): Rule {
  return { ...onlyHere(field, check), isAsInPods: true };
}

function onlyHere<Field extends Rule["field"]>(
  field: Field,
  check: (source: Source<Field>, path: string, name: string) => Errors,
): Rule {
  return {
    field,
    isAsInPods: false,
    own: ({ [field]: source }, path, name) =>
      source === undefined || source === null ? noErrors : check(source, path, name),
  };
}

/** In the order in which upstream looks at them. */
const rules: readonly Rule[] = [
  asInPods("hostPath"),
  asInPods("gcePersistentDisk"),
  asInPods("awsElasticBlockStore"),
  withMore("glusterfs", ({ endpointsNamespace: namespace }, path) => {
    const unusable = "if the endpointnamespace is set, it must be a valid namespace name";
    if (namespace === undefined) return noErrors;
    return invalidForEach(
      `${path}.endpointsNamespace`,
      namespace,
      namespace === "" ? [unusable] : dns1123Label(namespace),
    );
  }),
  asInPods("flocker"),
  asInPods("nfs"),
  asInPods("rbd"),
  asInPods("quobyte"),
  asInPods("cephfs"),
  withMore("iscsi", validateIscsi),
  withMore("cinder", ({ secretRef }, path) => requireNamespace(secretRef, path)),
  asInPods("fc"),
  asInPods("flexVolume"),
  withMore("azureFile", ({ secretNamespace }, path) =>
    secretNamespace === "" ? [required(`${path}.secretNamespace`)] : noErrors,
  ),
  asInPods("vsphereVolume"),
  asInPods("photonPersistentDisk"),
  asInPods("portworxVolume"),
  asInPods("azureDisk"),
  asInPods("scaleIO"),
  onlyHere("local", (local, path) =>
    local.path === "" ? [required(`${path}.path`)] : validateNoBacksteps(local.path, `${path}.path`),
  ),
  withMore("storageos", ({ secretRef }, path) => requireNamespace(secretRef, path)),
  onlyHere("csi", validateCsi),
];

const rulesOfPods = new Map<string, (typeof volumeRules)[number]>(volumeRules.map((rule) => [rule.field, rule]));

function validateSources(spec: PersistentVolumeSpec, name: string): Errors {
  const present = rules.filter(({ field }) => spec[field] !== undefined);
  return [
    ...present.flatMap((rule, index) => {
      const refusedAs = rulesOfPods.get(rule.field)?.refusedAs ?? rule.field;
      // Upstream does not count what stands before this one.
      const isChecked = index === 0 || rule.field === "flexVolume";
      return isChecked ? validateSource(spec, rule, name) : [tooManySources({ refusedAs }, "spec")];
    }),
    ...(present.length === 0 ? [required("spec", "must specify a volume type")] : noErrors),
  ];
}

function validateSource(spec: PersistentVolumeSpec, { field, isAsInPods, own }: Rule, name: string): Errors {
  const place = { path: "spec", podName: undefined, isPod: false };
  const needsNodes = field === "local" && spec.nodeAffinity === undefined;
  return [
    ...(isAsInPods ? (rulesOfPods.get(field)?.check({ ...spec, name }, place) ?? noErrors) : noErrors),
    ...own(spec, `spec.${field}`, name),
    ...(needsNodes ? [required("spec.nodeAffinity", "Local volume requires node affinity")] : noErrors),
  ];
}

function validateIscsi(
  { secretRef, initiatorName, targetPortal }: Source<"iscsi">,
  path: string,
  name: string,
): Errors {
  const limit = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters";
  const isTooLong = initiatorName !== undefined && utf8Length(`${name}:${targetPortal}`) > longestIscsiPortal;
  return [
    ...(secretRef !== undefined && secretRef.name === undefined ? [required(`${path}.secretRef.name`)] : noErrors),
    ...(isTooLong
      ? [invalid(`${path}.targetportal`, targetPortal, `${limit} if iscsi.initiatorName is specified.`)]
      : noErrors),
  ];
}

/** That it has a name, the rules of pods see to. */
function requireNamespace(secretRef: { readonly namespace?: string | undefined } | undefined, path: string): Errors {
  if (secretRef === undefined || secretRef.namespace !== undefined) return noErrors;
  return [required(`${path}.secretRef.namespace`)];
}

const csiSecrets = [
  "controllerPublishSecretRef",
  "controllerExpandSecretRef",
  "nodePublishSecretRef",
  "nodeExpandSecretRef",
] as const;

function validateCsi(csi: Source<"csi">, path: string): Errors {
  return [
    ...validateDriverName(csi.driver, `${path}.driver`),
    ...(csi.volumeHandle === "" ? [required(`${path}.volumeHandle`)] : noErrors),
    ...csiSecrets.flatMap((field) => {
      const secret = csi[field];
      return secret === undefined ? noErrors : validateSecret(secret, `${path}.${field}`);
    }),
  ];
}

function validateSecret({ name, namespace }: SecretReference, path: string): Errors {
  return [
    ...(name === undefined ? [required(`${path}.name`)] : invalidForEach(`${path}.name`, name, dns1123Subdomain(name))),
    ...(namespace === undefined
      ? [required(`${path}.namespace`)]
      : invalidForEach(`${path}.namespace`, namespace, dns1123Label(namespace))),
  ];
}

/** Recycling empties the directory, and that would be the node. */
function validateRecycling({ hostPath, persistentVolumeReclaimPolicy: policy }: PersistentVolumeSpec): Errors {
  const path = hostPath?.path ?? "";
  const isRoot = path.startsWith("/") && path.split("/").every((step) => step === "" || step === ".");
  if (!isRoot || policy !== "Recycle") return noErrors;
  const words = "may not be 'recycle' for a hostPath mount of '/'";
  return [forbidden("spec.persistentVolumeReclaimPolicy", words)];
}

function validateAttributesClass({ volumeAttributesClassName: name, csi }: PersistentVolumeSpec): Errors {
  if (name === undefined) return noErrors;
  const path = "spec.volumeAttributesClassName";
  return [
    ...(name === "" ? [required(path, "an empty string is disallowed")] : validateClassName(name, path)),
    ...(csi === undefined
      ? [required("spec.csi", "has to be specified when using volumeAttributesClassName")]
      : noErrors),
  ];
}

function validateClassName(name: string, path: string): Errors {
  return invalidForEach(path, name, dns1123Subdomain(name));
}

export function validatePersistentVolumeUpdate(volume: PersistentVolume, old: PersistentVolume): Errors {
  const { volumeAttributesClassName: attributes } = volume.spec;
  const losesAttributes = attributes === undefined && old.spec.volumeAttributesClassName !== undefined;
  return [
    ...validateMetadataUpdate(volume.metadata, old.metadata),
    ...validateSameSource(volume.spec, old.spec),
    ...validateImmutable(volume.spec.volumeMode, old.spec.volumeMode, "volumeMode"),
    ...(old.spec.nodeAffinity === undefined
      ? noErrors
      : validateImmutable(volume.spec.nodeAffinity, old.spec.nodeAffinity, "nodeAffinity")),
    ...(losesAttributes
      ? [forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden")]
      : noErrors),
  ];
}

/** The Secret for making a volume larger may come later. */
function validateSameSource(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): Errors {
  const isSame = rules.every(({ field }) => {
    const mayCome = field === "csi" && old.csi !== undefined && old.csi.controllerExpandSecretRef === undefined;
    const given =
      mayCome && spec.csi !== undefined ? { ...spec.csi, controllerExpandSecretRef: undefined } : spec[field];
    return semanticEqual(given, old[field]);
  });
  if (isSame) return noErrors;
  return [forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation")];
}
