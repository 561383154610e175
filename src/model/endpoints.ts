// Endpoints: the addresses behind a Service, in the older form, which has room for a thousand.
// Source: core/v1 Endpoints; pkg/printers/internalversion formatEndpoints.
import type * as z from "zod";

import {
  always,
  atomicStruct,
  core,
  defaulted,
  embedded,
  int32,
  list,
  oneOf,
  pointer,
  string,
  struct,
  text,
} from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import { ObjectReference } from "./references.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { validateEndpoints } from "./validation/endpoints.ts";
import { validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

const EndpointAddress = atomicStruct(
  core("EndpointAddress"),
  { ip: always(string, ""), hostname: text, nodeName: pointer(string), targetRef: pointer(ObjectReference) },
  {
    about: "An address behind a Service.",
    ip: "The address itself.",
    hostname: "The name it has within the Service.",
    nodeName: "The node that it is on.",
    targetRef: "The object that has this address, a pod as a rule.",
  },
);
export type EndpointAddress = z.output<typeof EndpointAddress>;

const EndpointPort = atomicStruct(
  core("EndpointPort"),
  {
    name: text,
    port: always(int32, 0),
    protocol: defaulted(oneOf("SCTP", "TCP", "UDP"), "TCP"),
    appProtocol: pointer(string),
  },
  {
    about: "A port at which all addresses of a group are reached.",
    name: "What the Service calls the port; needed as soon as there is more than one.",
    port: "The number of the port.",
    protocol: "TCP, UDP or SCTP.",
    appProtocol: "What is spoken on the port, for those who route by that.",
  },
);
export type EndpointPort = z.output<typeof EndpointPort>;

const EndpointSubset = struct(
  core("EndpointSubset"),
  { addresses: list(EndpointAddress), notReadyAddresses: list(EndpointAddress), ports: list(EndpointPort) },
  {
    about: "A group of addresses that have the same ports.",
    addresses: "Those that take traffic.",
    notReadyAddresses: "Those that do not take traffic yet, or not now.",
    ports: "The ports of all of them.",
  },
);
export type EndpointSubset = z.output<typeof EndpointSubset>;

export const Endpoints = struct(
  core("Endpoints"),
  { ...typeMeta, metadata: embedded(ObjectMeta), subsets: list(EndpointSubset) },
  {
    about: "The addresses behind the Service of the same name, a thousand at most. EndpointSlices have all of them.",
    metadata: "Standard object metadata.",
    subsets: "The addresses, grouped by ports.",
  },
);
export type Endpoints = z.output<typeof Endpoints>;

const mostShown = 3;

/** The first few of a list, and how many more there are. */
export function firstFew(all: readonly string[]): string {
  const shown = all.slice(0, mostShown).join(",");
  return all.length > mostShown ? `${shown} + ${all.length - mostShown} more...` : shown;
}

function addressTexts({ addresses = [], ports }: EndpointSubset): readonly string[] {
  if (ports === undefined) return addresses.map(({ ip }) => ip);
  return ports.flatMap(({ port }) => addresses.map(({ ip }) => `${ip.includes(":") ? `[${ip}]` : ip}:${port}`));
}

export const endpoints: Resource<Endpoints> = defineResource<Endpoints>({
  group: "",
  version: "v1",
  kind: "Endpoints",
  plural: "endpoints",
  createsOnUpdate: true,
  support: actedOn("kept up to date for Services that select pods; a thousand addresses at most"),
  singular: "endpoints",
  shortNames: ["ep"],
  schema: Endpoints,
  validateName: nameRule(dns1123Subdomain),
  validate: validateEndpoints,
  validateUpdate: ({ metadata }, old) => validateMetadataUpdate(metadata, old.metadata),
  columns: [
    nameColumn,
    {
      name: "Endpoints",
      type: "string",
      description: "The first of the addresses that take traffic.",
      cell: ({ subsets }) => (subsets === undefined ? "<none>" : firstFew(subsets.flatMap(addressTexts))),
    },
    ageColumn,
  ],
});
