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

export const OwnerReference = atomicStruct(
  meta("OwnerReference"),
  {
    apiVersion: always(string, ""),
    kind: always(string, ""),
    name: always(string, ""),
    uid: always(string, ""),
    controller: pointer(z.boolean()),
    blockOwnerDeletion: pointer(z.boolean()),
  },
  {
    about: "An object that this one belongs to. It is deleted after its last owner is.",
    apiVersion: "The API group and version of the owner.",
    kind: "The kind of the owner.",
    name: "The name of the owner.",
    uid: "The uid of the owner.",
    controller: "Whether the owner is the one that looks after this object. There is one such owner at most.",
    blockOwnerDeletion: "Whether an owner that is deleted in the foreground stays until this object is gone.",
  },
);
export type OwnerReference = z.output<typeof OwnerReference>;

const ManagedFieldsEntry = struct(
  meta("ManagedFieldsEntry"),
  {
    manager: text,
    operation: text,
    apiVersion: text,
    time: pointer(time),
    fieldsType: text,
    fieldsV1: pointer(
      z.record(string, z.unknown()).meta({ id: meta("FieldsV1"), description: "Fields, as a tree of their names." }),
    ),
    subresource: text,
  },
  {
    about: "Which fields somebody has set.",
    manager: "Who.",
    operation: "How: Apply or Update.",
    apiVersion: "The API version in which the fields are named.",
    time: "When this last changed.",
    fieldsType: "How the fields are written: FieldsV1.",
    fieldsV1: "The fields.",
    subresource: "The subresource through which they were written, such as status. Empty: the object itself.",
  },
);

export const ObjectMeta = struct(
  meta("ObjectMeta"),
  {
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
  },
  {
    about: "What every object has besides what it says.",
    name: "The name, unique among objects of its kind in its namespace. Cannot be changed.",
    generateName: "What a generated name begins with, for objects that are created without one.",
    namespace: "The room within which the name is unique. Empty for objects that belong to the cluster.",
    selfLink: "Obsolete, and not set.",
    uid: "Tells this object from every other, also from those that had or will have its name. Set by the server.",
    resourceVersion:
      "The version of the object: another after each write. Sent with a write, it must still be the current one.",
    generation: "How often what is wanted was changed. Set by the server.",
    creationTimestamp: "When the object was created. Set by the server.",
    deletionTimestamp: "When the object is to be gone: set by the server when it is deleted and does not go at once.",
    deletionGracePeriodSeconds: "How many seconds it was given to end. Set with deletionTimestamp.",
    labels: "Names and values by which objects are selected.",
    annotations: "Names and values for everything else. Nothing selects by them.",
    ownerReferences: "The objects that this one belongs to.",
    finalizers: "Who has to be done with the object before it goes. Each takes its own name off the list.",
    managedFields: "Who has set which fields. Kept for server-side apply.",
  },
);
export type ObjectMeta = z.output<typeof ObjectMeta>;

export const ListMeta = struct(
  meta("ListMeta"),
  {
    selfLink: text,
    resourceVersion: text,
    continue: text,
    remainingItemCount: pointer(int64),
  },
  {
    about: "What every list has besides its objects.",
    selfLink: "Obsolete, and not set.",
    resourceVersion: "The version of the list, from which a watch can go on.",
    continue: "Where the rest of the list begins, to be sent with the next request. Empty: this was all.",
    remainingItemCount: "About how many objects are left. Absent: nobody has counted.",
  },
);

export const LabelSelectorRequirement = struct(
  meta("LabelSelectorRequirement"),
  {
    key: always(string, ""),
    operator: always(string, ""),
    values: strings,
  },
  {
    about: "One thing that is asked of labels.",
    key: "Which label.",
    operator: "In, NotIn, Exists or DoesNotExist.",
    values: "The values, some for In and NotIn, none for Exists and DoesNotExist.",
  },
);
export type LabelSelectorRequirement = z.output<typeof LabelSelectorRequirement>;

export const LabelSelector = atomicStruct(
  meta("LabelSelector"),
  {
    matchLabels: stringMap,
    matchExpressions: list(LabelSelectorRequirement),
  },
  {
    about:
      "Which objects are meant, by their labels. Everything that is asked has to hold; an empty selector matches all.",
    matchLabels: "Labels that have to have exactly these values.",
    matchExpressions: "What else is asked of labels.",
  },
);
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
