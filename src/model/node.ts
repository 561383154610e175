// Nodes: the machines that pods run on.
// Source: core/v1 Node; pkg/registry/core/node/strategy.go; pkg/apis/core/validation ValidateNode.

import type * as z from "zod";
import { semanticEqual } from "./equality.ts";
import { duplicate, forbidden, invalid } from "./field-error.ts";
import { core, embedded, flag, list, mergedStrings, pointer, struct, text } from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { NodeConfigSource, NodeStatus } from "./node-status.ts";
import { ageColumn, nameColumn, orNone } from "./printing.ts";
import type { Column, Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { Taint } from "./taint.ts";
import { cidrErrors, cidrFamily } from "./validation/addresses.ts";
import type { Errors } from "./validation/each.ts";
import { eachOf, noErrors, repetitions } from "./validation/each.ts";
import { validateMetadata, validateMetadataStatusUpdate, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";
import { validateResourceAmount } from "./validation/resources.ts";
import { validateTaints } from "./validation/scheduling.ts";

const NodeSpecFields = struct(
  core("NodeSpec"),
  {
    podCIDR: text,
    podCIDRs: mergedStrings,
    providerID: text,
    unschedulable: flag,
    taints: list(Taint),
    configSource: pointer(NodeConfigSource),
    externalID: text,
  },
  {
    about: "What is wanted of a node.",
    podCIDR: "The first network from which its pods get addresses.",
    podCIDRs: "All networks from which its pods get addresses, one for each IP family at most.",
    providerID: "What the provider of the machine calls it, as PROVIDER://ID.",
    unschedulable: "Whether new pods stay away. Set by `kubectl cordon`; daemon pods come all the same.",
    taints: "What keeps pods away that do not tolerate it.",
    configSource: "Where its configuration comes from. No longer used.",
    externalID: "Obsolete, and not used.",
  },
);

/** The first network has a field of its own beside the list, which is right when they differ. */
const NodeSpec = NodeSpecFields.transform((spec): z.output<typeof NodeSpecFields> => {
  const cidr = spec.podCIDR ?? spec.podCIDRs?.[0];
  if (cidr === undefined) return spec;
  return { ...spec, podCIDR: cidr, podCIDRs: spec.podCIDRs?.[0] === cidr ? spec.podCIDRs : [cidr] };
});

export const Node = struct(
  core("Node"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(NodeSpec),
    status: embedded(NodeStatus),
  },
  {
    about: "A machine that pods run on.",
    metadata: "Standard object metadata.",
    spec: "What is wanted of the node.",
    status: "What was last observed of the node.",
  },
);
export type Node = z.output<typeof Node>;

function validateNode({ metadata, spec, status }: Node): Errors {
  return [
    ...validateMetadata(metadata, { namespaced: false, name: dns1123Subdomain }),
    // Upstream reports these under metadata.
    ...validateTaints(spec.taints, "metadata.taints"),
    ...validateAmounts(status),
    ...validatePodCidrs(spec.podCIDRs ?? [], "spec.podCIDRs"),
  ];
}

function validateAmounts(status: Node["status"]): Errors {
  return (["capacity", "allocatable"] as const).flatMap((field) =>
    Object.entries(status[field] ?? {}).flatMap(([name, amount]) =>
      validateResourceAmount(name, amount, `status.${field}.${name}`),
    ),
  );
}

function validatePodCidrs(cidrs: readonly string[], path: string): Errors {
  const isRepeated = repetitions();
  const families = new Set(cidrs.map(cidrFamily));
  const mixed = cidrs.length <= 1 || (cidrs.length === 2 && families.size === 2);
  return [
    ...eachOf(cidrs, path, (cidr, cidrPath) => cidrErrors(cidrPath, cidr)),
    ...(mixed ? [] : [invalid(path, cidrs, "may specify no more than one CIDR for each IP family")]),
    ...eachOf(cidrs, path, (cidr, cidrPath) => (isRepeated(cidr) ? [duplicate(cidrPath, cidr)] : noErrors)),
  ];
}

/** What a node was once given it keeps. */
function validateNodeUpdate({ spec, status }: Node, { spec: old }: Node): Errors {
  const fromNothing = (field: string) => `node updates may not change ${field} except from "" to valid`;
  const isRepeated = repetitions();
  return [
    ...eachOf(status.addresses, "status.addresses", (address, path) =>
      isRepeated(JSON.stringify([address.type, address.address])) ? [duplicate(path, address)] : noErrors,
    ),
    ...(old.podCIDRs === undefined || semanticEqual(spec.podCIDRs, old.podCIDRs)
      ? []
      : [forbidden("spec.podCIDRs", fromNothing("podCIDR"))]),
    ...(old.providerID === undefined || spec.providerID === old.providerID
      ? []
      : [forbidden("spec.providerID", fromNothing("providerID"))]),
    ...(spec.externalID === old.externalID ? [] : [forbidden("spec.externalID", "may not be updated")]),
  ];
}

function readiness({ spec, status }: Node): string {
  const ready = (status.conditions ?? []).find(({ type }) => type === "Ready");
  const health = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return spec.unschedulable === true ? `${health},SchedulingDisabled` : health;
}

const rolePrefix = "node-role.kubernetes.io/";
const roleLabel = "kubernetes.io/role";

function roles({ metadata }: Node): string {
  const found = Object.entries(metadata.labels ?? {})
    .map(([key, value]) => (key === roleLabel ? value : key.startsWith(rolePrefix) ? key.slice(rolePrefix.length) : ""))
    .filter((role) => role !== "");
  return orNone([...new Set(found)].toSorted().join(","));
}

function address(type: string): (node: Node) => string {
  return ({ status }) => orNone((status.addresses ?? []).find((candidate) => candidate.type === type)?.address);
}

function orUnknown(value: string): string {
  return value === "" ? "<unknown>" : value;
}

const columns: readonly Column<Node>[] = [
  nameColumn,
  { name: "Status", type: "string", description: "Whether the node is well and takes pods.", cell: readiness },
  { name: "Roles", type: "string", description: "What the node is used for, by its labels.", cell: roles },
  ageColumn,
  {
    name: "Version",
    type: "string",
    description: "The version of the agent on the node.",
    cell: ({ status }) => status.nodeInfo.kubeletVersion,
  },
  {
    name: "Internal-IP",
    type: "string",
    priority: 1,
    description: "The node's address in its own network.",
    cell: address("InternalIP"),
  },
  {
    name: "External-IP",
    type: "string",
    priority: 1,
    description: "The node's address on the internet.",
    cell: address("ExternalIP"),
  },
  {
    name: "OS-Image",
    type: "string",
    priority: 1,
    description: "The operating system, as it names itself.",
    cell: ({ status }) => orUnknown(status.nodeInfo.osImage),
  },
  {
    name: "Kernel-Version",
    type: "string",
    priority: 1,
    description: "The version of the kernel.",
    cell: ({ status }) => orUnknown(status.nodeInfo.kernelVersion),
  },
  {
    name: "Container-Runtime",
    type: "string",
    priority: 1,
    description: "What runs the containers, and its version.",
    cell: ({ status }) => orUnknown(status.nodeInfo.containerRuntimeVersion),
  },
];

export const nodes: Resource<Node> = defineResource<Node>({
  group: "",
  version: "v1",
  kind: "Node",
  plural: "nodes",
  support: actedOn("made by its agent; cordon, taint, drain work"),
  shortNames: ["no"],
  namespaced: false,
  statusSubresource: true,
  schema: Node,
  validateName: nameRule(dns1123Subdomain),
  // A new node brings its status along: that is how agents register.
  prepareForUpdate: (node, old) => ({ ...node, status: old.status }),
  prepareForStatusUpdate: (node, old) => ({ ...node, spec: old.spec }),
  validate: validateNode,
  validateUpdate: (node, old) => [
    ...validateMetadataUpdate(node.metadata, old.metadata),
    ...validateNodeUpdate(node, old),
  ],
  validateStatusUpdate: (node, old) => [
    ...validateMetadataStatusUpdate(node.metadata, old.metadata),
    ...validateAmounts(node.status),
    ...validateNodeUpdate(node, old),
  ],
  selectableFields: ({ spec }) => ({ "spec.unschedulable": String(spec.unschedulable ?? false) }),
  columns,
});
