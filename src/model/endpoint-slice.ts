// EndpointSlices: the addresses behind a Service, up to a hundred in each.
// Source: discovery.k8s.io/v1; pkg/apis/discovery/v1/defaults.go; pkg/registry/discovery/endpointslice/strategy.go.
import * as z from "zod";

import { firstFew } from "./endpoints.ts";
import { semanticEqual } from "./equality.ts";
import {
  always,
  atomicStruct,
  boolean,
  defaultedPointer,
  embedded,
  int32,
  list,
  mandatory,
  mergeable,
  nullWhenAbsent,
  oneOf,
  pointer,
  string,
  stringMap,
  stringSet,
  struct,
} from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import { ObjectReference } from "./references.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { validateEndpointSlice, validateEndpointSliceUpdate } from "./validation/endpoint-slice.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

const discovery = (name: string): string => `io.k8s.api.discovery.v1.${name}`;

const EndpointConditions = struct(
  discovery("EndpointConditions"),
  { ready: pointer(boolean), serving: pointer(boolean), terminating: pointer(boolean) },
  {
    about: "What is so of an endpoint now.",
    ready: "It takes traffic. Never so of one that is ending, unless the Service wants all.",
    serving: "It could take traffic, even if it is ending.",
    terminating: "It is ending.",
  },
);

const ForZone = struct(
  discovery("ForZone"),
  { name: always(string, "") },
  { about: "A zone.", name: "What the zone is called." },
);

const EndpointHints = struct(
  discovery("EndpointHints"),
  { forZones: list(ForZone) },
  { about: "Who should use an endpoint.", forZones: "The zones from which it should be used." },
);

const Endpoint = struct(
  discovery("Endpoint"),
  {
    addresses: mandatory(nullWhenAbsent(stringSet)),
    conditions: embedded(EndpointConditions),
    hostname: pointer(string),
    targetRef: pointer(ObjectReference),
    deprecatedTopology: stringMap,
    nodeName: pointer(string),
    zone: pointer(string),
    hints: pointer(EndpointHints),
  },
  {
    about: "One of those that a Service stands for.",
    addresses: "Its addresses, which all mean the same; most readers look at the first.",
    conditions: "What is so of it now.",
    hostname: "The name it has within the Service.",
    targetRef: "The object that it is, a pod as a rule.",
    deprecatedTopology: "Not used any more.",
    nodeName: "The node that it is on.",
    zone: "The zone that it is in.",
    hints: "Who should use it.",
  },
);
export type Endpoint = z.output<typeof Endpoint>;

const EndpointPort = atomicStruct(
  discovery("EndpointPort"),
  {
    name: defaultedPointer(string, ""),
    protocol: defaultedPointer(oneOf("SCTP", "TCP", "UDP"), "TCP"),
    port: pointer(int32),
    appProtocol: pointer(string),
  },
  {
    about: "A port of all endpoints of a slice.",
    name: "What the Service calls the port.",
    protocol: "TCP, UDP or SCTP.",
    port: "The number of the port; absent for all ports.",
    appProtocol: "What is spoken on the port, for those who route by that.",
  },
);
export type SlicePort = z.output<typeof EndpointPort>;

export const EndpointSlice = struct(
  discovery("EndpointSlice"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    addressType: always(oneOf("FQDN", "IPv4", "IPv6"), ""),
    endpoints: mandatory(nullWhenAbsent(mergeable(z.array(Endpoint), {}))),
    ports: nullWhenAbsent(mergeable(z.array(EndpointPort), {})),
  },
  {
    about: "Some of the endpoints of a Service. All slices with its name in a label make up the whole.",
    metadata: "Standard object metadata.",
    addressType: "What the addresses are: IPv4, IPv6 or FQDN. Cannot be changed.",
    endpoints: "The endpoints, a thousand at most.",
    ports: "The ports that each of them has.",
  },
);
export type EndpointSlice = z.output<typeof EndpointSlice>;

function withGeneration(slice: EndpointSlice, generation: number): EndpointSlice {
  return { ...slice, metadata: { ...slice.metadata, generation } };
}

function prepareForUpdate(slice: EndpointSlice, old: EndpointSlice): EndpointSlice {
  const isSame = (["addressType", "endpoints", "ports"] as const).every((field) =>
    semanticEqual(slice[field], old[field]),
  );
  const sameLabels = semanticEqual(slice.metadata.labels, old.metadata.labels);
  return withGeneration(slice, (old.metadata.generation ?? 0) + (isSame && sameLabels ? 0 : 1));
}

function orUnset(text: string): string {
  return text === "" ? "<unset>" : text;
}

export const endpointSlices: Resource<EndpointSlice> = defineResource<EndpointSlice>({
  group: "discovery.k8s.io",
  version: "v1",
  kind: "EndpointSlice",
  plural: "endpointslices",
  support: actedOn("kept up to date for Services that select pods, a hundred endpoints in each"),
  schema: EndpointSlice,
  validateName: nameRule(dns1123Subdomain),
  prepareForCreate: (slice) => withGeneration(slice, 1),
  prepareForUpdate,
  validate: validateEndpointSlice,
  validateUpdate: validateEndpointSliceUpdate,
  columns: [
    nameColumn,
    {
      name: "AddressType",
      type: "string",
      description: "What the addresses are.",
      cell: ({ addressType }) => addressType,
    },
    {
      name: "Ports",
      type: "string",
      description: "The first of the ports.",
      cell: ({ ports }) =>
        orUnset(firstFew((ports ?? []).map(({ name, port }) => (port === undefined ? name : String(port))))),
    },
    {
      name: "Endpoints",
      type: "string",
      description: "The first of the addresses.",
      cell: ({ endpoints }) => orUnset(firstFew((endpoints ?? []).flatMap(({ addresses }) => addresses ?? []))),
    },
    ageColumn,
  ],
});
