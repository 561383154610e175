// What a pod is to run and how.
// Source: core/v1 types PodSpec; pkg/apis/core/v1/defaults.go SetDefaults_PodSpec.
import * as z from "zod";

import { Affinity } from "./affinity.ts";
import { Container, EphemeralContainer } from "./container.ts";
import {
  always,
  atomicStringMap,
  boolean,
  core,
  defaulted,
  defaultedPointer,
  embedded,
  flag,
  int32,
  int64,
  list,
  mergeable,
  oneOf,
  pointer,
  resourceList,
  string,
  strings,
  struct,
  text,
} from "./fields.ts";
import { LabelSelector, ObjectMeta } from "./meta.ts";
import { LocalObjectReference } from "./references.ts";
import { ResourceRequirements } from "./resource-requirements.ts";
import { PodSecurityContext } from "./security.ts";
import { Toleration } from "./taint.ts";
import { Volume } from "./volume.ts";

const PodDNSConfig = struct(
  core("PodDNSConfig"),
  {
    nameservers: strings,
    searches: strings,
    options: list(
      struct(
        core("PodDNSConfigOption"),
        { name: text, value: pointer(string) },
        { about: "An option of the resolver.", name: "The name of the option.", value: "Its value, if it has one." },
      ),
    ),
  },
  {
    about: "How a pod resolves names, beyond what dnsPolicy brings.",
    nameservers: "Further addresses of name servers.",
    searches: "Further domains in which short names are looked for.",
    options: "Further options of the resolver, which go before those of the same name.",
  },
);
export type PodDNSConfig = z.output<typeof PodDNSConfig>;

const TopologySpreadConstraint = struct(
  core("TopologySpreadConstraint"),
  {
    maxSkew: always(int32, 0),
    topologyKey: always(string, ""),
    whenUnsatisfiable: always(oneOf("DoNotSchedule", "ScheduleAnyway"), ""),
    labelSelector: pointer(LabelSelector),
    minDomains: pointer(int32),
    nodeAffinityPolicy: pointer(oneOf("Honor", "Ignore")),
    nodeTaintsPolicy: pointer(oneOf("Honor", "Ignore")),
    matchLabelKeys: strings,
  },
  {
    about: "How evenly pods are to be spread.",
    maxSkew: "By how many pods two domains may differ at most.",
    topologyKey: "What a domain is: nodes that have the same value of this label.",
    whenUnsatisfiable: "What to do when it cannot be kept: DoNotSchedule, or ScheduleAnyway for the least uneven.",
    labelSelector: "Which pods are counted, by their labels.",
    minDomains: "How many domains there have to be for the emptiest to be counted.",
    nodeAffinityPolicy: "Whether only nodes that the pod may run on are counted: Honor, or Ignore for all.",
    nodeTaintsPolicy: "Whether nodes with taints that the pod does not tolerate are left out: Honor, or Ignore for no.",
    matchLabelKeys: "Labels in which counted pods have to agree with the new one, beyond labelSelector.",
  },
);
export type TopologySpreadConstraint = z.output<typeof TopologySpreadConstraint>;

const HostAlias = struct(
  core("HostAlias"),
  { ip: always(string, ""), hostnames: strings },
  { about: "A line of the pod's hosts file.", ip: "The address.", hostnames: "The names of the address." },
);
export type HostAlias = z.output<typeof HostAlias>;

const PodSchedulingGate = struct(
  core("PodSchedulingGate"),
  { name: always(string, "") },
  {
    about: "Something that has to be taken away before the pod is placed.",
    name: "The name of the gate, unique within the pod.",
  },
);
export type PodSchedulingGate = z.output<typeof PodSchedulingGate>;

const PodResourceClaim = struct(
  core("PodResourceClaim"),
  {
    name: always(string, ""),
    resourceClaimName: pointer(string),
    resourceClaimTemplateName: pointer(string),
  },
  {
    about: "A claim for devices that containers of the pod can use. One of its sources is set.",
    name: "What the containers call it.",
    resourceClaimName: "The name of a ResourceClaim in the pod's namespace.",
    resourceClaimTemplateName: "The name of a ResourceClaimTemplate, from which a claim is made for this pod.",
  },
);
export type PodResourceClaim = z.output<typeof PodResourceClaim>;

export const defaultScheduler = "default-scheduler";

