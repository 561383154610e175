// The field numbers of the API's structs in protobuf, by the struct's upstream name.
// Source: generated.proto of k8s.io/api and k8s.io/apimachinery.

import { keptKinds } from "./kept-kinds.ts";
import { volumes } from "./volumes.ts";

/**
 * Fields in the order of their numbers, from 1 on. `N:name` goes on at number N. `+Struct` is a message whose fields
 * stand, in JSON, among those of the struct itself. `@name` holds a piece of JSON as text.
 */
const packages: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "io.k8s.apimachinery.pkg.apis.meta.v1": {
    ObjectMeta: `name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp
      deletionGracePeriodSeconds labels annotations ownerReferences finalizers 17:managedFields`,
    OwnerReference: "kind 3:name uid apiVersion controller blockOwnerDeletion",
    ManagedFieldsEntry: "manager operation apiVersion time 6:fieldsType @fieldsV1 subresource",
    LabelSelector: "matchLabels matchExpressions",
    LabelSelectorRequirement: "key operator values",
    FieldSelectorRequirement: "key operator values",
    Condition: "type status observedGeneration lastTransitionTime reason message",
    DeleteOptions: `gracePeriodSeconds preconditions orphanDependents propagationPolicy dryRun
      ignoreStoreReadErrorWithClusterBreakingPotential`,
    Preconditions: "uid resourceVersion",
  },
  "io.k8s.api.core.v1": {
    ReplicationController: "metadata spec status",
    ReplicationControllerSpec: "replicas selector template minReadySeconds",
    ReplicationControllerStatus: `replicas fullyLabeledReplicas observedGeneration readyReplicas availableReplicas
      conditions`,
    ReplicationControllerCondition: "type status lastTransitionTime reason message",
    ConfigMap: "metadata data binaryData immutable",
    Secret: "metadata data type 4:stringData immutable",
    ServiceAccount: "metadata secrets imagePullSecrets automountServiceAccountToken",
    Namespace: "metadata spec status",
    NamespaceSpec: "finalizers",
    NamespaceStatus: "phase conditions",
    NamespaceCondition: "type status 4:lastTransitionTime reason message",
    ObjectReference: "kind namespace name uid apiVersion resourceVersion fieldPath",
    LocalObjectReference: "name",
    SecretReference: "name namespace",
    TypedLocalObjectReference: "apiGroup kind name",
    TypedObjectReference: "apiGroup kind name namespace",
    Binding: "metadata target",
    Event: `metadata involvedObject reason message source firstTimestamp lastTimestamp count type eventTime series action
      related reportingComponent reportingInstance`,
    EventSource: "component host",
    EventSeries: "count lastObservedTime",

    Node: "metadata spec status",
    NodeSpec: "podCIDR externalID providerID unschedulable taints configSource podCIDRs",
    NodeConfigSource: "2:configMap",
    ConfigMapNodeConfigSource: "namespace name uid resourceVersion kubeletConfigKey",
    NodeStatus: `capacity allocatable phase conditions addresses daemonEndpoints nodeInfo images volumesInUse
      volumesAttached config runtimeHandlers features`,
    NodeConfigStatus: "assigned active lastKnownGood error",
    NodeCondition: "type status lastHeartbeatTime lastTransitionTime reason message",
    NodeAddress: "type address",
    NodeDaemonEndpoints: "kubeletEndpoint",
    DaemonEndpoint: "Port",
    NodeSystemInfo: `machineID systemUUID bootID kernelVersion osImage containerRuntimeVersion kubeletVersion
      kubeProxyVersion operatingSystem architecture swap`,
    NodeSwapStatus: "capacity",
    NodeRuntimeHandler: "name features",
    NodeRuntimeHandlerFeatures: "recursiveReadOnlyMounts userNamespaces",
    NodeFeatures: "supplementalGroupsPolicy",
    ContainerImage: "names sizeBytes",
    AttachedVolume: "name devicePath",
    Taint: "key value effect timeAdded",

    Pod: "metadata spec status",
    PodTemplate: "metadata template",
    PodTemplateSpec: "metadata spec",
    PodSpec: `volumes containers restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds dnsPolicy nodeSelector
      serviceAccountName serviceAccount nodeName hostNetwork hostPID hostIPC securityContext imagePullSecrets hostname
      subdomain affinity schedulerName initContainers automountServiceAccountToken tolerations hostAliases
      priorityClassName priority dnsConfig shareProcessNamespace readinessGates runtimeClassName enableServiceLinks
      preemptionPolicy overhead topologySpreadConstraints ephemeralContainers setHostnameAsFQDN os hostUsers
      schedulingGates resourceClaims resources hostnameOverride`,
    Container: `name image command args workingDir ports env resources volumeMounts livenessProbe readinessProbe lifecycle
      terminationMessagePath imagePullPolicy securityContext stdin stdinOnce tty envFrom terminationMessagePolicy
      volumeDevices startupProbe resizePolicy restartPolicy restartPolicyRules`,
    EphemeralContainer: "+EphemeralContainerCommon targetContainerName",
    EphemeralContainerCommon: `name image command args workingDir ports env resources volumeMounts livenessProbe
      readinessProbe lifecycle terminationMessagePath imagePullPolicy securityContext stdin stdinOnce tty envFrom
      terminationMessagePolicy volumeDevices startupProbe resizePolicy restartPolicy restartPolicyRules`,
    ContainerPort: "name hostPort containerPort protocol hostIP",
    EnvFromSource: "prefix configMapRef secretRef",
    ConfigMapEnvSource: "+LocalObjectReference optional",
    SecretEnvSource: "+LocalObjectReference optional",
    EnvVar: "name value valueFrom",
    EnvVarSource: "fieldRef resourceFieldRef configMapKeyRef secretKeyRef fileKeyRef",
    ObjectFieldSelector: "apiVersion fieldPath",
    ResourceFieldSelector: "containerName resource divisor",
    ConfigMapKeySelector: "+LocalObjectReference key optional",
    SecretKeySelector: "+LocalObjectReference key optional",
    ResourceRequirements: "limits requests claims",
    VolumeResourceRequirements: "limits requests",
    ResourceClaim: "name request",
    ContainerResizePolicy: "resourceName restartPolicy",
    VolumeMount: "name readOnly mountPath subPath mountPropagation subPathExpr recursiveReadOnly",
    VolumeDevice: "name devicePath",
    Probe: `+ProbeHandler initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold
      terminationGracePeriodSeconds`,
    ProbeHandler: "exec httpGet tcpSocket grpc",
    Lifecycle: "postStart preStop stopSignal",
    LifecycleHandler: "exec httpGet tcpSocket sleep",
    ExecAction: "command",
    HTTPGetAction: "path port host scheme httpHeaders",
    HTTPHeader: "name value",
    TCPSocketAction: "port host",
    GRPCAction: "port service",
    SleepAction: "seconds",
    SecurityContext: `capabilities privileged seLinuxOptions runAsUser runAsNonRoot readOnlyRootFilesystem
      allowPrivilegeEscalation runAsGroup procMount windowsOptions seccompProfile appArmorProfile`,
    PodSecurityContext: `seLinuxOptions runAsUser runAsNonRoot supplementalGroups fsGroup runAsGroup sysctls windowsOptions
      fsGroupChangePolicy seccompProfile appArmorProfile supplementalGroupsPolicy seLinuxChangePolicy`,
    Capabilities: "add drop",
    SELinuxOptions: "user role type level",
    WindowsSecurityContextOptions: "gmsaCredentialSpecName gmsaCredentialSpec runAsUserName hostProcess",
    SeccompProfile: "type localhostProfile",
    AppArmorProfile: "type localhostProfile",
    Sysctl: "name value",
    Affinity: "nodeAffinity podAffinity podAntiAffinity",
    NodeAffinity: "requiredDuringSchedulingIgnoredDuringExecution preferredDuringSchedulingIgnoredDuringExecution",
    PodAffinity: "requiredDuringSchedulingIgnoredDuringExecution preferredDuringSchedulingIgnoredDuringExecution",
    PodAntiAffinity: "requiredDuringSchedulingIgnoredDuringExecution preferredDuringSchedulingIgnoredDuringExecution",
    NodeSelector: "nodeSelectorTerms",
    NodeSelectorTerm: "matchExpressions matchFields",
    NodeSelectorRequirement: "key operator values",
    PreferredSchedulingTerm: "weight preference",
    PodAffinityTerm: "labelSelector namespaces topologyKey namespaceSelector matchLabelKeys mismatchLabelKeys",
    WeightedPodAffinityTerm: "weight podAffinityTerm",
    Toleration: "key operator value effect tolerationSeconds",
    HostAlias: "ip hostnames",
    PodDNSConfig: "nameservers searches options",
    PodDNSConfigOption: "name value",
    PodReadinessGate: "conditionType",
    TopologySpreadConstraint: `maxSkew topologyKey whenUnsatisfiable labelSelector minDomains nodeAffinityPolicy
      nodeTaintsPolicy matchLabelKeys`,
    PodOS: "name",
    PodSchedulingGate: "name",
    PodResourceClaim: "name 3:resourceClaimName resourceClaimTemplateName",

    PodStatus: `phase conditions message reason hostIP podIP startTime containerStatuses qosClass initContainerStatuses
      nominatedNodeName podIPs ephemeralContainerStatuses resize resourceClaimStatuses hostIPs observedGeneration`,
    PodCondition: "type status lastProbeTime lastTransitionTime reason message observedGeneration",
    PodIP: "ip",
    HostIP: "ip",
    PodResourceClaimStatus: "name resourceClaimName",
    ContainerStatus: `name state lastState ready restartCount image imageID containerID started allocatedResources resources
      volumeMounts user allocatedResourcesStatus stopSignal`,
    ContainerState: "waiting running terminated",
    ContainerStateWaiting: "reason message",
    ContainerStateRunning: "startedAt",
    ContainerStateTerminated: "exitCode signal reason message startedAt finishedAt containerID",
    VolumeMountStatus: "name mountPath readOnly recursiveReadOnly",
    ContainerUser: "linux",
    LinuxContainerUser: "uid gid supplementalGroups",
    ResourceStatus: "name resources",
    ResourceHealth: "resourceID health",

    ...volumes,

    Service: "metadata spec status",
    ServiceSpec: `ports selector clusterIP type externalIPs 7:sessionAffinity loadBalancerIP loadBalancerSourceRanges
      externalName externalTrafficPolicy healthCheckNodePort publishNotReadyAddresses sessionAffinityConfig
      17:ipFamilyPolicy clusterIPs ipFamilies allocateLoadBalancerNodePorts loadBalancerClass internalTrafficPolicy
      trafficDistribution`,
    ServicePort: "name protocol port targetPort nodePort appProtocol",
    SessionAffinityConfig: "clientIP",
    ClientIPConfig: "timeoutSeconds",
    ServiceStatus: "loadBalancer conditions",
    LoadBalancerStatus: "ingress",
    LoadBalancerIngress: "ip hostname ipMode ports",
    PortStatus: "port protocol error",
    Endpoints: "metadata subsets",
    EndpointSubset: "addresses notReadyAddresses ports",
    EndpointAddress: "ip targetRef hostname nodeName",
    EndpointPort: "name port protocol appProtocol",

    ResourceQuota: "metadata spec status",
    ResourceQuotaSpec: "hard scopes scopeSelector",
    ResourceQuotaStatus: "hard used",
    ScopeSelector: "matchExpressions",
    ScopedResourceSelectorRequirement: "scopeName operator values",
    LimitRange: "metadata spec",
    LimitRangeSpec: "limits",
    LimitRangeItem: "type max min default defaultRequest maxLimitRequestRatio",
  },
  "io.k8s.api.apps.v1": {
    ControllerRevision: "metadata @data revision",
    DaemonSet: "metadata spec status",
    DaemonSetSpec: "selector template updateStrategy minReadySeconds 6:revisionHistoryLimit",
    DaemonSetUpdateStrategy: "type rollingUpdate",
    RollingUpdateDaemonSet: "maxUnavailable maxSurge",
    DaemonSetStatus: `currentNumberScheduled numberMisscheduled desiredNumberScheduled numberReady observedGeneration
      updatedNumberScheduled numberAvailable numberUnavailable collisionCount conditions`,
    DaemonSetCondition: "type status lastTransitionTime reason message",
    Deployment: "metadata spec status",
    DeploymentSpec: `replicas selector template strategy minReadySeconds revisionHistoryLimit paused
      9:progressDeadlineSeconds`,
    DeploymentStrategy: "type rollingUpdate",
    RollingUpdateDeployment: "maxUnavailable maxSurge",
    DeploymentStatus: `observedGeneration replicas updatedReplicas availableReplicas unavailableReplicas conditions
      readyReplicas collisionCount terminatingReplicas`,
    DeploymentCondition: "type status 4:reason message lastUpdateTime lastTransitionTime",
    ReplicaSet: "metadata spec status",
    ReplicaSetSpec: "replicas selector template minReadySeconds",
    ReplicaSetStatus: "replicas fullyLabeledReplicas observedGeneration readyReplicas availableReplicas conditions",
    ReplicaSetCondition: "type status lastTransitionTime reason message",
    StatefulSet: "metadata spec status",
    StatefulSetSpec: `replicas selector template volumeClaimTemplates serviceName podManagementPolicy updateStrategy
      revisionHistoryLimit minReadySeconds persistentVolumeClaimRetentionPolicy ordinals`,
    StatefulSetUpdateStrategy: "type rollingUpdate",
    RollingUpdateStatefulSetStrategy: "partition maxUnavailable",
    StatefulSetPersistentVolumeClaimRetentionPolicy: "whenDeleted whenScaled",
    StatefulSetOrdinals: "start",
    StatefulSetStatus: `observedGeneration replicas readyReplicas currentReplicas updatedReplicas currentRevision
      updateRevision 9:collisionCount conditions availableReplicas`,
    StatefulSetCondition: "type status lastTransitionTime reason message",
  },
  ...keptKinds,
  "io.k8s.api.policy.v1": {
    PodDisruptionBudget: "metadata spec status",
    PodDisruptionBudgetSpec: "minAvailable selector maxUnavailable unhealthyPodEvictionPolicy",
    PodDisruptionBudgetStatus: `observedGeneration disruptedPods disruptionsAllowed currentHealthy desiredHealthy
      expectedPods conditions`,
    Eviction: "metadata deleteOptions",
  },
  "io.k8s.api.scheduling.v1": { PriorityClass: "metadata value globalDefault description preemptionPolicy" },
  "io.k8s.api.coordination.v1": {
    Lease: "metadata spec",
    LeaseSpec: `holderIdentity leaseDurationSeconds acquireTime renewTime leaseTransitions strategy preferredHolder`,
  },
  "io.k8s.api.rbac.v1": {
    Role: "metadata rules",
    ClusterRole: "metadata rules aggregationRule",
    AggregationRule: "clusterRoleSelectors",
    PolicyRule: "verbs apiGroups resources resourceNames nonResourceURLs",
    RoleBinding: "metadata subjects roleRef",
    ClusterRoleBinding: "metadata subjects roleRef",
    Subject: "kind apiGroup name namespace",
    RoleRef: "apiGroup kind name",
  },
  "io.k8s.api.authentication.v1": {
    TokenRequest: "metadata spec status",
    TokenRequestSpec: "audiences 3:boundObjectRef expirationSeconds",
    BoundObjectReference: "kind apiVersion name uid",
    TokenRequestStatus: "token expirationTimestamp",
    TokenReview: "metadata spec status",
    TokenReviewSpec: "token audiences",
    TokenReviewStatus: "authenticated user error audiences",
    UserInfo: "username uid groups extra",
    SelfSubjectReview: "metadata status",
    SelfSubjectReviewStatus: "userInfo",
  },
  "io.k8s.api.authentication.v1beta1": {
    SelfSubjectReview: "metadata status",
    SelfSubjectReviewStatus: "userInfo",
  },
  "io.k8s.api.authorization.v1": {
    SubjectAccessReview: "metadata spec status",
    SelfSubjectAccessReview: "metadata spec status",
    LocalSubjectAccessReview: "metadata spec status",
    SubjectAccessReviewSpec: "resourceAttributes nonResourceAttributes user groups extra uid",
    SelfSubjectAccessReviewSpec: "resourceAttributes nonResourceAttributes",
    ResourceAttributes: "namespace verb group version resource subresource name fieldSelector labelSelector",
    FieldSelectorAttributes: "rawSelector requirements",
    LabelSelectorAttributes: "rawSelector requirements",
    NonResourceAttributes: "path verb",
    SubjectAccessReviewStatus: "allowed reason evaluationError denied",
    SelfSubjectRulesReview: "metadata spec status",
    SelfSubjectRulesReviewSpec: "namespace",
    SubjectRulesReviewStatus: "resourceRules nonResourceRules incomplete evaluationError",
    ResourceRule: "verbs apiGroups resources resourceNames",
    NonResourceRule: "verbs nonResourceURLs",
  },
  "io.k8s.api.certificates.v1": {
    CertificateSigningRequest: "metadata spec status",
    CertificateSigningRequestSpec: "request username uid groups usages extra signerName expirationSeconds",
    CertificateSigningRequestStatus: "conditions certificate",
    CertificateSigningRequestCondition: "type reason message lastUpdateTime lastTransitionTime status",
  },
  "io.k8s.api.events.v1": {
    Event: `metadata eventTime series reportingController reportingInstance action reason regarding related note type
      deprecatedSource deprecatedFirstTimestamp deprecatedLastTimestamp deprecatedCount`,
    EventSeries: "count lastObservedTime",
  },
  "io.k8s.api.discovery.v1": {
    EndpointSlice: "metadata endpoints ports addressType",
    Endpoint: "addresses conditions hostname targetRef deprecatedTopology nodeName zone hints",
    EndpointConditions: "ready serving terminating",
    EndpointHints: "forZones forNodes",
    ForZone: "name",
    ForNode: "name",
    EndpointPort: "name protocol port appProtocol",
  },
  "io.k8s.api.autoscaling.v1": {
    Scale: "metadata spec status",
    ScaleSpec: "replicas",
    ScaleStatus: "replicas selector",
  },
};

