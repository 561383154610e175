// Where a container's environment variables come from.
// Source: core/v1 types EnvVar, EnvFromSource.
import type * as z from "zod";

import { always, boolean, core, pointer, string, struct, text } from "./fields.ts";
import { ConfigMapKeySelector, ObjectFieldSelector, ResourceFieldSelector, SecretKeySelector } from "./references.ts";

const EnvVarSource = struct(
  core("EnvVarSource"),
  {
    fieldRef: pointer(ObjectFieldSelector),
    resourceFieldRef: pointer(ResourceFieldSelector),
    configMapKeyRef: pointer(ConfigMapKeySelector),
    secretKeyRef: pointer(SecretKeySelector),
  },
  {
    about: "Where the value of an environment variable is taken from. Exactly one of these is set.",
    fieldRef: "A field of the pod: its name, namespace, uid, labels, annotations, node, account or addresses.",
    resourceFieldRef: "A limit or request of a container of the pod.",
    configMapKeyRef: "One key of a ConfigMap.",
    secretKeyRef: "One key of a Secret.",
  },
);
export type EnvVarSource = z.output<typeof EnvVarSource>;

export const EnvVar = struct(
  core("EnvVar"),
  {
    name: always(string, ""),
    value: text,
    valueFrom: pointer(EnvVarSource),
  },
  {
    about: "An environment variable of a container.",
    name: 'The name of the variable. It may not contain "=".',
    value: "The value. $(NAME) stands for a variable that was set before; $$ stands for a dollar sign.",
    valueFrom: "Where to take the value from, when it is not written here. Excludes value.",
  },
);
export type EnvVar = z.output<typeof EnvVar>;

const wholeSource = { name: text, optional: pointer(boolean) };

export const EnvFromSource = struct(
  core("EnvFromSource"),
  {
    prefix: text,
    configMapRef: pointer(
      struct(core("ConfigMapEnvSource"), wholeSource, {
        about: "The ConfigMap whose keys become environment variables.",
        name: "The name of the ConfigMap, in the pod's namespace.",
        optional: "Whether the container may start when the ConfigMap is not there.",
      }),
    ),
    secretRef: pointer(
      struct(core("SecretEnvSource"), wholeSource, {
        about: "The Secret whose keys become environment variables.",
        name: "The name of the Secret, in the pod's namespace.",
        optional: "Whether the container may start when the Secret is not there.",
      }),
    ),
  },
  {
    about: "A ConfigMap or Secret all of whose keys become environment variables.",
    prefix: "What to put in front of each key.",
    configMapRef: "The ConfigMap.",
    secretRef: "The Secret.",
  },
);
export type EnvFromSource = z.output<typeof EnvFromSource>;
