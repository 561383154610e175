// What becomes of each field of a pod: who acts on it, or that nobody does. `refused` and `acted on` are those of nodes
// that run containers, by Docker, Podman or the CRI (agents/node/pod/refusal.ts); where the `process` runtime does
// otherwise (agents/node/runtime/process/refusal.ts) the remark says so. The `fake` one runs nothing and refuses nothing.
import type { Container } from "./container.ts";
import type { DaemonSetSpec } from "./daemonset.ts";
import type { EnvVarSource } from "./env.ts";
import type { PodSpec } from "./pod-spec.ts";
import type { LifecycleHandler, Probe } from "./probe.ts";
import type { PodSecurityContext, SecurityContext } from "./security.ts";
import { actedOn, refused, type Support, storedOnly } from "./support.ts";
import type { Volume } from "./volume.ts";

/** Every field, so that a new one does not compile before somebody has said what becomes of it. */
type SupportOf<Struct> = { readonly [Field in keyof Struct]-?: Support };

const ownOrHosts = actedOn("of processes it is always the host's");
const noDevices = refused("this node hands out no devices");
const needsDriver = refused(
  "it takes a driver that nodes do not have; the containers of a pod that mounts it wait, and say so",
);
const asRoot = actedOn("for processes it takes an agent that is root, and `setpriv`");
const label = actedOn("told to the runtime, which heeds it where the host has SELinux; processes refuse it");
const noWindows = refused("this is no Windows node");
const ofTheNodes = "a file in `seccomp` of the state directory, else in /var/lib/kubelet/seccomp";
const withinWalls = "processes refuse all but `Unconfined`";

const daemonSetSpec: SupportOf<DaemonSetSpec> = {
  selector: actedOn("pods are adopted and released by it"),
  template: actedOn("each one gets a ControllerRevision, whose hash and data are as in Kubernetes"),
  updateStrategy: actedOn("`RollingUpdate` with `maxUnavailable` or `maxSurge`, numbers and percentages; `OnDelete`"),
  minReadySeconds: actedOn(),
  revisionHistoryLimit: actedOn(),
};

const podSpec: SupportOf<PodSpec> = {
  volumes: actedOn("by kind, see below"),
  initContainers: actedOn("in order; those with `restartPolicy: Always` are sidecars"),
  containers: actedOn(),
  ephemeralContainers: refused(
    "by the API: pods cannot be made with them (422) and `kubectl debug` is told that they are disabled (404)",
  ),
  restartPolicy: actedOn("back-off from 10 s, doubling to 5 min"),
  terminationGracePeriodSeconds: actedOn(),
  activeDeadlineSeconds: actedOn("of bare pods; DaemonSets may not have it"),
  dnsPolicy: actedOn("without cluster DNS: all but `None` are the node's; processes refuse `None`"),
  nodeSelector: actedOn("which nodes get the pod"),
  serviceAccountName: actedOn("whose token the pod gets, and whose pull secrets"),
  serviceAccount: actedOn("the old name of `serviceAccountName`"),
  automountServiceAccountToken: actedOn("token, `ca.crt` and namespace where client libraries look for them"),
  nodeName: actedOn(),
  hostNetwork: ownOrHosts,
  hostPID: ownOrHosts,
  hostIPC: ownOrHosts,
  shareProcessNamespace: ownOrHosts,
  securityContext: actedOn("see below"),
  imagePullSecrets: actedOn("those of the ServiceAccount where the pod names none; in turn, the closest match first"),
  hostname: actedOn("of processes as `$HOSTNAME`"),
  subdomain: actedOn("in the hosts file of containers"),
  affinity: actedOn("what is required; of what is preferred, node affinity of bare pods"),
  schedulerName: actedOn("of bare pods; those of other schedulers are left to them"),
  tolerations: actedOn("daemon pods are given the usual ones as well"),
  hostAliases: actedOn("refused for processes, which share the host's /etc/hosts"),
  priorityClassName: actedOn("its value and policy are copied into the pod"),
  priority: actedOn("who has to go where there is no room for all"),
  dnsConfig: actedOn("refused for processes, which share the host's resolver"),
  readinessGates: actedOn("conditions that others write to the pod's status"),
  runtimeClassName: refused("there are no runtime classes"),
  enableServiceLinks: storedOnly(
    "no variables for Services, to whose addresses nothing leads; those of the API are always there",
  ),
  preemptionPolicy: actedOn("`Never`: it waits for room"),
  overhead: actedOn("counts when there is looked for room"),
  topologySpreadConstraints: actedOn("with `DoNotSchedule`"),
  setHostnameAsFQDN: actedOn("with `subdomain`"),
  os: actedOn("a pod for Windows is refused"),
  hostUsers: refused("`false`: containers cannot be given user ids of their own"),
  schedulingGates: actedOn("of bare pods, while they are bound to no node"),
  resourceClaims: noDevices,
  resources: refused("limits of a pod as a whole"),
};

