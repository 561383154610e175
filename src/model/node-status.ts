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
  pointer,
  resourceList,
  string,
  strings,
  struct,
  text,
  timestamp,
} from "./fields.ts";

const ConfigMapNodeConfigSource = struct(core("ConfigMapNodeConfigSource"), {
  namespace: always(string, ""),
  name: always(string, ""),
  uid: text,
  resourceVersion: text,
  kubeletConfigKey: always(string, ""),
});

export const NodeConfigSource = struct(core("NodeConfigSource"), { configMap: pointer(ConfigMapNodeConfigSource) });
export type NodeConfigSource = z.output<typeof NodeConfigSource>;

const NodeCondition = struct(core("NodeCondition"), {
  type: always(string, ""),
  status: always(string, ""),
  lastHeartbeatTime: timestamp,
  lastTransitionTime: timestamp,
  reason: text,
  message: text,
});

const NodeAddress = struct(core("NodeAddress"), { type: always(string, ""), address: always(string, "") });

const NodeSystemInfo = struct(core("NodeSystemInfo"), {
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
});

const NodeDaemonEndpoints = struct(core("NodeDaemonEndpoints"), {
  // The only field of the API with a capital letter.
  kubeletEndpoint: embedded(struct(core("DaemonEndpoint"), { Port: always(int32, 0) })),
});

const NodeRuntimeHandler = struct(core("NodeRuntimeHandler"), {
  name: always(string, ""),
  features: pointer(
    struct(core("NodeRuntimeHandlerFeatures"), {
      recursiveReadOnlyMounts: pointer(boolean),
      userNamespaces: pointer(boolean),
    }),
  ),
});

const NodeStatusFields = struct(core("NodeStatus"), {
  capacity: resourceList,
  allocatable: resourceList,
  phase: text,
  conditions: list(NodeCondition, { mergeKey: "type" }),
  addresses: list(NodeAddress, { mergeKey: "type" }),
  daemonEndpoints: embedded(NodeDaemonEndpoints),
  nodeInfo: embedded(NodeSystemInfo),
  images: list(struct(core("ContainerImage"), { names: always(z.array(string), []), sizeBytes: omitempty(int64) })),
  volumesInUse: strings,
  volumesAttached: list(struct(core("AttachedVolume"), { name: always(string, ""), devicePath: always(string, "") })),
  config: pointer(
    struct(core("NodeConfigStatus"), {
      assigned: pointer(NodeConfigSource),
      active: pointer(NodeConfigSource),
      lastKnownGood: pointer(NodeConfigSource),
      error: text,
    }),
  ),
  runtimeHandlers: list(NodeRuntimeHandler),
  features: pointer(struct(core("NodeFeatures"), { supplementalGroupsPolicy: pointer(boolean) })),
});

/** Everything is allocatable until somebody says otherwise. */
export const NodeStatus = NodeStatusFields.transform(
  (status): z.output<typeof NodeStatusFields> =>
    status.allocatable === undefined && status.capacity !== undefined
      ? { ...status, allocatable: status.capacity }
      : status,
);
export type NodeStatus = z.output<typeof NodeStatus>;
