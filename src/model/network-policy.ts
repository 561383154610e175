// NetworkPolicies: which traffic pods may have. They are kept and shown; nothing is held to them here.
// Source: networking.k8s.io/v1; pkg/apis/networking/v1/defaults.go.
import type * as z from "zod";

import {
  always,
  embedded,
  int32,
  intOrString,
  list,
  mandatory,
  oneOf,
  pointer,
  string,
  strings,
  struct,
} from "./fields.ts";
import { countingGenerations } from "./generation.ts";
import { formatLabelSelector } from "./labels.ts";
import { LabelSelector, ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { storedOnly } from "./support.ts";
import { validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";
import { validateNetworkPolicy } from "./validation/network-policy.ts";

const networking = (name: string): string => `io.k8s.api.networking.v1.${name}`;

const NetworkPolicyPort = struct(
  networking("NetworkPolicyPort"),
  {
    protocol: pointer(oneOf("SCTP", "TCP", "UDP")).transform((protocol): string => protocol ?? "TCP"),
    port: pointer(intOrString),
    endPort: pointer(int32),
  },
  {
    about: "Ports that traffic may have.",
    protocol: "TCP, UDP or SCTP.",
    port: "The number or name of the port; absent for all.",
    endPort: "The last of a range of ports that begins with port.",
  },
);
export type NetworkPolicyPort = z.output<typeof NetworkPolicyPort>;

const IPBlock = struct(
  networking("IPBlock"),
  { cidr: always(string, ""), except: strings },
  { about: "Some addresses.", cidr: "The network.", except: "Networks within it that are not meant." },
);

const NetworkPolicyPeer = struct(
  networking("NetworkPolicyPeer"),
  { podSelector: pointer(LabelSelector), namespaceSelector: pointer(LabelSelector), ipBlock: pointer(IPBlock) },
  {
    about: "With whom traffic may be: pods, or addresses.",
    podSelector: "The labels of the pods.",
    namespaceSelector: "The labels of the pods' namespaces; absent for this one.",
    ipBlock: "The addresses.",
  },
);
export type NetworkPolicyPeer = z.output<typeof NetworkPolicyPeer>;

const NetworkPolicyIngressRule = struct(
  networking("NetworkPolicyIngressRule"),
  { ports: list(NetworkPolicyPort), from: list(NetworkPolicyPeer) },
  { about: "Traffic that may come in.", ports: "At which ports; all if empty.", from: "From whom; all if empty." },
);

const NetworkPolicyEgressRule = struct(
  networking("NetworkPolicyEgressRule"),
  { ports: list(NetworkPolicyPort), to: list(NetworkPolicyPeer) },
  { about: "Traffic that may go out.", ports: "At which ports; all if empty.", to: "To whom; all if empty." },
);

const NetworkPolicySpecFields = struct(
  networking("NetworkPolicySpec"),
  {
    podSelector: mandatory(embedded(LabelSelector)),
    ingress: list(NetworkPolicyIngressRule),
    egress: list(NetworkPolicyEgressRule),
    policyTypes: strings,
  },
  {
    about: "Which pods are meant, and which traffic they may have.",
    podSelector: "The labels of the pods; all of the namespace if empty.",
    ingress: "What may come in.",
    egress: "What may go out.",
    policyTypes: "Which directions are spoken of: Ingress, Egress.",
  },
);

const NetworkPolicySpec = NetworkPolicySpecFields.transform((spec): z.output<typeof NetworkPolicySpecFields> => {
  if (spec.policyTypes !== undefined) return spec;
  return { ...spec, policyTypes: spec.egress === undefined ? ["Ingress"] : ["Ingress", "Egress"] };
});

const NetworkPolicy = struct(
  networking("NetworkPolicy"),
  { ...typeMeta, metadata: embedded(ObjectMeta), spec: embedded(NetworkPolicySpec) },
  {
    about: "Which traffic some pods may have. It is kept here, and nothing is held to it.",
    metadata: "Standard object metadata.",
    spec: "Which pods are meant, and which traffic they may have.",
  },
);
export type NetworkPolicy = z.output<typeof NetworkPolicy>;

export const networkPolicies: Resource<NetworkPolicy> = defineResource<NetworkPolicy>({
  group: "networking.k8s.io",
  version: "v1",
  kind: "NetworkPolicy",
  plural: "networkpolicies",
  shortNames: ["netpol"],
  schema: NetworkPolicy,
  support: storedOnly("nothing is stopped by it"),
  validateName: nameRule(dns1123Subdomain),
  ...countingGenerations<NetworkPolicy>((policy) => policy),
  validate: validateNetworkPolicy,
  validateUpdate: ({ metadata }, old) => validateMetadataUpdate(metadata, old.metadata),
  columns: [
    nameColumn,
    {
      name: "Pod-Selector",
      type: "string",
      description: "The labels of the pods that are meant.",
      cell: ({ spec }) => formatLabelSelector(spec.podSelector),
    },
    ageColumn,
  ],
});
