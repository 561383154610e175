// From a pod's specification to what a runtime is told to make.
import type { Container } from "../../../src/model/container.ts";
import type { PodSpec } from "../../../src/model/pod-spec.ts";
import { quantityMilli, quantityUnits } from "../../../src/model/quantity.ts";
import type { SELinuxOptions } from "../../../src/model/security.ts";
import type { AssignedPod } from "../../../src/sync/messages.ts";
import type {
  ContainerConfig,
  DnsConfig,
  KeyValue,
  LinuxResources,
  LinuxSecurityContext,
  Mount,
  PodSandboxConfig,
} from "../runtime/runtime.ts";
import type { ContainerDefinition, PodDefinition } from "./definition.ts";
import { dnsOf } from "./dns.ts";
import type { PodSurroundings } from "./environment.ts";
import { expand } from "./expand.ts";
import { preStopText } from "./hook.ts";
import { hostNameOf } from "./host-name.ts";
import { annotations, labels } from "./labels.ts";
import type { QosClass } from "./qos.ts";

/** Where a node keeps what pods leave on its disk. */
export type Directories = {
  /** The kubelet's /var/log: `pods` and `containers` are below it. */
  readonly logs: string;
  /** One directory per pod uid is below it. */
  readonly pods: string;
};

/** The logs of a pod's containers are below it, each in a directory of the container's name. */
export function podLogDirectory({ logs }: Pick<Directories, "logs">, pod: AssignedPod): string {
  const { namespace, name, uid } = pod;
  return `${logs}/pods/${namespace}_${name}_${uid}`;
}

export type SandboxConfigInput = {
  readonly pod: PodSurroundings;
  readonly attempt: number;
  readonly directories: Directories;
  /** How the node itself resolves names. */
  readonly resolver: DnsConfig;
};

export function sandboxConfig({ pod, attempt, directories, resolver }: SandboxConfigInput): PodSandboxConfig {
  const { assigned, definition } = pod;
  const { name, namespace, uid } = assigned;
  const { spec, template } = definition;
  const hostNetwork = spec.hostNetwork === true;
  const dns = dnsOf(spec, resolver);
  return {
    metadata: { name, uid, namespace, attempt },
    hostname: hostNameOf(pod),
    logDirectory: podLogDirectory(directories, assigned),
    portMappings: hostNetwork ? [] : spec.containers.flatMap(portMappings),
    labels: { [labels.podName]: name, [labels.podNamespace]: namespace, [labels.podUid]: uid },
    annotations: template.metadata.annotations ?? {},
    hostNetwork,
    hostIpc: spec.hostIPC === true,
    pidNamespace: pidNamespace(spec),
    ...(dns === undefined ? {} : { dns }),
    sysctls: Object.fromEntries((spec.securityContext.sysctls ?? []).map(({ name: key, value }) => [key, value])),
    securityContext: sandboxSecurityContext(spec),
  };
}

function pidNamespace({ hostPID, shareProcessNamespace }: PodSpec): PodSandboxConfig["pidNamespace"] {
  if (hostPID === true) return "node";
  return shareProcessNamespace === true ? "pod" : "container";
}

function sandboxSecurityContext(spec: PodSpec): PodSandboxConfig["securityContext"] {
  const { runAsUser, runAsGroup, seccompProfile, seLinuxOptions: seLinux } = spec.securityContext;
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  return {
    privileged: containers.some(({ securityContext }) => securityContext?.privileged === true),
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    supplementalGroups: groupsOf(spec),
    ...(seccompProfile === undefined ? {} : { seccomp: securityProfile(seccompProfile) }),
    ...(seLinux === undefined ? {} : { seLinux: seLinuxOptions(seLinux) }),
  };
}

/** The group that owns the pod's volumes is one of every process. */
function groupsOf({ securityContext: { supplementalGroups = [], fsGroup } }: PodSpec): readonly number[] {
  return fsGroup === undefined ? supplementalGroups : [...supplementalGroups, fsGroup];
}

function securityProfile(profile: { readonly type: string; readonly localhostProfile?: string | undefined }) {
  const { type, localhostProfile } = profile;
  if (type === "Localhost") return { type, localhostProfile: localhostProfile ?? "" } as const;
  return { type: type === "Unconfined" ? type : "RuntimeDefault" } as const;
}

function seLinuxOptions({ user = "", role = "", type = "", level = "" }: SELinuxOptions) {
  return { user, role, type, level };
}

function portMappings({ ports }: Container) {
  return (ports ?? [])
    .filter(({ hostPort }) => hostPort !== undefined)
    .map(({ protocol, containerPort, hostPort, hostIP }) => ({
      protocol,
      containerPort,
      hostPort: hostPort ?? 0,
      hostIp: hostIP ?? "",
    }));
}

export type ContainerConfigInput = {
  readonly pod: PodSurroundings;
  readonly container: ContainerDefinition;
  readonly attempt: number;
  readonly envs: readonly KeyValue[];
  readonly mounts: readonly Mount[];
};

