// Services: a name and an address for whatever pods a selector picks.
// Source: core/v1 Service; pkg/apis/core/v1/defaults.go SetDefaults_Service; pkg/registry/core/service.

import type * as z from "zod";
import { Condition } from "./condition.ts";
import {
  always,
  atomicStringMap,
  boolean,
  core,
  defaulted,
  embedded,
  flag,
  int32,
  intOrString,
  list,
  omitempty,
  oneOf,
  pointer,
  presentOr,
  string,
  strings,
  struct,
  text,
  withDefault,
} from "./fields.ts";
import { formatLabels } from "./labels.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Column, Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { withAddress, withClusterIPs, withFamilies, withKeptAddresses } from "./service-addresses.ts";
import { actedOn } from "./support.ts";
import { dns1035Label, nameRule } from "./validation/names.ts";
import { validateService, validateServiceStatusUpdate, validateServiceUpdate } from "./validation/service.ts";

const ServicePortFields = struct(
  core("ServicePort"),
  {
    name: text,
    protocol: withDefault(defaulted(oneOf("SCTP", "TCP", "UDP"), "TCP"), "TCP"),
    appProtocol: pointer(string),
    port: always(int32, 0),
    targetPort: presentOr(intOrString, 0),
    nodePort: omitempty(int32),
  },
  {
    about: "A port of a Service, and which port of its pods is meant by it.",
    name: "What the port is called; needed as soon as there is more than one.",
    protocol: "TCP, UDP or SCTP.",
    appProtocol: "What is spoken on the port, for those who route by that.",
    port: "The number under which clients of the Service reach it.",
    targetPort: "The number or name of the port of the pods. The same as port, when left out.",
    nodePort: "The port of every node. There are none here.",
  },
);
const ServicePort = ServicePortFields.transform(({ targetPort, ...port }): z.output<typeof ServicePortFields> => {
  return { ...port, targetPort: targetPort === 0 || targetPort === "" ? port.port : targetPort };
});
export type ServicePort = z.output<typeof ServicePort>;

const ClientIPConfig = struct(
  core("ClientIPConfig"),
  { timeoutSeconds: pointer(int32) },
  {
    about: "How a client is remembered by its address.",
    timeoutSeconds: "For how many seconds; more than 0 and at most a day.",
  },
);

const SessionAffinityConfig = struct(
  core("SessionAffinityConfig"),
  { clientIP: pointer(ClientIPConfig) },
  { about: "How clients are kept at one pod.", clientIP: "How they are, if by their address." },
);

const specFields = {
  ports: list(ServicePort, { mergeKey: "port", mapKeys: ["port", "protocol"] }),
  selector: atomicStringMap,
  clusterIP: text,
  clusterIPs: strings,
  type: defaulted(oneOf("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"), "ClusterIP"),
  externalIPs: strings,
  sessionAffinity: defaulted(oneOf("ClientIP", "None"), "None"),
  loadBalancerIP: text,
  loadBalancerSourceRanges: strings,
  externalName: text,
  externalTrafficPolicy: omitempty(oneOf("Cluster", "Local")),
  healthCheckNodePort: omitempty(int32),
  publishNotReadyAddresses: flag,
  sessionAffinityConfig: pointer(SessionAffinityConfig),
  ipFamilies: strings,
  ipFamilyPolicy: pointer(oneOf("PreferDualStack", "RequireDualStack", "SingleStack")),
  allocateLoadBalancerNodePorts: pointer(boolean),
  loadBalancerClass: pointer(string),
  internalTrafficPolicy: pointer(oneOf("Cluster", "Local")),
  trafficDistribution: pointer(string),
} as const;

