import { describe, expect, test } from "vitest";
import type { HostAbilities } from "../../agents/node/pod/refusal.ts";
import { refusalOfContainer } from "../../agents/node/pod/refusal.ts";
import type { HostRights } from "../../agents/node/runtime/process/refusal.ts";
import { caveatOf, refusalOf } from "../../agents/node/runtime/process/refusal.ts";
import type { Container } from "../../src/model/container.ts";
import type { PodSpec } from "../../src/model/pod-spec.ts";
import { container, podSpec } from "./support/pods.ts";

const root: HostRights = { isRoot: true, userId: 0, setpriv: "/usr/bin/setpriv" };
const user: HostRights = { isRoot: false, userId: 1000, setpriv: "/usr/bin/setpriv" };
const bare: HostRights = { isRoot: true, userId: 0, setpriv: null };
const command = { command: ["run"] };

function refusal(own: Partial<Container>, spec: Partial<PodSpec> = {}, rights = root): string | null {
  return refusalOf(podSpec({ containers: [container(own)], ...spec }), container(own), rights);
}

const nothing = { limits: false, memory: false };
const hostLogs = { name: "logs", hostPath: { path: "/var/log", type: "" } };

describe("the process runtime", () => {
  test.each<[string, Partial<Container>, Partial<PodSpec>]>([
    ["a command", command, {}],
    [
      "host paths in their place",
      { ...command, volumeMounts: [{ name: "logs", mountPath: "/var/log" }] },
      { volumes: [hostLogs] },
    ],
    [
      "host paths elsewhere, to be read only",
      { ...command, volumeMounts: [{ name: "logs", mountPath: "/host/logs", readOnly: true }] },
      { volumes: [hostLogs] },
    ],
    [
      "scratch directories",
      { ...command, volumeMounts: [{ name: "cache", mountPath: "/cache" }] },
      { volumes: [{ name: "cache", emptyDir: {} }] },
    ],
    [
      "what the control plane holds, in files",
      { ...command, volumeMounts: [{ name: "s", mountPath: "/s", subPathExpr: "$(NODE)" }] },
      { volumes: [{ name: "s", secret: { secretName: "s", defaultMode: 420 } }] },
    ],
    [
      "volumes that it does not mount",
      command,
      { volumes: [{ name: "p", persistentVolumeClaim: { claimName: "p" } }] },
    ],
    ["limits", { ...command, resources: { limits: { memory: "200Mi" } } }, {}],
    ["privileges", { ...command, securityContext: { privileged: true } }, { hostNetwork: true, hostPID: true }],
    ["another user", { ...command, securityContext: { runAsUser: 1000, runAsNonRoot: true } }, {}],
    ["fewer capabilities", { ...command, securityContext: { capabilities: { drop: ["ALL"], add: ["NET_RAW"] } } }, {}],
    [
      "settings and secrets in its environment",
      {
        ...command,
        env: [{ name: "TOKEN", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }],
        envFrom: [{ configMapRef: { name: "c" } }],
      },
      {},
    ],
    ["ports of the host", { ...command, ports: [{ containerPort: 80, hostPort: 80, protocol: "TCP" }] }, {}],
    ["no seccomp profile", { ...command, securityContext: { seccompProfile: { type: "Unconfined" } } }, {}],
  ])("runs what asks for %s", (_, own, spec) => {
    expect(refusal(own, spec)).toBeNull();
  });

  const mounted = (volume: NonNullable<PodSpec["volumes"]>[number]): [Partial<Container>, Partial<PodSpec>] => [
    { ...command, volumeMounts: [{ name: volume.name, mountPath: "/v" }] },
    { volumes: [volume] },
  ];

  test.each<[RegExp, Partial<Container>, Partial<PodSpec>, HostRights?]>([
    [/^command: .*container main/, {}, {}],
    [/^command: /, { args: ["only"] }, {}],
    [
      /^spec\.volumes\[0\]\.persistentVolumeClaim: /,
      ...mounted({ name: "p", persistentVolumeClaim: { claimName: "p" } }),
    ],
    [/^volumeMounts\[none\]: /, { ...command, volumeMounts: [{ name: "none", mountPath: "/v" }] }, {}],
    [/^ports\[80\]\.hostPort: /, { ...command, ports: [{ containerPort: 80, hostPort: 8080, protocol: "TCP" }] }, {}],
    [/readOnlyRootFilesystem: /, { ...command, securityContext: { readOnlyRootFilesystem: true } }, {}],
    [/seccompProfile: /, { ...command, securityContext: { seccompProfile: { type: "RuntimeDefault" } } }, {}],
    [/seccompProfile: /, command, { securityContext: { seccompProfile: { type: "RuntimeDefault" } } }],
    [/appArmorProfile: /, { ...command, securityContext: { appArmorProfile: { type: "RuntimeDefault" } } }, {}],
    [/seLinuxOptions: /, { ...command, securityContext: { seLinuxOptions: { level: "s0" } } }, {}],
    [/runAsNonRoot: /, command, { securityContext: { runAsNonRoot: true } }],
    [/runAsUser: .* user 5/, { ...command, securityContext: { runAsUser: 5 } }, {}, user],
    [/runAsUser: /, { ...command, securityContext: { runAsUser: 5 } }, {}, bare],
    [/runAsGroup: /, command, { securityContext: { runAsGroup: 5 } }, user],
    [/privileged: /, { ...command, securityContext: { privileged: true } }, {}, user],
    [/capabilities\.add: /, { ...command, securityContext: { capabilities: { add: ["NET_ADMIN"] } } }, {}, user],
    [/capabilities\.drop: /, { ...command, securityContext: { capabilities: { drop: ["ALL"] } } }, {}, bare],
    [/allowPrivilegeEscalation: /, { ...command, securityContext: { allowPrivilegeEscalation: false } }, {}, bare],
    [/sysctls: /, command, { securityContext: { sysctls: [{ name: "a", value: "b" }] } }],
    [/fsGroup: /, command, { securityContext: { fsGroup: 1 } }, user],
    [/runtimeClassName: /, command, { runtimeClassName: "gvisor" }],
    [/hostUsers: /, command, { hostUsers: false }],
    [/hostAliases: /, command, { hostAliases: [{ ip: "192.0.2.1", hostnames: ["x"] }] }],
    [/dnsPolicy: /, command, { dnsPolicy: "None" }],
    [/dnsConfig: /, command, { dnsConfig: { nameservers: ["192.0.2.1"] } }],
    [/resourceClaims: /, command, { resourceClaims: [{ name: "gpu", resourceClaimName: "gpu" }] }],
    [/^spec\.os: /, command, { os: { name: "windows" } }],
    [/^spec\.resources\.limits: /, command, { resources: { limits: { cpu: "1" } } }],
    [/supplementalGroupsPolicy: /, command, { securityContext: { supplementalGroupsPolicy: "Strict" } }],
    [
      /^volumeMounts\[logs\]\.recursiveReadOnly: /,
      {
        ...command,
        volumeMounts: [{ name: "logs", mountPath: "/var/log", readOnly: true, recursiveReadOnly: "Enabled" }],
      },
      { volumes: [hostLogs] },
    ],
    [/^volumeDevices: /, { ...command, volumeDevices: [{ name: "logs", devicePath: "/dev/x" }] }, {}],
    [/^resources\.limits\[nvidia\.com\/gpu\]: /, { ...command, resources: { limits: { "nvidia.com/gpu": "1" } } }, {}],
    [/^resources\.claims: /, { ...command, resources: { claims: [{ name: "gpu" }] } }, {}],
    [/windowsOptions: /, { ...command, securityContext: { windowsOptions: {} } }, {}],
  ])("says %s", (pattern, own, spec, rights = root) => {
    expect(refusal(own, spec, rights)).toMatch(pattern);
  });

  test("needs no rights for what its own user may do", () => {
    expect(refusal({ ...command, securityContext: { runAsUser: 1000, runAsNonRoot: true } }, {}, user)).toBeNull();
    expect(refusal({ ...command, securityContext: { capabilities: { drop: ["ALL"] } } }, {}, user)).toBeNull();
  });

  test("tells what it does otherwise than asked, and nothing where all is as asked", () => {
    const volumes = [hostLogs, { name: "cache", emptyDir: {} }];
    const inPlace = container({ volumeMounts: [{ name: "logs", mountPath: "/var/log/" }] });
    expect(caveatOf(podSpec({ volumes }), inPlace, nothing)).toBeNull();
    const elsewhere = container({
      volumeMounts: [
        { name: "logs", mountPath: "/host", readOnly: true },
        { name: "cache", mountPath: "/cache" },
      ],
      resources: { limits: { cpu: "1" } },
    });
    expect(caveatOf(podSpec({ volumes }), elsewhere, nothing)).toBe(
      "Container main is a process of the host: volume logs is not at /host but at $(LARES_VOLUME_LOGS); " +
        "volume logs can be written to; volume cache is not at /cache but at $(LARES_VOLUME_CACHE); " +
        "resource limits are not enforced",
    );
    expect(caveatOf(podSpec({ volumes }), elsewhere, { ...nothing, limits: true })).not.toContain("limits");
  });
});