const container: SupportOf<Container> = {
  name: actedOn(),
  image: actedOn("pulled by the runtime; processes have none, a change starts them again all the same"),
  command: actedOn("of processes it has to be given"),
  args: actedOn(),
  workingDir: actedOn(),
  ports: actedOn(
    "names, for probes and hooks; one `hostPort` for one pod of a node; processes refuse one that is not the `containerPort`",
  ),
  envFrom: actedOn("keys that can be no names are left out, and told in an event"),
  env: actedOn("by source, see below; `$(NAME)` is replaced"),
  resources: actedOn(
    "requests: whether the node has room; limits of cpu and memory (of processes with `--cgroup`) and of ephemeral storage, over which a pod is evicted; OOM score by QoS class; devices and huge pages are refused",
  ),
  resizePolicy: storedOnly("`/resize` is not served: nothing changes what a container was given"),
  restartPolicy: actedOn("of init containers: `Always`"),
  volumeMounts: actedOn("for processes the volume stays where it is, at `$(LARES_VOLUME_<NAME>)`"),
  volumeDevices: refused("block volumes cannot be mapped"),
  livenessProbe: actedOn(),
  readinessProbe: actedOn(),
  startupProbe: actedOn(),
  lifecycle: actedOn(),
  terminationMessagePath: actedOn("of containers; processes have none"),
  terminationMessagePolicy: actedOn("`FallbackToLogsOnError`: the end of the log"),
  imagePullPolicy: actedOn("a node that is cut off takes the image it has, also with `Always`"),
  securityContext: actedOn("see below"),
  stdin: actedOn("processes have no input, and an event says so"),
  stdinOnce: actedOn("of containers"),
  tty: actedOn("processes have no terminal, and an event says so"),
};

const envVarSource: SupportOf<EnvVarSource> = {
  fieldRef: actedOn(),
  resourceFieldRef: actedOn(),
  configMapKeyRef: actedOn("the container waits while it is not there, unless it is `optional`"),
  secretKeyRef: actedOn("the container waits while it is not there, unless it is `optional`"),
};

const probe: SupportOf<Probe> = {
  exec: actedOn(),
  httpGet: actedOn(),
  tcpSocket: actedOn(),
  grpc: actedOn(),
  initialDelaySeconds: actedOn(),
  timeoutSeconds: actedOn(),
  periodSeconds: actedOn(),
  successThreshold: actedOn(),
  failureThreshold: actedOn(),
  terminationGracePeriodSeconds: actedOn(),
};

const lifecycleHandler: SupportOf<LifecycleHandler> = {
  exec: actedOn(),
  httpGet: actedOn(),
  tcpSocket: refused("the hook fails, as with a kubelet"),
  sleep: actedOn(),
};

const podSecurityContext: SupportOf<PodSecurityContext> = {
  seLinuxOptions: label,
  windowsOptions: noWindows,
  runAsUser: asRoot,
  runAsGroup: asRoot,
  runAsNonRoot: actedOn(),
  supplementalGroups: asRoot,
  supplementalGroupsPolicy: refused("`Strict`"),
  fsGroup: asRoot,
  sysctls: actedOn("processes refuse it: they share the host's"),
  fsGroupChangePolicy: storedOnly("volumes are made for their pod: all of it is its group's"),
  seccompProfile: actedOn(`\`Localhost\`: ${ofTheNodes}; ${withinWalls}`),
  appArmorProfile: actedOn(`where the host has AppArmor, else refused; ${withinWalls}`),
  seLinuxChangePolicy: storedOnly("volumes are given no labels"),
};

const securityContext: SupportOf<SecurityContext> = {
  capabilities: actedOn("of processes: dropped ones take `setpriv`, added ones an agent that is root"),
  privileged: actedOn("for processes it takes an agent that is root"),
  seLinuxOptions: label,
  windowsOptions: noWindows,
  runAsUser: asRoot,
  runAsGroup: asRoot,
  runAsNonRoot: actedOn(),
  readOnlyRootFilesystem: actedOn("processes refuse it: the root is the host's"),
  allowPrivilegeEscalation: actedOn("of processes: `false` takes `setpriv`"),
  procMount: actedOn("of containers"),
  seccompProfile: actedOn(`\`Localhost\`: ${ofTheNodes}; ${withinWalls}`),
  appArmorProfile: actedOn(`where the host has AppArmor, else refused; ${withinWalls}`),
};

const volume: SupportOf<Volume> = {
  name: actedOn(),
  hostPath: actedOn("with its type checks"),
  emptyDir: actedOn("`Memory` needs an agent that is root; a pod that outgrows `sizeLimit` is evicted"),
  secret: actedOn("in memory where the agent is root; follows the Secret"),
  persistentVolumeClaim: needsDriver,
  downwardAPI: actedOn(),
  configMap: actedOn("follows the ConfigMap"),
  projected: actedOn("tokens are renewed in time; `clusterTrustBundle` is refused"),
  csi: needsDriver,
  ephemeral: needsDriver,
  image: needsDriver,
  gcePersistentDisk: needsDriver,
  awsElasticBlockStore: needsDriver,
  gitRepo: needsDriver,
  nfs: needsDriver,
  iscsi: needsDriver,
  glusterfs: needsDriver,
  rbd: needsDriver,
  flexVolume: needsDriver,
  cinder: needsDriver,
  cephfs: needsDriver,
  flocker: needsDriver,
  fc: needsDriver,
  azureFile: needsDriver,
  vsphereVolume: needsDriver,
  quobyte: needsDriver,
  azureDisk: needsDriver,
  photonPersistentDisk: needsDriver,
  portworxVolume: needsDriver,
  scaleIO: needsDriver,
  storageos: needsDriver,
};

export type FieldSupport = { readonly struct: string; readonly fields: Readonly<Record<string, Support>> };

/** In the order in which README shows them. */
export const podSupport: readonly FieldSupport[] = [
  { struct: "DaemonSet `spec`", fields: daemonSetSpec },
  { struct: "Pod `spec`", fields: podSpec },
  { struct: "Container", fields: container },
  { struct: "Source of an environment variable", fields: envVarSource },
  { struct: "Probe", fields: probe },
  { struct: "Hook of `lifecycle`", fields: lifecycleHandler },
  { struct: "`securityContext` of the pod", fields: podSecurityContext },
  { struct: "`securityContext` of a container", fields: securityContext },
  { struct: "Volume", fields: volume },
];
