// Volumes that come over a network. Most are obsolete upstream, and still part of core/v1.
// Source: core/v1 types; defaults of pkg/apis/core/v1.
import * as z from "zod";

import {
  AWSElasticBlockStoreVolumeSource,
  AzureDiskVolumeSource,
  AzureFileVolumeSource,
  CinderVolumeSource,
  GCEPersistentDiskVolumeSource,
  PhotonPersistentDiskVolumeSource,
  VsphereVirtualDiskVolumeSource,
} from "./cloud-volumes.ts";
import {
  always,
  core,
  defaulted,
  flag,
  int32,
  mandatory,
  nullWhenAbsent,
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
  gcePersistentDisk: pointer(GCEPersistentDiskVolumeSource),
  awsElasticBlockStore: pointer(AWSElasticBlockStoreVolumeSource),
  gitRepo: pointer(
    struct(
      core("GitRepoVolumeSource"),
      { repository: required, revision: text, directory: text },
      {
        about: "A clone of a git repository. Obsolete: clone into an emptyDir from an init container.",
        repository: "The URL of the repository.",
        revision: "The commit to check out.",
        directory: "The directory to clone into. A dot is the volume itself.",
      },
    ),
  ),
  nfs: pointer(
    struct(
      core("NFSVolumeSource"),
      { server: required, path: required, readOnly: flag },
      {
        about: "A directory of an NFS server.",
        server: "The host name or address of the server.",
        path: "The path that it exports.",
        readOnly: "Whether it is mounted for reading only.",
      },
    ),
  ),
  iscsi: pointer(
    struct(
      core("ISCSIVolumeSource"),
      {
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
      },
      {
        about: "A disk that the node reaches by iSCSI.",
        targetPortal: "The address of the target, with its port if that is not 3260.",
        iqn: "The name of the target.",
        lun: "The number of the disk at the target.",
        iscsiInterface: "The interface to use.",
        fsType: "The file system to mount. Absent: ext4.",
        readOnly: "Whether it is mounted for reading only.",
        portals: "Further addresses of the target.",
        chapAuthDiscovery: "Whether discovery is authenticated by CHAP.",
        chapAuthSession: "Whether the session is authenticated by CHAP.",
        secretRef: "The Secret with what CHAP needs.",
        initiatorName: "The name that the node takes towards the target.",
      },
    ),
  ),
  glusterfs: pointer(
    struct(
      core("GlusterfsVolumeSource"),
      { endpoints: required, path: required, readOnly: flag },
      {
        about: "A GlusterFS volume. Obsolete.",
        endpoints: "The Endpoints object that says where GlusterFS is.",
        path: "The name of the volume there.",
        readOnly: "Whether it is mounted for reading only.",
      },
    ),
  ),
  rbd: pointer(
    struct(
      core("RBDVolumeSource"),
      {
        monitors: requiredStrings,
        image: required,
        fsType: text,
        pool: defaulted(string, "rbd"),
        user: defaulted(string, "admin"),
        keyring: defaulted(string, "/etc/ceph/keyring"),
        secretRef,
        readOnly: flag,
      },
      {
        about: "A Ceph block device. Obsolete.",
        monitors: "The addresses of the Ceph monitors.",
        image: "The name of the image.",
        fsType: "The file system to mount. Absent: ext4.",
        pool: "The pool that the image is in.",
        user: "The user to be towards Ceph.",
        keyring: "The file on the node with the user's key.",
        secretRef: "The Secret with the user's key, which goes before keyring.",
        readOnly: "Whether it is mounted for reading only.",
      },
    ),
  ),
  flexVolume: pointer(
    struct(
      core("FlexVolumeSource"),
      {
        driver: required,
        fsType: text,
        secretRef,
        readOnly: flag,
        options: stringMap,
      },
      {
        about: "A volume of a program that is installed on the node. Obsolete: use a CSI driver.",
        driver: "The name of the driver.",
        fsType: "The file system to mount. Absent: the driver decides.",
        secretRef: "The Secret that the driver is given.",
        readOnly: "Whether it is mounted for reading only.",
        options: "What else the driver is told.",
      },
    ),
  ),
  cinder: pointer(CinderVolumeSource),
  cephfs: pointer(
    struct(
      core("CephFSVolumeSource"),
      {
        monitors: requiredStrings,
        path: text,
        user: text,
        secretFile: text,
        secretRef,
        readOnly: flag,
      },
      {
        about: "A directory of CephFS. Obsolete: use its CSI driver.",
        monitors: "The addresses of the Ceph monitors.",
        path: "The directory to mount. Absent: the root.",
        user: "The user to be towards Ceph. Absent: admin.",
        secretFile: "The file on the node with the user's key.",
        secretRef: "The Secret with the user's key, which goes before secretFile.",
        readOnly: "Whether it is mounted for reading only.",
      },
    ),
  ),
  flocker: pointer(
    struct(
      core("FlockerVolumeSource"),
      { datasetName: text, datasetUUID: text },
      {
        about: "A Flocker volume. Obsolete.",
        datasetName: "The name of the dataset. Obsolete: use datasetUUID.",
        datasetUUID: "The UUID of the dataset.",
      },
    ),
  ),
  fc: pointer(
    struct(
      core("FCVolumeSource"),
      {
        targetWWNs: strings,
        lun: pointer(int32),
        fsType: text,
        readOnly: flag,
        wwids: strings,
      },
      {
        about: "A disk that the node reaches by Fibre Channel.",
        targetWWNs: "The world wide names of the targets. With lun; excludes wwids.",
        lun: "The number of the disk at the target.",
        fsType: "The file system to mount. Absent: ext4.",
        readOnly: "Whether it is mounted for reading only.",
        wwids: "The world wide ids of the volume. Excludes targetWWNs and lun.",
      },
    ),
  ),
  azureFile: pointer(AzureFileVolumeSource),
  vsphereVolume: pointer(VsphereVirtualDiskVolumeSource),
  quobyte: pointer(
    struct(
      core("QuobyteVolumeSource"),
      {
        registry: required,
        volume: required,
        readOnly: flag,
        user: text,
        group: text,
        tenant: text,
      },
      {
        about: "A Quobyte volume. Obsolete.",
        registry: "The addresses of the Quobyte registry, with their ports, separated by commas.",
        volume: "The name of the volume.",
        readOnly: "Whether it is mounted for reading only.",
        user: "The user to map to. Absent: the one that the service account is.",
        group: "The group to map to. Absent: none.",
        tenant: "The tenant whose volume it is.",
      },
    ),
  ),
  azureDisk: pointer(AzureDiskVolumeSource),
  photonPersistentDisk: pointer(PhotonPersistentDiskVolumeSource),
  portworxVolume: pointer(
    struct(
      core("PortworxVolumeSource"),
      { volumeID: required, fsType: text, readOnly: flag },
      {
        about: "A Portworx volume. Obsolete: use its CSI driver.",
        volumeID: "The id of the volume.",
        fsType: "The file system to mount. Absent: ext4.",
        readOnly: "Whether it is mounted for reading only.",
      },
    ),
  ),
  scaleIO: pointer(
    struct(
      core("ScaleIOVolumeSource"),
      {
        gateway: required,
        system: required,
        secretRef: mandatory(nullWhenAbsent(LocalObjectReference)),
        sslEnabled: flag,
        protectionDomain: text,
        storagePool: text,
        storageMode: defaulted(string, "ThinProvisioned"),
        volumeName: text,
        fsType: defaulted(string, "xfs"),
        readOnly: flag,
      },
      {
        about: "A ScaleIO volume. Obsolete.",
        gateway: "The address of the ScaleIO gateway.",
        system: "The name of the storage system.",
        secretRef: "The Secret with a user name and a password for the gateway.",
        sslEnabled: "Whether the gateway is reached by TLS.",
        protectionDomain: "The protection domain that the storage is in.",
        storagePool: "The pool that the storage is in.",
        storageMode: "ThickProvisioned or ThinProvisioned.",
        volumeName: "The name of the volume.",
        fsType: "The file system to mount.",
        readOnly: "Whether it is mounted for reading only.",
      },
    ),
  ),
  storageos: pointer(
    struct(
      core("StorageOSVolumeSource"),
      {
        volumeName: text,
        volumeNamespace: text,
        fsType: text,
        readOnly: flag,
        secretRef,
      },
      {
        about: "A StorageOS volume. Obsolete.",
        volumeName: "The name of the volume, unique within its namespace.",
        volumeNamespace: "The namespace that it has at StorageOS. Absent: the pod's.",
        fsType: "The file system to mount. Absent: ext4.",
        readOnly: "Whether it is mounted for reading only.",
        secretRef: "The Secret with what is needed to reach StorageOS.",
      },
    ),
  ),
} as const;

