// Where a container's environment variables come from.
// Source: core/v1 types EnvVar, EnvFromSource.
import type * as z from "zod";

import { always, boolean, core, pointer, string, struct, text } from "./fields.ts";
import { ConfigMapKeySelector, ObjectFieldSelector, ResourceFieldSelector, SecretKeySelector } from "./references.ts";

const EnvVarSource = struct(core("EnvVarSource"), {
  fieldRef: pointer(ObjectFieldSelector),
  resourceFieldRef: pointer(ResourceFieldSelector),
  configMapKeyRef: pointer(ConfigMapKeySelector),
  secretKeyRef: pointer(SecretKeySelector),
});

export const EnvVar = struct(core("EnvVar"), {
  name: always(string, ""),
  value: text,
  valueFrom: pointer(EnvVarSource),
});
export type EnvVar = z.output<typeof EnvVar>;

const wholeSource = { name: text, optional: pointer(boolean) };

export const EnvFromSource = struct(core("EnvFromSource"), {
  prefix: text,
  configMapRef: pointer(struct(core("ConfigMapEnvSource"), wholeSource)),
  secretRef: pointer(struct(core("SecretEnvSource"), wholeSource)),
});
export type EnvFromSource = z.output<typeof EnvFromSource>;
