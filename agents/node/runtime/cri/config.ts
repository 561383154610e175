// What a pod and its containers ask for, in the CRI's messages.
// Source of the lists of paths: kubelet securitycontext/util.go.
import type {
  ContainerConfig as ContainerRequest,
  LinuxResources,
  LinuxSecurityContext,
  PodSandboxConfig as SandboxRequest,
  SecurityProfile as SecurityProfileRequest,
} from "../runtime.ts";
import type { ContainerConfig, PodSandboxConfig, SecurityProfile } from "./messages.ts";
import { namespaces, profileTypes, propagations, protocols } from "./messages.ts";
import type { Encoding } from "./protobuf.ts";

export type ConfigContext = {
  /** Marks what is this agent's. */
  readonly ownLabels: Readonly<Record<string, string>>;
  /** Where on the node the seccomp profile of this name is. */
  seccompProfilePath(name: string): string;
  /** Control group of the pod; empty: the runtime's own choice. */
  readonly cgroupParent: string;
  /** Control groups are those of the second version. */
  readonly hasUnifiedGroups: boolean;
};

const quotaPeriod = 100_000;

const maskedPaths: readonly string[] = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];

const readonlyPaths: readonly string[] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

export function sandboxMessage(config: SandboxRequest, context: ConfigContext): Encoding<typeof PodSandboxConfig> {
  const { metadata, hostname, logDirectory, portMappings, annotations, dns, sysctls, securityContext } = config;
  const { privileged, runAsUser, runAsGroup, supplementalGroups, seccomp, seLinux } = securityContext;
  return {
    metadata,
    // On the node's network the name is the node's, and a runtime that is told one refuses to run the sandbox.
    hostname: config.hostNetwork ? "" : hostname,
    logDirectory,
    ...(dns === undefined ? {} : { dnsConfig: dns }),
    portMappings: portMappings.map(({ protocol, ...ports }) => ({ ...ports, protocol: protocols[protocol] ?? 0 })),
    labels: { ...config.labels, ...context.ownLabels },
    annotations,
    linux: {
      cgroupParent: context.cgroupParent,
      sysctls,
      securityContext: {
        namespaceOptions: namespaceOptions(config),
        ...(seLinux === undefined ? {} : { selinuxOptions: seLinux }),
        privileged,
        ...(runAsUser === undefined ? {} : { runAsUser: { value: runAsUser } }),
        // A group without a user is an error of its own, and the sandbox has no need of either.
        ...(runAsUser === undefined || runAsGroup === undefined ? {} : { runAsGroup: { value: runAsGroup } }),
        supplementalGroups,
        seccomp: seccompMessage(seccomp, context),
      },
    },
  };
}

function namespaceOptions({ hostNetwork, hostIpc, pidNamespace }: SandboxRequest) {
  return {
    network: hostNetwork ? namespaces.node : namespaces.pod,
    pid: namespaces[pidNamespace],
    ipc: hostIpc ? namespaces.node : namespaces.pod,
  };
}

/** Without a profile there is none, as in Kubernetes, whatever the runtime's own default may be. */
function seccompMessage(
  profile: SecurityProfileRequest | undefined,
  { seccompProfilePath }: ConfigContext,
): Encoding<typeof SecurityProfile> {
  if (profile?.type === "Localhost") {
    return {
      profileType: profileTypes.Localhost,
      localhostRef: seccompProfilePath(profile.localhostProfile ?? ""),
    };
  }
  return { profileType: profileTypes[profile?.type ?? "Unconfined"] };
}

/** Who the image's process is, for a container that names a group and no user. */
export type ImageUser = { readonly uid?: number; readonly username?: string };

export function containerMessage(
  config: ContainerRequest,
  sandbox: SandboxRequest,
  context: ConfigContext & { readonly imageUser: ImageUser },
): Encoding<typeof ContainerConfig> {
  const { metadata, image, command, args, workingDir, envs, mounts, annotations, logPath } = config;
  const { stdin, stdinOnce, tty, linux } = config;
  return {
    metadata,
    image: { image },
    command,
    args,
    workingDir,
    envs,
    mounts: mounts.map(({ containerPath, hostPath, readonly, propagation }) => ({
      containerPath,
      hostPath,
      readonly,
      propagation: propagations[propagation],
    })),
    labels: { ...config.labels, ...context.ownLabels },
    annotations,
    logPath,
    stdin,
    stdinOnce,
    tty,
    linux: {
      resources: resourcesMessage(linux.resources, context),
      securityContext: {
        ...securityMessage(linux.securityContext, context),
        namespaceOptions: namespaceOptions(sandbox),
      },
    },
  };
}

function resourcesMessage(
  { cpuShares, cpuQuota, memoryLimit, oomScoreAdjust }: LinuxResources,
  { hasUnifiedGroups }: ConfigContext,
) {
  return {
    cpuShares,
    ...(cpuQuota === undefined ? {} : { cpuPeriod: quotaPeriod, cpuQuota }),
    ...(memoryLimit === undefined ? {} : { memoryLimit }),
    oomScoreAdjust,
    // As with the kubelet: a container does not go on with some of its processes.
    ...(hasUnifiedGroups ? { unified: { "memory.oom.group": "1" } } : {}),
  };
}

function securityMessage(security: LinuxSecurityContext, context: ConfigContext & { readonly imageUser: ImageUser }) {
  const { privileged, supplementalGroups, noNewPrivileges, addCapabilities, dropCapabilities } = security;
  const isOpen = privileged || security.unmaskedProc;
  return {
    capabilities: { add: addCapabilities, drop: dropCapabilities },
    privileged,
    ...(security.seLinux === undefined ? {} : { selinuxOptions: security.seLinux }),
    ...userMessage(security, context.imageUser),
    readonlyRootfs: security.readonlyRootfs,
    supplementalGroups,
    noNewPrivileges,
    maskedPaths: isOpen ? [] : maskedPaths,
    readonlyPaths: isOpen ? [] : readonlyPaths,
    // Privileged containers run without a profile whatever it says.
    seccomp: seccompMessage(privileged ? undefined : security.seccomp, context),
    ...appArmorMessage(security.appArmor),
  };
}

function userMessage({ runAsUser, runAsGroup }: LinuxSecurityContext, { uid, username }: ImageUser) {
  const group = runAsGroup === undefined ? {} : { runAsGroup: { value: runAsGroup } };
  if (runAsUser !== undefined) return { runAsUser: { value: runAsUser }, ...group };
  if (runAsGroup === undefined) return {};
  if (username !== undefined && username !== "") return { runAsUsername: username, ...group };
  return { runAsUser: { value: uid ?? 0 }, ...group };
}

/** Without a profile the runtime's default one holds, where the host has AppArmor. */
function appArmorMessage(profile: SecurityProfileRequest | undefined) {
  if (profile === undefined) return {};
  const { type, localhostProfile = "" } = profile;
  switch (type) {
    case "RuntimeDefault":
      return { apparmor: { profileType: profileTypes.RuntimeDefault }, apparmorProfile: "runtime/default" };
    case "Unconfined":
      return { apparmor: { profileType: profileTypes.Unconfined }, apparmorProfile: "unconfined" };
    case "Localhost":
      return {
        apparmor: { profileType: profileTypes.Localhost, localhostRef: localhostProfile },
        apparmorProfile: `localhost/${localhostProfile}`,
      };
    default:
      return type satisfies never;
  }
}
