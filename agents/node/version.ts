// What this agent calls itself.

/** The release of Lares. */
export const version = "0.1.0";

/** As `kubectl get nodes` shows it: the Kubernetes release whose kubelet the agent takes after. */
export const kubeletVersion = `v1.32.0+lares.${version}`;
