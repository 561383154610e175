// What is known of a node: its addresses, its size, its health.
// Source: core/v1 types NodeStatus and its parts.
import * as z from "zod";

import {
  always,
  boolean,
  core,
  embedded,
  int32,
  int64,
  list,
  omitempty,
  oneOf,
  pointer,
  presentOr,
  resourceList,
  string,
  strings,
  struct,
  text,
  timestamp,
  withDefault,
} from "./fields.ts";

const ConfigMapNodeConfigSource = struct(
  core("ConfigMapNodeConfigSource"),
  {
    namespace: always(string, ""),
    name: always(string, ""),
    uid: text,
    resourceVersion: text,
    kubeletConfigKey: always(string, ""),
  },
  {
    about: "The ConfigMap that a node was to be configured by. No longer used.",
    namespace: "The namespace of the ConfigMap.",
    name: "The name of the ConfigMap.",
    uid: "The uid of the ConfigMap.",
    resourceVersion: "The version of the ConfigMap.",
    kubeletConfigKey: "The key with the configuration.",
  },
);

export const NodeConfigSource = struct(
  core("NodeConfigSource"),
  { configMap: pointer(ConfigMapNodeConfigSource) },
  {
    about: "Where a node's configuration came from. No longer used.",
    configMap: "The ConfigMap with the configuration.",
  },
);
export type NodeConfigSource = z.output<typeof NodeConfigSource>;

const NodeCondition = struct(
  core("NodeCondition"),
  {
    type: always(string, ""),
    status: always(string, ""),
    lastHeartbeatTime: timestamp,
    lastTransitionTime: timestamp,
    reason: text,
    message: text,
  },
  {
    about: "One thing that is or is not so of a node.",
    type: "What: Ready, MemoryPressure, DiskPressure, PIDPressure and others.",
    status: "True, False or Unknown.",
    lastHeartbeatTime: "When the node was last heard.",
    lastTransitionTime: "When its status last changed.",
    reason: "Why, in a word for programs.",
    message: "Why, for people.",
  },
);

const NodeAddress = struct(
  core("NodeAddress"),
  { type: always(string, ""), address: always(string, "") },
  {
    about: "An address of a node.",
    type: "Hostname, InternalIP, ExternalIP, InternalDNS or ExternalDNS.",
    address: "The address.",
  },
);

const NodeSystemInfo = struct(
  core("NodeSystemInfo"),
  {
    machineID: always(string, ""),
    systemUUID: always(string, ""),
    bootID: always(string, ""),
    kernelVersion: always(string, ""),
    osImage: always(string, ""),
    containerRuntimeVersion: always(string, ""),
    kubeletVersion: always(string, ""),
    kubeProxyVersion: always(string, ""),
    operatingSystem: always(string, ""),
    architecture: always(string, ""),
  },
  {
    about: "What a node is and runs on.",
    machineID: "The machine's id, as the operating system keeps it.",
    systemUUID: "The machine's id, as its firmware has it.",
    bootID: "The id of the running boot, a new one after each restart.",
    kernelVersion: "The version of the kernel.",
    osImage: "The operating system, as it names itself.",
    containerRuntimeVersion: "What runs the containers, as TYPE://VERSION.",
    kubeletVersion: "The version of the node's agent.",
    kubeProxyVersion: "The version of kube-proxy. There is none; it is what the agent reports.",
    operatingSystem: "Its operating system: linux or windows.",
    architecture: "The processor's architecture, such as amd64 or arm64.",
  },
);

const NodeDaemonEndpoints = struct(
  core("NodeDaemonEndpoints"),
  {
    // The only field of the API with a capital letter.
    kubeletEndpoint: embedded(
      struct(
        core("DaemonEndpoint"),
        { Port: always(int32, 0) },
        { about: "Where the node's agent can be reached.", Port: "The port. 0: it listens nowhere." },
      ),
    ),
  },
  { about: "Where programs of the node can be reached.", kubeletEndpoint: "The node's agent." },
);

const NodeRuntimeHandler = struct(
  core("NodeRuntimeHandler"),
  {
    name: withDefault(presentOr(string, ""), ""),
    features: pointer(
      struct(
        core("NodeRuntimeHandlerFeatures"),
        {
          recursiveReadOnlyMounts: pointer(boolean),
          userNamespaces: pointer(boolean),
        },
        {
          about: "What a runtime handler can do.",
          recursiveReadOnlyMounts: "Whether it can make mounts read-only with all that is below.",
          userNamespaces: "Whether it can give pods users of their own.",
        },
      ),
    ),
  },
  {
    about: "A way in which the node can run containers.",
    name: "Its name. Empty: the default one.",
    features: "What it can do.",
  },
);

const NodeStatusFields = struct(
  core("NodeStatus"),
  {
    capacity: resourceList,
    allocatable: resourceList,
    phase: omitempty(oneOf("Pending", "Running", "Terminated")),
    conditions: list(NodeCondition, { mergeKey: "type" }),
    addresses: list(NodeAddress, { mergeKey: "type" }),
    daemonEndpoints: embedded(NodeDaemonEndpoints),
    nodeInfo: embedded(NodeSystemInfo),
    images: list(
      struct(
        core("ContainerImage"),
        { names: presentOr(z.array(string), []), sizeBytes: omitempty(int64) },
        { about: "An image that is on a node.", names: "The names it is known by.", sizeBytes: "How large it is." },
      ),
    ),
    volumesInUse: strings,
    volumesAttached: list(
      struct(
        core("AttachedVolume"),
        { name: always(string, ""), devicePath: always(string, "") },
        { about: "A volume that is attached to a node.", name: "Which volume.", devicePath: "Its device on the node." },
      ),
    ),
    config: pointer(
      struct(
        core("NodeConfigStatus"),
        {
          assigned: pointer(NodeConfigSource),
          active: pointer(NodeConfigSource),
          lastKnownGood: pointer(NodeConfigSource),
          error: text,
        },
        {
          about: "Which configuration a node has. No longer used.",
          assigned: "The one it is to use.",
          active: "The one it uses.",
          lastKnownGood: "The one it falls back to.",
          error: "What is wrong with the one it is to use.",
        },
      ),
    ),
    runtimeHandlers: list(NodeRuntimeHandler),
    features: pointer(
      struct(
        core("NodeFeatures"),
        { supplementalGroupsPolicy: pointer(boolean) },
        {
          about: "What the node's runtime can do.",
          supplementalGroupsPolicy: "Whether it heeds supplementalGroupsPolicy.",
        },
      ),
    ),
  },
  {
    about: "What was last observed of a node.",
    capacity: "How much of each resource it has.",
    allocatable: "How much of each resource pods can have.",
    phase: "Obsolete, and not set.",
    conditions: "What is and is not so of the node.",
    addresses: "How it can be reached.",
    daemonEndpoints: "Where its programs can be reached.",
    nodeInfo: "What it is and runs on.",
    images: "The images that are on it.",
    volumesInUse: "The volumes that are mounted on it.",
    volumesAttached: "The volumes that are attached to it.",
    config: "Which configuration it has. No longer used.",
    runtimeHandlers: "The ways in which it can run containers.",
    features: "What its runtime can do.",
  },
);

/** Everything is allocatable until somebody says otherwise. */
export const NodeStatus = NodeStatusFields.transform(
  (status): z.output<typeof NodeStatusFields> =>
    status.allocatable === undefined && status.capacity !== undefined
      ? { ...status, allocatable: status.capacity }
      : status,
);
export type NodeStatus = z.output<typeof NodeStatus>;
