// From what the agent wants to what the engine is asked to make. Source: ContainerCreate of the engine's API; what
// sandboxes and containers share is as in the kubelet's dockershim (docker_sandbox.go, security_context.go).
import { groupBy } from "../../engine/group-by.ts";
import type { ContainerConfig, DnsConfig, PodSandboxConfig, SecurityProfile, SeLinuxOptions } from "../runtime.ts";
import type { SeccompProfile } from "../seccomp-profile.ts";
import { annotationLabels, engineLabels } from "./engine-labels.ts";
import type { EngineKind } from "./engine-types.ts";

export type CreateContext = {
  readonly kind: EngineKind;
  readonly owner: string;
  /** No score can be set below it. */
  readonly lowestOomScore: number;
  /** Reads a seccomp profile of the node by its name; throws when it is not there. */
  seccompProfile(name: string): SeccompProfile;
};

/** How much of a log the engine keeps, which the agent copies: what may come while no agent runs. */
const dockerLogs = { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } };
const cpuPeriodMicroseconds = 100_000;
/** So that the containers go first when memory runs out. */
const sandboxOomScore = -998;
const sandboxShares = 2;

export function sandboxName({ metadata }: PodSandboxConfig): string {
  return `lares_POD_${metadata.name}_${metadata.namespace}_${metadata.uid}_${metadata.attempt}`;
}

/** Nobody else has it: an engine refuses a second one of the name, though an agent may have died asking for the first. */
export function containerName(config: ContainerConfig, { metadata }: PodSandboxConfig, sandboxId: string): string {
  const { name, attempt } = config.metadata;
  return `lares_${name}_${metadata.name}_${metadata.namespace}_${sandboxId.slice(0, 12)}_${attempt}`;
}

export function sandboxBody(config: PodSandboxConfig, image: string, context: CreateContext) {
  const { metadata, hostNetwork, dns, portMappings, securityContext } = config;
  const ports = portMappings.map(({ protocol, containerPort, hostPort, hostIp }) => ({
    key: `${containerPort}/${protocol.toLowerCase()}`,
    binding: { HostIp: hostIp, HostPort: String(hostPort) },
  }));
  const bindings = groupBy(ports, ({ key }) => key);
  return {
    Image: image,
    // A host's name is shown on the host's network, and cannot be another there.
    ...(hostNetwork ? {} : { Hostname: config.hostname }),
    Labels: {
      ...annotationLabels(config.annotations),
      ...config.labels,
      [engineLabels.agent]: context.owner,
      [engineLabels.type]: "sandbox",
      [engineLabels.attempt]: String(metadata.attempt),
      [engineLabels.logPath]: config.logDirectory,
    },
    ExposedPorts: Object.fromEntries(ports.map(({ key }) => [key, {}])),
    HostConfig: {
      NetworkMode: hostNetwork ? "host" : networkOf(context.kind),
      IpcMode: config.hostIpc ? "host" : "shareable",
      ...(config.pidNamespace === "node" ? { PidMode: "host" } : {}),
      ...(hostNetwork ? { UTSMode: "host" } : {}),
      PortBindings: Object.fromEntries(
        [...bindings].map(([key, entries]) => [key, entries.map(({ binding }) => binding)]),
      ),
      ...resolver(dns),
      Sysctls: config.sysctls,
      CpuShares: sandboxShares,
      OomScoreAdj: Math.max(sandboxOomScore, context.lowestOomScore),
      SecurityOpt: [
        "no-new-privileges",
        ...seccomp(securityContext.seccomp, context),
        ...seLinuxLabels(securityContext.seLinux),
      ],
      ReadonlyRootfs: true,
      LogConfig: context.kind === "docker" ? { Type: "none", Config: {} } : { Type: "none" },
      RestartPolicy: { Name: "no" },
    },
  };
}

function resolver(dns: DnsConfig | undefined) {
  return dns === undefined ? {} : { Dns: dns.servers, DnsSearch: dns.searches, DnsOptions: dns.options };
}

function networkOf(kind: EngineKind): string {
  return kind === "docker" ? "default" : "bridge";
}

export type ContainerBodyInput = {
  readonly config: ContainerConfig;
  readonly sandbox: PodSandboxConfig;
  readonly sandboxId: string;
  readonly logPath: string;
  /** Who the image's process runs as, where the pod does not say. */
  readonly imageUser: string;
};

