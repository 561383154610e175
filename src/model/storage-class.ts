// StorageClasses and CSIDrivers: who makes volumes, and how. They are kept and shown; nobody makes volumes here.
// Source: storage.k8s.io/v1; pkg/apis/storage/v1/defaults.go; pkg/printers/internalversion.
import * as z from "zod";

import {
  always,
  atomicStruct,
  boolean,
  defaultedPointer,
  embedded,
  int64,
  list,
  mandatory,
  nullWhenAbsent,
  omitempty,
  oneOf,
  pointer,
  string,
  stringMap,
  stringSet,
  strings,
  struct,
} from "./fields.ts";
import { countingGenerations } from "./generation.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Column, Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { storedOnly } from "./support.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";
import {
  validateDriver,
  validateDriverUpdate,
  validateStorageClass,
  validateStorageClassUpdate,
} from "./validation/storage-class.ts";

const storage = (name: string): string => `io.k8s.api.storage.v1.${name}`;
const group = { group: "storage.k8s.io", version: "v1", namespaced: false } as const;

const TopologySelectorLabelRequirement = struct(
  "io.k8s.api.core.v1.TopologySelectorLabelRequirement",
  { key: always(string, ""), values: mandatory(nullWhenAbsent(z.array(string))) },
  { about: "A condition on a label of nodes.", key: "The label.", values: "What it may be." },
);

const TopologySelectorTerm = atomicStruct(
  "io.k8s.api.core.v1.TopologySelectorTerm",
  { matchLabelExpressions: list(TopologySelectorLabelRequirement) },
  { about: "Some nodes.", matchLabelExpressions: "All of these have to hold for a node." },
);
export type TopologySelectorTerm = z.output<typeof TopologySelectorTerm>;

const StorageClass = struct(
  storage("StorageClass"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    provisioner: always(string, ""),
    parameters: stringMap,
    reclaimPolicy: defaultedPointer(oneOf("Delete", "Recycle", "Retain"), "Delete"),
    mountOptions: strings,
    allowVolumeExpansion: pointer(boolean),
    volumeBindingMode: defaultedPointer(oneOf("Immediate", "WaitForFirstConsumer"), "Immediate"),
    allowedTopologies: list(TopologySelectorTerm),
  },
  {
    about: "A sort of volume that claims can ask for. It is kept here, and nobody makes volumes of it.",
    metadata: "Standard object metadata.",
    provisioner: "Who makes the volumes.",
    parameters: "What the maker is told.",
    reclaimPolicy: "What becomes of a volume that is claimed no more: Delete or Retain.",
    mountOptions: "How the volumes are mounted.",
    allowVolumeExpansion: "Whether claims may ask for more later.",
    volumeBindingMode: "When a claim gets its volume: Immediate, or WaitForFirstConsumer.",
    allowedTopologies: "Where volumes may be made.",
  },
);
export type StorageClass = z.output<typeof StorageClass>;

const defaultAnnotations = [
  "storageclass.kubernetes.io/is-default-class",
  "storageclass.beta.kubernetes.io/is-default-class",
];

const classNameColumn: Column<StorageClass> = {
  ...nameColumn,
  cell: ({ metadata }) => {
    const isDefault = defaultAnnotations.some((name) => metadata.annotations?.[name] === "true");
    return `${metadata.name ?? ""}${isDefault ? " (default)" : ""}`;
  },
};

export const storageClasses: Resource<StorageClass> = defineResource<StorageClass>({
  ...group,
  kind: "StorageClass",
  plural: "storageclasses",
  shortNames: ["sc"],
  schema: StorageClass,
  support: storedOnly("nobody makes volumes"),
  validateName: nameRule(dns1123Subdomain),
  validate: validateStorageClass,
  validateUpdate: validateStorageClassUpdate,
  columns: [
    classNameColumn,
    {
      name: "Provisioner",
      type: "string",
      description: "Who makes the volumes.",
      cell: ({ provisioner }) => provisioner,
    },
    {
      name: "ReclaimPolicy",
      type: "string",
      description: "What becomes of a volume that is claimed no more.",
      cell: ({ reclaimPolicy }) => reclaimPolicy,
    },
    {
      name: "VolumeBindingMode",
      type: "string",
      description: "When a claim gets its volume.",
      cell: ({ volumeBindingMode }) => volumeBindingMode,
    },
    {
      name: "AllowVolumeExpansion",
      type: "string",
      description: "Whether claims may ask for more later.",
      cell: ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false,
    },
    ageColumn,
  ],
});