/** What a field number stands for: a field, a piece of JSON as text, or a message whose fields are those of the struct. */
export type NumberedField =
  | { readonly kind: "field" | "json"; readonly name: string }
  | { readonly kind: "inline"; readonly fields: FieldNumbers };

export type FieldNumbers = ReadonlyMap<number, NumberedField>;

const read = new Map<string, FieldNumbers>();

/** The fields of a struct (`io.k8s.api.core.v1.PodSpec`) by their numbers; null: nobody sends it in protobuf. */
export function fieldNumbersOf(id: string): FieldNumbers | null {
  const known = read.get(id);
  if (known !== undefined) return known;
  const end = id.lastIndexOf(".");
  const text = packages[id.slice(0, end)]?.[id.slice(end + 1)];
  if (text === undefined) return null;
  const numbers = parse(text, id.slice(0, end));
  read.set(id, numbers);
  return numbers;
}

function parse(text: string, prefix: string): FieldNumbers {
  const fields = new Map<number, NumberedField>();
  let number = 0;
  for (const word of text.split(/\s+/)) {
    const [, given, mark, name = ""] = /^(?:(\d+):)?([+@]?)(.+)$/.exec(word) ?? [];
    number = given === undefined ? number + 1 : Number(given);
    fields.set(number, numberedField(mark ?? "", name, prefix));
  }
  return fields;
}

function numberedField(mark: string, name: string, prefix: string): NumberedField {
  const inline = mark === "+" ? fieldNumbersOf(`${prefix}.${name}`) : null;
  if (inline !== null) return { kind: "inline", fields: inline };
  return { kind: mark === "@" ? "json" : "field", name };
}
