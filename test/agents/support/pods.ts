// Builders of what a control plane assigns.
import type { Container } from "../../../src/model/container.ts";
import type { PodSpec } from "../../../src/model/pod-spec.ts";
import type { PodTemplate } from "../../../src/model/pod-template.ts";
import type { Probe } from "../../../src/model/probe.ts";
import type { AssignedPod } from "../../../src/sync/messages.ts";

export function container(fields: Partial<Container> = {}): Container {
  return {
    name: "main",
    image: "registry.example/app:1",
    imagePullPolicy: "IfNotPresent",
    resources: {},
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    ...fields,
  };
}

export function probe(fields: Partial<Probe> = {}): Probe {
  return { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3, ...fields };
}

export function podSpec(fields: Partial<PodSpec> = {}): PodSpec {
  return {
    containers: [container()],
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    schedulerName: "default-scheduler",
    securityContext: {},
    ...fields,
  };
}

export function template(spec: Partial<PodSpec> = {}, metadata: PodTemplate["metadata"] = {}): PodTemplate {
  return { metadata: { labels: { app: "app" }, ...metadata }, spec: podSpec(spec) };
}

export function assignedPod(fields: Partial<AssignedPod> = {}): AssignedPod {
  return {
    uid: "uid-1",
    namespace: "default",
    name: "app-1",
    template: "t1",
    createdAtMs: Date.UTC(2025, 11, 31),
    observation: 0,
    ...fields,
  };
}
