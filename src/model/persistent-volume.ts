// PersistentVolumes: the storage that there is. They are kept and stay pending: nobody binds or mounts them here.
// Source: core/v1 PersistentVolume; pkg/registry/core/persistentvolume; pkg/printers/internalversion printPersistentVolume.
import type * as z from "zod";

import { accessModesText } from "./access-modes.ts";
import { NodeSelector } from "./affinity.ts";
import {
  core,
  defaulted,
  defaultedPointer,
  embedded,
  oneOf,
  pointer,
  resourceList,
  string,
  strings,
  struct,
  text,
  time,
} from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { persistentVolumeDocs, persistentVolumeSources } from "./persistent-volume-sources.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import { ObjectReference } from "./references.ts";
import type { Column, Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { storedOnly } from "./support.ts";
import { validateMetadataStatusUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";
import { validatePersistentVolume, validatePersistentVolumeUpdate } from "./validation/persistent-volume.ts";
import { classColumns, modeColumn, statusColumn, textColumn } from "./volume-columns.ts";

const VolumeNodeAffinity = struct(
  core("VolumeNodeAffinity"),
  { required: pointer(NodeSelector) },
  { about: "Which nodes a volume can be mounted on.", required: "What a node has to be like." },
);

export const PersistentVolumeSpec = struct(
  core("PersistentVolumeSpec"),
  {
    capacity: resourceList,
    ...persistentVolumeSources,
    accessModes: strings,
    // The claim's name is its owner's who made the volume for it, the rest belongs to whoever binds the two.
    claimRef: pointer(ObjectReference).meta({ "x-kubernetes-map-type": "granular" }),
    persistentVolumeReclaimPolicy: defaulted(oneOf("Delete", "Recycle", "Retain"), "Retain"),
    storageClassName: text,
    mountOptions: strings,
    volumeMode: defaultedPointer(oneOf("Block", "Filesystem"), "Filesystem"),
    nodeAffinity: pointer(VolumeNodeAffinity),
    volumeAttributesClassName: pointer(string),
  },
  {
    about: "What a volume is made of, and who may have it. One source is set.",
    capacity: "How large it is: storage.",
    ...persistentVolumeDocs,
    accessModes: "How it can be mounted: ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod.",
    claimRef: "The claim that it is bound to, or is to be.",
    persistentVolumeReclaimPolicy: "What becomes of it once it is claimed no more: Retain, Delete or Recycle.",
    storageClassName: "The class of storage that it is of. Empty: none.",
    mountOptions: "How it is mounted.",
    volumeMode: "Whether it comes with a file system or as a raw device: Filesystem or Block.",
    nodeAffinity: "Which nodes it can be mounted on.",
    volumeAttributesClassName: "The class of further settings that it has.",
  },
);
export type PersistentVolumeSpec = z.output<typeof PersistentVolumeSpec>;

const PersistentVolumeStatus = struct(
  core("PersistentVolumeStatus"),
  {
    phase: defaulted(oneOf("Available", "Bound", "Failed", "Pending", "Released"), "Pending"),
    message: text,
    reason: text,
    lastPhaseTransitionTime: pointer(time),
  },
  {
    about: "What became of a volume.",
    phase: "Pending, Available, Bound, Released or Failed.",
    message: "Why, in a sentence for people.",
    reason: "Why it failed, in one word for programs.",
    lastPhaseTransitionTime: "When the phase last changed.",
  },
);

const PersistentVolume = struct(
  core("PersistentVolume"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(PersistentVolumeSpec),
    status: embedded(PersistentVolumeStatus),
  },
  {
    about: "A piece of storage. It is kept here and stays pending, unless somebody binds it.",
    metadata: "Standard object metadata.",
    spec: "What it is made of, and who may have it.",
    status: "What became of it.",
  },
);
export type PersistentVolume = z.output<typeof PersistentVolume>;

const columns: readonly Column<PersistentVolume>[] = [
  nameColumn,
  textColumn("Capacity", "How large the volume is.", ({ spec }) => spec.capacity?.["storage"] ?? "0"),
  textColumn("Access Modes", "How it can be mounted.", ({ spec }) => accessModesText(spec.accessModes)),
  textColumn(
    "Reclaim Policy",
    "What becomes of it once it is claimed no more.",
    ({ spec }) => spec.persistentVolumeReclaimPolicy,
  ),
  statusColumn,
  textColumn("Claim", "The claim that has it.", ({ spec: { claimRef } }) =>
    claimRef === undefined ? "" : `${claimRef.namespace ?? ""}/${claimRef.name ?? ""}`,
  ),
  ...classColumns,
  textColumn("Reason", "Why it failed.", ({ status }) => status.reason ?? ""),
  ageColumn,
  modeColumn,
];

export const persistentVolumes: Resource<PersistentVolume> = defineResource<PersistentVolume>({
  group: "",
  version: "v1",
  kind: "PersistentVolume",
  plural: "persistentvolumes",
  shortNames: ["pv"],
  namespaced: false,
  statusSubresource: true,
  schema: PersistentVolume,
  support: storedOnly("stays Pending, unless somebody binds it; nobody mounts it"),
  validateName: nameRule(dns1123Subdomain),
  prepareForCreate: (volume) => ({ ...volume, status: newStatus(volume) }),
  prepareForUpdate: (volume, old) => ({ ...volume, status: old.status }),
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
  validateStatusUpdate: ({ metadata }, old) => validateMetadataStatusUpdate(metadata, old.metadata),
  columns,
});

function newStatus({ metadata }: PersistentVolume): PersistentVolume["status"] {
  const { creationTimestamp } = metadata;
  return { phase: "Pending", ...(creationTimestamp ? { lastPhaseTransitionTime: creationTimestamp } : {}) };
}
