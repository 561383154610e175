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
  quantity,
  string,
  struct,
  text,
  withDefault,
} from "./fields.ts";

export const ObjectReference = atomicStruct(core("ObjectReference"), {
  kind: text,
  namespace: text,
  name: text,
  uid: text,
  apiVersion: text,
  resourceVersion: text,
  fieldPath: text,
});
export type ObjectReference = z.output<typeof ObjectReference>;

export const LocalObjectReference = atomicStruct(core("LocalObjectReference"), { name: withDefault(text, "") });

export const TypedLocalObjectReference = atomicStruct(core("TypedLocalObjectReference"), {
  apiGroup: nullWhenAbsent(string),
  kind: always(string, ""),
  name: always(string, ""),
});
export type TypedLocalObjectReference = z.output<typeof TypedLocalObjectReference>;

export const TypedObjectReference = struct(core("TypedObjectReference"), {
  apiGroup: nullWhenAbsent(string),
  kind: always(string, ""),
  name: always(string, ""),
  namespace: pointer(string),
});
export type TypedObjectReference = z.output<typeof TypedObjectReference>;

const keySelector = { name: withDefault(text, ""), key: always(string, ""), optional: pointer(boolean) };

export const ConfigMapKeySelector = atomicStruct(core("ConfigMapKeySelector"), keySelector);
export type ConfigMapKeySelector = z.output<typeof ConfigMapKeySelector>;

export const SecretKeySelector = atomicStruct(core("SecretKeySelector"), keySelector);

/** A field of the pod itself, for environment variables and files. */
export const ObjectFieldSelector = atomicStruct(core("ObjectFieldSelector"), {
  apiVersion: always(string, "v1"),
  fieldPath: always(string, ""),
});
export type ObjectFieldSelector = z.output<typeof ObjectFieldSelector>;

/** A resource of a container, for environment variables and files. */
export const ResourceFieldSelector = atomicStruct(core("ResourceFieldSelector"), {
  containerName: text,
  resource: always(string, ""),
  divisor: always(quantity, "0"),
});
export type ResourceFieldSelector = z.output<typeof ResourceFieldSelector>;
