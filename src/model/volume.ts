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
  pointer,
  quantity,
  string,
  stringMap,
  struct,
  text,
} from "./fields.ts";
import { defaultPullPolicy } from "./image-name.ts";
import { LabelSelector } from "./meta.ts";
import { networkVolumeSources } from "./network-volumes.ts";
import { LocalObjectReference, ObjectFieldSelector, ResourceFieldSelector } from "./references.ts";
import { PersistentVolumeClaimTemplate } from "./volume-claim-template.ts";

/** 0644. */
const readableByAll = 420;
const hourSeconds = 3600;

const required = always(string, "");
const defaultMode = defaultedPointer(int32, readableByAll);
const optional = pointer(boolean);

const KeyToPath = struct(core("KeyToPath"), { key: required, path: required, mode: pointer(int32) });
export type KeyToPath = z.output<typeof KeyToPath>;
const items = list(KeyToPath);

const DownwardAPIVolumeFile = struct(core("DownwardAPIVolumeFile"), {
  path: required,
  fieldRef: pointer(ObjectFieldSelector),
  resourceFieldRef: pointer(ResourceFieldSelector),
  mode: pointer(int32),
});
export type DownwardAPIVolumeFile = z.output<typeof DownwardAPIVolumeFile>;

const ServiceAccountTokenProjection = struct(core("ServiceAccountTokenProjection"), {
  audience: text,
  expirationSeconds: defaultedPointer(int64, hourSeconds),
  path: required,
});

const ClusterTrustBundleProjection = struct(core("ClusterTrustBundleProjection"), {
  name: pointer(string),
  signerName: pointer(string),
  labelSelector: pointer(LabelSelector),
  optional,
  path: required,
});
export type ClusterTrustBundleProjection = z.output<typeof ClusterTrustBundleProjection>;

const VolumeProjection = struct(core("VolumeProjection"), {
  secret: pointer(struct(core("SecretProjection"), { name: text, items, optional })),
  downwardAPI: pointer(struct(core("DownwardAPIProjection"), { items: list(DownwardAPIVolumeFile) })),
  configMap: pointer(struct(core("ConfigMapProjection"), { name: text, items, optional })),
  serviceAccountToken: pointer(ServiceAccountTokenProjection),
  clusterTrustBundle: pointer(ClusterTrustBundleProjection),
});
export type VolumeProjection = z.output<typeof VolumeProjection>;

const ProjectedVolumeSource = struct(core("ProjectedVolumeSource"), {
  sources: nullWhenAbsent(z.array(VolumeProjection)),
  defaultMode,
});
export type ProjectedVolumeSource = z.output<typeof ProjectedVolumeSource>;

const CSIVolumeSource = struct(core("CSIVolumeSource"), {
  driver: required,
  readOnly: pointer(boolean),
  fsType: pointer(string),
  volumeAttributes: stringMap,
  nodePublishSecretRef: pointer(LocalObjectReference),
});

const volumeSources = {
  hostPath: pointer(struct(core("HostPathVolumeSource"), { path: required, type: defaultedPointer(string, "") })),
  emptyDir: pointer(struct(core("EmptyDirVolumeSource"), { medium: text, sizeLimit: pointer(quantity) })),
  secret: pointer(struct(core("SecretVolumeSource"), { secretName: text, items, defaultMode, optional })),
  persistentVolumeClaim: pointer(
    struct(core("PersistentVolumeClaimVolumeSource"), { claimName: required, readOnly: flag }),
  ),
  downwardAPI: pointer(struct(core("DownwardAPIVolumeSource"), { items: list(DownwardAPIVolumeFile), defaultMode })),
  configMap: pointer(struct(core("ConfigMapVolumeSource"), { name: text, items, defaultMode, optional })),
  projected: pointer(ProjectedVolumeSource),
  csi: pointer(CSIVolumeSource),
  ephemeral: pointer(
    struct(core("EphemeralVolumeSource"), { volumeClaimTemplate: pointer(PersistentVolumeClaimTemplate) }),
  ),
  image: pointer(
    struct(core("ImageVolumeSource"), { reference: text, pullPolicy: text }).transform((image) => ({
      ...image,
      pullPolicy: image.pullPolicy ?? defaultPullPolicy(image.reference ?? ""),
    })),
  ),
  ...networkVolumeSources,
} as const;

const VolumeFields = struct(core("Volume"), { name: required, ...volumeSources });

export const Volume = VolumeFields.transform(
  (volume): z.output<typeof VolumeFields> => (hasSource(volume) ? volume : { ...volume, emptyDir: {} }),
);
export type Volume = z.output<typeof Volume>;

function hasSource(volume: object): boolean {
  return Object.entries(volume).some(([field, value]) => field !== "name" && value !== undefined);
}
