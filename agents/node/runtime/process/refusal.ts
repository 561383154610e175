// What the process runtime does not run, because it cannot do what the pod asks for: it starts commands on the host
// itself, with the host's files, network and host name.
//
// Volumes: a hostPath is at its own path and all others in a directory of the pod's, whatever mountPath says. A mount
// whose mountPath is not that path is told in an event, and `$(LARES_VOLUME_<NAME>)` in the command and in the arguments
// stands for the path. Volumes that others would have to make are refused, and so is every protection that would not be
// there.
import type { Container } from "../../../../src/model/container.ts";
import type { PodSpec } from "../../../../src/model/pod-spec.ts";
import type { Volume } from "../../../../src/model/volume.ts";
import { mountsProblem, podProblem, resourcesProblem, volumesRefusal } from "../../pod/refusal.ts";
import { apiAccessVolume } from "../../pod/service-account.ts";

/** What the agent may do on this host. */
export type HostRights = {
  readonly isRoot: boolean;
  readonly userId: number;
  /** Where `setpriv` is; null where it is not. */
  readonly setpriv: string | null;
};

/** The field that cannot be honoured and why; null when all can. */
export function refusalOf(spec: PodSpec, container: Container, rights: HostRights): string | null {
  const problem =
    commandProblem(container) ??
    podProblem(spec) ??
    sharedProblem(spec) ??
    portProblem(container) ??
    mountsProblem(spec, container) ??
    volumesRefusal(spec) ??
    resourcesProblem(container) ??
    protectionProblem(spec, container) ??
    rightsProblem(spec, container, rights);
  return problem === null ? null : `${problem} (runtime "process", container ${container.name})`;
}

function commandProblem({ command }: Container): string | null {
  if (command !== undefined && command.length > 0) return null;
  return "command: this node runs commands of its own host and no images, so that a command is needed";
}

/** What processes have of the host, and no pod has for itself. */
function sharedProblem(spec: PodSpec): string | null {
  if (spec.hostAliases !== undefined) return "spec.hostAliases: processes share the host's /etc/hosts";
  if (spec.dnsConfig !== undefined) return "spec.dnsConfig: processes share the host's resolver";
  if (spec.dnsPolicy === "None") return "spec.dnsPolicy: processes share the host's resolver";
  if (spec.securityContext.sysctls !== undefined) return "spec.securityContext.sysctls: processes share the host's";
  return null;
}

function portProblem({ ports = [] }: Container): string | null {
  const mapped = ports.find(({ hostPort, containerPort }) => hostPort !== undefined && hostPort !== containerPort);
  if (mapped === undefined) return null;
  return `ports[${mapped.containerPort}].hostPort: processes listen on the host, where a port cannot be another`;
}

function volumeNamed(spec: PodSpec, name: string): Volume | undefined {
  return spec.volumes?.find((volume) => volume.name === name);
}

/** Walls that a process on the host does not have. */
function protectionProblem(spec: PodSpec, { securityContext: own }: Container): string | null {
  const shared = spec.securityContext;
  if (own?.readOnlyRootFilesystem === true) return "securityContext.readOnlyRootFilesystem: the root is the host's";
  const seccomp = own?.seccompProfile ?? shared.seccompProfile;
  if (seccomp !== undefined && seccomp.type !== "Unconfined") return "securityContext.seccompProfile: there is none";
  const appArmor = own?.appArmorProfile ?? shared.appArmorProfile;
  if (appArmor !== undefined && appArmor.type !== "Unconfined") return "securityContext.appArmorProfile: there is none";
  const seLinux = own?.seLinuxOptions ?? shared.seLinuxOptions;
  if (seLinux !== undefined) return "securityContext.seLinuxOptions: labels cannot be set";
  const windows = own?.windowsOptions ?? shared.windowsOptions;
  if (windows !== undefined) return "securityContext.windowsOptions: this is no Windows node";
  return null;
}

function rightsProblem(spec: PodSpec, { securityContext: own }: Container, rights: HostRights): string | null {
  const { isRoot, userId, setpriv } = rights;
  const canChange = isRoot && setpriv !== null;
  const user = own?.runAsUser ?? spec.securityContext.runAsUser ?? userId;
  const mustNotBeRoot = own?.runAsNonRoot ?? spec.securityContext.runAsNonRoot;
  if (mustNotBeRoot === true && user === 0) return "securityContext.runAsNonRoot: the process would run as root";
  if (user !== userId && !canChange) return `securityContext.runAsUser: the agent cannot become user ${user}`;
  const group = own?.runAsGroup ?? spec.securityContext.runAsGroup;
  if (group !== undefined && !canChange) return `securityContext.runAsGroup: the agent cannot become group ${group}`;
  const groups = spec.securityContext.supplementalGroups ?? [];
  if (spec.securityContext.fsGroup !== undefined && !canChange) {
    return "spec.securityContext.fsGroup: the agent cannot set groups";
  }
  if (groups.length > 0 && !canChange) return "spec.securityContext.supplementalGroups: the agent cannot set groups";
  if (own?.privileged === true && !isRoot) return "securityContext.privileged: the agent is not root";
  if (own?.capabilities?.add !== undefined && !isRoot) return "securityContext.capabilities.add: the agent is not root";
  if (own?.capabilities?.drop !== undefined && isRoot && setpriv === null) {
    return "securityContext.capabilities.drop: there is no setpriv on this host";
  }
  if (own?.allowPrivilegeEscalation === false && setpriv === null) {
    return "securityContext.allowPrivilegeEscalation: there is no setpriv on this host";
  }
  return null;
}

export type Enforced = {
  /** The runtime has control groups. */
  readonly limits: boolean;
  /** The agent can make file systems in memory. */
  readonly memory: boolean;
};

/** What is done otherwise than asked; null when nothing is. */
export function caveatOf(spec: PodSpec, container: Container, enforced: Enforced): string | null {
  const caveats: string[] = [];
  for (const { name, mountPath, readOnly, subPath, subPathExpr } of container.volumeMounts ?? []) {
    // Nobody asked for it: it is for programs that look for it where it is in a container.
    if (name === apiAccessVolume) continue;
    const hostPath = volumeNamed(spec, name)?.hostPath?.path;
    const isInPlace = hostPath !== undefined && (subPath ?? subPathExpr) === undefined && samePath(hostPath, mountPath);
    if (!isInPlace) caveats.push(`volume ${name} is not at ${mountPath} but at $(${volumeVariable(name)})`);
    const { medium } = volumeNamed(spec, name)?.emptyDir ?? {};
    if (medium === "Memory" && !enforced.memory) caveats.push(`volume ${name} is kept on disk`);
    if (readOnly === true) caveats.push(`volume ${name} can be written to`);
  }
  if (container.resources.limits !== undefined && !enforced.limits) caveats.push("resource limits are not enforced");
  if (container.tty === true || container.stdin === true) caveats.push("there is no terminal and no input");
  return caveats.length === 0 ? null : `Container ${container.name} is a process of the host: ${caveats.join("; ")}`;
}

function samePath(a: string, b: string): boolean {
  return a.replace(/\/+$/, "") === b.replace(/\/+$/, "");
}

/** The name that stands for a volume's path in commands and arguments. */
export function volumeVariable(volume: string): string {
  return `LARES_VOLUME_${volume.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`;
}
