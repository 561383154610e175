// What runs containers, in the words of the CRI, so that a driver for containerd or Docker fits behind the same door.
// Source: k8s.io/cri-api pkg/apis/runtime/v1 api.proto. Times are milliseconds here, and a listed sandbox carries its ip.
import type { Duplex, Readable, Writable } from "node:stream";

import type { Container } from "../../../src/model/container.ts";
import type { PodSpec } from "../../../src/model/pod-spec.ts";

/** Why a call did not do what it was asked to. */
export type FailureReason =
  | "failed"
  | "invalid-config"
  | "invalid-image-name"
  | "not-found"
  | "registry-unavailable"
  | "timeout";

export type Failure = { readonly ok: false; readonly reason: FailureReason; readonly message: string };
export type Result<T> = { readonly ok: true; readonly value: T } | Failure;

type StringMap = Readonly<Record<string, string>>;

type PodSandboxMetadata = {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
};

type PortMapping = {
  readonly protocol: string;
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostIp: string;
};

/** What goes into a container's resolv.conf. */
export type DnsConfig = {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
};

/** A label of SELinux, which a host without it takes no notice of. What is empty is the runtime's to say. */
export type SeLinuxOptions = {
  readonly user: string;
  readonly role: string;
  readonly type: string;
  readonly level: string;
};

/** Source: k8s.io/api core/v1 SeccompProfile, AppArmorProfile. */
export type SecurityProfile = {
  readonly type: "RuntimeDefault" | "Unconfined" | "Localhost";
  /** Only of Localhost: a file below the node's profile directory, or the name of a loaded AppArmor profile. */
  readonly localhostProfile?: string;
};

export type PodSandboxConfig = {
  readonly metadata: PodSandboxMetadata;
  readonly hostname: string;
  /** Where the logs of the pod's containers go; `logPath` of a container is below it. */
  readonly logDirectory: string;
  readonly portMappings: readonly PortMapping[];
  readonly labels: StringMap;
  readonly annotations: StringMap;
  readonly hostNetwork: boolean;
  readonly hostIpc: boolean;
  /** `pod`: all containers see each other's processes. */
  readonly pidNamespace: "container" | "pod" | "node";
  /** Absent: the host's. */
  readonly dns?: DnsConfig;
  readonly sysctls: StringMap;
  /** What every container of the pod has in common, and the sandbox itself is run with. */
  readonly securityContext: {
    /** A container of the pod is. */
    readonly privileged: boolean;
    readonly runAsUser?: number;
    readonly runAsGroup?: number;
    readonly supplementalGroups: readonly number[];
    readonly seccomp?: SecurityProfile;
    readonly seLinux?: SeLinuxOptions;
  };
};

export type PodSandbox = {
  readonly id: string;
  readonly metadata: PodSandboxMetadata;
  readonly state: "ready" | "notready";
  readonly createdAtMs: number;
  readonly labels: StringMap;
  readonly annotations: StringMap;
  /** Absent while the sandbox has no address of its own: it uses the node's. */
  readonly ip?: string;
};

type ContainerMetadata = { readonly name: string; readonly attempt: number };

export type KeyValue = { readonly key: string; readonly value: string };

export type Mount = {
  /** Name of the volume. */
  readonly volume: string;
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly: boolean;
  /** Which mounts made later on one side are seen on the other. */
  readonly propagation: "private" | "host-to-container" | "bidirectional";
};

export type LinuxResources = {
  readonly cpuShares: number;
  /** Microseconds of CPU per 100 ms; absent: no limit. */
  readonly cpuQuota?: number;
  /** Bytes; absent: no limit. */
  readonly memoryLimit?: number;
  readonly oomScoreAdjust: number;
};

export type LinuxSecurityContext = {
  readonly privileged: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly supplementalGroups: readonly number[];
  readonly noNewPrivileges: boolean;
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  readonly readonlyRootfs: boolean;
  readonly seccomp?: SecurityProfile;
  readonly appArmor?: SecurityProfile;
  readonly seLinux?: SeLinuxOptions;
  /** True: /proc is shown whole. */
  readonly unmaskedProc: boolean;
};

export type ContainerConfig = {
  readonly metadata: ContainerMetadata;
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly envs: readonly KeyValue[];
  readonly mounts: readonly Mount[];
  readonly labels: StringMap;
  readonly annotations: StringMap;
  /** Below the sandbox's logDirectory. */
  readonly logPath: string;
  readonly stdin: boolean;
  /** The container's input is closed when the first client that was attached to it goes. */
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly linux: { readonly resources: LinuxResources; readonly securityContext: LinuxSecurityContext };
};

type ContainerState = "created" | "running" | "exited" | "unknown";

type RuntimeContainer = {
  readonly id: string;
  readonly podSandboxId: string;
  readonly metadata: ContainerMetadata;
  readonly image: string;
  /** What the image's name stood for; empty where images mean nothing. */
  readonly imageRef: string;
  readonly state: ContainerState;
  readonly createdAtMs: number;
  readonly labels: StringMap;
  readonly annotations: StringMap;
};

export type RuntimeContainerStatus = RuntimeContainer & {
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
  /** The driver's own word on readiness, where it has one; false keeps the container from being ready. */
  readonly ready?: boolean;
};

type RuntimeVersion = { readonly runtimeName: string; readonly runtimeVersion: string };

export type RuntimeCondition = {
  readonly type: "RuntimeReady" | "NetworkReady";
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
};

export type ImageStatus = {
  readonly id: string;
  readonly repoDigests: readonly string[];
  readonly sizeBytes: number;
  /** Who the image's process runs as where the pod does not say: a number, or else a name; neither is root. */
  readonly uid?: number;
  readonly username?: string;
};

