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

const ContainerStateTerminated = struct(
  core("ContainerStateTerminated"),
  {
    exitCode: always(int32, 0),
    signal: omitempty(int32),
    reason: text,
    message: text,
    startedAt: timestamp,
    finishedAt: timestamp,
    containerID: text,
  },
  {
    about: "A container that has ended.",
    exitCode: "What its first process exited with.",
    signal: "The signal that ended it, if one did.",
    reason: "Why it ended, in a word: Completed, Error, OOMKilled.",
    message: "What it left to say, for people.",
    startedAt: "When this run of it began.",
    finishedAt: "When it ended.",
    containerID: "Which container it was, for the runtime.",
  },
);

const ContainerState = struct(
  core("ContainerState"),
  {
    waiting: pointer(
      struct(
        core("ContainerStateWaiting"),
        { reason: text, message: text },
        {
          about: "A container that does not run yet, or not again yet.",
          reason: "What it waits for, in a word: ContainerCreating, CrashLoopBackOff.",
          message: "What it waits for, for people.",
        },
      ),
    ),
    running: pointer(
      struct(
        core("ContainerStateRunning"),
        { startedAt: timestamp },
        { about: "A container that runs.", startedAt: "Since when." },
      ),
    ),
    terminated: pointer(ContainerStateTerminated),
  },
  {
    about: "How a container is. One of these is set; none is waiting.",
    waiting: "It does not run yet, or not again yet.",
    running: "It runs.",
    terminated: "It has ended.",
  },
);
export type ContainerState = z.output<typeof ContainerState>;

const VolumeMountStatus = struct(
  core("VolumeMountStatus"),
  {
    name: always(string, ""),
    mountPath: always(string, ""),
    readOnly: flag,
    recursiveReadOnly: pointer(string),
  },
  {
    about: "A mount as it came to be.",
    name: "Which volume.",
    mountPath: "Where in the container.",
    readOnly: "Whether it is for reading only.",
    recursiveReadOnly: "Whether mounts below it are for reading only too.",
  },
);

const LinuxContainerUser = struct(
  core("LinuxContainerUser"),
  {
    uid: always(int64, 0),
    gid: always(int64, 0),
    supplementalGroups: omitempty(z.array(int64)),
  },
  {
    about: "Who the first process of a container was started as, on Linux.",
    uid: "Its user.",
    gid: "Its first group.",
    supplementalGroups: "Its further groups.",
  },
);

const ResourceHealth = struct(
  core("ResourceHealth"),
  { resourceID: always(string, ""), health: text },
  { about: "How one device is.", resourceID: "Which device.", health: "Healthy, Unhealthy or Unknown." },
);

export const ContainerStatus = struct(
  core("ContainerStatus"),
  {
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
    user: pointer(
      struct(
        core("ContainerUser"),
        { linux: pointer(LinuxContainerUser) },
        { about: "Who the first process of a container was started as.", linux: "On Linux." },
      ),
    ),
    allocatedResourcesStatus: list(
      struct(
        core("ResourceStatus"),
        {
          name: always(string, ""),
          resources: list(ResourceHealth, { mapKeys: ["resourceID"] }),
        },
        {
          about: "How the devices of one resource are that a container was given.",
          name: "The resource.",
          resources: "The devices.",
        },
      ),
      { mergeKey: "name" },
    ),
  },
  {
    about: "How one container of a pod is.",
    name: "Which container.",
    state: "How it is now.",
    lastState: "How its run before ended.",
    ready: "Whether it takes part: it has started, and its readiness probe succeeds.",
    restartCount: "How often it was started again.",
    image: "The image it runs.",
    imageID: "Exactly which image that is.",
    containerID: "Which container it is for the runtime, as TYPE://ID.",
    started: "Whether it has come up: its startup probe succeeded and its postStart hook is done.",
    allocatedResources: "How much of each resource the node has set aside for it.",
    resources: "The limits and requests that hold for it now.",
    volumeMounts: "Its mounts, as they came to be.",
    user: "Who its first process was started as.",
    allocatedResourcesStatus: "How the devices are that it was given.",
  },
);
export type ContainerStatus = z.output<typeof ContainerStatus>;
