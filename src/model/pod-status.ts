// What became of a pod.
// Source: core/v1 types PodStatus, PodCondition.
import type * as z from "zod";

import { ContainerStatus } from "./container-status.ts";
import { always, core, list, pointer, string, struct, text, time, timestamp } from "./fields.ts";

export const PodCondition = struct(core("PodCondition"), {
  type: always(string, ""),
  status: always(string, ""),
  lastProbeTime: timestamp,
  lastTransitionTime: timestamp,
  reason: text,
  message: text,
});
export type PodCondition = z.output<typeof PodCondition>;

const PodResourceClaimStatus = struct(core("PodResourceClaimStatus"), {
  name: always(string, ""),
  resourceClaimName: pointer(string),
});

const PodStatusFields = struct(core("PodStatus"), {
  phase: text,
  conditions: list(PodCondition, { mergeKey: "type" }),
  message: text,
  reason: text,
  nominatedNodeName: text,
  hostIP: text,
  hostIPs: list(struct(core("HostIP"), { ip: always(string, "") }), { mergeKey: "ip", mapKeys: [] }),
  podIP: text,
  podIPs: list(struct(core("PodIP"), { ip: always(string, "") }), { mergeKey: "ip" }),
  startTime: pointer(time),
  initContainerStatuses: list(ContainerStatus),
  containerStatuses: list(ContainerStatus),
  qosClass: text,
  ephemeralContainerStatuses: list(ContainerStatus),
  resize: text,
  resourceClaimStatuses: list(PodResourceClaimStatus, { mergeKey: "name", retainKeys: true }),
});

/** The pod's address has a field of its own beside the list, which is right when they differ. */
export const PodStatus = PodStatusFields.transform((status): z.output<typeof PodStatusFields> => {
  const ip = status.podIP ?? status.podIPs?.[0]?.ip;
  if (ip === undefined) return status;
  return { ...status, podIP: ip, podIPs: status.podIPs?.[0]?.ip === ip ? status.podIPs : [{ ip }] };
});
export type PodStatus = z.output<typeof PodStatus>;
