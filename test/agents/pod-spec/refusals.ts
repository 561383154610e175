// What no node does is refused by name.
import { expect } from "vitest";

import { hostAbilities } from "../../../agents/node/host/abilities.ts";
import type { ContainerFields, PodCase, SpecFields } from "./case.ts";

type Refused = {
  readonly field: string;
  readonly spec?: SpecFields;
  readonly container?: Omit<ContainerFields, "name">;
  readonly volume?: object;
};

const refused: Readonly<Record<string, Refused>> = {
  windows: { field: "spec.os", spec: { os: { name: "windows" } } },
  "runtime-class": { field: "spec.runtimeClassName", spec: { runtimeClassName: "gvisor" } },
  "host-users": { field: "spec.hostUsers", spec: { hostUsers: false } },
  "resource-claims": {
    field: "spec.resourceClaims",
    spec: { resourceClaims: [{ name: "gpu", resourceClaimName: "gpu" }] },
  },
  "pod-limits": { field: "spec.resources.limits", spec: { resources: { limits: { cpu: "1" } } } },
  "strict-groups": {
    field: "spec.securityContext.supplementalGroupsPolicy",
    spec: { securityContext: { supplementalGroupsPolicy: "Strict" } },
  },
  "windows-options": {
    field: "securityContext.windowsOptions",
    container: { securityContext: { windowsOptions: { hostProcess: true } } },
  },
  device: {
    field: "resources.limits[example.com/gpu]",
    container: { resources: { limits: { "example.com/gpu": "1" }, requests: { "example.com/gpu": "1" } } },
  },
  "hugepages-resource": {
    field: "resources.limits[hugepages-2Mi]",
    container: { resources: { limits: { "hugepages-2Mi": "2Mi" }, requests: { "hugepages-2Mi": "2Mi" } } },
  },
  "container-claims": { field: "resources.claims", container: { resources: { claims: [{ name: "gpu" }] } } },
  "pod-windows-options": {
    field: "securityContext.windowsOptions",
    spec: { securityContext: { windowsOptions: { hostProcess: true } } },
  },
  "volume-devices": { field: "volumeDevices", container: { volumeDevices: [{ name: "block", devicePath: "/dev/x" }] } },
  "huge-pages": { field: "spec.volumes[0].emptyDir.medium", volume: { emptyDir: { medium: "HugePages" } } },
  "trust-bundle": {
    field: "spec.volumes[0].projected.sources[0].clusterTrustBundle",
    volume: { projected: { sources: [{ clusterTrustBundle: { name: "ca", path: "ca.crt" } }] } },
  },
  "read-only-below": {
    field: "volumeMounts[v].recursiveReadOnly",
    volume: { emptyDir: {} },
    container: { volumeMounts: [{ name: "v", mountPath: "/v", readOnly: true, recursiveReadOnly: "Enabled" }] },
  },
  // Only a host without AppArmor refuses it; that it holds on one with it is for such a host to show.
  ...(hostAbilities().hasAppArmor
    ? {}
    : {
        "app-armor": {
          field: "securityContext.appArmorProfile",
          container: { securityContext: { appArmorProfile: { type: "RuntimeDefault" } } },
        },
      }),
};

const failingHook: PodCase = {
  pod: "refused-tcp-hook",
  spec: () => ({
    hostNetwork: true,
    containers: [{ name: "main", lifecycle: { postStart: { tcpSocket: { port: 80 } } } }],
  }),
  rows: [
    {
      row: "lifecycle.postStart.tcpSocket: the hook fails, and the container with it",
      check: async (pod) => {
        const event = await pod.untilEvent("FailedPostStartHook", /^PostStartHook failed: tcpSocket: /);
        expect(event).toMatchObject({ type: "Warning", fieldPath: "spec.containers{main}" });
        await pod.until(() => expect(pod.container()?.lastState.terminated, pod.explanation()).toBeDefined());
      },
    },
  ],
};

const refusedCases = Object.entries(refused).map(([name, { field, spec, container, volume }]): PodCase => {
  const mounts = volume === undefined ? {} : { volumeMounts: [{ name: "v", mountPath: "/v" }] };
  return {
    pod: `refused-${name}`,
    spec: () => ({
      hostNetwork: true,
      ...(volume === undefined ? {} : { volumes: [{ name: "v", ...volume }] }),
      ...spec,
      containers: [{ name: "main", ...mounts, ...container }],
    }),
    rows: [
      {
        row: `${field}: the container waits, the status and an event name the field`,
        check: async (pod) => {
          await pod.untilRefused(field);
          expect(pod.status?.phase).toBe("Pending");
        },
      },
    ],
  };
});

export const refusalCases: readonly PodCase[] = [...refusedCases, failingHook];
