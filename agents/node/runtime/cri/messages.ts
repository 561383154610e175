// The messages of the CRI that the agent sends and reads, with the numbers of their fields.
// Source: k8s.io/cri-api pkg/apis/runtime/v1 api.proto; containerd api/services/events/v1, api/events.
import { message } from "./protobuf.ts";

const Int64Value = message({ value: [1, "int"] });

export const Empty = message({});

export const VersionResponse = message({ runtimeName: [2, "string"], runtimeVersion: [3, "string"] });

export const StatusRequest = message({ verbose: [1, "bool"] });

const RuntimeCondition = message({
  type: [1, "string"],
  status: [2, "bool"],
  reason: [3, "string"],
  message: [4, "string"],
});

export const StatusResponse = message({
  status: [1, message({ conditions: [1, [RuntimeCondition]] })],
  info: [2, "map"],
});

/** Of cgroup_driver in LinuxRuntimeConfiguration. */
export const systemdCgroups = 0;
export const RuntimeConfigResponse = message({ linux: [1, message({ cgroupDriver: [1, "int"] })] });

/** NamespaceMode. */
export const namespaces = { pod: 0, container: 1, node: 2 } as const;
const NamespaceOption = message({ network: [1, "int"], pid: [2, "int"], ipc: [3, "int"] });

/** ProfileType of SecurityProfile. */
export const profileTypes = { RuntimeDefault: 0, Unconfined: 1, Localhost: 2 } as const;
export const SecurityProfile = message({ profileType: [1, "int"], localhostRef: [2, "string"] });

const PodSandboxMetadata = message({
  name: [1, "string"],
  uid: [2, "string"],
  namespace: [3, "string"],
  attempt: [4, "int"],
});

/** Protocol. */
export const protocols: Readonly<Record<string, number>> = { TCP: 0, UDP: 1, SCTP: 2 };
const PortMapping = message({
  protocol: [1, "int"],
  containerPort: [2, "int"],
  hostPort: [3, "int"],
  hostIp: [4, "string"],
});

const DnsConfig = message({ servers: [1, "strings"], searches: [2, "strings"], options: [3, "strings"] });

const SELinuxOption = message({ user: [1, "string"], role: [2, "string"], type: [3, "string"], level: [4, "string"] });

export const LinuxSandboxSecurityContext = message({
  namespaceOptions: [1, NamespaceOption],
  selinuxOptions: [2, SELinuxOption],
  runAsUser: [3, Int64Value],
  readonlyRootfs: [4, "bool"],
  supplementalGroups: [5, "ints"],
  privileged: [6, "bool"],
  runAsGroup: [8, Int64Value],
  seccomp: [9, SecurityProfile],
});

const LinuxPodSandboxConfig = message({
  cgroupParent: [1, "string"],
  securityContext: [2, LinuxSandboxSecurityContext],
  sysctls: [3, "map"],
});

export const PodSandboxConfig = message({
  metadata: [1, PodSandboxMetadata],
  hostname: [2, "string"],
  logDirectory: [3, "string"],
  dnsConfig: [4, DnsConfig],
  portMappings: [5, [PortMapping]],
  labels: [6, "map"],
  annotations: [7, "map"],
  linux: [8, LinuxPodSandboxConfig],
});

export const RunPodSandboxRequest = message({ config: [1, PodSandboxConfig] });
/** Of stopping, removing and asking about a sandbox, and what running one answers. */
export const SandboxId = message({ podSandboxId: [1, "string"] });

/** PodSandboxState. */
export const sandboxReady = 0;
export const PodSandbox = message({
  id: [1, "string"],
  metadata: [2, PodSandboxMetadata],
  state: [3, "int"],
  createdAt: [4, "int"],
  labels: [5, "map"],
  annotations: [6, "map"],
});

export const ListPodSandboxRequest = message({ filter: [1, message({ labelSelector: [3, "map"] })] });
export const ListPodSandboxResponse = message({ items: [1, [PodSandbox]] });

export const PodSandboxStatusResponse = message({
  status: [1, message({ network: [5, message({ ip: [1, "string"] })] })],
});

const ImageSpec = message({ image: [1, "string"] });
/** Of asking about an image and removing one. */
export const ImageRequest = message({ image: [1, ImageSpec] });

export const Image = message({
  id: [1, "string"],
  repoTags: [2, "strings"],
  repoDigests: [3, "strings"],
  size: [4, "int"],
  uid: [5, Int64Value],
  username: [6, "string"],
  pinned: [8, "bool"],
});
export const ImageStatusResponse = message({ image: [1, Image] });
export const ListImagesResponse = message({ images: [1, [Image]] });

const AuthConfig = message({
  username: [1, "string"],
  password: [2, "string"],
  identityToken: [5, "string"],
  registryToken: [6, "string"],
});
export const PullImageRequest = message({
  image: [1, ImageSpec],
  auth: [2, AuthConfig],
  sandboxConfig: [3, PodSandboxConfig],
});
export const PullImageResponse = message({ imageRef: [1, "string"] });

export const ImageFsInfoResponse = message({
  imageFilesystems: [1, [message({ fsId: [2, message({ mountpoint: [1, "string"] })] })]],
});

/** MountPropagation. */
export const propagations = { private: 0, "host-to-container": 1, bidirectional: 2 } as const;
const Mount = message({
  containerPath: [1, "string"],
  hostPath: [2, "string"],
  readonly: [3, "bool"],
  propagation: [5, "int"],
});

