// NodeMetrics and PodMetrics: what nodes and containers use right now.
// Source: metrics.k8s.io/v1beta1.

import type * as z from "zod";
import { always, embedded, list, resourceList, string, struct, timestamp } from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { nameColumn } from "./printing.ts";
import type { Column, Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";

const id = (name: string): string => `io.k8s.metrics.pkg.apis.metrics.v1beta1.${name}`;

const common = {
  metadata: "Standard object metadata, of the moment of the answer.",
  timestamp: "When the measurement ended.",
  window: "Over how long the use of the processor was measured, such as 15s.",
};

const NodeMetrics = struct(
  id("NodeMetrics"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    timestamp,
    window: always(string, ""),
    usage: resourceList,
  },
  { about: "What a node uses.", ...common, usage: "The amounts in use, by resource: cpu and memory." },
);
export type NodeMetrics = z.output<typeof NodeMetrics>;

const ContainerMetrics = struct(
  id("ContainerMetrics"),
  { name: always(string, ""), usage: resourceList },
  {
    about: "What a container uses.",
    name: "The container's name, as the pod has it.",
    usage: "The amounts in use, by resource: cpu and memory.",
  },
);

const PodMetrics = struct(
  id("PodMetrics"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    timestamp,
    window: always(string, ""),
    containers: list(ContainerMetrics),
  },
  { about: "What the containers of a pod use.", ...common, containers: "Each container that runs, and what it uses." },
);
export type PodMetrics = z.output<typeof PodMetrics>;

const windowColumn: Column<NodeMetrics | PodMetrics> = {
  name: "Window",
  type: "string",
  description: "Over how long the use of the processor was measured.",
  cell: ({ window }) => window,
};

function usageColumn(name: "cpu" | "memory"): Column<NodeMetrics> {
  return { name, type: "string", description: `How much ${name} is in use.`, cell: ({ usage }) => usage?.[name] ?? "" };
}

const group = { group: "metrics.k8s.io", version: "v1beta1", verbs: ["get", "list"] } as const;

export const nodeMetrics: Resource<NodeMetrics> = defineResource<NodeMetrics>({
  ...group,
  kind: "NodeMetrics",
  plural: "nodes",
  support: actedOn("asked of the agents when it is read"),
  singular: "",
  namespaced: false,
  schema: NodeMetrics,
  columns: [nameColumn, usageColumn("cpu"), usageColumn("memory"), windowColumn],
});

export const podMetrics: Resource<PodMetrics> = defineResource<PodMetrics>({
  ...group,
  kind: "PodMetrics",
  plural: "pods",
  support: actedOn("asked of the agents when it is read"),
  singular: "",
  schema: PodMetrics,
  columns: [nameColumn, windowColumn],
});
