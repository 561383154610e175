// Volumes that come over a network. Most are obsolete upstream, and still part of core/v1.
// Source: core/v1 types; defaults of pkg/apis/core/v1.
import {
  AWSElasticBlockStoreVolumeSource,
  AzureDiskVolumeSource,
  AzureFileVolumeSource,
  GCEPersistentDiskVolumeSource,
  PhotonPersistentDiskVolumeSource,
  VsphereVirtualDiskVolumeSource,
} from "./cloud-volumes.ts";
import { always, core, flag, int32, pointer, string, strings, struct, text } from "./fields.ts";
import { LocalObjectReference } from "./references.ts";
import {
  cephfsSource,
  cinderSource,
  flexVolumeSource,
  iscsiSource,
  rbdSource,
  scaleIOSource,
  storageosSource,
} from "./secret-volumes.ts";

const required = always(string, "");
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
  iscsi: pointer(iscsiSource("ISCSIVolumeSource", secretRef)),
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
  rbd: pointer(rbdSource("RBDVolumeSource", secretRef)),
  flexVolume: pointer(flexVolumeSource("FlexVolumeSource", secretRef)),
  cinder: pointer(cinderSource("CinderVolumeSource", secretRef)),
  cephfs: pointer(cephfsSource("CephFSVolumeSource", secretRef)),
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
  scaleIO: pointer(scaleIOSource("ScaleIOVolumeSource", LocalObjectReference)),
  storageos: pointer(storageosSource("StorageOSVolumeSource", secretRef)),
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