const LinuxContainerResources = message({
  cpuPeriod: [1, "int"],
  cpuQuota: [2, "int"],
  cpuShares: [3, "int"],
  memoryLimit: [4, "int"],
  oomScoreAdjust: [5, "int"],
  /** Files of a control group of the second version. */
  unified: [9, "map"],
});

export const LinuxContainerSecurityContext = message({
  capabilities: [1, message({ add: [1, "strings"], drop: [2, "strings"] })],
  privileged: [2, "bool"],
  namespaceOptions: [3, NamespaceOption],
  selinuxOptions: [4, SELinuxOption],
  runAsUser: [5, Int64Value],
  runAsUsername: [6, "string"],
  readonlyRootfs: [7, "bool"],
  supplementalGroups: [8, "ints"],
  /** What older runtimes read instead of `apparmor`. */
  apparmorProfile: [9, "string"],
  noNewPrivileges: [11, "bool"],
  runAsGroup: [12, Int64Value],
  maskedPaths: [13, "strings"],
  readonlyPaths: [14, "strings"],
  seccomp: [15, SecurityProfile],
  apparmor: [16, SecurityProfile],
});

const ContainerMetadata = message({ name: [1, "string"], attempt: [2, "int"] });

export const ContainerConfig = message({
  metadata: [1, ContainerMetadata],
  image: [2, ImageSpec],
  command: [3, "strings"],
  args: [4, "strings"],
  workingDir: [5, "string"],
  envs: [6, [message({ key: [1, "string"], value: [2, "string"] })]],
  mounts: [7, [Mount]],
  labels: [9, "map"],
  annotations: [10, "map"],
  logPath: [11, "string"],
  stdin: [12, "bool"],
  stdinOnce: [13, "bool"],
  tty: [14, "bool"],
  linux: [
    15,
    message({ resources: [1, LinuxContainerResources], securityContext: [2, LinuxContainerSecurityContext] }),
  ],
});

export const CreateContainerRequest = message({
  podSandboxId: [1, "string"],
  config: [2, ContainerConfig],
  sandboxConfig: [3, PodSandboxConfig],
});
/** Of all that is done to one container, and what creating one answers. */
export const ContainerId = message({ containerId: [1, "string"] });
export const StopContainerRequest = message({ containerId: [1, "string"], timeout: [2, "int"] });

/** ContainerState, by number. */
export const containerStates = ["created", "running", "exited", "unknown"] as const;
export const Container = message({
  id: [1, "string"],
  podSandboxId: [2, "string"],
  metadata: [3, ContainerMetadata],
  image: [4, ImageSpec],
  imageRef: [5, "string"],
  state: [6, "int"],
  createdAt: [7, "int"],
  labels: [8, "map"],
  annotations: [9, "map"],
});
export const ListContainersRequest = message({ filter: [1, message({ labelSelector: [4, "map"] })] });
export const ListContainersResponse = message({ containers: [1, [Container]] });

export const ContainerStatus = message({
  id: [1, "string"],
  metadata: [2, ContainerMetadata],
  state: [3, "int"],
  createdAt: [4, "int"],
  startedAt: [5, "int"],
  finishedAt: [6, "int"],
  exitCode: [7, "int"],
  image: [8, ImageSpec],
  imageRef: [9, "string"],
  reason: [10, "string"],
  message: [11, "string"],
  labels: [12, "map"],
  annotations: [13, "map"],
  logPath: [15, "string"],
});
export const ContainerStatusResponse = message({ status: [1, ContainerStatus] });

const UInt64Value = message({ value: [1, "int"] });
const ContainerStats = message({
  attributes: [1, message({ id: [1, "string"], metadata: [2, ContainerMetadata], labels: [3, "map"] })],
  cpu: [2, message({ usageCoreNanoSeconds: [2, UInt64Value] })],
  memory: [3, message({ workingSetBytes: [2, UInt64Value] })],
  writableLayer: [4, message({ usedBytes: [3, UInt64Value], inodesUsed: [4, UInt64Value] })],
});
export const ListContainerStatsRequest = message({ filter: [1, message({ labelSelector: [3, "map"] })] });
export const ListContainerStatsResponse = message({ stats: [1, [ContainerStats]] });

export const ExecSyncRequest = message({ containerId: [1, "string"], cmd: [2, "strings"], timeout: [3, "int"] });
export const ExecSyncResponse = message({ stdout: [1, "bytes"], stderr: [2, "bytes"], exitCode: [3, "int"] });

export const ExecRequest = message({
  containerId: [1, "string"],
  cmd: [2, "strings"],
  tty: [3, "bool"],
  stdin: [4, "bool"],
  stdout: [5, "bool"],
  stderr: [6, "bool"],
});
export const AttachRequest = message({
  containerId: [1, "string"],
  stdin: [2, "bool"],
  tty: [3, "bool"],
  stdout: [4, "bool"],
  stderr: [5, "bool"],
});
export const PortForwardRequest = message({ podSandboxId: [1, "string"], port: [2, "ints"] });
/** Where to go for a stream. */
export const StreamUrl = message({ url: [1, "string"] });

export const ContainerEvent = message({ containerId: [1, "string"], type: [2, "int"] });

export const SubscribeRequest = message({ filters: [1, "strings"] });
/** Of containerd's own events: `event` is an Any, whose value is the event's own message. */
export const Envelope = message({ event: [4, message({ value: [2, "bytes"] })] });
export const TaskExit = message({ containerId: [1, "string"], id: [2, "string"] });
