// What sandboxes and containers are labelled with, so that an agent finds its own again without its disk.
// The prefix is not the kubelet's: one that shares the runtime must not take them for its own.

export const labels = {
  /** Whose it is: a runtime may serve others as well. */
  agent: "lares.dev/agent",
  podName: "lares.dev/pod.name",
  podNamespace: "lares.dev/pod.namespace",
  podUid: "lares.dev/pod.uid",
  containerName: "lares.dev/container.name",
} as const;

export const annotations = {
  /** Of the definition that the container was made from. */
  hash: "lares.dev/container.hash",
  /** Seconds that the pod's containers are given to end. */
  gracePeriodSeconds: "lares.dev/pod.grace-period-seconds",
  /** The lifecycle handler to run before the container is stopped, as JSON. */
  preStop: "lares.dev/container.pre-stop",
  /** `init`: it is expected to end, and the next container waits for that. Absent for others. */
  kind: "lares.dev/container.kind",
  terminationMessagePolicy: "lares.dev/container.termination-message-policy",
} as const;