const PodSpecFields = struct(
  core("PodSpec"),
  {
    volumes: list(Volume, { mergeKey: "name", retainKeys: true }),
    initContainers: list(Container, { mergeKey: "name" }),
    containers: always(mergeable(z.array(Container), { mergeKey: "name" }), []),
    ephemeralContainers: list(EphemeralContainer, { mergeKey: "name" }),
    restartPolicy: defaulted(oneOf("Always", "Never", "OnFailure"), "Always"),
    terminationGracePeriodSeconds: defaultedPointer(int64, 30),
    activeDeadlineSeconds: pointer(int64),
    dnsPolicy: defaulted(oneOf("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"), "ClusterFirst"),
    nodeSelector: atomicStringMap,
    serviceAccountName: text,
    serviceAccount: text,
    automountServiceAccountToken: pointer(boolean),
    nodeName: text,
    hostNetwork: flag,
    hostPID: flag,
    hostIPC: flag,
    shareProcessNamespace: pointer(boolean),
    securityContext: defaultedPointer(PodSecurityContext, {}),
    imagePullSecrets: list(LocalObjectReference, { mergeKey: "name" }),
    hostname: text,
    subdomain: text,
    affinity: pointer(Affinity),
    schedulerName: defaulted(string, defaultScheduler),
    tolerations: list(Toleration),
    hostAliases: list(HostAlias, { mergeKey: "ip" }),
    priorityClassName: text,
    priority: pointer(int32),
    dnsConfig: pointer(PodDNSConfig),
    readinessGates: list(
      struct(
        core("PodReadinessGate"),
        { conditionType: always(string, "") },
        {
          about: "A condition that has to be True for the pod to be ready.",
          conditionType: "The type of the condition, which somebody else writes into the pod's status.",
        },
      ),
    ),
    runtimeClassName: pointer(string),
    enableServiceLinks: pointer(boolean),
    preemptionPolicy: pointer(oneOf("Never", "PreemptLowerPriority")),
    overhead: resourceList,
    topologySpreadConstraints: list(TopologySpreadConstraint, {
      mergeKey: "topologyKey",
      mapKeys: ["topologyKey", "whenUnsatisfiable"],
    }),
    setHostnameAsFQDN: pointer(boolean),
    os: pointer(
      struct(
        core("PodOS"),
        { name: always(string, "") },
        { about: "The operating system that the pod is for.", name: "Its name: linux or windows." },
      ),
    ),
    hostUsers: pointer(boolean),
    schedulingGates: list(PodSchedulingGate, { mergeKey: "name" }),
    resourceClaims: list(PodResourceClaim, { mergeKey: "name", retainKeys: true }),
    resources: pointer(ResourceRequirements),
  },
  {
    about: "What a pod is to run and how.",
    volumes: "What its containers can mount.",
    initContainers:
      "Containers that run one after the other before the others start. Those with restartPolicy Always go on running beside them.",
    containers: "The containers that run side by side. There is one at least.",
    ephemeralContainers:
      "Containers that were put into the running pod for a look at it. They are added through the subresource only.",
    restartPolicy: "Whether containers that ended are started again: Always, OnFailure or Never.",
    terminationGracePeriodSeconds: "How many seconds the pod may take to end when it is deleted.",
    activeDeadlineSeconds: "After how many seconds the pod is ended and counts as failed.",
    dnsPolicy: "How it resolves names: ClusterFirst, ClusterFirstWithHostNet, Default for as the node does, or None.",
    nodeSelector: "Labels that its node has to have.",
    serviceAccountName: "The ServiceAccount that it acts as.",
    serviceAccount: "The older name of serviceAccountName.",
    automountServiceAccountToken:
      "Whether its containers get a token of its ServiceAccount. Absent: as the account says.",
    nodeName: "The node that it is bound to. Daemon pods are bound when they are made.",
    hostNetwork: "Whether it shares the node's network.",
    hostPID: "Whether it sees the node's processes.",
    hostIPC: "Whether it shares the node's inter-process communication.",
    shareProcessNamespace: "Whether its containers see each other's processes. Excludes hostPID.",
    securityContext: "With which rights its containers run, unless they say otherwise.",
    imagePullSecrets: "The Secrets with what is needed to pull its images.",
    hostname: "Its host name. Absent: the pod's name.",
    subdomain: "The domain below the namespace's that its host name is in.",
    affinity: "Which nodes it wants, and which neighbours.",
    schedulerName: "Who places it, if it is bound to no node yet.",
    tolerations: "The taints that it does not mind.",
    hostAliases: "Further lines of its hosts file.",
    priorityClassName: "The PriorityClass that says how important it is.",
    priority: "How important it is: the higher, the more. Taken from its PriorityClass.",
    dnsConfig: "How it resolves names, beyond what dnsPolicy brings.",
    readinessGates: "Conditions that have to be True for it to be ready, beyond its containers.",
    runtimeClassName: "The RuntimeClass that its containers run with. Absent: the default one.",
    enableServiceLinks: "Whether the addresses of Services are put into environment variables.",
    preemptionPolicy: "Whether it may take the place of less important pods: PreemptLowerPriority or Never.",
    overhead: "What running it costs beyond its containers, by resource. Taken from its RuntimeClass.",
    topologySpreadConstraints: "How evenly it and its like are to be spread.",
    setHostnameAsFQDN: "Whether its host name is the full one, with its domain.",
    os: "The operating system that it is for.",
    hostUsers: "Whether it shares the node's users. False: root in it is nobody outside.",
    schedulingGates: "What has to be taken away before it is placed.",
    resourceClaims: "The claims for devices that its containers can use.",
    resources: "How much all its containers together may use and are promised.",
  },
);

/** The account has two names upstream; conversion writes the obsolete one beside the present one. */
export const PodSpec = PodSpecFields.transform((spec): z.output<typeof PodSpecFields> => {
  const account = spec.serviceAccountName ?? spec.serviceAccount;
  return account === undefined ? spec : { ...spec, serviceAccountName: account, serviceAccount: account };
});
export type PodSpec = z.output<typeof PodSpec>;

export const PodTemplateSpec = struct(
  core("PodTemplateSpec"),
  {
    metadata: embedded(ObjectMeta),
    spec: embedded(PodSpec),
  },
  {
    about: "What pods are made from.",
    metadata: "Labels and annotations for the pods.",
    spec: "What the pods run and how.",
  },
);
export type PodTemplateSpec = z.output<typeof PodTemplateSpec>;