describe("a runtime with containers", () => {
  const host: HostAbilities = { isRoot: true, hasAppArmor: false };
  const refused = (own: Partial<Container>, spec: Partial<PodSpec> = {}, abilities = host) =>
    refusalOfContainer(podSpec({ containers: [container(own)], ...spec }), container(own), abilities);
  const mounting = (volume: NonNullable<PodSpec["volumes"]>[number]): [Partial<Container>, Partial<PodSpec>] => [
    { volumeMounts: [{ name: volume.name, mountPath: "/v" }] },
    { volumes: [volume] },
  ];

  test.each<[string, Partial<Container>, Partial<PodSpec>]>([
    ["an image alone", {}, {}],
    ["scratch space in memory", ...mounting({ name: "m", emptyDir: { medium: "Memory" } })],
    ["a Secret", ...mounting({ name: "s", secret: { secretName: "s", defaultMode: 420 } })],
    ["limits", { resources: { limits: { cpu: "1", memory: "1Gi", "ephemeral-storage": "1Gi" } } }, {}],
    [
      "walls of its own",
      { securityContext: { readOnlyRootFilesystem: true, seccompProfile: { type: "RuntimeDefault" } } },
      {},
    ],
    ["labels of SELinux", { securityContext: { seLinuxOptions: { type: "spc_t" } } }, {}],
    ["no AppArmor", { securityContext: { appArmorProfile: { type: "Unconfined" } } }, {}],
    ["names and resolvers", {}, { hostAliases: [{ ip: "192.0.2.1", hostnames: ["x"] }], dnsPolicy: "None" }],
  ])("runs what asks for %s", (_, own, spec) => {
    expect(refused(own, spec)).toBeNull();
  });

  test.each<[string, Partial<Container>, Partial<PodSpec>]>([
    ["volumeMounts[v]: ", { volumeMounts: [{ name: "v", mountPath: "/v" }] }, {}],
    ["spec.volumes[0].persistentVolumeClaim: ", ...mounting({ name: "v", persistentVolumeClaim: { claimName: "c" } })],
    ["spec.volumes[0].ephemeral: ", ...mounting({ name: "v", ephemeral: {} })],
    ["spec.volumes[0].csi: ", ...mounting({ name: "v", csi: { driver: "d" } })],
    [
      "spec.volumes[0].iscsi: ",
      ...mounting({ name: "v", iscsi: { targetPortal: "t", iqn: "i", lun: 0, iscsiInterface: "default" } }),
    ],
    ["spec.volumes[0].nfs: ", ...mounting({ name: "v", nfs: { server: "s", path: "/" } })],
    ["spec.volumes[0].image: ", ...mounting({ name: "v", image: { reference: "i", pullPolicy: "Always" } })],
    ["spec.volumes[0].emptyDir.medium: ", ...mounting({ name: "v", emptyDir: { medium: "HugePages-2Mi" } })],
    [
      "spec.volumes[0].projected.sources[0].clusterTrustBundle: ",
      ...mounting({ name: "v", projected: { defaultMode: 420, sources: [{ clusterTrustBundle: { path: "x" } }] } }),
    ],
    ["volumeDevices: ", { volumeDevices: [{ name: "v", devicePath: "/dev/x" }] }, {}],
    [
      "volumeMounts[v].recursiveReadOnly: ",
      { volumeMounts: [{ name: "v", mountPath: "/v", readOnly: true, recursiveReadOnly: "Enabled" }] },
      { volumes: [{ name: "v", emptyDir: {} }] },
    ],
    ["spec.os: ", {}, { os: { name: "windows" } }],
    ["spec.runtimeClassName: ", {}, { runtimeClassName: "gvisor" }],
    ["spec.hostUsers: ", {}, { hostUsers: false }],
    ["spec.resourceClaims: ", {}, { resourceClaims: [{ name: "gpu", resourceClaimName: "gpu" }] }],
    ["spec.resources.limits: ", {}, { resources: { limits: { cpu: "1" } } }],
    ["resources.claims: ", { resources: { claims: [{ name: "gpu" }] } }, {}],
    ["resources.limits[hugepages-2Mi]: ", { resources: { limits: { "hugepages-2Mi": "2Mi" } } }, {}],
    ["resources.limits[nvidia.com/gpu]: ", { resources: { limits: { "nvidia.com/gpu": "1" } } }, {}],
    ["securityContext.windowsOptions: ", { securityContext: { windowsOptions: {} } }, {}],
    [
      "spec.securityContext.supplementalGroupsPolicy: ",
      {},
      { securityContext: { supplementalGroupsPolicy: "Strict" } },
    ],
    ["securityContext.appArmorProfile: ", { securityContext: { appArmorProfile: { type: "RuntimeDefault" } } }, {}],
  ])("says %s", (start, own, spec) => {
    expect(refused(own, spec)).toMatch(new RegExp(`^${start.replaceAll(/[[\].]/g, "\\$&")}\\S`));
  });

  test("starts nothing beside a volume that cannot be had, and misses none that nobody mounts", () => {
    const volumes = [
      { name: "a", emptyDir: {} },
      { name: "b", csi: { driver: "d" } },
    ];
    const mounting = container({ name: "mounting", volumeMounts: [{ name: "b", mountPath: "/b" }] });
    expect(refused({}, { volumes, initContainers: [mounting] })).toMatch(/^spec\.volumes\[1\]\.csi: /);
    expect(refused({}, { volumes })).toBeNull();
  });

  test("honours more on a host that can do more, and less for an agent that may do less", () => {
    const appArmor: Partial<Container> = { securityContext: { appArmorProfile: { type: "RuntimeDefault" } } };
    expect(refused(appArmor, {}, { ...host, hasAppArmor: true })).toBeNull();
    const inMemory = mounting({ name: "m", emptyDir: { medium: "Memory" } });
    expect(refused(...inMemory, { ...host, isRoot: false })).toMatch(/^spec\.volumes\[0\]\.emptyDir\.medium: /);
  });
});
