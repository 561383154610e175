// What became of a pod.
// Source: core/v1 types PodStatus, PodCondition.
import type * as z from "zod";

import { ContainerStatus } from "./container-status.ts";
import { always, core, list, omitempty, oneOf, pointer, string, struct, text, time, timestamp } from "./fields.ts";

export const PodCondition = struct(
  core("PodCondition"),
  {
    type: always(string, ""),
    status: always(string, ""),
    lastProbeTime: timestamp,
    lastTransitionTime: timestamp,
    reason: text,
    message: text,
  },
  {
    about: "One thing that is or is not so of a pod.",
    type: "What: PodScheduled, Initialized, ContainersReady, Ready and others.",
    status: "True, False or Unknown.",
    lastProbeTime: "When it was last looked at.",
    lastTransitionTime: "When its status last changed.",
    reason: "Why, in a word for programs.",
    message: "Why, for people.",
  },
);
export type PodCondition = z.output<typeof PodCondition>;

const PodResourceClaimStatus = struct(
  core("PodResourceClaimStatus"),
  {
    name: always(string, ""),
    resourceClaimName: pointer(string),
  },
  {
    about: "The claim that was made for a pod.",
    name: "Which of spec.resourceClaims.",
    resourceClaimName: "The name of the claim that was made.",
  },
);

const PodStatusFields = struct(
  core("PodStatus"),
  {
    phase: omitempty(oneOf("Failed", "Pending", "Running", "Succeeded", "Unknown")),
    conditions: list(PodCondition, { mergeKey: "type" }),
    message: text,
    reason: text,
    nominatedNodeName: text,
    hostIP: text,
    hostIPs: list(
      struct(core("HostIP"), { ip: always(string, "") }, { about: "An address of the node.", ip: "The address." }),
      { mergeKey: "ip", mapKeys: [] },
    ),
    podIP: text,
    podIPs: list(
      struct(core("PodIP"), { ip: always(string, "") }, { about: "An address of the pod.", ip: "The address." }),
      { mergeKey: "ip" },
    ),
    startTime: pointer(time),
    initContainerStatuses: list(ContainerStatus),
    containerStatuses: list(ContainerStatus),
    qosClass: omitempty(oneOf("BestEffort", "Burstable", "Guaranteed")),
    ephemeralContainerStatuses: list(ContainerStatus),
    resize: text,
    resourceClaimStatuses: list(PodResourceClaimStatus, { mergeKey: "name", retainKeys: true }),
  },
  {
    about: "What was last observed of a pod.",
    phase: "The short of it: Pending, Running, Succeeded, Failed or Unknown.",
    conditions: "What is and is not so of the pod.",
    message: "Why it is in this state, for people.",
    reason: "Why it is in this state, in a word: Evicted, NodeLost.",
    nominatedNodeName: "The node that others are making room on for this pod.",
    hostIP: "The first address of its node.",
    hostIPs: "All addresses of its node.",
    podIP: "The first address of the pod.",
    podIPs: "All addresses of the pod, one for each IP family at most.",
    startTime: "When its node took note of it.",
    initContainerStatuses: "How its init containers are.",
    containerStatuses: "How its containers are.",
    qosClass: "Guaranteed, Burstable or BestEffort: who is spared longest when memory runs out.",
    ephemeralContainerStatuses: "How its ephemeral containers are.",
    resize: "How far a change of its resources has come: Proposed, InProgress, Deferred or Infeasible.",
    resourceClaimStatuses: "The claims that were made for it.",
  },
);

/** The pod's address has a field of its own beside the list, which is right when they differ. */
export const PodStatus = PodStatusFields.transform((status): z.output<typeof PodStatusFields> => {
  const ip = status.podIP ?? status.podIPs?.[0]?.ip;
  if (ip === undefined) return status;
  return { ...status, podIP: ip, podIPs: status.podIPs?.[0]?.ip === ip ? status.podIPs : [{ ip }] };
});
export type PodStatus = z.output<typeof PodStatus>;
