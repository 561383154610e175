// Disks and shares of clouds, as volumes. All are obsolete upstream, and still part of core/v1.
// Source: core/v1 types; defaults of pkg/apis/core/v1.
import {
  always,
  boolean,
  core,
  defaultedPointer,
  flag,
  int32,
  omitempty,
  oneOf,
  string,
  struct,
  text,
} from "./fields.ts";

const required = always(string, "");

export const GCEPersistentDiskVolumeSource = struct(
  core("GCEPersistentDiskVolumeSource"),
  {
    pdName: required,
    fsType: text,
    partition: omitempty(int32),
    readOnly: flag,
  },
  {
    about: "A disk of Google Compute Engine that is attached to the node.",
    pdName: "The name of the disk.",
    fsType: "The file system to mount. Absent: ext4.",
    partition: "The partition to mount. Absent: the whole disk.",
    readOnly: "Whether it is mounted for reading only.",
  },
);

export const AWSElasticBlockStoreVolumeSource = struct(
  core("AWSElasticBlockStoreVolumeSource"),
  {
    volumeID: required,
    fsType: text,
    partition: omitempty(int32),
    readOnly: flag,
  },
  {
    about: "A disk of AWS that is attached to the node.",
    volumeID: "The id of the disk.",
    fsType: "The file system to mount. Absent: ext4.",
    partition: "The partition to mount. Absent: the whole disk.",
    readOnly: "Whether it is mounted for reading only.",
  },
);

export const AzureFileVolumeSource = struct(
  core("AzureFileVolumeSource"),
  { secretName: required, shareName: required, readOnly: flag },
  {
    about: "A share of Azure Files. Obsolete: use its CSI driver.",
    secretName: "The Secret with the name and key of the storage account.",
    shareName: "The name of the share.",
    readOnly: "Whether it is mounted for reading only.",
  },
);

export const VsphereVirtualDiskVolumeSource = struct(
  core("VsphereVirtualDiskVolumeSource"),
  {
    volumePath: required,
    fsType: text,
    storagePolicyName: text,
    storagePolicyID: text,
  },
  {
    about: "A disk of vSphere that is attached to the node. Obsolete: use its CSI driver.",
    volumePath: "The path of the disk.",
    fsType: "The file system to mount. Absent: ext4.",
    storagePolicyName: "The name of the storage policy.",
    storagePolicyID: "The id of the storage policy.",
  },
);

export const AzureDiskVolumeSource = struct(
  core("AzureDiskVolumeSource"),
  {
    diskName: required,
    diskURI: required,
    cachingMode: defaultedPointer(oneOf("None", "ReadOnly", "ReadWrite"), "ReadWrite"),
    fsType: defaultedPointer(string, "ext4"),
    readOnly: defaultedPointer(boolean, false),
    kind: defaultedPointer(oneOf("Dedicated", "Managed", "Shared"), "Shared"),
  },
  {
    about: "A disk of Azure that is attached to the node. Obsolete: use its CSI driver.",
    diskName: "The name of the disk.",
    diskURI: "Where the disk is kept.",
    cachingMode: "How the host caches it: None, ReadOnly or ReadWrite.",
    fsType: "The file system to mount.",
    readOnly: "Whether it is mounted for reading only.",
    kind: "Shared, Dedicated or Managed.",
  },
);

export const PhotonPersistentDiskVolumeSource = struct(
  core("PhotonPersistentDiskVolumeSource"),
  { pdID: required, fsType: text },
  {
    about: "A disk of a Photon controller. Obsolete.",
    pdID: "The id of the disk.",
    fsType: "The file system to mount. Absent: ext4.",
  },
);
