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

const PodDNSConfig = struct(core("PodDNSConfig"), {
  nameservers: strings,
  searches: strings,
  options: list(struct(core("PodDNSConfigOption"), { name: text, value: pointer(string) })),
});
export type PodDNSConfig = z.output<typeof PodDNSConfig>;

const TopologySpreadConstraint = struct(core("TopologySpreadConstraint"), {
  maxSkew: always(int32, 0),
  topologyKey: always(string, ""),
  whenUnsatisfiable: always(string, ""),
  labelSelector: pointer(LabelSelector),
  minDomains: pointer(int32),
  nodeAffinityPolicy: pointer(string),
  nodeTaintsPolicy: pointer(string),
  matchLabelKeys: strings,
});
export type TopologySpreadConstraint = z.output<typeof TopologySpreadConstraint>;

const HostAlias = struct(core("HostAlias"), { ip: always(string, ""), hostnames: strings });
export type HostAlias = z.output<typeof HostAlias>;

const PodSchedulingGate = struct(core("PodSchedulingGate"), { name: always(string, "") });
export type PodSchedulingGate = z.output<typeof PodSchedulingGate>;

const PodResourceClaim = struct(core("PodResourceClaim"), {
  name: always(string, ""),
  resourceClaimName: pointer(string),
  resourceClaimTemplateName: pointer(string),
});
export type PodResourceClaim = z.output<typeof PodResourceClaim>;

const PodSpecFields = struct(core("PodSpec"), {
  volumes: list(Volume, { mergeKey: "name", retainKeys: true }),
  initContainers: list(Container, { mergeKey: "name" }),
  containers: always(mergeable(z.array(Container), { mergeKey: "name" }), []),
  ephemeralContainers: list(EphemeralContainer, { mergeKey: "name" }),
  restartPolicy: defaulted(string, "Always"),
  terminationGracePeriodSeconds: defaultedPointer(int64, 30),
  activeDeadlineSeconds: pointer(int64),
  dnsPolicy: defaulted(string, "ClusterFirst"),
  nodeSelector: atomicStringMap,
  serviceAccountName: text,
  serviceAccount: text,
  automountServiceAccountToken: pointer(boolean),
  nodeName: text,
  hostNetwork: flag,
  hostPID: flag,
  hostIPC: flag,
  shareProcessNamespace: pointer(boolean),
  securityContext: embedded(PodSecurityContext),
  imagePullSecrets: list(LocalObjectReference, { mergeKey: "name" }),
  hostname: text,
  subdomain: text,
  affinity: pointer(Affinity),
  schedulerName: defaulted(string, "default-scheduler"),
  tolerations: list(Toleration),
  hostAliases: list(HostAlias, { mergeKey: "ip" }),
  priorityClassName: text,
  priority: pointer(int32),
  dnsConfig: pointer(PodDNSConfig),
  readinessGates: list(struct(core("PodReadinessGate"), { conditionType: always(string, "") })),
  runtimeClassName: pointer(string),
  enableServiceLinks: pointer(boolean),
  preemptionPolicy: pointer(string),
  overhead: resourceList,
  topologySpreadConstraints: list(TopologySpreadConstraint, {
    mergeKey: "topologyKey",
    mapKeys: ["topologyKey", "whenUnsatisfiable"],
  }),
  setHostnameAsFQDN: pointer(boolean),
  os: pointer(struct(core("PodOS"), { name: always(string, "") })),
  hostUsers: pointer(boolean),
  schedulingGates: list(PodSchedulingGate, { mergeKey: "name" }),
  resourceClaims: list(PodResourceClaim, { mergeKey: "name", retainKeys: true }),
  resources: pointer(ResourceRequirements),
});

/** The account has two names upstream; conversion writes the obsolete one beside the present one. */
export const PodSpec = PodSpecFields.transform((spec): z.output<typeof PodSpecFields> => {
  const account = spec.serviceAccountName ?? spec.serviceAccount;
  return account === undefined ? spec : { ...spec, serviceAccountName: account, serviceAccount: account };
});
export type PodSpec = z.output<typeof PodSpec>;

export const PodTemplateSpec = struct(core("PodTemplateSpec"), {
  metadata: embedded(ObjectMeta),
  spec: embedded(PodSpec),
});
export type PodTemplateSpec = z.output<typeof PodTemplateSpec>;
