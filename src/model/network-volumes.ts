// Volumes that come over a network or from a cloud's disks. Most are obsolete upstream, and still part of core/v1.
// Source: core/v1 types; defaults of pkg/apis/core/v1.
import * as z from "zod";

import {
  always,
  boolean,
  core,
  defaulted,
  defaultedPointer,
  flag,
  int32,
  nullWhenAbsent,
  omitempty,
  pointer,
  string,
  stringMap,
  strings,
  struct,
  text,
} from "./fields.ts";
import { LocalObjectReference } from "./references.ts";

const required = always(string, "");
const requiredStrings = always(z.array(string), []);
const secretRef = pointer(LocalObjectReference);

export const networkVolumeSources = {
  gcePersistentDisk: pointer(
    struct(core("GCEPersistentDiskVolumeSource"), {
      pdName: required,
      fsType: text,
      partition: omitempty(int32),
      readOnly: flag,
    }),
  ),
  awsElasticBlockStore: pointer(
    struct(core("AWSElasticBlockStoreVolumeSource"), {
      volumeID: required,
      fsType: text,
      partition: omitempty(int32),
      readOnly: flag,
    }),
  ),
  gitRepo: pointer(struct(core("GitRepoVolumeSource"), { repository: required, revision: text, directory: text })),
  nfs: pointer(struct(core("NFSVolumeSource"), { server: required, path: required, readOnly: flag })),
  iscsi: pointer(
    struct(core("ISCSIVolumeSource"), {
      targetPortal: required,
      iqn: required,
      lun: always(int32, 0),
      iscsiInterface: defaulted(string, "default"),
      fsType: text,
      readOnly: flag,
      portals: strings,
      chapAuthDiscovery: flag,
      chapAuthSession: flag,
      secretRef,
      initiatorName: pointer(string),
    }),
  ),
  glusterfs: pointer(struct(core("GlusterfsVolumeSource"), { endpoints: required, path: required, readOnly: flag })),
  rbd: pointer(
    struct(core("RBDVolumeSource"), {
      monitors: requiredStrings,
      image: required,
      fsType: text,
      pool: defaulted(string, "rbd"),
      user: defaulted(string, "admin"),
      keyring: defaulted(string, "/etc/ceph/keyring"),
      secretRef,
      readOnly: flag,
    }),
  ),
  flexVolume: pointer(
    struct(core("FlexVolumeSource"), {
      driver: required,
      fsType: text,
      secretRef,
      readOnly: flag,
      options: stringMap,
    }),
  ),
  cinder: pointer(struct(core("CinderVolumeSource"), { volumeID: required, fsType: text, readOnly: flag, secretRef })),
  cephfs: pointer(
    struct(core("CephFSVolumeSource"), {
      monitors: requiredStrings,
      path: text,
      user: text,
      secretFile: text,
      secretRef,
      readOnly: flag,
    }),
  ),
  flocker: pointer(struct(core("FlockerVolumeSource"), { datasetName: text, datasetUUID: text })),
  fc: pointer(
    struct(core("FCVolumeSource"), {
      targetWWNs: strings,
      lun: pointer(int32),
      fsType: text,
      readOnly: flag,
      wwids: strings,
    }),
  ),
  azureFile: pointer(
    struct(core("AzureFileVolumeSource"), { secretName: required, shareName: required, readOnly: flag }),
  ),
  vsphereVolume: pointer(
    struct(core("VsphereVirtualDiskVolumeSource"), {
      volumePath: required,
      fsType: text,
      storagePolicyName: text,
      storagePolicyID: text,
    }),
  ),
  quobyte: pointer(
    struct(core("QuobyteVolumeSource"), {
      registry: required,
      volume: required,
      readOnly: flag,
      user: text,
      group: text,
      tenant: text,
    }),
  ),
  azureDisk: pointer(
    struct(core("AzureDiskVolumeSource"), {
      diskName: required,
      diskURI: required,
      cachingMode: defaultedPointer(string, "ReadWrite"),
      fsType: defaultedPointer(string, "ext4"),
      readOnly: defaultedPointer(boolean, false),
      kind: defaultedPointer(string, "Shared"),
    }),
  ),
  photonPersistentDisk: pointer(struct(core("PhotonPersistentDiskVolumeSource"), { pdID: required, fsType: text })),
  portworxVolume: pointer(struct(core("PortworxVolumeSource"), { volumeID: required, fsType: text, readOnly: flag })),
  scaleIO: pointer(
    struct(core("ScaleIOVolumeSource"), {
      gateway: required,
      system: required,
      secretRef: nullWhenAbsent(LocalObjectReference),
      sslEnabled: flag,
      protectionDomain: text,
      storagePool: text,
      storageMode: defaulted(string, "ThinProvisioned"),
      volumeName: text,
      fsType: defaulted(string, "xfs"),
      readOnly: flag,
    }),
  ),
  storageos: pointer(
    struct(core("StorageOSVolumeSource"), {
      volumeName: text,
      volumeNamespace: text,
      fsType: text,
      readOnly: flag,
      secretRef,
    }),
  ),
} as const;
