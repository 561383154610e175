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
  oneOf,
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

export const ContainerPort = struct(
  core("ContainerPort"),
  {
    name: text,
    hostPort: omitempty(int32),
    containerPort: always(int32, 0),
    protocol: withDefault(defaulted(oneOf("SCTP", "TCP", "UDP"), "TCP"), "TCP"),
    hostIP: text,
  },
  {
    about: "A port that a container listens on. Naming it opens nothing and leaving it out closes nothing.",
    name: "A name for the port, unique within the pod, by which probes and hooks can refer to it.",
    hostPort: "The port of the node that leads to this one. Few containers need it.",
    containerPort: "The number of the port in the container, from 1 to 65535.",
    protocol: "UDP, TCP or SCTP.",
    hostIP: "The address of the node on which hostPort is open. Empty: on all of them.",
  },
);
export type ContainerPort = z.output<typeof ContainerPort>;

export const VolumeMount = struct(
  core("VolumeMount"),
  {
    name: always(string, ""),
    readOnly: flag,
    recursiveReadOnly: pointer(string),
    mountPath: always(string, ""),
    subPath: text,
    mountPropagation: pointer(oneOf("Bidirectional", "HostToContainer", "None")),
    subPathExpr: text,
  },
  {
    about: "Where in a container one of the pod's volumes is seen.",
    name: "Which volume: its name in spec.volumes.",
    readOnly: "Whether the container may not write to it.",
    recursiveReadOnly:
      "Whether mounts below this one are read-only too: Disabled, IfPossible or Enabled. Needs readOnly.",
    mountPath: "The path in the container. It has no colon in it.",
    subPath: "The path within the volume that is mounted, instead of its root.",
    mountPropagation:
      "Whether mounts made later on one side appear on the other: None, HostToContainer or Bidirectional.",
    subPathExpr: "As subPath, with $(NAME) standing for the container's environment variables. Excludes subPath.",
  },
);
export type VolumeMount = z.output<typeof VolumeMount>;

export const VolumeDevice = struct(
  core("VolumeDevice"),
  {
    name: always(string, ""),
    devicePath: always(string, ""),
  },
  {
    about: "A volume that a container gets as a raw block device.",
    name: "Which volume: its name in spec.volumes, and a persistent volume claim.",
    devicePath: "The path of the device in the container.",
  },
);
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
  terminationMessagePolicy: defaulted(oneOf("FallbackToLogsOnError", "File"), "File"),
  imagePullPolicy: omitempty(oneOf("Always", "IfNotPresent", "Never")),
  securityContext: pointer(SecurityContext),
  stdin: flag,
  stdinOnce: flag,
  tty: flag,
};

const containerDocs = {
  name: "The name of the container, unique within the pod. Cannot be changed.",
  image: "The image it runs.",
  command:
    "The program to run and its first arguments. Absent: the image's entry point. $(NAME) stands for a variable.",
  args: "Further arguments. Absent: what the image says. $(NAME) stands for a variable.",
  workingDir: "The directory the program starts in. Absent: as the image says.",
  ports: "The ports it listens on. Leaving one out does not close it.",
  envFrom: "ConfigMaps and Secrets all of whose keys become environment variables. What env says goes before.",
  env: "Its environment variables.",
  resources: "How much it may use and is promised.",
  resizePolicy: "For which resources it has to be restarted when its amount is changed.",
  restartPolicy: "For init containers: Always makes it a sidecar, which goes on running beside the others.",
  volumeMounts: "Where it sees which of the pod's volumes.",
  volumeDevices: "Which volumes it gets as raw block devices.",
  livenessProbe: "Asked while it runs. When it fails, the container is stopped and started again.",
  readinessProbe: "Asked while it runs. When it fails, the container counts as not ready and is left running.",
  startupProbe:
    "Asked after its start, before the other probes. When it fails, the container is stopped and started again.",
  lifecycle: "What is done when it starts and before it is stopped.",
  terminationMessagePath: "The file in the container in which it can leave a last message, up to 4096 bytes.",
  terminationMessagePolicy:
    "Where its last message comes from: File, or FallbackToLogsOnError for the end of its log if the file is empty.",
  imagePullPolicy:
    "When its image is fetched: Always, Never or IfNotPresent. Absent: Always for the tag latest, else IfNotPresent.",
  securityContext: "With which rights it runs. What is set here goes before what the pod says.",
  stdin: "Whether it has an input to read from.",
  stdinOnce: "Whether its input ends when the first who attached to it goes.",
  tty: "Whether it has a terminal. Needs stdin.",
} as const;

function withPullPolicy<C extends { image?: string | undefined; imagePullPolicy?: string | undefined }>(container: C) {
  return { ...container, imagePullPolicy: container.imagePullPolicy ?? defaultPullPolicy(container.image ?? "") };
}

export const Container = struct(core("Container"), containerFields, {
  about: "A program that runs in a pod, with what it needs.",
  ...containerDocs,
}).transform(withPullPolicy);
export type Container = z.output<typeof Container>;

export const EphemeralContainer = struct(
  core("EphemeralContainer"),
  { ...containerFields, targetContainerName: text },
  {
    about: "A container that was put into a running pod for a look at it. It is not started again when it ends.",
    ...containerDocs,
    targetContainerName: "The container whose processes it sees. Absent: as the pod is set up.",
  },
).transform(withPullPolicy);
export type EphemeralContainer = z.output<typeof EphemeralContainer>;
