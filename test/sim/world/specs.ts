// What simulated users write into their manifests.
import type { Random } from "../engine/random.ts";
import type { Json } from "./client.ts";
import type { Trait } from "./images.ts";
import { imageOf } from "./images.ts";
import { settingsVolumes } from "./settings.ts";

export const zones = ["a", "b", "c"] as const;

export function nodeLabels(random: Random): Readonly<Record<string, string>> {
  return {
    zone: random.pick(zones),
    ...(random.chance(0.4) ? { tier: random.pick(["gold", "silver"]) } : {}),
  };
}

export const userTaintKey = "sim/drain";

export function strategy(random: Random): Json {
  const kind = random.weighted({ one: 4, some: 3, share: 3, surge: 3, surgeShare: 2, onDelete: 1 });
  const rolling = (maxUnavailable: number | string, maxSurge: number | string) => ({
    type: "RollingUpdate",
    rollingUpdate: { maxUnavailable, maxSurge },
  });
  switch (kind) {
    case "one":
      return rolling(1, 0);
    case "some":
      return rolling(1 + random.int(4), 0);
    case "share":
      return rolling(random.pick(["10%", "25%", "34%", "100%"]), 0);
    case "surge":
      return rolling(0, 1 + random.int(3));
    case "surgeShare":
      return rolling(0, random.pick(["25%", "50%", "100%"]));
    case "onDelete":
      return { type: "OnDelete", rollingUpdate: null };
  }
}

/** As a merge patch takes it: null removes. */
export function placement(random: Random): Json {
  const none = { nodeSelector: null, affinity: null, tolerations: null };
  const kind = random.weighted({ anywhere: 4, selector: 2, affinity: 2, tolerant: 2, pinnedZone: 1 });
  switch (kind) {
    case "anywhere":
      return none;
    case "selector":
      return { ...none, nodeSelector: { zone: random.pick(zones) } };
    case "affinity":
      return { ...none, affinity: { nodeAffinity: required(random) } };
    case "tolerant":
      return { ...none, tolerations: [{ key: userTaintKey, operator: "Exists" }] };
    case "pinnedZone":
      return { ...none, nodeSelector: { zone: "a" }, tolerations: [{ operator: "Exists" }] };
  }
}

function required(random: Random): Json {
  const expression = random.pick([
    { key: "zone", operator: "In", values: ["a", "b"] },
    { key: "zone", operator: "NotIn", values: ["a"] },
    { key: "tier", operator: "NotIn", values: ["gold"] },
    { key: "tier", operator: "Exists" },
    { key: "tier", operator: "DoesNotExist" },
  ]);
  return {
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [expression] }] },
  };
}

/** The labels by which a set picks its pods. */
export function podLabels(app: string): Readonly<Record<string, string>> {
  return { app };
}

const flavours = ["plain", "sweet"] as const;

const cpus = [null, null, "500m", "1", "2500m"] as const;
const ports = [null, null, null, 8080, 8081] as const;
const priorityClasses = [null, null, "system-cluster-critical", "system-node-critical"] as const;

/** What a container of a pod asks of its node. */
function demands(random: Random): Json {
  const [cpu, hostPort] = [random.pick(cpus), random.pick(ports)];
  return {
    ...(cpu === null ? {} : { resources: { requests: { cpu } } }),
    ...(hostPort === null ? {} : { ports: [{ containerPort: 80, hostPort }] }),
  };
}

const scopes = ["kubernetes.io/hostname", "kubernetes.io/hostname", "zone"] as const;

/** Whom pods want beside them, or do not want. */
function company(random: Random): Json {
  const kind = random.weighted({ anybody: 5, near: 1, far: 2 });
  if (kind === "anybody") return {};
  const labelSelector = { matchLabels: { flavour: random.pick(flavours) } };
  const term = { labelSelector, topologyKey: random.pick(scopes) };
  const required = { requiredDuringSchedulingIgnoredDuringExecution: [term] };
  return kind === "near" ? { podAffinity: required } : { podAntiAffinity: required };
}

function importance(random: Random): Json {
  const priorityClassName = random.pick(priorityClasses);
  return priorityClassName === null ? {} : { priorityClassName };
}

export type SetWish = {
  /** Its pods ask for more than nothing. */
  readonly isTight: boolean;
  readonly isConfigured: boolean;
  readonly namespace: string;
  readonly name: string;
  readonly app: string;
  readonly image: string;
};

function affinityOf(nodes: unknown, beside: Json): unknown {
  return Object.keys(beside).length === 0 ? nodes : { ...Object(nodes ?? {}), ...beside };
}

export function daemonSet({ isTight, isConfigured, namespace, name, app, image }: SetWish, random: Random): Json {
  const { nodeSelector, affinity, tolerations } = placement(random);
  const beside = isTight ? company(random) : {};
  const wishes = { nodeSelector, affinity: affinityOf(affinity, beside), tolerations };
  const placed = Object.fromEntries(Object.entries(wishes).filter(([, value]) => value !== null));
  const updateStrategy = strategy(random);
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: podLabels(app) },
      updateStrategy,
      ...(random.chance(0.4) ? { minReadySeconds: random.pick([1, 5, 12]) } : {}),
      revisionHistoryLimit: random.pick([0, 1, 2, 10]),
      template: {
        metadata: { labels: { ...podLabels(app), flavour: random.pick(flavours) } },
        spec: {
          ...placed,
          terminationGracePeriodSeconds: random.pick([0, 1, 5]),
          ...(isTight ? importance(random) : {}),
          ...(isConfigured ? settingsVolumes : {}),
          containers: [{ name: "main", image, ...(isTight ? demands(random) : {}) }],
        },
      },
    },
  };
}

export type PodWish = { readonly namespace: string; readonly name: string; readonly labels: Json };

/** `random` null: it asks for nothing. Else its node may be left to the scheduler. */
export function barePod({ namespace, name, labels }: PodWish, node: string, random: Random | null): Json {
  const containers = [{ name: "main", image: imageOf("good", 1), ...(random === null ? {} : demands(random)) }];
  const nodeName = random?.chance(0.6) === true ? {} : { nodeName: node };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels },
    spec: {
      ...nodeName,
      ...(random === null ? {} : importance(random)),
      terminationGracePeriodSeconds: 1,
      containers,
    },
  };
}

export function anyTrait(random: Random): Trait {
  return random.weighted({ good: 10, slow: 2, late: 3, crash: 1, unready: 1, missing: 1 });
}

/** Specs that must be refused, and how. */
export const badSpecs: readonly { readonly patch: Json; readonly status: number }[] = [
  { patch: { spec: { selector: { matchLabels: { app: "other" } } } }, status: 422 },
  { patch: { spec: { template: { metadata: { labels: { app: null } } } } }, status: 422 },
  {
    patch: { spec: { updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 0 } } } },
    status: 422,
  },
  {
    patch: { spec: { updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 2, maxSurge: 1 } } } },
    status: 422,
  },
  { patch: { spec: { template: { spec: { restartPolicy: "Never" } } } }, status: 422 },
  { patch: { spec: { minReadySeconds: -1 } }, status: 422 },
];
