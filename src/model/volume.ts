// What a pod's containers can mount.
// Source: core/v1 types Volume and its sources; pkg/apis/core/v1/defaults.go.
import * as z from "zod";

import {
  always,
  boolean,
  core,
  defaultedPointer,
  flag,
  int32,
  int64,
  list,
  nullWhenAbsent,
  omitempty,
  oneOf,
  pointer,
  quantity,
  string,
  stringMap,
  struct,
  text,
} from "./fields.ts";
import { defaultPullPolicy } from "./image-name.ts";
import { LabelSelector } from "./meta.ts";
import { networkVolumeDocs, networkVolumeSources } from "./network-volumes.ts";
import { LocalObjectReference, ObjectFieldSelector, ResourceFieldSelector } from "./references.ts";
import { PersistentVolumeClaimTemplate } from "./volume-claim-template.ts";

/** 0644. */
const readableByAll = 420;
const hourSeconds = 3600;

const required = always(string, "");
const defaultMode = defaultedPointer(int32, readableByAll);
const optional = pointer(boolean);

const hostPathType = oneOf(
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
);

const KeyToPath = struct(
  core("KeyToPath"),
  { key: required, path: required, mode: pointer(int32) },
  {
    about: "A key, and the file that its value becomes.",
    key: "The key.",
    path: 'The path of the file within the volume, without "..".',
    mode: "The file's permission bits, from 0 to 0777 (511 in JSON). Absent: the volume's defaultMode.",
  },
);
export type KeyToPath = z.output<typeof KeyToPath>;
const items = list(KeyToPath);

const DownwardAPIVolumeFile = struct(
  core("DownwardAPIVolumeFile"),
  {
    path: required,
    fieldRef: pointer(ObjectFieldSelector),
    resourceFieldRef: pointer(ResourceFieldSelector),
    mode: pointer(int32),
  },
  {
    about: "A file that tells something about the pod.",
    path: 'The path of the file within the volume, without "..".',
    fieldRef: "The field of the pod that it holds.",
    resourceFieldRef: "The limit or request of a container that it holds.",
    mode: "The file's permission bits, from 0 to 0777 (511 in JSON). Absent: the volume's defaultMode.",
  },
);
export type DownwardAPIVolumeFile = z.output<typeof DownwardAPIVolumeFile>;

const ServiceAccountTokenProjection = struct(
  core("ServiceAccountTokenProjection"),
  {
    audience: text,
    expirationSeconds: defaultedPointer(int64, hourSeconds),
    path: required,
  },
  {
    about: "A file with a token of the pod's service account.",
    audience: "Who the token is for. Empty: the API server.",
    expirationSeconds: "For how long a token is good, 600 seconds at least. A new one is written in time.",
    path: "The path of the file within the volume.",
  },
);

const ClusterTrustBundleProjection = struct(
  core("ClusterTrustBundleProjection"),
  {
    name: pointer(string),
    signerName: pointer(string),
    labelSelector: pointer(LabelSelector),
    optional,
    path: required,
  },
  {
    about: "A file with the certificates of ClusterTrustBundles.",
    name: "The one bundle that is meant. Excludes signerName and labelSelector.",
    signerName: "The signer whose bundles are meant.",
    labelSelector: "Which of the signer's bundles, by their labels. Absent: none; {}: all.",
    optional: "Whether the pod may start when no bundle is there.",
    path: "The path of the file within the volume.",
  },
);
export type ClusterTrustBundleProjection = z.output<typeof ClusterTrustBundleProjection>;

const VolumeProjection = struct(
  core("VolumeProjection"),
  {
    secret: pointer(
      struct(
        core("SecretProjection"),
        { name: text, items, optional },
        {
          about: "The keys of a Secret as files among others.",
          name: "The name of the Secret, in the pod's namespace.",
          items: "Which keys, and the files they become. Absent: each key a file of its name.",
          optional: "Whether the pod may start when the Secret or a key is not there.",
        },
      ),
    ),
    downwardAPI: pointer(
      struct(
        core("DownwardAPIProjection"),
        { items: list(DownwardAPIVolumeFile) },
        { about: "Files that tell about the pod, among others.", items: "The files." },
      ),
    ),
    configMap: pointer(
      struct(
        core("ConfigMapProjection"),
        { name: text, items, optional },
        {
          about: "The keys of a ConfigMap as files among others.",
          name: "The name of the ConfigMap, in the pod's namespace.",
          items: "Which keys, and the files they become. Absent: each key a file of its name.",
          optional: "Whether the pod may start when the ConfigMap or a key is not there.",
        },
      ),
    ),
    serviceAccountToken: pointer(ServiceAccountTokenProjection),
    clusterTrustBundle: pointer(ClusterTrustBundleProjection),
  },
  {
    about: "One source of files in a volume that has many. One of these is set.",
    secret: "The keys of a Secret.",
    downwardAPI: "What there is to tell about the pod.",
    configMap: "The keys of a ConfigMap.",
    serviceAccountToken: "A token of the pod's service account.",
    clusterTrustBundle: "Certificates that the cluster trusts.",
  },
);
export type VolumeProjection = z.output<typeof VolumeProjection>;

const ProjectedVolumeSource = struct(
  core("ProjectedVolumeSource"),
  {
    sources: nullWhenAbsent(z.array(VolumeProjection)),
    defaultMode,
  },
  {
    about: "Files from several sources in one volume.",
    sources: "The sources.",
    defaultMode: "The permission bits of files that do not say otherwise, from 0 to 0777 (511 in JSON).",
  },
);
export type ProjectedVolumeSource = z.output<typeof ProjectedVolumeSource>;

