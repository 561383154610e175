// What no node of ours does for a pod, whatever runs its containers. It is refused by name: a pod that asks for it waits
// and says so, as it would be something else than what its author wanted.
import type { Container } from "../../../src/model/container.ts";
import type { PodSpec } from "../../../src/model/pod-spec.ts";
import type { Volume } from "../../../src/model/volume.ts";

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
    volumesProblem(spec, container, host) ??
    resourcesProblem(container) ??
    protectionProblem(spec, container, host);
  return problem === null ? null : `${problem} (container ${container.name})`;
}

function podProblem(spec: PodSpec): string | null {
  if (spec.os?.name === "windows") return "spec.os: this is no Windows node";
  if (spec.runtimeClassName !== undefined) return "spec.runtimeClassName: there are no runtime classes on this node";
  if (spec.hostUsers === false) return "spec.hostUsers: containers cannot be given user ids of their own";
  if (spec.resourceClaims !== undefined) return "spec.resourceClaims: this node hands out no devices";
  if (spec.resources?.limits !== undefined) return "spec.resources.limits: only containers have limits on this node";
  return null;
}

function imageProblem({ image }: Container): string | null {
  return image === undefined || image === "" ? "image: there is nothing to run without one" : null;
}

function volumesProblem(spec: PodSpec, container: Container, { isRoot }: HostAbilities): string | null {
  if (container.volumeDevices !== undefined) return "volumeDevices: block volumes cannot be mapped";
  for (const { name, recursiveReadOnly } of container.volumeMounts ?? []) {
    if (recursiveReadOnly === "Enabled") {
      return `volumeMounts[${name}].recursiveReadOnly: mounts below cannot be made read-only`;
    }
    const problem = volumeRefusal(spec, name);
    if (problem !== null) return problem;
    const medium = spec.volumes?.find((volume) => volume.name === name)?.emptyDir?.medium;
    if (medium === "Memory" && !isRoot) return `volumes[${name}].emptyDir.medium: the agent is not root`;
  }
  return null;
}

const made = ["configMap", "downwardAPI", "emptyDir", "hostPath", "projected", "secret"];

/** Why a volume that a container mounts cannot be had; null when it can. */
export function volumeRefusal(spec: PodSpec, name: string): string | null {
  const volume = spec.volumes?.find((one) => one.name === name);
  const kind = volume === undefined ? "nothing" : sourceOf(volume);
  if (volume === undefined || !made.includes(kind)) return `volumes[${name}].${kind}: ${whyNot(kind)}`;
  if (volume.emptyDir?.medium?.startsWith("HugePages") === true) {
    return `volumes[${name}].emptyDir.medium: this node hands out no huge pages`;
  }
  if (volume.projected?.sources?.some(({ clusterTrustBundle }) => clusterTrustBundle !== undefined) === true) {
    return `volumes[${name}].projected.sources[].clusterTrustBundle: there are none on this node`;
  }
  return null;
}

function sourceOf(volume: Volume): string {
  return Object.entries(volume).find(([field, value]) => field !== "name" && value !== undefined)?.[0] ?? "nothing";
}

function whyNot(kind: string): string {
  switch (kind) {
    case "nothing":
      return "there is no such volume";
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

function resourcesProblem({ resources }: Container): string | null {
  if (resources.claims !== undefined) return "resources.claims: this node hands out no devices";
  const other = Object.keys(resources.limits ?? {}).find((name) => !knownResources.includes(name));
  return other === undefined ? null : `resources.limits[${other}]: this node has none to give`;
}

function protectionProblem(spec: PodSpec, { securityContext: own }: Container, host: HostAbilities): string | null {
  const shared = spec.securityContext;
  if ((own?.windowsOptions ?? shared.windowsOptions) !== undefined) {
    return "securityContext.windowsOptions: this is no Windows node";
  }
  if ((own?.seLinuxOptions ?? shared.seLinuxOptions) !== undefined) {
    return "securityContext.seLinuxOptions: labels cannot be set";
  }
  if (shared.supplementalGroupsPolicy === "Strict") {
    return "spec.securityContext.supplementalGroupsPolicy: the groups of the image's user cannot be left out";
  }
  const appArmor = own?.appArmorProfile ?? shared.appArmorProfile;
  if (appArmor !== undefined && appArmor.type !== "Unconfined" && !host.hasAppArmor) {
    return "securityContext.appArmorProfile: AppArmor is not enabled on the host";
  }
  return null;
}
