// The rules of volumes that come over a network or from a cloud.
// Source: pkg/apis/core/validation.
import { invalid, invalidForEach, notSupported, required } from "../field-error.ts";
import { utf8Length } from "../utf8.ts";
import type { Volume } from "../volume.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import { dns1123Label, rangeText } from "./names.ts";
import { validateDescendingPath } from "./paths.ts";
import type { SourceRule, VolumePlace } from "./volume-rule.ts";
import { volumeRule } from "./volume-rule.ts";

const highestPartition = 255;
const highestLun = 255;
const longestIscsiPortal = 64;
const tenantTooLong = 65;

/** The errors for those of the fields that are empty. */
function requireFields(source: object, path: string, ...fields: readonly string[]): Errors {
  return fields.filter((field) => isEmpty(Reflect.get(source, field))).map((field) => required(`${path}.${field}`));
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}

function requireSecretName(secretRef: { readonly name?: string | undefined } | undefined, path: string): Errors {
  return secretRef !== undefined && secretRef.name === undefined ? [required(`${path}.secretRef.name`)] : noErrors;
}

function validatePartition(partition: number | undefined, path: string): Errors {
  if (partition === undefined || (partition >= 0 && partition <= highestPartition)) return noErrors;
  return [invalid(`${path}.partition`, partition, rangeText(1, highestPartition))];
}

function validateLun(lun: number, path: string): Errors {
  return lun >= 0 && lun <= highestLun ? noErrors : [invalid(`${path}.lun`, lun, rangeText(0, highestLun))];
}

const initiatorFormats: Readonly<Record<string, RegExp>> = {
  iqn: /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$/,
  eui: /^eui.[A-Za-z0-9]{16}$/,
  naa: /^naa.[A-Za-z0-9]{32}$/,
};

function validateInitiator(value: string, path: string): Errors {
  const scheme = Object.keys(initiatorFormats).find((prefix) => value.startsWith(prefix));
  if (scheme === undefined) return [invalid(path, value, "must be valid format starting with iqn, eui, or naa")];
  return initiatorFormats[scheme]?.test(value) ? noErrors : [invalid(path, value, "must be valid format")];
}

function validateIscsi(source: NonNullable<Volume["iscsi"]>, path: string): Errors {
  const { iqn, lun, chapAuthDiscovery, chapAuthSession, secretRef, initiatorName } = source;
  const needsSecret = chapAuthDiscovery === true || chapAuthSession === true;
  return [
    ...requireFields(source, path, "targetPortal", "iqn"),
    ...(iqn === "" ? [] : validateInitiator(iqn, `${path}.iqn`)),
    ...validateLun(lun, path),
    ...(needsSecret && secretRef === undefined ? [required(`${path}.secretRef`)] : []),
    ...(initiatorName === undefined ? [] : validateInitiator(initiatorName, `${path}.initiatorname`)),
  ];
}

function validateIscsiPortal({ name, iscsi }: Volume, { path }: VolumePlace): Errors {
  const length = utf8Length(`${name}:${iscsi?.targetPortal ?? ""}`);
  if (iscsi?.initiatorName === undefined || length <= longestIscsiPortal) return noErrors;
  const limit = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters";
  return [invalid(`${path}.name`, name, `${limit} if iscsi.initiatorName is specified.`)];
}

function validateFc({ targetWWNs, wwids, lun }: NonNullable<Volume["fc"]>, path: string): Errors {
  const names = `${path}.targetWWNs`;
  if (targetWWNs === undefined && wwids === undefined) {
    return [required(names, "must specify either targetWWNs or wwids, but not both")];
  }
  const both = targetWWNs !== undefined && wwids !== undefined;
  return [
    ...(both ? [invalid(names, targetWWNs, "targetWWNs and wwids can not be specified simultaneously")] : []),
    ...(targetWWNs !== undefined && lun === undefined
      ? [required(`${path}.lun`, "lun is required if targetWWNs is specified")]
      : []),
    ...(targetWWNs !== undefined && lun !== undefined ? validateLun(lun, path) : []),
  ];
}

function validateQuobyte(source: NonNullable<Volume["quobyte"]>, path: string): Errors {
  return [...validateRegistry(source, path), ...requireFields(source, path, "volume")];
}

function validateRegistry({ registry, tenant = "" }: NonNullable<Volume["quobyte"]>, path: string): Errors {
  const form = "must be a host:port pair or multiple pairs separated by commas";
  if (registry === "") return [required(`${path}.registry`, form)];
  if (tenant.length >= tenantTooLong) {
    return [required(`${path}.tenant`, "must be a UUID and may not exceed a length of 64 characters")];
  }
  return registry
    .split(",")
    .filter((pair) => !/^(?:[^:[\]]*|\[[^[\]]*\]):[^:]*$/.test(pair))
    .map(() => invalid(`${path}.registry`, registry, form));
}