export function containerConfig({
  pod,
  container: definition,
  attempt,
  envs,
  mounts,
}: ContainerConfigInput): ContainerConfig {
  const { name, container, hash } = definition;
  const { assigned, definition: podDefinition } = pod;
  const preStop = preStopText(container, pod);
  return {
    metadata: { name, attempt },
    image: container.image ?? "",
    ...expandedCommand(container, envs),
    workingDir: container.workingDir ?? "",
    envs,
    mounts,
    labels: {
      [labels.podName]: assigned.name,
      [labels.podNamespace]: assigned.namespace,
      [labels.podUid]: assigned.uid,
      [labels.containerName]: name,
    },
    annotations: {
      [annotations.hash]: hash,
      [annotations.gracePeriodSeconds]: String(podDefinition.gracePeriodSeconds),
      [annotations.terminationMessagePolicy]: container.terminationMessagePolicy,
      ...(definition.kind === "init" ? { [annotations.kind]: "init" } : {}),
      ...(preStop === null ? {} : { [annotations.preStop]: preStop }),
    },
    logPath: `${name}/${attempt}.log`,
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    linux: {
      resources: linuxResources(container, oomClass(podDefinition), pod.node.allocatable),
      securityContext: linuxSecurityContext(container, podDefinition.spec),
    },
  };
}

function expandedCommand({ command, args }: Container, envs: readonly KeyValue[]) {
  const values = new Map(envs.map(({ key, value }) => [key, value]));
  const expandAll = (words: readonly string[] | undefined) => (words ?? []).map((word) => expand(word, values));
  return { command: expandAll(command), args: expandAll(args) };
}

const minimumShares = 2;
const minimumQuota = 1000;

/** Source: kubelet cm.MilliCPUToShares, MilliCPUToQuota and qos.GetContainerOOMScoreAdjust. */
export function linuxResources(
  { resources }: Pick<Container, "resources">,
  qosClass: QosClass,
  allocatable: Readonly<Record<string, string>>,
): LinuxResources {
  const limits = resources?.limits ?? {};
  const requests = resources?.requests ?? {};
  const requestedMilli = quantityMilli(requests["cpu"] ?? limits["cpu"] ?? "0");
  const cpuLimit = limits["cpu"];
  const memoryLimit = limits["memory"];
  return {
    cpuShares: Math.max(minimumShares, Math.floor((requestedMilli * 1024) / 1000)),
    ...(cpuLimit === undefined ? {} : { cpuQuota: Math.max(minimumQuota, quantityMilli(cpuLimit) * 100) }),
    ...(memoryLimit === undefined ? {} : { memoryLimit: quantityUnits(memoryLimit) }),
    oomScoreAdjust: oomScoreAdjust(qosClass, requests["memory"], allocatable["memory"]),
  };
}

/** What the node cannot do without goes last when memory runs out. Source: kubelet types IsNodeCriticalPod. */
function oomClass({ spec, qosClass }: PodDefinition): QosClass {
  return spec.priorityClassName === "system-node-critical" ? "Guaranteed" : qosClass;
}

function oomScoreAdjust(qosClass: QosClass, requested: string | undefined, capacity: string | undefined): number {
  if (qosClass === "Guaranteed") return -997;
  if (qosClass === "BestEffort") return 1000;
  const capacityBytes = quantityUnits(capacity ?? "0");
  if (capacityBytes === 0) return 999;
  const share = Math.floor((1000 * quantityUnits(requested ?? "0")) / capacityBytes);
  return Math.min(999, Math.max(3, 1000 - share));
}

function linuxSecurityContext(container: Container, spec: PodSpec): LinuxSecurityContext {
  const own = container.securityContext;
  const shared = spec.securityContext;
  const runAsUser = own?.runAsUser ?? shared?.runAsUser;
  const runAsGroup = own?.runAsGroup ?? shared?.runAsGroup;
  const seccomp = own?.seccompProfile ?? shared?.seccompProfile;
  const appArmor = own?.appArmorProfile ?? shared?.appArmorProfile;
  const seLinux = own?.seLinuxOptions ?? shared?.seLinuxOptions;
  return {
    privileged: own?.privileged === true,
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    supplementalGroups: groupsOf(spec),
    noNewPrivileges: own?.allowPrivilegeEscalation === false,
    addCapabilities: own?.capabilities?.add ?? [],
    dropCapabilities: own?.capabilities?.drop ?? [],
    readonlyRootfs: own?.readOnlyRootFilesystem === true,
    ...(seccomp === undefined ? {} : { seccomp: securityProfile(seccomp) }),
    ...(appArmor === undefined ? {} : { appArmor: securityProfile(appArmor) }),
    ...(seLinux === undefined ? {} : { seLinux: seLinuxOptions(seLinux) }),
    unmaskedProc: own?.procMount === "Unmasked",
  };
}
