// What PersistentVolumes can be made of. Most are as in pods; Secrets and Endpoints are named with their namespace.
// Source: core/v1 types PersistentVolumeSource and its sources; pkg/apis/core/v1/defaults.go.
import { always, core, flag, nullWhenAbsent, pointer, string, stringMap, struct, text } from "./fields.ts";
import { networkVolumeDocs, networkVolumeSources } from "./network-volumes.ts";
import { ObjectReference, SecretReference } from "./references.ts";
import {
  cephfsSource,
  cinderSource,
  flexVolumeSource,
  iscsiSource,
  rbdSource,
  scaleIOSource,
  storageosSource,
} from "./secret-volumes.ts";
import { HostPathVolumeSource } from "./volume.ts";

const required = always(string, "");
const secretRef = pointer(SecretReference);

const GlusterfsPersistentVolumeSource = struct(
  core("GlusterfsPersistentVolumeSource"),
  { endpoints: required, path: required, readOnly: flag, endpointsNamespace: pointer(string) },
  {
    about: "A GlusterFS volume. Obsolete.",
    endpoints: "The Endpoints object that says where GlusterFS is.",
    path: "The name of the volume there.",
    readOnly: "Whether it is mounted for reading only.",
    endpointsNamespace: "The namespace of the Endpoints object. Absent: that of the claim.",
  },
);

const AzureFilePersistentVolumeSource = struct(
  core("AzureFilePersistentVolumeSource"),
  { secretName: required, shareName: required, readOnly: flag, secretNamespace: nullWhenAbsent(string) },
  {
    about: "A share of Azure Files. Obsolete: use its CSI driver.",
    secretName: "The Secret with the name and key of the storage account.",
    shareName: "The name of the share.",
    readOnly: "Whether it is mounted for reading only.",
    secretNamespace: "The namespace of the Secret. Absent: that of the pod.",
  },
);

const LocalVolumeSource = struct(
  core("LocalVolumeSource"),
  { path: required, fsType: pointer(string) },
  {
    about: "A disk or directory of one node, which nodeAffinity names.",
    path: "Its path on the node: a directory, or a block device.",
    fsType: "The file system to mount, if it is a block device. Absent: the one that it has.",
  },
);

const CSIPersistentVolumeSource = struct(
  core("CSIPersistentVolumeSource"),
  {
    driver: required,
    volumeHandle: required,
    readOnly: flag,
    fsType: text,
    volumeAttributes: stringMap,
    controllerPublishSecretRef: secretRef,
    nodeStageSecretRef: secretRef,
    nodePublishSecretRef: secretRef,
    controllerExpandSecretRef: secretRef,
    nodeExpandSecretRef: secretRef,
  },
  {
    about: "A volume of a CSI driver.",
    driver: "The name of the driver.",
    volumeHandle: "What the driver calls the volume.",
    readOnly: "Whether it is mounted for reading only.",
    fsType: "The file system to mount: ext4, xfs, ntfs.",
    volumeAttributes: "What the driver said of the volume when it made it.",
    controllerPublishSecretRef: "The Secret with what the driver needs to attach it, and to detach it.",
    nodeStageSecretRef: "The Secret with what the driver needs to make it ready on a node.",
    nodePublishSecretRef: "The Secret with what the driver needs to mount it.",
    controllerExpandSecretRef: "The Secret with what the driver needs to make it larger.",
    nodeExpandSecretRef: "The Secret with what the driver needs to make it larger on a node.",
  },
);

export const persistentVolumeSources = {
  gcePersistentDisk: networkVolumeSources.gcePersistentDisk,
  awsElasticBlockStore: networkVolumeSources.awsElasticBlockStore,
  hostPath: pointer(HostPathVolumeSource),
  glusterfs: pointer(GlusterfsPersistentVolumeSource),
  nfs: networkVolumeSources.nfs,
  rbd: pointer(rbdSource("RBDPersistentVolumeSource", secretRef)),
  iscsi: pointer(iscsiSource("ISCSIPersistentVolumeSource", secretRef)),
  cinder: pointer(cinderSource("CinderPersistentVolumeSource", secretRef)),
  cephfs: pointer(cephfsSource("CephFSPersistentVolumeSource", secretRef)),
  fc: networkVolumeSources.fc,
  flocker: networkVolumeSources.flocker,
  flexVolume: pointer(flexVolumeSource("FlexPersistentVolumeSource", secretRef)),
  azureFile: pointer(AzureFilePersistentVolumeSource),
  vsphereVolume: networkVolumeSources.vsphereVolume,
  quobyte: networkVolumeSources.quobyte,
  azureDisk: networkVolumeSources.azureDisk,
  photonPersistentDisk: networkVolumeSources.photonPersistentDisk,
  portworxVolume: networkVolumeSources.portworxVolume,
  scaleIO: pointer(scaleIOSource("ScaleIOPersistentVolumeSource", SecretReference)),
  local: pointer(LocalVolumeSource),
  storageos: pointer(storageosSource("StorageOSPersistentVolumeSource", pointer(ObjectReference))),
  csi: pointer(CSIPersistentVolumeSource),
} as const;

const { gitRepo: _ofPods, ...networkDocs } = networkVolumeDocs;

export const persistentVolumeDocs = {
  ...networkDocs,
  hostPath: "A file or directory of the node itself.",
  local: "A disk or directory of one node, which nodeAffinity names.",
  csi: "A volume of a CSI driver.",
} as const;
