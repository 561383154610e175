// The field numbers of kinds that are kept and not acted on, as field-numbers.ts has those of the others.

export const keptKinds: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "io.k8s.api.batch.v1": {
    Job: "metadata spec status",
    JobSpec: `parallelism completions activeDeadlineSeconds selector manualSelector template backoffLimit
      ttlSecondsAfterFinished completionMode suspend podFailurePolicy backoffLimitPerIndex maxFailedIndexes
      podReplacementPolicy managedBy successPolicy`,
    CronJob: "metadata spec status",
    CronJobSpec: `schedule startingDeadlineSeconds concurrencyPolicy suspend jobTemplate successfulJobsHistoryLimit
      failedJobsHistoryLimit timeZone`,
    JobTemplateSpec: "metadata spec",
    JobStatus: `conditions startTime completionTime active succeeded failed completedIndexes uncountedTerminatedPods ready
      failedIndexes terminating`,
    JobCondition: "type status lastProbeTime lastTransitionTime reason message",
    UncountedTerminatedPods: "succeeded failed",
    PodFailurePolicy: "rules",
    PodFailurePolicyRule: "action onExitCodes onPodConditions",
    PodFailurePolicyOnExitCodesRequirement: "containerName operator values",
    PodFailurePolicyOnPodConditionsPattern: "type status",
    SuccessPolicy: "rules",
    SuccessPolicyRule: "succeededIndexes succeededCount",
    CronJobStatus: "active 4:lastScheduleTime lastSuccessfulTime",
  },
  "io.k8s.api.networking.v1": {
    Ingress: "metadata spec status",
    IngressSpec: "defaultBackend tls rules ingressClassName",
    IngressBackend: "3:resource service",
    IngressServiceBackend: "name port",
    ServiceBackendPort: "name number",
    IngressRule: "host +IngressRuleValue",
    IngressRuleValue: "http",
    HTTPIngressRuleValue: "paths",
    HTTPIngressPath: "path backend pathType",
    IngressTLS: "hosts secretName",
    IngressStatus: "loadBalancer",
    IngressLoadBalancerStatus: "ingress",
    IngressLoadBalancerIngress: "ip hostname 4:ports",
    IngressPortStatus: "port protocol error",
    NetworkPolicy: "metadata spec",
    NetworkPolicySpec: "podSelector ingress egress policyTypes",
    NetworkPolicyIngressRule: "ports from",
    NetworkPolicyEgressRule: "ports to",
    NetworkPolicyPort: "protocol port endPort",
    NetworkPolicyPeer: "podSelector namespaceSelector ipBlock",
    IPBlock: "cidr except",
  },
  "io.k8s.api.node.v1": {
    RuntimeClass: "metadata handler overhead scheduling",
    Overhead: "podFixed",
    Scheduling: "nodeSelector tolerations",
  },
  "io.k8s.api.storage.v1": {
    StorageClass: `metadata provisioner parameters reclaimPolicy mountOptions allowVolumeExpansion volumeBindingMode
      allowedTopologies`,
    CSIDriver: "metadata spec",
    CSIDriverSpec: `attachRequired podInfoOnMount volumeLifecycleModes storageCapacity fsGroupPolicy tokenRequests
      requiresRepublish seLinuxMount`,
    TokenRequest: "audience expirationSeconds",
  },
};