export function containerBody(input: ContainerBodyInput, context: CreateContext) {
  const { config, sandbox, sandboxId, logPath, imageUser } = input;
  const { securityContext, resources } = config.linux;
  const { runAsUser, runAsGroup } = securityContext;
  const user = runAsUser === undefined ? imageUser.split(":")[0] || "0" : String(runAsUser);
  return {
    Image: config.image,
    ...(config.command.length === 0 ? {} : { Entrypoint: config.command }),
    ...(config.args.length === 0 ? {} : { Cmd: config.args }),
    ...(config.workingDir === "" ? {} : { WorkingDir: config.workingDir }),
    ...(runAsUser === undefined && runAsGroup === undefined ? {} : { User: withGroup(user, runAsGroup) }),
    // Docker takes the name from whom it shares the network with, and Podman does not.
    ...(context.kind === "podman" && !sandbox.hostNetwork ? { Hostname: sandbox.hostname } : {}),
    Env: config.envs.map(({ key, value }) => `${key}=${value}`),
    Labels: {
      ...annotationLabels(config.annotations),
      ...config.labels,
      [engineLabels.agent]: context.owner,
      [engineLabels.type]: "container",
      [engineLabels.attempt]: String(config.metadata.attempt),
      [engineLabels.sandboxId]: sandboxId,
      [engineLabels.logPath]: logPath,
    },
    Tty: config.tty,
    OpenStdin: config.stdin,
    StdinOnce: config.stdinOnce,
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      NetworkMode: sandbox.hostNetwork ? "host" : `container:${sandboxId}`,
      IpcMode: sandbox.hostIpc ? "host" : `container:${sandboxId}`,
      ...pidMode(sandbox, sandboxId),
      ...(sandbox.hostNetwork ? { UTSMode: "host", ...resolver(sandbox.dns) } : {}),
      ...mountsOf(config.mounts, context.kind),
      CpuShares: resources.cpuShares,
      ...(resources.cpuQuota === undefined ? {} : { CpuPeriod: cpuPeriodMicroseconds, CpuQuota: resources.cpuQuota }),
      // No swap beyond the limit.
      ...(resources.memoryLimit === undefined
        ? {}
        : { Memory: resources.memoryLimit, MemorySwap: resources.memoryLimit }),
      OomScoreAdj: Math.max(resources.oomScoreAdjust, context.lowestOomScore),
      Privileged: securityContext.privileged,
      GroupAdd: securityContext.supplementalGroups.map(String),
      CapAdd: securityContext.addCapabilities,
      CapDrop: securityContext.dropCapabilities,
      ReadonlyRootfs: securityContext.readonlyRootfs,
      SecurityOpt: securityOptions(config, context),
      ...(securityContext.unmaskedProc ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
      LogConfig: context.kind === "docker" ? dockerLogs : { Type: "k8s-file", Config: { path: logPath } },
      // The agent restarts containers, by the pod's policy.
      RestartPolicy: { Name: "no" },
    },
  };
}

const propagations = { private: "rprivate", "host-to-container": "rslave", bidirectional: "rshared" } as const;

function withGroup(user: string, group: number | undefined): string {
  return group === undefined ? user : `${user}:${group}`;
}

/**
 * All that is mounted below comes along. Podman leaves that out of what is mounted the one way (its `bind-nonrecursive` means
 * yes, whatever is said of it), and the other way takes no path with a colon.
 */
function mountsOf(mounts: ContainerConfig["mounts"], kind: EngineKind) {
  const isBind = ({ hostPath, containerPath }: ContainerConfig["mounts"][number]) =>
    kind === "podman" && !`${hostPath}${containerPath}`.includes(":");
  const unreadable = kind === "podman" && mounts.find((mount) => !isBind(mount) && hasComma(mount));
  if (unreadable) {
    const { hostPath, containerPath } = unreadable;
    throw new Error(
      `volumeMounts: ${hostPath} cannot be mounted at ${containerPath}: Podman takes no colon where there is a comma`,
    );
  }
  return {
    Binds: mounts
      .filter(isBind)
      .map(({ hostPath, containerPath, readonly, propagation }) =>
        [hostPath, containerPath, `${readonly ? "ro" : "rw"},rbind,${propagations[propagation]}`].join(":"),
      ),
    Mounts: mounts
      .filter((mount) => !isBind(mount))
      .map(({ hostPath, containerPath, readonly, propagation }) => ({
        Type: "bind",
        Source: hostPath,
        Target: containerPath,
        ReadOnly: readonly,
        // What is mounted below stays as it is. Engines of old know nothing else, and nothing of this word.
        BindOptions: { Propagation: propagations[propagation], ReadOnlyNonRecursive: readonly },
      })),
  };
}

/** It would begin another option. */
function hasComma({ hostPath, containerPath }: ContainerConfig["mounts"][number]): boolean {
  return `${hostPath}${containerPath}`.includes(",");
}

function pidMode({ pidNamespace }: PodSandboxConfig, sandboxId: string) {
  switch (pidNamespace) {
    case "container":
      return {};
    case "pod":
      return { PidMode: `container:${sandboxId}` };
    case "node":
      return { PidMode: "host" };
    default:
      return pidNamespace satisfies never;
  }
}

function securityOptions({ linux: { securityContext } }: ContainerConfig, context: CreateContext): readonly string[] {
  const labels = seLinuxLabels(securityContext.seLinux);
  if (securityContext.privileged) return labels;
  return [
    ...labels,
    ...(securityContext.noNewPrivileges ? ["no-new-privileges"] : []),
    ...seccomp(securityContext.seccomp, context),
    ...appArmor(securityContext.appArmor),
    ...(securityContext.unmaskedProc && context.kind === "podman" ? ["unmask=ALL"] : []),
  ];
}

/** Where the pod does not say, there is no filter, as with the kubelet. */
function seccomp(profile: SecurityProfile | undefined, context: CreateContext): readonly string[] {
  if (profile === undefined || profile.type === "Unconfined") return ["seccomp=unconfined"];
  if (profile.type === "RuntimeDefault") return [];
  const { path, text } = context.seccompProfile(profile.localhostProfile ?? "");
  // Docker takes the profile itself, and Podman the name of its file.
  return [`seccomp=${context.kind === "podman" ? path : text}`];
}

function seLinuxLabels(options: SeLinuxOptions | undefined): readonly string[] {
  const parts = Object.entries(options ?? {}).filter(([, value]) => value !== "");
  return parts.map(([part, value]) => `label=${part}:${value}`);
}

function appArmor(profile: SecurityProfile | undefined): readonly string[] {
  if (profile === undefined || profile.type === "RuntimeDefault") return [];
  return [`apparmor=${profile.type === "Unconfined" ? "unconfined" : (profile.localhostProfile ?? "")}`];
}
