// How one object of the core API names another.
// Source: core/v1 types ObjectReference, LocalObjectReference and the selectors of keys and fields.
import type * as z from "zod";

import {
  always,
  atomicStruct,
  boolean,
  core,
  nullWhenAbsent,
  pointer,
  presentOr,
  quantity,
  string,
  struct,
  text,
  withDefault,
} from "./fields.ts";

export const ObjectReference = atomicStruct(
  core("ObjectReference"),
  {
    kind: text,
    namespace: text,
    name: text,
    uid: text,
    apiVersion: text,
    resourceVersion: text,
    fieldPath: text,
  },
  {
    about: "Enough to find another object, or a part of one.",
    kind: "The kind of the object.",
    namespace: "The namespace it is in.",
    name: "Its name.",
    uid: "Its uid, which tells it from others that had or will have the same name.",
    apiVersion: "The API group and version of its kind.",
    resourceVersion: "The version of the object that is meant, if a certain one is.",
    fieldPath: "The part that is meant, such as spec.containers{web} for one container of a pod.",
  },
);
export type ObjectReference = z.output<typeof ObjectReference>;

export const LocalObjectReference = atomicStruct(
  core("LocalObjectReference"),
  { name: withDefault(text, "") },
  { about: "The name of an object in the same namespace.", name: "The name of the object." },
);

export const SecretReference = atomicStruct(
  core("SecretReference"),
  { name: text, namespace: text },
  { about: "A Secret of any namespace.", name: "The name of the Secret.", namespace: "The namespace it is in." },
);
export type SecretReference = z.output<typeof SecretReference>;

export const TypedLocalObjectReference = atomicStruct(
  core("TypedLocalObjectReference"),
  {
    apiGroup: nullWhenAbsent(string),
    kind: always(string, ""),
    name: always(string, ""),
  },
  {
    about: "An object of a given kind in the same namespace.",
    apiGroup: "The API group of its kind. Empty: the core group.",
    kind: "The kind of the object.",
    name: "The name of the object.",
  },
);
export type TypedLocalObjectReference = z.output<typeof TypedLocalObjectReference>;

export const TypedObjectReference = struct(
  core("TypedObjectReference"),
  {
    apiGroup: nullWhenAbsent(string),
    kind: always(string, ""),
    name: always(string, ""),
    namespace: pointer(string),
  },
  {
    about: "An object of a given kind, perhaps in another namespace.",
    apiGroup: "The API group of its kind. Empty: the core group.",
    kind: "The kind of the object.",
    name: "The name of the object.",
    namespace: "The namespace it is in. Empty: the same one.",
  },
);
export type TypedObjectReference = z.output<typeof TypedObjectReference>;

const keySelector = { name: withDefault(text, ""), key: always(string, ""), optional: pointer(boolean) };

export const ConfigMapKeySelector = atomicStruct(core("ConfigMapKeySelector"), keySelector, {
  about: "One key of a ConfigMap.",
  name: "The name of the ConfigMap, in the pod's namespace.",
  key: "The key within it.",
  optional: "Whether the container may start when the ConfigMap or the key is not there.",
});
export type ConfigMapKeySelector = z.output<typeof ConfigMapKeySelector>;

export const SecretKeySelector = atomicStruct(core("SecretKeySelector"), keySelector, {
  about: "One key of a Secret.",
  name: "The name of the Secret, in the pod's namespace.",
  key: "The key within it.",
  optional: "Whether the container may start when the Secret or the key is not there.",
});

/** A field of the pod itself, for environment variables and files. */
export const ObjectFieldSelector = atomicStruct(
  core("ObjectFieldSelector"),
  {
    apiVersion: presentOr(string, "v1"),
    fieldPath: always(string, ""),
  },
  {
    about: "A field of the pod itself.",
    apiVersion: "The version of the API in which the path is written.",
    fieldPath: "Which field, such as metadata.name or spec.nodeName.",
  },
);
export type ObjectFieldSelector = z.output<typeof ObjectFieldSelector>;

/** A resource of a container, for environment variables and files. */
export const ResourceFieldSelector = atomicStruct(
  core("ResourceFieldSelector"),
  {
    containerName: text,
    resource: always(string, ""),
    divisor: presentOr(quantity, "0"),
  },
  {
    about: "An amount of a resource that a container asks for or is limited to.",
    containerName: "Which container. Needed for files; for environment variables it is the container itself.",
    resource: "Which amount, such as limits.cpu or requests.memory.",
    divisor: "The unit to write the amount in: it is divided by this and rounded up.",
  },
);
export type ResourceFieldSelector = z.output<typeof ResourceFieldSelector>;