function validateFlocker({ datasetName = "", datasetUUID = "" }: NonNullable<Volume["flocker"]>, path: string): Errors {
  if (datasetName === "" && datasetUUID === "") {
    return [required(path, "one of datasetName and datasetUUID is required")];
  }
  const both = datasetName !== "" && datasetUUID !== "";
  return [
    ...(both ? [invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously")] : []),
    ...(datasetName.includes("/") ? [invalid(`${path}.datasetName`, datasetName, "must not contain '/'")] : []),
  ];
}

function validateFlexVolume(source: NonNullable<Volume["flexVolume"]>, path: string): Errors {
  const reserved = Object.keys(source.options ?? {}).filter((key) =>
    /\.(?:kubernetes|k8s)\.io$/.test(`.${key.replace(/\/.*$/s, "").toLowerCase()}`),
  );
  return [
    ...requireFields(source, path, "driver"),
    ...reserved.map((key) =>
      invalid(`${path}.options[${key}]`, key, "kubernetes.io and k8s.io namespaces are reserved"),
    ),
  ];
}

const cachingModes = ["None", "ReadOnly", "ReadWrite"];
const azureDiskKinds = ["Dedicated", "Managed", "Shared"];
const managedDiskUri =
  "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
const blobUri = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";

function validateAzureDisk(source: NonNullable<Volume["azureDisk"]>, path: string): Errors {
  const { cachingMode, kind, diskURI } = source;
  const managed = kind === "Managed";
  const fits = diskURI.startsWith(managed ? "/subscriptions/" : "https://");
  return [
    ...requireFields(source, path, "diskName", "diskURI"),
    ...(cachingModes.includes(cachingMode) ? [] : [notSupported(`${path}.cachingMode`, cachingMode, cachingModes)]),
    ...(azureDiskKinds.includes(kind) ? [] : [notSupported(`${path}.kind`, kind, azureDiskKinds)]),
    ...(fits ? [] : [notSupported(`${path}.diskURI`, diskURI, [managed ? managedDiskUri : blobUri])]),
  ];
}

function validateStorageOs(source: NonNullable<Volume["storageos"]>, path: string): Errors {
  const { volumeName, volumeNamespace, secretRef } = source;
  return [
    ...(volumeName === undefined
      ? [required(`${path}.volumeName`)]
      : invalidForEach(`${path}.volumeName`, volumeName, dns1123Label(volumeName))),
    ...(volumeNamespace === undefined
      ? []
      : invalidForEach(`${path}.volumeNamespace`, volumeNamespace, dns1123Label(volumeNamespace))),
    ...requireSecretName(secretRef, path),
  ];
}

/** By where upstream looks at them among the other kinds. */
export const networkVolumeRules: Readonly<
  Record<
    "beforeSecret" | "beforeClaim" | "beforeDownwardAPI" | "beforeConfigMap" | "beforeProjected" | "afterProjected",
    readonly SourceRule[]
  >
> = {
  beforeSecret: [
    volumeRule("gitRepo", (source, path) => [
      ...requireFields(source, path, "repository"),
      ...validateDescendingPath(source.directory ?? "", `${path}.directory`),
    ]),
    volumeRule(
      "gcePersistentDisk",
      (source, path) => [...requireFields(source, path, "pdName"), ...validatePartition(source.partition, path)],
      { pathName: "persistentDisk" },
    ),
    volumeRule("awsElasticBlockStore", (source, path) => [
      ...requireFields(source, path, "volumeID"),
      ...validatePartition(source.partition, path),
    ]),
  ],
  beforeClaim: [
    volumeRule("nfs", (source, path) => [
      ...requireFields(source, path, "server", "path"),
      ...(source.path.startsWith("/") ? [] : [invalid(`${path}.path`, source.path, "must be an absolute path")]),
    ]),
    volumeRule("iscsi", validateIscsi, { checkVolume: validateIscsiPortal }),
    volumeRule("glusterfs", (source, path) => requireFields(source, path, "endpoints", "path")),
    volumeRule("flocker", validateFlocker),
  ],
  beforeDownwardAPI: [
    volumeRule("rbd", (source, path) => requireFields(source, path, "monitors", "image")),
    volumeRule("cinder", (source, path) => [
      ...requireFields(source, path, "volumeID"),
      ...requireSecretName(source.secretRef, path),
    ]),
    volumeRule("cephfs", (source, path) => requireFields(source, path, "monitors"), { refusedAs: "cephFS" }),
    volumeRule("quobyte", validateQuobyte),
  ],
  beforeConfigMap: [volumeRule("fc", validateFc), volumeRule("flexVolume", validateFlexVolume)],
  beforeProjected: [
    volumeRule("azureFile", (source, path) => requireFields(source, path, "secretName", "shareName")),
    volumeRule("vsphereVolume", (source, path) => requireFields(source, path, "volumePath")),
    volumeRule("photonPersistentDisk", (source, path) => requireFields(source, path, "pdID")),
    volumeRule("portworxVolume", (source, path) => requireFields(source, path, "volumeID")),
    volumeRule("azureDisk", validateAzureDisk),
    volumeRule("storageos", validateStorageOs),
  ],
  afterProjected: [
    volumeRule("scaleIO", (source, path) => requireFields(source, path, "gateway", "system", "volumeName")),
  ],
};
