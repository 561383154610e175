// What became of one container.
// Source: core/v1 types ContainerStatus, ContainerState.
import * as z from "zod";

import {
  always,
  boolean,
  core,
  embedded,
  flag,
  int32,
  int64,
  list,
  omitempty,
  pointer,
  resourceList,
  string,
  struct,
  text,
  timestamp,
} from "./fields.ts";
import { ResourceRequirements } from "./resource-requirements.ts";

const ContainerStateTerminated = struct(core("ContainerStateTerminated"), {
  exitCode: always(int32, 0),
  signal: omitempty(int32),
  reason: text,
  message: text,
  startedAt: timestamp,
  finishedAt: timestamp,
  containerID: text,
});

const ContainerState = struct(core("ContainerState"), {
  waiting: pointer(struct(core("ContainerStateWaiting"), { reason: text, message: text })),
  running: pointer(struct(core("ContainerStateRunning"), { startedAt: timestamp })),
  terminated: pointer(ContainerStateTerminated),
});
export type ContainerState = z.output<typeof ContainerState>;

const VolumeMountStatus = struct(core("VolumeMountStatus"), {
  name: always(string, ""),
  mountPath: always(string, ""),
  readOnly: flag,
  recursiveReadOnly: pointer(string),
});

const LinuxContainerUser = struct(core("LinuxContainerUser"), {
  uid: always(int64, 0),
  gid: always(int64, 0),
  supplementalGroups: omitempty(z.array(int64)),
});

const ResourceHealth = struct(core("ResourceHealth"), { resourceID: always(string, ""), health: text });

export const ContainerStatus = struct(core("ContainerStatus"), {
  name: always(string, ""),
  state: embedded(ContainerState),
  lastState: embedded(ContainerState),
  ready: always(boolean, false),
  restartCount: always(int32, 0),
  image: always(string, ""),
  imageID: always(string, ""),
  containerID: text,
  started: pointer(boolean),
  allocatedResources: resourceList,
  resources: pointer(ResourceRequirements),
  volumeMounts: list(VolumeMountStatus, { mergeKey: "mountPath" }),
  user: pointer(struct(core("ContainerUser"), { linux: pointer(LinuxContainerUser) })),
  allocatedResourcesStatus: list(
    struct(core("ResourceStatus"), {
      name: always(string, ""),
      resources: list(ResourceHealth, { mapKeys: ["resourceID"] }),
    }),
    { mergeKey: "name" },
  ),
});
export type ContainerStatus = z.output<typeof ContainerStatus>;
