// Volumes that are mounted by what a Secret says. The Secret of a pod's volume is beside the pod, that of a
// PersistentVolume in any namespace: each is here once, and is told how its Secret is named.
// Source: core/v1 types; defaults of pkg/apis/core/v1.
import * as z from "zod";

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

const required = always(string, "");
const requiredStrings = always(z.array(string), []);

export function iscsiSource<Reference extends z.ZodType>(name: string, secretRef: Reference) {
  return struct(
    core(name),
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
  );
}

export function rbdSource<Reference extends z.ZodType>(name: string, secretRef: Reference) {
  return struct(
    core(name),
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
  );
}

export function flexVolumeSource<Reference extends z.ZodType>(name: string, secretRef: Reference) {
  return struct(
    core(name),
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
  );
}

export function cinderSource<Reference extends z.ZodType>(name: string, secretRef: Reference) {
  return struct(
    core(name),
    { volumeID: required, fsType: text, readOnly: flag, secretRef },
    {
      about: "A disk of OpenStack that is attached to the node. Obsolete: use its CSI driver.",
      volumeID: "The id of the disk.",
      fsType: "The file system to mount. Absent: ext4.",
      readOnly: "Whether it is mounted for reading only.",
      secretRef: "The Secret with what is needed to reach OpenStack.",
    },
  );
}

export function cephfsSource<Reference extends z.ZodType>(name: string, secretRef: Reference) {
  return struct(
    core(name),
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
  );
}

export function scaleIOSource<Reference extends z.ZodType>(name: string, secret: Reference) {
  return struct(
    core(name),
    {
      gateway: required,
      system: required,
      secretRef: mandatory(nullWhenAbsent(secret)),
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
  );
}

export function storageosSource<Reference extends z.ZodType>(name: string, secretRef: Reference) {
  return struct(
    core(name),
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
  );
}
