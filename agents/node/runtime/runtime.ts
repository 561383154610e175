// What runs containers, in the words of the CRI, so that a driver for containerd or Docker fits behind the same door.
// Source: k8s.io/cri-api pkg/apis/runtime/v1 api.proto. Times are milliseconds here, and a listed sandbox carries its ip.
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

export type PodSandboxConfig = {
  readonly metadata: PodSandboxMetadata;
  readonly hostname: string;
  /** Where the logs of the pod's containers go; `logPath` of a container is below it. */
  readonly logDirectory: string;
  readonly portMappings: readonly PortMapping[];
  readonly labels: StringMap;
  readonly annotations: StringMap;
  readonly hostNetwork: boolean;
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
  /** What must be at hostPath, in the words of a hostPath volume's `type`; the driver sees to it. */
  readonly hostPathType: string;
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

export type ImageStatus = { readonly id: string; readonly repoDigests: readonly string[]; readonly sizeBytes: number };

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

  pullImage(image: string, sandbox: PodSandboxConfig): Promise<Result<string>>;
  imageStatus(image: string): Promise<ImageStatus | null>;

  createContainer(sandboxId: string, config: ContainerConfig, sandbox: PodSandboxConfig): Promise<Result<string>>;
  startContainer(id: string): Promise<Result<null>>;
  /** Asks it to end and kills it after `timeoutSeconds`; done when it has ended. A later call may shorten the wait. */
  stopContainer(id: string, timeoutSeconds: number): Promise<Result<null>>;
  /** Removes it, killing it first if it runs. Harmless when it is gone. */
  removeContainer(id: string): Promise<Result<null>>;
  listContainers(filter: RuntimeFilter): Promise<readonly RuntimeContainer[]>;
  /** What the running containers of this agent use. */
  listContainerStats(): Promise<readonly ContainerStats[]>;
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
