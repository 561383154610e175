// PersistentVolumeClaims: what somebody wants a volume to be. They are kept and stay pending: nobody makes volumes here.
// Source: core/v1 PersistentVolumeClaim; pkg/printers/internalversion printPersistentVolumeClaim.
import type * as z from "zod";

import { accessModesText } from "./access-modes.ts";
import {
  always,
  core,
  defaulted,
  embedded,
  list,
  oneOf,
  pointer,
  resourceList,
  string,
  stringMap,
  strings,
  struct,
  text,
  timestamp,
} from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Column, Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { storedOnly } from "./support.ts";
import { validateMetadataStatusUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";
import { validateClaim, validateClaimUpdate } from "./validation/persistent-volume-claim.ts";
import { PersistentVolumeClaimSpec } from "./volume-claim-template.ts";
import { classColumns, modeColumn, statusColumn, textColumn } from "./volume-columns.ts";

const PersistentVolumeClaimCondition = struct(
  core("PersistentVolumeClaimCondition"),
  {
    type: always(string, ""),
    status: always(string, ""),
    lastProbeTime: timestamp,
    lastTransitionTime: timestamp,
    reason: text,
    message: text,
  },
  {
    about: "One thing that is, is not, or may be so of a claim.",
    type: "What is said to be so.",
    status: "Whether it is so: True, False or Unknown.",
    lastProbeTime: "When that was last looked at.",
    lastTransitionTime: "When the status last changed.",
    reason: "Why, in one word for programs.",
    message: "Why, in a sentence for people.",
  },
);

const ModifyVolumeStatus = struct(
  core("ModifyVolumeStatus"),
  { targetVolumeAttributesClassName: text, status: always(string, "") },
  {
    about: "How a change of the volume's attributes goes on.",
    targetVolumeAttributesClassName: "The class of attributes that it is to have.",
    status: "Pending, InProgress or Infeasible.",
  },
);

const PersistentVolumeClaimStatus = struct(
  core("PersistentVolumeClaimStatus"),
  {
    phase: defaulted(oneOf("Bound", "Lost", "Pending"), "Pending"),
    accessModes: strings,
    capacity: resourceList,
    conditions: list(PersistentVolumeClaimCondition, { mergeKey: "type" }),
    allocatedResources: resourceList,
    allocatedResourceStatuses: stringMap,
    currentVolumeAttributesClassName: pointer(string),
    modifyVolumeStatus: pointer(ModifyVolumeStatus),
  },
  {
    about: "What became of a claim.",
    phase: "Pending, Bound or Lost.",
    accessModes: "How the volume can be mounted.",
    capacity: "How large the volume is.",
    conditions: "What is so of the claim now.",
    allocatedResources: "How large the volume is to become.",
    allocatedResourceStatuses: "How that goes on, for each resource.",
    currentVolumeAttributesClassName: "The class of attributes that the volume has.",
    modifyVolumeStatus: "How a change of the class goes on.",
  },
);

export const PersistentVolumeClaim = struct(
  core("PersistentVolumeClaim"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(PersistentVolumeClaimSpec),
    status: embedded(PersistentVolumeClaimStatus),
  },
  {
    about: "A wish for a volume. It is kept here and stays pending, unless somebody binds it.",
    metadata: "Standard object metadata.",
    spec: "What the volume has to be.",
    status: "What became of the wish.",
  },
);
export type PersistentVolumeClaim = z.output<typeof PersistentVolumeClaim>;

/** What only a claim that has its volume shows. */
function ofVolume(shown: (claim: PersistentVolumeClaim) => string): (claim: PersistentVolumeClaim) => string {
  return (claim) => (claim.spec.volumeName === undefined ? "" : shown(claim));
}

const columns: readonly Column<PersistentVolumeClaim>[] = [
  nameColumn,
  statusColumn,
  textColumn("Volume", "The volume.", ({ spec }) => spec.volumeName ?? ""),
  textColumn(
    "Capacity",
    "How large the volume is.",
    ofVolume(({ status }) => status.capacity?.["storage"] ?? "0"),
  ),
  textColumn(
    "Access Modes",
    "How the volume can be mounted.",
    ofVolume(({ status }) => accessModesText(status.accessModes)),
  ),
  ...classColumns,
  ageColumn,
  modeColumn,
];

export const persistentVolumeClaims: Resource<PersistentVolumeClaim> = defineResource<PersistentVolumeClaim>({
  group: "",
  version: "v1",
  kind: "PersistentVolumeClaim",
  plural: "persistentvolumeclaims",
  shortNames: ["pvc"],
  statusSubresource: true,
  schema: PersistentVolumeClaim,
  support: storedOnly("stays Pending, unless somebody binds it"),
  validateName: nameRule(dns1123Subdomain),
  prepareForCreate: (claim) => ({ ...claim, status: { phase: "Pending" } }),
  prepareForUpdate: (claim, old) => ({ ...claim, status: old.status }),
  validate: validateClaim,
  validateUpdate: validateClaimUpdate,
  validateStatusUpdate: ({ metadata }, old) => validateMetadataStatusUpdate(metadata, old.metadata),
  columns,
});