const ServiceSpecFields = struct(core("ServiceSpec"), specFields, {
  about: "Which pods a Service stands for, and how they are reached.",
  ports: "The ports of the Service.",
  selector: "The labels of the pods it stands for. Without it nobody but you fills in its endpoints.",
  clusterIP: "The address of the Service: given to it, asked for, or None for a Service that has only a name.",
  clusterIPs: "The address, or one for each family of addresses; the first is the same as clusterIP.",
  type: "ClusterIP, LoadBalancer or ExternalName.",
  externalIPs: "Other addresses for which somebody else brings traffic to the nodes.",
  sessionAffinity: "ClientIP to keep a client at one pod, or None.",
  loadBalancerIP: "The address that a load balancer is asked to have.",
  loadBalancerSourceRanges: "The networks from which a load balancer lets traffic in.",
  externalName: "The name that clients are sent to, for the type ExternalName.",
  externalTrafficPolicy: "Cluster, or Local for traffic from outside to stay on the node it arrived at.",
  healthCheckNodePort: "The port at which nodes tell a load balancer of their pods.",
  publishNotReadyAddresses: "True: pods that are not ready count as well.",
  sessionAffinityConfig: "How clients are kept at one pod.",
  ipFamilies: "The families of its addresses: IPv4, which is the only one here.",
  ipFamilyPolicy: "SingleStack, PreferDualStack or RequireDualStack.",
  allocateLoadBalancerNodePorts: "Whether a load balancer wants ports of the nodes. None are given out here.",
  loadBalancerClass: "Which sort of load balancer is meant.",
  internalTrafficPolicy: "Cluster, or Local for traffic of pods to stay on their node.",
  trafficDistribution: "PreferClose for traffic to go to pods that are near, where that is known.",
});

/** Reached from elsewhere than the cluster's pods. */
function isExternal({ type, externalIPs }: z.output<typeof ServiceSpecFields>): boolean {
  return type === "LoadBalancer" || type === "NodePort" || (type === "ClusterIP" && externalIPs !== undefined);
}

const hours3Seconds = 10_800;

const ServiceSpec = ServiceSpecFields.transform((spec): z.output<typeof ServiceSpecFields> => {
  const hasPolicy = ["ClusterIP", "NodePort", "LoadBalancer"].includes(spec.type);
  const { sessionAffinityConfig: given, ...rest } = spec;
  const timeoutSeconds = given?.clientIP?.timeoutSeconds ?? hours3Seconds;
  return {
    ...rest,
    ...(spec.sessionAffinity === "ClientIP" ? { sessionAffinityConfig: { clientIP: { timeoutSeconds } } } : {}),
    ...(isExternal(spec) ? { externalTrafficPolicy: spec.externalTrafficPolicy ?? "Cluster" } : {}),
    ...(hasPolicy ? { internalTrafficPolicy: spec.internalTrafficPolicy ?? "Cluster" } : {}),
    ...(spec.type === "LoadBalancer"
      ? { allocateLoadBalancerNodePorts: spec.allocateLoadBalancerNodePorts ?? true }
      : {}),
  };
});
export type ServiceSpec = z.output<typeof ServiceSpec>;

const PortStatus = struct(
  core("PortStatus"),
  { port: always(int32, 0), protocol: always(string, ""), error: pointer(string) },
  {
    about: "What became of a port of a load balancer.",
    port: "The number of the port.",
    protocol: "TCP, UDP or SCTP.",
    error: "What is wrong with it, in one word.",
  },
);

const LoadBalancerIngress = struct(
  core("LoadBalancerIngress"),
  { ip: text, hostname: text, ipMode: pointer(string), ports: list(PortStatus) },
  {
    about: "A place at which a load balancer takes traffic.",
    ip: "Its address.",
    hostname: "Its name, for those that have a name rather than an address.",
    ipMode: "VIP if traffic arrives with that address, Proxy if with the node's or pod's.",
    ports: "The ports there.",
  },
);
export type LoadBalancerIngress = z.output<typeof LoadBalancerIngress>;

const LoadBalancerStatus = struct(
  core("LoadBalancerStatus"),
  { ingress: list(LoadBalancerIngress) },
  { about: "Where a load balancer takes traffic.", ingress: "The places; none until there is a load balancer." },
);

const ServiceStatus = struct(
  core("ServiceStatus"),
  { loadBalancer: embedded(LoadBalancerStatus), conditions: list(Condition, { mergeKey: "type" }) },
  {
    about: "What became of a Service.",
    loadBalancer: "The load balancer, if the Service wants one and somebody made it.",
    conditions: "What is so of the Service now.",
  },
);

const ServiceFields = struct(
  core("Service"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(ServiceSpec),
    status: embedded(ServiceStatus),
  },
  {
    about: "A name, and an address, for the pods that a selector picks.",
    metadata: "Standard object metadata.",
    spec: "Which pods are meant, and how they are reached.",
    status: "What became of it.",
  },
);
export const Service = ServiceFields.transform((service): z.output<typeof ServiceFields> => {
  const { ingress } = service.status.loadBalancer;
  if (service.spec.type !== "LoadBalancer" || ingress === undefined) return service;
  const complete = ingress.map((place) =>
    place.ip === undefined ? place : { ...place, ipMode: place.ipMode ?? "VIP" },
  );
  return { ...service, status: { ...service.status, loadBalancer: { ingress: complete } } };
});
export type Service = z.output<typeof Service>;

