// What pods ask for and nodes have, with only the fields that a test is about.
import type { NodeOffer, PodNeeds } from "../../src/core/node-fit.ts";
import type { PodDemand } from "../../src/core/pod-demand.ts";
import type { PodTemplate } from "../../src/model/pod-template.ts";
import { pod } from "../model/objects.ts";

/** `cpu` in thousandths, `ports` of TCP on any address. */
export function demand({
  cpu = 0,
  memory = 0,
  ports = [],
}: {
  readonly cpu?: number;
  readonly memory?: number;
  readonly ports?: readonly number[];
} = {}): PodDemand {
  const amounts = new Map(Object.entries({ cpu, memory }).filter(([, amount]) => amount > 0));
  return { amounts, ports: ports.map((port) => ({ ip: "0.0.0.0", protocol: "TCP", port })) };
}

export function needs(fields: Partial<PodNeeds> = {}): PodNeeds {
  return {
    nodeName: "",
    nodeSelector: {},
    requiredTerms: null,
    preferredTerms: [],
    tolerations: [],
    demand: demand(),
    priority: 0,
    mayPreempt: true,
    ...fields,
  };
}

/** A node with four CPUs. */
export function offer(fields: Partial<NodeOffer> = {}): NodeOffer {
  return {
    name: "a",
    labels: {},
    taints: [],
    unschedulable: false,
    allocatable: new Map([
      ["cpu", 4000],
      ["memory", 1000],
      ["pods", 110],
    ]),
    ...fields,
  };
}

export function template(labels: Readonly<Record<string, string>> = {}, spec: object = {}): PodTemplate {
  const plain = pod().spec;
  // Typed stub: parts of a spec of the test's own.
  return { metadata: { labels }, spec: { ...plain, ...spec } as PodTemplate["spec"] };
}

type Terms = { readonly requiredDuringSchedulingIgnoredDuringExecution: readonly object[] };

/** One required term: pods of the app `app`, seen by a label of the nodes. */
export function neighboursOf(app: string, topologyKey = "kubernetes.io/hostname", fields: object = {}): Terms {
  const term = { topologyKey, labelSelector: { matchLabels: { app } }, ...fields };
  return { requiredDuringSchedulingIgnoredDuringExecution: [term] };
}
