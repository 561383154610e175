// The claim that a pod's ephemeral volume makes for storage.
// Source: core/v1 types PersistentVolumeClaimTemplate, PersistentVolumeClaimSpec.
import type * as z from "zod";

import { core, defaultedPointer, embedded, pointer, resourceList, string, strings, struct, text } from "./fields.ts";
import { LabelSelector, ObjectMeta } from "./meta.ts";
import { TypedLocalObjectReference, TypedObjectReference } from "./references.ts";

const VolumeResourceRequirements = struct(core("VolumeResourceRequirements"), {
  limits: resourceList,
  requests: resourceList,
});

const PersistentVolumeClaimSpec = struct(core("PersistentVolumeClaimSpec"), {
  accessModes: strings,
  selector: pointer(LabelSelector),
  resources: embedded(VolumeResourceRequirements),
  volumeName: text,
  storageClassName: pointer(string),
  volumeMode: defaultedPointer(string, "Filesystem"),
  dataSource: pointer(TypedLocalObjectReference),
  dataSourceRef: pointer(TypedObjectReference),
  volumeAttributesClassName: pointer(string),
});
export type PersistentVolumeClaimSpec = z.output<typeof PersistentVolumeClaimSpec>;

export const PersistentVolumeClaimTemplate = struct(core("PersistentVolumeClaimTemplate"), {
  metadata: embedded(ObjectMeta),
  spec: embedded(PersistentVolumeClaimSpec),
});
export type PersistentVolumeClaimTemplate = z.output<typeof PersistentVolumeClaimTemplate>;
