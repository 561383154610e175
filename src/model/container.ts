// What one container of a pod runs and with what.
// Source: core/v1 types Container, EphemeralContainer; pkg/apis/core/v1/defaults.go.
import type * as z from "zod";

import { EnvFromSource, EnvVar } from "./env.ts";
import {
  always,
  core,
  defaulted,
  embedded,
  flag,
  int32,
  list,
  omitempty,
  pointer,
  string,
  strings,
  struct,
  text,
  withDefault,
} from "./fields.ts";
import { defaultPullPolicy } from "./image-name.ts";
import { Lifecycle, Probe } from "./probe.ts";
import { ContainerResizePolicy, ResourceRequirements } from "./resource-requirements.ts";
import { SecurityContext } from "./security.ts";

export const ContainerPort = struct(core("ContainerPort"), {
  name: text,
  hostPort: omitempty(int32),
  containerPort: always(int32, 0),
  protocol: withDefault(defaulted(string, "TCP"), "TCP"),
  hostIP: text,
});
export type ContainerPort = z.output<typeof ContainerPort>;

export const VolumeMount = struct(core("VolumeMount"), {
  name: always(string, ""),
  readOnly: flag,
  recursiveReadOnly: pointer(string),
  mountPath: always(string, ""),
  subPath: text,
  mountPropagation: pointer(string),
  subPathExpr: text,
});
export type VolumeMount = z.output<typeof VolumeMount>;

export const VolumeDevice = struct(core("VolumeDevice"), {
  name: always(string, ""),
  devicePath: always(string, ""),
});
export type VolumeDevice = z.output<typeof VolumeDevice>;

const containerFields = {
  name: always(string, ""),
  image: text,
  command: strings,
  args: strings,
  workingDir: text,
  ports: list(ContainerPort, { mergeKey: "containerPort", mapKeys: ["containerPort", "protocol"] }),
  envFrom: list(EnvFromSource),
  env: list(EnvVar, { mergeKey: "name" }),
  resources: embedded(ResourceRequirements),
  resizePolicy: list(ContainerResizePolicy),
  restartPolicy: pointer(string),
  volumeMounts: list(VolumeMount, { mergeKey: "mountPath" }),
  volumeDevices: list(VolumeDevice, { mergeKey: "devicePath" }),
  livenessProbe: pointer(Probe),
  readinessProbe: pointer(Probe),
  startupProbe: pointer(Probe),
  lifecycle: pointer(Lifecycle),
  terminationMessagePath: defaulted(string, "/dev/termination-log"),
  terminationMessagePolicy: defaulted(string, "File"),
  imagePullPolicy: text,
  securityContext: pointer(SecurityContext),
  stdin: flag,
  stdinOnce: flag,
  tty: flag,
};

function withPullPolicy<C extends { image?: string | undefined; imagePullPolicy?: string | undefined }>(container: C) {
  return { ...container, imagePullPolicy: container.imagePullPolicy ?? defaultPullPolicy(container.image ?? "") };
}

export const Container = struct(core("Container"), containerFields).transform(withPullPolicy);
export type Container = z.output<typeof Container>;

export const EphemeralContainer = struct(core("EphemeralContainer"), {
  ...containerFields,
  targetContainerName: text,
}).transform(withPullPolicy);
export type EphemeralContainer = z.output<typeof EphemeralContainer>;