const CSIVolumeSource = struct(
  core("CSIVolumeSource"),
  {
    driver: required,
    readOnly: pointer(boolean),
    fsType: pointer(string),
    volumeAttributes: stringMap,
    nodePublishSecretRef: pointer(LocalObjectReference),
  },
  {
    about: "A volume that a CSI driver of the node makes for the pod.",
    driver: "The name of the driver.",
    readOnly: "Whether it is mounted for reading only.",
    fsType: "The file system to mount: ext4, xfs, ntfs. Absent: the driver decides.",
    volumeAttributes: "What the driver wants to know.",
    nodePublishSecretRef: "The Secret with what the driver needs to mount it.",
  },
);

export const HostPathVolumeSource = struct(
  core("HostPathVolumeSource"),
  { path: required, type: defaultedPointer(hostPathType, "") },
  {
    about: "A file or directory of the node itself.",
    path: "Its path on the node.",
    type: "What has to be there: empty for no check, Directory, DirectoryOrCreate, File, FileOrCreate, Socket, CharDevice or BlockDevice.",
  },
);

const volumeSources = {
  hostPath: pointer(HostPathVolumeSource),
  emptyDir: pointer(
    struct(
      core("EmptyDirVolumeSource"),
      { medium: text, sizeLimit: pointer(quantity) },
      {
        about: "A directory that is empty at first and goes when the pod goes.",
        medium: "What holds it: empty for the node's disk, Memory, or HugePages.",
        sizeLimit: "How large it may become.",
      },
    ),
  ),
  secret: pointer(
    struct(
      core("SecretVolumeSource"),
      { secretName: text, items, defaultMode, optional },
      {
        about: "The keys of a Secret as files.",
        secretName: "The name of the Secret, in the pod's namespace.",
        items: "Which keys, and the files they become. Absent: each key a file of its name.",
        defaultMode: "The permission bits of files that do not say otherwise, from 0 to 0777 (511 in JSON).",
        optional: "Whether the pod may start when the Secret or a key is not there.",
      },
    ),
  ),
  persistentVolumeClaim: pointer(
    struct(
      core("PersistentVolumeClaimVolumeSource"),
      { claimName: required, readOnly: flag },
      {
        about: "The volume that is bound to a claim.",
        claimName: "The name of the PersistentVolumeClaim, in the pod's namespace.",
        readOnly: "Whether every mount of it is for reading only.",
      },
    ),
  ),
  downwardAPI: pointer(
    struct(
      core("DownwardAPIVolumeSource"),
      { items: list(DownwardAPIVolumeFile), defaultMode },
      {
        about: "Files that tell about the pod.",
        items: "The files.",
        defaultMode: "The permission bits of files that do not say otherwise, from 0 to 0777 (511 in JSON).",
      },
    ),
  ),
  configMap: pointer(
    struct(
      core("ConfigMapVolumeSource"),
      { name: text, items, defaultMode, optional },
      {
        about: "The keys of a ConfigMap as files.",
        name: "The name of the ConfigMap, in the pod's namespace.",
        items: "Which keys, and the files they become. Absent: each key a file of its name.",
        defaultMode: "The permission bits of files that do not say otherwise, from 0 to 0777 (511 in JSON).",
        optional: "Whether the pod may start when the ConfigMap or a key is not there.",
      },
    ),
  ),
  projected: pointer(ProjectedVolumeSource),
  csi: pointer(CSIVolumeSource),
  ephemeral: pointer(
    struct(
      core("EphemeralVolumeSource"),
      { volumeClaimTemplate: pointer(PersistentVolumeClaimTemplate) },
      {
        about: "A volume by way of a claim that lives and dies with the pod.",
        volumeClaimTemplate: "What the claim is made from. It is named after the pod and the volume.",
      },
    ),
  ),
  image: pointer(
    struct(
      core("ImageVolumeSource"),
      { reference: text, pullPolicy: omitempty(oneOf("Always", "IfNotPresent", "Never")) },
      {
        about: "The content of an OCI image or artifact.",
        reference: "The name of the image.",
        pullPolicy:
          "When it is fetched: Always, Never or IfNotPresent. Absent: Always for the tag latest, else IfNotPresent.",
      },
    ).transform((image) => ({
      ...image,
      pullPolicy: image.pullPolicy ?? defaultPullPolicy(image.reference ?? ""),
    })),
  ),
  ...networkVolumeSources,
} as const;

const VolumeFields = struct(
  core("Volume"),
  { name: required, ...volumeSources },
  {
    about: "What containers of a pod can mount: a name, and one source. Without a source it is an emptyDir.",
    name: "The name by which containers mount it, unique within the pod.",
    hostPath: "A file or directory of the node itself.",
    emptyDir: "A directory that is empty at first and goes when the pod goes.",
    secret: "The keys of a Secret as files.",
    persistentVolumeClaim: "The volume that is bound to a claim.",
    downwardAPI: "Files that tell about the pod.",
    configMap: "The keys of a ConfigMap as files.",
    projected: "Files from several sources in one volume.",
    csi: "A volume that a CSI driver of the node makes for the pod.",
    ephemeral: "A volume by way of a claim that lives and dies with the pod.",
    image: "The content of an OCI image or artifact.",
    ...networkVolumeDocs,
  },
);

export const Volume = VolumeFields.transform(
  (volume): z.output<typeof VolumeFields> => (hasSource(volume) ? volume : { ...volume, emptyDir: {} }),
);
export type Volume = z.output<typeof Volume>;

function hasSource(volume: object): boolean {
  return Object.entries(volume).some(([field, value]) => field !== "name" && value !== undefined);
}