export const networkVolumeDocs = {
  gcePersistentDisk: "A disk of Google Compute Engine. Obsolete: use its CSI driver.",
  awsElasticBlockStore: "A disk of AWS. Obsolete: use its CSI driver.",
  gitRepo: "A clone of a git repository. Obsolete: clone into an emptyDir from an init container.",
  nfs: "A directory of an NFS server.",
  iscsi: "A disk that the node reaches by iSCSI.",
  glusterfs: "A GlusterFS volume. Obsolete.",
  rbd: "A Ceph block device. Obsolete.",
  flexVolume: "A volume of a program that is installed on the node. Obsolete: use a CSI driver.",
  cinder: "A disk of OpenStack. Obsolete: use its CSI driver.",
  cephfs: "A directory of CephFS. Obsolete: use its CSI driver.",
  flocker: "A Flocker volume. Obsolete.",
  fc: "A disk that the node reaches by Fibre Channel.",
  azureFile: "A share of Azure Files. Obsolete: use its CSI driver.",
  vsphereVolume: "A disk of vSphere. Obsolete: use its CSI driver.",
  quobyte: "A Quobyte volume. Obsolete.",
  azureDisk: "A disk of Azure. Obsolete: use its CSI driver.",
  photonPersistentDisk: "A disk of a Photon controller. Obsolete.",
  portworxVolume: "A Portworx volume. Obsolete: use its CSI driver.",
  scaleIO: "A ScaleIO volume. Obsolete.",
  storageos: "A StorageOS volume. Obsolete.",
} as const;
