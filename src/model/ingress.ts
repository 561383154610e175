// Ingresses: which requests from outside go to which Service. They are kept and shown; nothing routes by them here.
// Source: networking.k8s.io/v1; pkg/printers/internalversion printIngress.
import * as z from "zod";

import {
  always,
  atomicStruct,
  embedded,
  int32,
  list,
  mandatory,
  mergeable,
  nullWhenAbsent,
  omitempty,
  oneOf,
  pointer,
  string,
  strings,
  struct,
  text,
} from "./fields.ts";
import { countingGenerations } from "./generation.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import { TypedLocalObjectReference } from "./references.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { storedOnly } from "./support.ts";
import { validateIngress } from "./validation/ingress.ts";
import { validateMetadataStatusUpdate, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

const networking = (name: string): string => `io.k8s.api.networking.v1.${name}`;

const ServiceBackendPort = atomicStruct(
  networking("ServiceBackendPort"),
  { name: text, number: omitempty(int32) },
  { about: "A port of a Service: one of the two is given.", name: "What it is called.", number: "Its number." },
);

const IngressServiceBackend = struct(
  networking("IngressServiceBackend"),
  { name: always(string, ""), port: embedded(ServiceBackendPort) },
  { about: "A Service that requests go to.", name: "Its name, in the same namespace.", port: "Which of its ports." },
);

const IngressBackend = struct(
  networking("IngressBackend"),
  { service: pointer(IngressServiceBackend), resource: pointer(TypedLocalObjectReference) },
  {
    about: "Where requests go: one of the two is given.",
    service: "A Service.",
    resource: "Another object in the same namespace.",
  },
);
export type IngressBackend = z.output<typeof IngressBackend>;

const HTTPIngressPath = struct(
  networking("HTTPIngressPath"),
  {
    path: text,
    pathType: mandatory(nullWhenAbsent(oneOf("Exact", "ImplementationSpecific", "Prefix"))),
    backend: mandatory(embedded(IngressBackend)),
  },
  {
    about: "Requests for some paths, and where they go.",
    path: "The path, or what it begins with.",
    pathType: "How the path is compared: Exact, Prefix or ImplementationSpecific.",
    backend: "Where the requests go.",
  },
);
export type HTTPIngressPath = z.output<typeof HTTPIngressPath>;

const HTTPIngressRuleValue = struct(
  networking("HTTPIngressRuleValue"),
  { paths: mandatory(nullWhenAbsent(mergeable(z.array(HTTPIngressPath), {}))) },
  { about: "Where requests of HTTP go.", paths: "By path." },
);

const IngressRule = struct(
  networking("IngressRule"),
  { host: text, http: pointer(HTTPIngressRuleValue) },
  { about: "Where requests for one host go.", host: "The host; absent for any.", http: "Where they go." },
);
export type IngressRule = z.output<typeof IngressRule>;

const IngressTLS = struct(
  networking("IngressTLS"),
  { hosts: strings, secretName: text },
  {
    about: "A certificate.",
    hosts: "The hosts it is for.",
    secretName: "The Secret that it is in.",
  },
);

const IngressSpec = struct(
  networking("IngressSpec"),
  {
    ingressClassName: pointer(string),
    defaultBackend: pointer(IngressBackend),
    tls: list(IngressTLS),
    rules: list(IngressRule),
  },
  {
    about: "Where which requests go.",
    ingressClassName: "Who is to carry it out.",
    defaultBackend: "Where requests go that no rule is about.",
    tls: "The certificates.",
    rules: "The rules, by host.",
  },
);

const IngressPortStatus = struct(
  networking("IngressPortStatus"),
  { port: always(int32, 0), protocol: always(string, ""), error: pointer(string) },
  {
    about: "What became of a port.",
    port: "The number of the port.",
    protocol: "TCP, UDP or SCTP.",
    error: "What is wrong with it, in one word.",
  },
);

const IngressLoadBalancerIngress = struct(
  networking("IngressLoadBalancerIngress"),
  { ip: text, hostname: text, ports: list(IngressPortStatus) },
  { about: "A place at which requests come in.", ip: "Its address.", hostname: "Its name.", ports: "The ports there." },
);

const IngressLoadBalancerStatus = struct(
  networking("IngressLoadBalancerStatus"),
  { ingress: list(IngressLoadBalancerIngress) },
  { about: "Where requests come in.", ingress: "The places." },
);

const IngressStatus = struct(
  networking("IngressStatus"),
  { loadBalancer: embedded(IngressLoadBalancerStatus) },
  { about: "What became of an Ingress.", loadBalancer: "Where requests come in." },
);

const Ingress = struct(
  networking("Ingress"),
  { ...typeMeta, metadata: embedded(ObjectMeta), spec: embedded(IngressSpec), status: embedded(IngressStatus) },
  {
    about: "Which requests from outside go to which Service. It is kept here, and nothing routes by it.",
    metadata: "Standard object metadata.",
    spec: "Where which requests go.",
    status: "What became of it.",
  },
);
export type Ingress = z.output<typeof Ingress>;

const mostHosts = 3;

function hostsOf({ spec }: Ingress): string {
  const hosts = (spec.rules ?? []).flatMap(({ host }) => host ?? []);
  if (hosts.length === 0) return "*";
  const shown = hosts.slice(0, mostHosts).join(",");
  return hosts.length > mostHosts ? `${shown} + ${hosts.length - mostHosts} more...` : shown;
}

export const ingresses: Resource<Ingress> = defineResource<Ingress>({
  group: "networking.k8s.io",
  version: "v1",
  kind: "Ingress",
  plural: "ingresses",
  shortNames: ["ing"],
  statusSubresource: true,
  schema: Ingress,
  support: storedOnly("nothing is routed by it"),
  validateName: nameRule(dns1123Subdomain),
  ...countingGenerations<Ingress>((ingress) => ({ ...ingress, status: { loadBalancer: {} } })),
  validate: validateIngress,
  validateUpdate: ({ metadata }, old) => validateMetadataUpdate(metadata, old.metadata),
  validateStatusUpdate: ({ metadata }, old) => validateMetadataStatusUpdate(metadata, old.metadata),
  columns: [
    nameColumn,
    {
      name: "Class",
      type: "string",
      description: "Who is to carry it out.",
      cell: ({ spec }) => spec.ingressClassName ?? "<none>",
    },
    { name: "Hosts", type: "string", description: "The hosts of its rules.", cell: hostsOf },
    {
      name: "Address",
      type: "string",
      description: "Where requests come in.",
      cell: ({ status }) =>
        (status.loadBalancer.ingress ?? [])
          .map(({ ip, hostname }) => ip ?? hostname ?? "")
          .filter((place) => place !== "")
          .join(","),
    },
    {
      name: "Ports",
      type: "string",
      description: "The ports at which requests come in.",
      cell: ({ spec }) => (spec.tls === undefined ? "80" : "80, 443"),
    },
    ageColumn,
  ],
});