export type RuntimeImage = ImageStatus & { readonly repoTags: readonly string[] };

/** What a registry is shown with a pull. Source: CRI AuthConfig. */
export type RegistryCredentials = {
  readonly username: string;
  readonly password: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
};

/** Absent in a driver where images mean nothing. */
export type RuntimeImages = {
  list(): Promise<readonly RuntimeImage[]>;
  /** By id or name. Harmless when it is gone. */
  remove(image: string): Promise<Result<null>>;
  /** A directory on the file system that images are kept on. */
  directory(): Promise<string>;
};

export type TerminalSize = { readonly width: number; readonly height: number };

/** A command, or a container's own process, with its ends in the agent's hands. */
export type ContainerStreams = {
  /** Ending it is the end of the input. Absent if none was asked for. */
  readonly stdin?: Writable;
  readonly stdout?: Readable;
  /** Absent with a terminal, which has one output. */
  readonly stderr?: Readable;
  resize(size: TerminalSize): void;
  /** The exit code, once the command has ended and its output has been read to the end; 0 when an attachment ends. */
  readonly exit: Promise<Result<number>>;
  /** Lets go. A command may run on. */
  close(): void;
};

export type StreamOptions = {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
};

/** Sessions of people. */
export type RuntimeStreams = {
  exec(id: string, command: readonly string[], options: StreamOptions): Promise<Result<ContainerStreams>>;
  attach(id: string, options: StreamOptions): Promise<Result<ContainerStreams>>;
  /** A connection to a TCP port as seen from within the pod. */
  portForward(sandboxId: string, port: number): Promise<Result<Duplex>>;
};

/** Source: k8s.io/cri-api ContainerStats. */
export type ContainerStats = {
  readonly podUid: string;
  readonly name: string;
  /** Names the container: what it has used starts anew with another one of the same name. */
  readonly id: string;
  /** Processor time since the container started. */
  readonly usageCoreNanoSeconds: number;
  readonly workingSetBytes: number;
};

/** What something takes of a disk. */
export type DiskUse = { readonly bytes: number; readonly inodes: number };

/** What a container has written beside its volumes. Source: CRI ContainerStats, FilesystemUsage. */
export type WritableLayer = DiskUse & { readonly podUid: string; readonly name: string };

export type ExecResult = { readonly stdout: string; readonly stderr: string; readonly exitCode: number };

/** Picks by pod; absent: everything of this agent. */
export type RuntimeFilter = { readonly podUid?: string };

export type Runtime = {
  /** The scheme of container ids in pod statuses: `process`, `fake`. */
  readonly name: string;
  /** The field of this container, or of its pod, that the driver cannot honour and why; null when all is well. */
  refusal(spec: PodSpec, container: Container): string | null;
  /** What the driver does otherwise than the pod asks, and goes on nevertheless; null when there is nothing to tell. */
  caveat(spec: PodSpec, container: Container): string | null;

  version(): Promise<RuntimeVersion>;
  status(): Promise<readonly RuntimeCondition[]>;

  runPodSandbox(config: PodSandboxConfig): Promise<Result<string>>;
  /** Ends whatever still runs in it. Harmless when it is stopped or gone. */
  stopPodSandbox(id: string): Promise<Result<null>>;
  /** Removes it with its containers. Harmless when it is gone. */
  removePodSandbox(id: string): Promise<Result<null>>;
  listPodSandboxes(filter: RuntimeFilter): Promise<readonly PodSandbox[]>;

  /** Several credentials are tried in turn; none: as nobody in particular. */
  pullImage(
    image: string,
    sandbox: PodSandboxConfig,
    credentials: readonly RegistryCredentials[],
  ): Promise<Result<string>>;
  imageStatus(image: string): Promise<ImageStatus | null>;
  readonly images?: RuntimeImages;
  readonly streams: RuntimeStreams;

  createContainer(sandboxId: string, config: ContainerConfig, sandbox: PodSandboxConfig): Promise<Result<string>>;
  startContainer(id: string): Promise<Result<null>>;
  /** Asks it to end and kills it after `timeoutSeconds`; done when it has ended. A later call may shorten the wait. */
  stopContainer(id: string, timeoutSeconds: number): Promise<Result<null>>;
  /** Removes it, killing it first if it runs. Harmless when it is gone. */
  removeContainer(id: string): Promise<Result<null>>;
  listContainers(filter: RuntimeFilter): Promise<readonly RuntimeContainer[]>;
  /** What the running containers of this agent use. */
  listContainerStats(): Promise<readonly ContainerStats[]>;
  /** Of running containers. It may cost the runtime a walk through the disk. Absent in a driver where there are none. */
  writableLayers?(filter: RuntimeFilter): Promise<readonly WritableLayer[]>;
  /** Null when there is no such container. */
  containerStatus(id: string): Promise<RuntimeContainerStatus | null>;
  /** Fails with `timeout` when the command has not ended in time; it is killed then. */
  execSync(id: string, command: readonly string[], timeoutSeconds: number): Promise<Result<ExecResult>>;
  reopenContainerLog(id: string): Promise<Result<null>>;

  /** Tells which pod's containers changed by themselves (an exit, say); changes a call made may be told too. */
  onChange(listener: (podUid: string) => void): () => void;
  /** Lets go of timers and files; what runs runs on. */
  close(): void;
};

export const done: Result<null> = { ok: true, value: null };

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function fail(reason: FailureReason, message: string): Failure {
  return { ok: false, reason, message };
}
