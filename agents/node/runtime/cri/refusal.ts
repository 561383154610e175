// What cannot be had through the CRI as this agent speaks it: what a pod asks beyond that is refused by name.
import { readFileSync } from "node:fs";

import type { Container } from "../../../../src/model/container.ts";
import type { PodSpec } from "../../../../src/model/pod-spec.ts";

/** The field that cannot be honoured and why; null when all can. */
export function refusalOf(spec: PodSpec, container: Container, hasAppArmor = hostHasAppArmor()): string | null {
  const problem = podProblem(spec) ?? containerProblem(container) ?? securityProblem(spec, container, hasAppArmor);
  return problem === null ? null : `${problem} (container ${container.name})`;
}

function podProblem(spec: PodSpec): string | null {
  if (spec.runtimeClassName !== undefined) return "spec.runtimeClassName: there are no runtime classes on this node";
  if (spec.hostUsers === false) return "spec.hostUsers: this node gives pods no user ids of their own";
  if (spec.resourceClaims !== undefined) return "spec.resourceClaims: this node hands out no devices";
  return null;
}

const knownResources: readonly string[] = ["cpu", "memory", "ephemeral-storage"];

function containerProblem({ image, volumeDevices, volumeMounts = [], resources }: Container): string | null {
  if (image === undefined || image === "") return "image: there is nothing to run without one";
  if (volumeDevices !== undefined) return "volumeDevices: block volumes cannot be mapped";
  const recursive = volumeMounts.find(({ recursiveReadOnly }) => recursiveReadOnly === "Enabled");
  if (recursive !== undefined) {
    return `volumeMounts[${recursive.name}].recursiveReadOnly: mounts below a volume cannot be made read-only`;
  }
  const device = Object.keys(resources.limits ?? {}).find((name) => !knownResources.includes(name));
  return device === undefined ? null : `resources.limits[${device}]: this node has none to give`;
}

function securityProblem(spec: PodSpec, { securityContext: own }: Container, hasAppArmor: boolean): string | null {
  const shared = spec.securityContext;
  const appArmor = own?.appArmorProfile ?? shared.appArmorProfile;
  if (appArmor !== undefined && appArmor.type !== "Unconfined" && !hasAppArmor) {
    return "securityContext.appArmorProfile: AppArmor is not enabled on this host";
  }
  if ((own?.seLinuxOptions ?? shared.seLinuxOptions) !== undefined) {
    return "securityContext.seLinuxOptions: labels cannot be set";
  }
  if ((own?.windowsOptions ?? shared.windowsOptions) !== undefined) {
    return "securityContext.windowsOptions: this is no Windows node";
  }
  return null;
}

function hostHasAppArmor(): boolean {
  try {
    return readFileSync("/sys/module/apparmor/parameters/enabled", "utf8").startsWith("Y");
  } catch {
    return false;
  }
}
