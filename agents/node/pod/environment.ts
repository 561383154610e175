// The environment variables of a container, the pod's own fields among them.
// Source: kubelet makeEnvironment, pkg/api/v1/resource, pkg/fieldpath.
import type { Container } from "../../../src/model/container.ts";
import type { EnvVar } from "../../../src/model/env.ts";
import { quantityMilli, quantityUnits } from "../../../src/model/quantity.ts";
import type { AssignedPod } from "../../../src/sync/messages.ts";
import type { ObjectLookup, TokenSource } from "../assignment/objects.ts";
import { apiVariables } from "../local-api/variables.ts";
import type { NodeView } from "../node-view.ts";
import type { LocalApi } from "../ports.ts";
import type { KeyValue } from "../runtime/runtime.ts";
import type { PodDefinition } from "./definition.ts";
import { Missing, valueAt, variablesFrom } from "./env-objects.ts";
import { expand } from "./expand.ts";
import type { PodEvent } from "./pod-event.ts";

export type PodSurroundings = {
  readonly assigned: AssignedPod;
  readonly definition: PodDefinition;
  readonly node: NodeView;
  /** Empty while there is none. */
  readonly podIp: string;
  /** ConfigMaps and Secrets. */
  readonly objects: ObjectLookup;
  /** Absent: the node serves none. */
  readonly localApi?: LocalApi | undefined;
  /** Of the pod's ServiceAccount. Absent: the node is given none. */
  readonly tokens?: TokenSource | undefined;
};

export type Environment =
  | { readonly ok: true; readonly envs: readonly KeyValue[]; readonly events: readonly PodEvent[] }
  /** What is missing, in the kubelet's words. */
  | { readonly ok: false; readonly message: string };

/**
 * In the order given; the last of one name counts. What `envFrom` brings comes before `env`, which wins over it and may
 * refer to it.
 */
export function environmentOf(container: Container, pod: PodSurroundings): Environment {
  const ofApi = apiVariablesOf(pod);
  // They can be referred to from the start, and what the container says of its own comes before them.
  const values = new Map(ofApi.map(({ key, value }) => [key, value]));
  const events: PodEvent[] = [];
  try {
    for (const source of container.envFrom ?? []) {
      const { variables, event } = variablesFrom(source, pod);
      for (const [name, value] of variables) values.set(name, value);
      if (event !== null) events.push(event);
    }
    for (const variable of container.env ?? []) {
      const value = variableValue(variable, container, { pod, values });
      if (value !== undefined) values.set(variable.name, value);
    }
  } catch (error) {
    if (error instanceof Missing) return { ok: false, message: error.message };
    throw error;
  }
  return { ok: true, envs: [...values].map(([key, value]) => ({ key, value })), events };
}

type Scope = { readonly pod: PodSurroundings; readonly values: ReadonlyMap<string, string> };

/** Undefined: there is none, and there need not be. */
function variableValue({ value, valueFrom }: EnvVar, container: Container, { pod, values }: Scope): string | undefined {
  if (valueFrom === undefined) return expand(value ?? "", values);
  if (valueFrom.fieldRef !== undefined) return podField(valueFrom.fieldRef.fieldPath, pod);
  if (valueFrom.resourceFieldRef !== undefined) return resourceField(valueFrom.resourceFieldRef, container, pod);
  if (valueFrom.configMapKeyRef !== undefined) return valueAt("ConfigMap", valueFrom.configMapKeyRef, pod);
  return valueFrom.secretKeyRef === undefined ? undefined : valueAt("Secret", valueFrom.secretKeyRef, pod);
}

function apiVariablesOf({ localApi, definition, podIp, node }: PodSurroundings): readonly KeyValue[] {
  if (localApi === undefined) return [];
  const sharesNetwork = definition.spec.hostNetwork === true || podIp === "" || node.ips.includes(podIp);
  return apiVariables(localApi.address({ sharesNetwork }));
}

const mapField = /^metadata\.(labels|annotations)\['(.+)'\]$/;

/** All labels or all annotations as text; null for other fields. Source: k8s.io/kubernetes pkg/fieldpath FormatMap. */
export function podFieldMap(fieldPath: string, { definition }: PodSurroundings): string | null {
  const { labels = {}, annotations = {} } = definition.template.metadata;
  if (fieldPath !== "metadata.labels" && fieldPath !== "metadata.annotations") return null;
  const entries = Object.entries(fieldPath === "metadata.labels" ? labels : annotations);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join("\n");
}

/** The value of a downward API field; empty for one that has none. */
export function podField(fieldPath: string, { assigned, definition, node, podIp }: PodSurroundings): string {
  const { metadata } = definition.template;
  const entry = mapField.exec(fieldPath);
  if (entry !== null) {
    const map = entry[1] === "labels" ? metadata.labels : metadata.annotations;
    return map?.[entry[2] ?? ""] ?? "";
  }
  switch (fieldPath) {
    case "metadata.name":
      return assigned.name;
    case "metadata.namespace":
      return assigned.namespace;
    case "metadata.uid":
      return assigned.uid;
    case "spec.nodeName":
      return node.name;
    case "spec.serviceAccountName":
      return definition.spec.serviceAccountName ?? "default";
    case "status.hostIP":
      return node.ips[0] ?? "";
    case "status.hostIPs":
      return node.ips.join(",");
    case "status.podIP":
    case "status.podIPs":
      return podIp;
    default:
      return "";
  }
}

type ResourceReference = {
  readonly containerName?: string | undefined;
  readonly resource: string;
  readonly divisor: string;
};

/** A limit that is not set reads as what the node can give. */
export function resourceField(reference: ResourceReference, own: Container, pod: PodSurroundings): string {
  const named = pod.definition.containers.find(({ name }) => name === reference.containerName);
  const { resources } = named?.container ?? own;
  const [side, ...rest] = reference.resource.split(".");
  const resource = rest.join(".");
  const limit = resources?.limits?.[resource] ?? pod.node.allocatable[resource] ?? "0";
  const amount = side === "limits" ? limit : (resources?.requests?.[resource] ?? resources?.limits?.[resource] ?? "0");
  const divisor = reference.divisor === "0" || reference.divisor === "" ? "1" : reference.divisor;
  // Rounded up, as half a core is still a core to a program that asks for cores.
  if (resource === "cpu") return String(Math.ceil(quantityMilli(amount) / quantityMilli(divisor)));
  return String(Math.ceil(quantityUnits(amount) / quantityUnits(divisor)));
}
