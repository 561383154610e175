// How one object of the core API names another.
// Source: core/v1 types ObjectReference, LocalObjectReference and the selectors of keys and fields.
import type * as z from "zod";

import { always, boolean, core, nullWhenAbsent, pointer, quantity, string, struct, text } from "./fields.ts";

export const ObjectReference = struct(core("ObjectReference"), {
  kind: text,
  namespace: text,
  name: text,
  uid: text,
  apiVersion: text,
  resourceVersion: text,
  fieldPath: text,
});
export type ObjectReference = z.output<typeof ObjectReference>;

export const LocalObjectReference = struct(core("LocalObjectReference"), { name: text });

export const TypedLocalObjectReference = struct(core("TypedLocalObjectReference"), {
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

const keySelector = { name: text, key: always(string, ""), optional: pointer(boolean) };

export const ConfigMapKeySelector = struct(core("ConfigMapKeySelector"), keySelector);
export type ConfigMapKeySelector = z.output<typeof ConfigMapKeySelector>;

export const SecretKeySelector = struct(core("SecretKeySelector"), keySelector);

/** A field of the pod itself, for environment variables and files. */
export const ObjectFieldSelector = struct(core("ObjectFieldSelector"), {
  apiVersion: always(string, "v1"),
  fieldPath: always(string, ""),
});
export type ObjectFieldSelector = z.output<typeof ObjectFieldSelector>;

/** A resource of a container, for environment variables and files. */
export const ResourceFieldSelector = struct(core("ResourceFieldSelector"), {
  containerName: text,
  resource: always(string, ""),
  divisor: always(quantity, "0"),
});
export type ResourceFieldSelector = z.output<typeof ResourceFieldSelector>;
