// What is accepted of a pod or a template of pods, and is most likely not what was meant: told as Warnings.
// Source: pkg/api/pod warnings.go, pkg/api/node util.go.
import type { Affinity } from "./affinity.ts";
import type { Container, ContainerPort } from "./container.ts";
import type { KubeObject, ObjectMeta } from "./meta.ts";
import type { PodSpec, PodTemplateSpec } from "./pod-spec.ts";
import { repetitions } from "./validation/each.ts";
import type { Volume } from "./volume.ts";

type Warnings = readonly string[];

const deprecatedLabels: ReadonlyMap<string, string> = new Map([
  ["beta.kubernetes.io/arch", 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
  ["beta.kubernetes.io/os", 'deprecated since v1.14; use "kubernetes.io/os" instead'],
  ["failure-domain.beta.kubernetes.io/region", 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
  ["failure-domain.beta.kubernetes.io/zone", 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
  ["beta.kubernetes.io/instance-type", 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
]);

const deprecatedAnnotations: ReadonlyMap<string, string> = new Map([
  ["scheduler.alpha.kubernetes.io/critical-pod", 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ["security.alpha.kubernetes.io/sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
  ["security.alpha.kubernetes.io/unsafe-sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
]);

const seccompWhy = 'non-functional in v1.27+; use the "seccompProfile" field instead';
const appArmorWhy = 'deprecated since v1.30; use the "appArmorProfile" field instead';

const deprecatedVolumes: Readonly<Partial<Record<keyof Volume, string>>> = {
  photonPersistentDisk: "deprecated in v1.11, non-functional in v1.16+",
  gitRepo: "deprecated in v1.11",
  scaleIO: "deprecated in v1.16, non-functional in v1.22+",
  flocker: "deprecated in v1.22, non-functional in v1.25+",
  storageos: "deprecated in v1.22, non-functional in v1.25+",
  quobyte: "deprecated in v1.22, non-functional in v1.25+",
  glusterfs: "deprecated in v1.25, non-functional in v1.26+",
  cephfs: "deprecated in v1.28, non-functional in v1.31+",
  rbd: "deprecated in v1.28, non-functional in v1.31+",
};

/** Of a kind that makes pods by a template: of its objects when their template may be another than before. */
export function warningsOfTemplate<T extends KubeObject>(path: string, templateOf: (object: T) => PodTemplateSpec) {
  return (object: T, old: T | null): Warnings =>
    old !== null && old.metadata.generation === object.metadata.generation
      ? []
      : podWarnings(templateOf(object), `${path}.`);
}

type PodLike = { readonly metadata: ObjectMeta; readonly spec: PodSpec };

/** `prefix` leads to the pod: empty, or ends in a dot. */
export function podWarnings({ metadata, spec }: PodLike, prefix: string): Warnings {
  const at = `${prefix}spec`;
  const containers = [
    ...(spec.initContainers ?? []).map((container, index) => ({ container, path: `${at}.initContainers[${index}]` })),
    ...spec.containers.map((container, index) => ({ container, path: `${at}.containers[${index}]` })),
  ];
  return [
    ...Object.keys(spec.nodeSelector ?? {}).flatMap((key) => labelWarning(`${at}.nodeSelector[${key}]`, key)),
    ...affinityWarnings(spec.affinity, `${at}.affinity.nodeAffinity`),
    ...(spec.topologySpreadConstraints ?? []).flatMap(({ topologyKey }, index) =>
      labelWarning(`${at}.topologySpreadConstraints[${index}].topologyKey`, topologyKey),
    ),
    ...Object.keys(metadata.annotations ?? {}).flatMap((key) =>
      warning(`${prefix}metadata.annotations[${key}]`, deprecatedAnnotations.get(key)),
    ),
    ...profileWarnings({ metadata, spec }, `${prefix}metadata.annotations`),
    ...(spec.volumes ?? []).flatMap((volume, index) => volumeWarnings(volume, `${at}.volumes[${index}]`)),
    ...containers.flatMap(({ container, path }) => [
      ...amountWarnings(container, `${path}.resources`),
      ...hiddenVariables(container, `${path}.env`),
    ]),
    ...portWarnings(
      containers.flatMap(({ container, path }) =>
        (container.ports ?? []).map((port, index) => ({ port, path: `${path}.ports[${index}]` })),
      ),
    ),
    ...((spec.terminationGracePeriodSeconds ?? 0) < 0
      ? [`${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`]
      : []),
  ];
}

function warning(path: string, why: string | undefined): Warnings {
  return why === undefined ? [] : [`${path}: ${why}`];
}

function labelWarning(path: string, key: string): Warnings {
  return warning(path, deprecatedLabels.get(key));
}

function affinityWarnings(affinity: Affinity | undefined, path: string): Warnings {
  const {
    requiredDuringSchedulingIgnoredDuringExecution: required,
    preferredDuringSchedulingIgnoredDuringExecution: preferred = [],
  } = affinity?.nodeAffinity ?? {};
  const terms = [
    ...(required?.nodeSelectorTerms ?? []).map((term, index) => ({
      term,
      at: `${path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${index}]`,
    })),
    ...preferred.map(({ preference: term }, index) => ({
      term,
      at: `${path}.preferredDuringSchedulingIgnoredDuringExecution[${index}].preference`,
    })),
  ];
  return terms.flatMap(({ term, at }) =>
    (term.matchExpressions ?? []).flatMap(({ key }, index) =>
      labelWarning(`${at}.matchExpressions[${index}].key`, key),
    ),
  );
}

/** Of annotations in which profiles were asked for, where no field does it. */
function profileWarnings({ metadata, spec }: PodLike, path: string): Warnings {
  const told = (key: string, why: string) =>
    metadata.annotations?.[key] === undefined ? [] : [`${path}[${key}]: ${why}`];
  const { seccompProfile, appArmorProfile } = spec.securityContext ?? {};
  const ofPod = seccompProfile === undefined ? told("seccomp.security.alpha.kubernetes.io/pod", seccompWhy) : [];
  const ofContainers = [...(spec.initContainers ?? []), ...spec.containers].flatMap(({ name, securityContext }) => [
    ...(securityContext?.seccompProfile === undefined
      ? told(`container.seccomp.security.alpha.kubernetes.io/${name}`, seccompWhy)
      : []),
    ...(securityContext?.appArmorProfile === undefined && appArmorProfile === undefined
      ? told(`container.apparmor.security.beta.kubernetes.io/${name}`, appArmorWhy)
      : []),
  ]);
  return [...ofPod, ...ofContainers];
}

function volumeWarnings(volume: Volume, path: string): Warnings {
  return Object.entries(deprecatedVolumes).flatMap(([source, why]) =>
    volume[source as keyof Volume] === undefined ? [] : warning(`${path}.${source}`, why),
  );
}

/** Amounts of bytes that are no whole number of them: as they are stored, those have a suffix for parts. */
function amountWarnings({ resources }: Container, path: string): Warnings {
  return (["memory", "ephemeral-storage"] as const).flatMap((name) =>
    (["limits", "requests"] as const).flatMap((field) => {
      const amount = resources[field]?.[name] ?? "";
      const why = `fractional byte value ${JSON.stringify(amount)} is invalid, must be an integer`;
      return /[munµ]$/.test(amount) ? [`${path}.${field}[${name}]: ${why}`] : [];
    }),
  );
}

/** A variable may be told in terms of the one of the same name before it, and must not otherwise come twice. */
function hiddenVariables({ env }: Container, path: string): Warnings {
  const isRepeated = repetitions();
  return (env ?? []).flatMap(({ name, value = "", valueFrom }, index) => {
    const before = `$(${name})`;
    const isInItsTerms = valueFrom === undefined && value.includes(before) && value !== before;
    if (!isRepeated(name) || isInItsTerms) return [];
    return [
      `${path}[${index}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`,
    ];
  });
}

type PlacedPort = { readonly port: ContainerPort; readonly path: string };

function portWarnings(ports: readonly PlacedPort[]): Warnings {
  return ports.flatMap(({ port, path }, index) => [
    ...addressWarning(port, path),
    ...ports.slice(0, index).flatMap((other) => {
      const how = overlap(port, other.port);
      return how === null ? [] : [`${path}: ${how} port definition with ${other.path}`];
    }),
  ]);
}

function addressWarning(
  { name = "", hostPort = 0, containerPort, protocol, hostIP = "" }: ContainerPort,
  path: string,
) {
  if (hostIP === "" || hostPort !== 0) return [];
  const port = `{Name:${name} HostPort:0 ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;
  return [`${path}: hostIP set without hostPort: ${port}`];
}

function overlap(port: ContainerPort, other: ContainerPort): string | null {
  if (port.containerPort !== other.containerPort || port.protocol !== other.protocol) return null;
  const [hostPort, otherHostPort] = [port.hostPort ?? 0, other.hostPort ?? 0];
  const [hostIP, otherHostIP] = [port.hostIP ?? "", other.hostIP ?? ""];
  if (hostIP === otherHostIP && hostPort === otherHostPort) return "duplicate";
  if (hostPort === 0 || otherHostPort === 0) return "overlapping";
  const isAmbiguous = hostPort === otherHostPort && (hostIP === "") !== (otherHostIP === "");
  return isAmbiguous ? "dangerously ambiguous" : null;
}