function withSpec(service: Service, spec: ServiceSpec): Service {
  return { ...service, spec: withAddress(spec, service.metadata.uid ?? "", 0) };
}

function prepareForCreate(service: Service): Service {
  const spec = withFamilies(withClusterIPs(service.spec, null), null);
  return withSpec({ ...service, status: { loadBalancer: {} } }, spec);
}

function prepareForUpdate(service: Service, old: Service): Service {
  const kept = withClusterIPs(withKeptAddresses(service.spec, old.spec), old.spec);
  const spec = withoutForeignFields(withFamilies(kept, old.spec), old.spec);
  const isBalanced = spec.type === "LoadBalancer";
  const status = isBalanced ? old.status : { ...old.status, loadBalancer: {} };
  return withSpec({ ...service, status }, spec);
}

const ofLoadBalancers = ["allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort"] as const;

/** What only the old type has goes with it, unless the client changed that as well. */
function withoutForeignFields(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  if (old.type !== "LoadBalancer" || spec.type === "LoadBalancer") return spec;
  const left: { -readonly [Field in keyof ServiceSpec]: ServiceSpec[Field] } = { ...spec };
  for (const field of ofLoadBalancers) if (left[field] === old[field]) left[field] = undefined;
  if (!isExternal(spec) && left.externalTrafficPolicy === old.externalTrafficPolicy) {
    left.externalTrafficPolicy = undefined;
  }
  return left;
}

function externalAddress({ spec, status }: Service): string {
  switch (spec.type) {
    case "ClusterIP":
    case "NodePort":
      return spec.externalIPs?.join(",") ?? "<none>";
    case "LoadBalancer": {
      const places = (status.loadBalancer.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? "");
      const balanced = [...new Set(places.filter((place) => place !== ""))].toSorted();
      const all = [...balanced, ...(spec.externalIPs ?? [])];
      return all.length === 0 ? "<pending>" : all.join(",");
    }
    case "ExternalName":
      return spec.externalName ?? "";
    default:
      return "<unknown>";
  }
}

function portText({ port, nodePort, protocol }: ServicePort): string {
  return nodePort === undefined ? `${port}/${protocol}` : `${port}:${nodePort}/${protocol}`;
}

const columns: readonly Column<Service>[] = [
  nameColumn,
  { name: "Type", type: "string", description: "How the Service is reached.", cell: ({ spec }) => spec.type },
  {
    name: "Cluster-IP",
    type: "string",
    description: "The address of the Service.",
    cell: ({ spec }) => spec.clusterIPs?.[0] ?? "<none>",
  },
  {
    name: "External-IP",
    type: "string",
    description: "Where it is reached from outside.",
    cell: externalAddress,
  },
  {
    name: "Port(s)",
    type: "string",
    description: "The ports of the Service.",
    cell: ({ spec }) => spec.ports?.map(portText).join(",") ?? "<none>",
  },
  ageColumn,
  {
    name: "Selector",
    type: "string",
    priority: 1,
    description: "The labels of the pods it stands for.",
    cell: ({ spec }) => formatLabels(spec.selector),
  },
];

export const services: Resource<Service> = defineResource<Service>({
  group: "",
  version: "v1",
  kind: "Service",
  plural: "services",
  createsOnUpdate: true,
  support: actedOn(
    "given an address of 10.96.0.0/12 that no other has, or None. Nothing routes traffic to it. ClusterIP and ExternalName; LoadBalancer waits for somebody to fill in its status; NodePort is refused",
  ),
  shortNames: ["svc"],
  categories: ["all"],
  statusSubresource: true,
  schema: Service,
  validateName: nameRule(dns1035Label),
  prepareForCreate,
  prepareForUpdate,
  prepareForStatusUpdate: (service, old) => ({ ...service, spec: old.spec }),
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  validateStatusUpdate: validateServiceStatusUpdate,
  selectableFields: ({ spec }) => ({ "spec.clusterIP": spec.clusterIP ?? "", "spec.type": spec.type }),
  columns,
});
