// The claim that a pod's ephemeral volume makes for storage.
// Source: core/v1 types PersistentVolumeClaimTemplate, PersistentVolumeClaimSpec.
import type * as z from "zod";

import {
  core,
  defaultedPointer,
  embedded,
  mandatory,
  oneOf,
  pointer,
  resourceList,
  string,
  strings,
  struct,
  text,
} from "./fields.ts";
import { LabelSelector, ObjectMeta } from "./meta.ts";
import { TypedLocalObjectReference, TypedObjectReference } from "./references.ts";

const VolumeResourceRequirements = struct(
  core("VolumeResourceRequirements"),
  {
    limits: resourceList,
    requests: resourceList,
  },
  {
    about: "How much storage a claim asks for.",
    limits: "The most it may be given, by resource.",
    requests: "The least it needs, by resource: storage.",
  },
);

export const PersistentVolumeClaimSpec = struct(
  core("PersistentVolumeClaimSpec"),
  {
    accessModes: strings,
    selector: pointer(LabelSelector),
    resources: embedded(VolumeResourceRequirements),
    volumeName: text,
    storageClassName: pointer(string),
    volumeMode: defaultedPointer(oneOf("Block", "Filesystem"), "Filesystem"),
    dataSource: pointer(TypedLocalObjectReference),
    dataSourceRef: pointer(TypedObjectReference),
    volumeAttributesClassName: pointer(string),
  },
  {
    about: "What storage is wanted.",
    accessModes: "How it is going to be mounted: ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod.",
    selector: "Which volumes may be taken, by their labels.",
    resources: "How much is wanted.",
    volumeName: "The volume that is bound to the claim.",
    storageClassName: "The class of storage that is wanted. Empty text: none; absent: the default one.",
    volumeMode: "Whether it is to come with a file system or as a raw device: Filesystem or Block.",
    dataSource: "What to fill the new volume with: a snapshot, or another claim.",
    dataSourceRef: "What to fill the new volume with: any object that a provisioner knows, other namespaces included.",
    volumeAttributesClassName: "The class of further settings of the volume.",
  },
);
export type PersistentVolumeClaimSpec = z.output<typeof PersistentVolumeClaimSpec>;

export const PersistentVolumeClaimTemplate = struct(
  core("PersistentVolumeClaimTemplate"),
  {
    metadata: embedded(ObjectMeta),
    spec: mandatory(embedded(PersistentVolumeClaimSpec)),
  },
  {
    about: "What the claim of an ephemeral volume is made from.",
    metadata: "Labels and annotations for the claim.",
    spec: "What the claim asks for.",
  },
);
export type PersistentVolumeClaimTemplate = z.output<typeof PersistentVolumeClaimTemplate>;