const TokenRequest = struct(
  storage("TokenRequest"),
  { audience: always(string, ""), expirationSeconds: pointer(int64) },
  {
    about: "A token of the pod's service account that the driver is given.",
    audience: "Whom the token is for.",
    expirationSeconds: "For how many seconds it is good.",
  },
);

const CSIDriverSpec = struct(
  storage("CSIDriverSpec"),
  {
    attachRequired: defaultedPointer(boolean, true),
    podInfoOnMount: defaultedPointer(boolean, false),
    volumeLifecycleModes: omitempty(stringSet).transform((modes): string[] => modes ?? ["Persistent"]),
    storageCapacity: defaultedPointer(boolean, false),
    fsGroupPolicy: defaultedPointer(string, "ReadWriteOnceWithFSType"),
    tokenRequests: list(TokenRequest),
    requiresRepublish: defaultedPointer(boolean, false),
    seLinuxMount: defaultedPointer(boolean, false),
  },
  {
    about: "What a driver of volumes can do and wants to be told.",
    attachRequired: "Whether volumes are attached to a node before they are mounted.",
    podInfoOnMount: "Whether the driver is told for which pod it mounts.",
    volumeLifecycleModes: "Which volumes it has: Persistent, Ephemeral or both.",
    storageCapacity: "Whether it says how much room there is.",
    fsGroupPolicy: "When a volume's files are given to the pod's group: ReadWriteOnceWithFSType, File or None.",
    tokenRequests: "The tokens it is given.",
    requiresRepublish: "Whether it is called again and again for what is mounted.",
    seLinuxMount: "Whether its volumes can be mounted with a context of SELinux.",
  },
);

const CSIDriver = struct(
  storage("CSIDriver"),
  { ...typeMeta, metadata: embedded(ObjectMeta), spec: mandatory(embedded(CSIDriverSpec)) },
  {
    about: "A driver of volumes. It is kept here; agents call no drivers.",
    metadata: "Standard object metadata. The name is the driver's own.",
    spec: "What it can do and wants to be told.",
  },
);
export type CSIDriver = z.output<typeof CSIDriver>;

export const csiDrivers: Resource<CSIDriver> = defineResource<CSIDriver>({
  ...group,
  kind: "CSIDriver",
  plural: "csidrivers",
  schema: CSIDriver,
  support: storedOnly("nobody makes volumes"),
  validateName: nameRule(dns1123Subdomain),
  ...countingGenerations<CSIDriver>((driver) => driver),
  validate: validateDriver,
  validateUpdate: validateDriverUpdate,
  columns: [
    nameColumn,
    {
      name: "AttachRequired",
      type: "boolean",
      description: "Whether volumes are attached to a node before they are mounted.",
      cell: ({ spec }) => spec.attachRequired,
    },
    {
      name: "PodInfoOnMount",
      type: "boolean",
      description: "Whether the driver is told for which pod it mounts.",
      cell: ({ spec }) => spec.podInfoOnMount,
    },
    {
      name: "StorageCapacity",
      type: "boolean",
      description: "Whether it says how much room there is.",
      cell: ({ spec }) => spec.storageCapacity,
    },
    {
      name: "TokenRequests",
      type: "string",
      description: "Whom the tokens are for that it is given.",
      cell: ({ spec }) => spec.tokenRequests?.map(({ audience }) => audience).join(",") ?? "<unset>",
    },
    {
      name: "RequiresRepublish",
      type: "boolean",
      description: "Whether it is called again and again for what is mounted.",
      cell: ({ spec }) => spec.requiresRepublish,
    },
    {
      name: "Modes",
      type: "string",
      description: "Which volumes it has.",
      cell: ({ spec }) => spec.volumeLifecycleModes.join(","),
    },
    ageColumn,
  ],
});
