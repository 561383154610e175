// What no node of ours does for a pod, whatever runs its containers. It is refused by name: a pod that asks for it waits
// and says so, as it would be something else than what its author wanted.
import type { Container } from "../../../src/model/container.ts";
import type { PodSpec } from "../../../src/model/pod-spec.ts";
import type { Volume } from "../../../src/model/volume.ts";
import { isMounted } from "../volume/paths.ts";

/** What the agent may do and has on this host. */
export type HostAbilities = {
  readonly isRoot: boolean;
  readonly hasAppArmor: boolean;
};

/** For runtimes with containers: the field that cannot be honoured and why; null when all can. */
export function refusalOfContainer(spec: PodSpec, container: Container, host: HostAbilities): string | null {
  const problem =
    podProblem(spec) ??
    imageProblem(container) ??
    volumesRefusal(spec) ??
    mountsProblem(spec, container) ??
    memoryProblem(spec, container, host) ??
    resourcesProblem(container) ??
    protectionProblem(spec, container, host);
  return problem === null ? null : `${problem} (container ${container.name})`;
}

/** Of the pod as a whole. */
export function podProblem(spec: PodSpec): string | null {
  if (spec.os?.name === "windows") return "spec.os: this is no Windows node";
  if (spec.runtimeClassName !== undefined) return "spec.runtimeClassName: there are no runtime classes on this node";
  if (spec.hostUsers === false) return "spec.hostUsers: containers cannot be given user ids of their own";
  if (spec.resourceClaims !== undefined) return "spec.resourceClaims: this node hands out no devices";
  if (spec.resources?.limits !== undefined) return "spec.resources.limits: only containers have limits on this node";
  if (spec.securityContext.supplementalGroupsPolicy === "Strict") {
    return "spec.securityContext.supplementalGroupsPolicy: the groups that the user has otherwise cannot be left out";
  }
  return null;
}

function imageProblem({ image }: Container): string | null {
  return image === undefined || image === "" ? "image: there is nothing to run without one" : null;
}

/** Of what the container mounts, whatever the volumes are made of. */
export function mountsProblem({ volumes }: PodSpec, container: Container): string | null {
  if (container.volumeDevices !== undefined) return "volumeDevices: block volumes cannot be mapped";
  for (const { name, recursiveReadOnly } of container.volumeMounts ?? []) {
    if (recursiveReadOnly === "Enabled") {
      return `volumeMounts[${name}].recursiveReadOnly: mounts below cannot be made read-only`;
    }
    if (!volumes?.some((volume) => volume.name === name)) {
      return `volumeMounts[${name}]: the pod has no volume of that name`;
    }
  }
  return null;
}

function memoryProblem(spec: PodSpec, { volumeMounts = [] }: Container, { isRoot }: HostAbilities): string | null {
  if (isRoot) return null;
  const names = volumeMounts.map(({ name }) => name);
  const volume = spec.volumes?.find(({ name, emptyDir }) => emptyDir?.medium === "Memory" && names.includes(name));
  return volume === undefined ? null : `${pathOf(spec, volume)}.emptyDir.medium: the agent is not root`;
}

const made = ["configMap", "downwardAPI", "emptyDir", "hostPath", "projected", "secret"];

/**
 * Why a volume that one of the pod's containers mounts cannot be had; null when all can. None of the containers starts
 * without it, as with a kubelet, and one that nobody mounts is not missed.
 */
export function volumesRefusal(spec: PodSpec): string | null {
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  for (const volume of spec.volumes ?? []) {
    const problem = isMounted(volume, containers) ? volumeProblem(volume) : null;
    if (problem !== null) return `${pathOf(spec, volume)}.${problem}`;
  }
  return null;
}

function volumeProblem(volume: Volume): string | null {
  const kind = sourceOf(volume);
  if (!made.includes(kind)) return `${kind}: ${whyNot(kind)}`;
  if (volume.emptyDir?.medium?.startsWith("HugePages") === true) {
    return "emptyDir.medium: this node hands out no huge pages";
  }
  const sources = volume.projected?.sources ?? [];
  const bundle = sources.findIndex(({ clusterTrustBundle }) => clusterTrustBundle !== undefined);
  return bundle === -1 ? null : `projected.sources[${bundle}].clusterTrustBundle: there are none on this node`;
}

function pathOf({ volumes = [] }: PodSpec, volume: Volume): string {
  return `spec.volumes[${volumes.indexOf(volume)}]`;
}

function sourceOf(volume: Volume): string {
  return Object.entries(volume).find(([field, value]) => field !== "name" && value !== undefined)?.[0] ?? "name";
}

function whyNot(kind: string): string {
  switch (kind) {
    case "name":
      return "it does not say what the volume is made of";
    case "persistentVolumeClaim":
    case "ephemeral":
      return "this node has no persistent volumes";
    case "csi":
    case "flexVolume":
      return "this node has no storage drivers";
    case "image":
      return "images cannot be mounted";
    default:
      return "this node mounts no network or cloud storage";
  }
}

const knownResources: readonly string[] = ["cpu", "memory", "ephemeral-storage"];

export function resourcesProblem({ resources }: Container): string | null {
  if (resources.claims !== undefined) return "resources.claims: this node hands out no devices";
  const other = Object.keys(resources.limits ?? {}).find((name) => !knownResources.includes(name));
  return other === undefined ? null : `resources.limits[${other}]: this node has none to give`;
}

function protectionProblem(spec: PodSpec, { securityContext: own }: Container, host: HostAbilities): string | null {
  const shared = spec.securityContext;
  if ((own?.windowsOptions ?? shared.windowsOptions) !== undefined) {
    return "securityContext.windowsOptions: this is no Windows node";
  }
  const appArmor = own?.appArmorProfile ?? shared.appArmorProfile;
  if (appArmor !== undefined && appArmor.type !== "Unconfined" && !host.hasAppArmor) {
    return "securityContext.appArmorProfile: AppArmor is not enabled on the host";
  }
  return null;
}
