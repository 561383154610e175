// What every object of the API has: its metadata, and the selectors that pick objects by label.
// Source: apimachinery pkg/apis/meta/v1.
import * as z from "zod";

import {
  always,
  atomicStruct,
  int64,
  list,
  mergedStrings,
  meta,
  omitempty,
  pointer,
  presentOr,
  string,
  stringMap,
  strings,
  struct,
  text,
  time,
  timestamp,
} from "./fields.ts";

export const OwnerReference = atomicStruct(meta("OwnerReference"), {
  apiVersion: always(string, ""),
  kind: always(string, ""),
  name: always(string, ""),
  uid: always(string, ""),
  controller: pointer(z.boolean()),
  blockOwnerDeletion: pointer(z.boolean()),
});
export type OwnerReference = z.output<typeof OwnerReference>;

const ManagedFieldsEntry = struct(meta("ManagedFieldsEntry"), {
  manager: text,
  operation: text,
  apiVersion: text,
  time: pointer(time),
  fieldsType: text,
  fieldsV1: pointer(z.record(string, z.unknown()).meta({ id: meta("FieldsV1") })),
  subresource: text,
});

export const ObjectMeta = struct(meta("ObjectMeta"), {
  name: text,
  generateName: text,
  namespace: text,
  selfLink: text,
  uid: text,
  resourceVersion: text,
  generation: omitempty(int64),
  creationTimestamp: timestamp,
  deletionTimestamp: pointer(time),
  deletionGracePeriodSeconds: pointer(int64),
  labels: stringMap,
  annotations: stringMap,
  ownerReferences: list(OwnerReference, { mergeKey: "uid" }),
  finalizers: mergedStrings,
  managedFields: list(ManagedFieldsEntry),
});
export type ObjectMeta = z.output<typeof ObjectMeta>;

export const ListMeta = struct(meta("ListMeta"), {
  selfLink: text,
  resourceVersion: text,
  continue: text,
  remainingItemCount: pointer(int64),
});

export const LabelSelectorRequirement = struct(meta("LabelSelectorRequirement"), {
  key: always(string, ""),
  operator: always(string, ""),
  values: strings,
});
export type LabelSelectorRequirement = z.output<typeof LabelSelectorRequirement>;

export const LabelSelector = atomicStruct(meta("LabelSelector"), {
  matchLabels: stringMap,
  matchExpressions: list(LabelSelectorRequirement),
});
export type LabelSelector = z.output<typeof LabelSelector>;

/** Any object of the API. `spec`, `status` and the rest are reached through the kind's own type. */
export type KubeObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
};

export const typeMeta = { kind: presentOr(string, ""), apiVersion: presentOr(string, "") } as const;

/** The controller among an object's owners; there is at most one. */
export function controllerOf(metadata: ObjectMeta): OwnerReference | undefined {
  return metadata.ownerReferences?.find((owner) => owner.controller === true);
}
