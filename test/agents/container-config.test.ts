import { describe, expect, test } from "vitest";

import { noHeldObjects } from "../../agents/node/assignment/held-objects.ts";
import { containerConfig, linuxResources, sandboxConfig } from "../../agents/node/pod/container-config.ts";
import { definitionOf } from "../../agents/node/pod/definition.ts";
import { environmentOf, podField, resourceField } from "../../agents/node/pod/environment.ts";
import { expand } from "../../agents/node/pod/expand.ts";
import { readHook } from "../../agents/node/pod/hook.ts";
import { annotations } from "../../agents/node/pod/labels.ts";
import type { DnsConfig, KeyValue } from "../../agents/node/runtime/runtime.ts";
import { noResolver } from "../../agents/node/volume/volumes.ts";
import type { Container } from "../../src/model/container.ts";
import type { PodSpec } from "../../src/model/pod-spec.ts";
import { assignedPod, container, template } from "./support/pods.ts";

const directories = { logs: "/var/log", pods: "/var/lib/lares/pods" };
const node = { name: "node-1", ips: ["192.0.2.10", "2001:db8::1"], allocatable: { cpu: "4", memory: "8Gi" } };

function pod(spec: Partial<PodSpec> = {}) {
  const metadata = { labels: { app: "app", "a/b": "slashed" }, annotations: { note: "kept" } };
  return {
    assigned: assignedPod(),
    definition: definitionOf(template(spec, metadata)),
    node,
    podIp: "10.1.2.3",
    objects: noHeldObjects,
  };
}

function configOf(fields: Partial<Container>, spec: Partial<PodSpec> = {}) {
  const surroundings = pod({ containers: [container(fields)], ...spec });
  const [first] = surroundings.definition.containers;
  if (first === undefined) throw new Error("no container");
  const envs = envsOf(first.container, surroundings);
  return containerConfig({ pod: surroundings, container: first, attempt: 2, envs, mounts: [] });
}

function sandboxOf(spec: Partial<PodSpec>, resolver: DnsConfig = noResolver) {
  return sandboxConfig({ pod: pod(spec), attempt: 3, directories, resolver });
}

function envsOf(...args: Parameters<typeof environmentOf>): readonly KeyValue[] {
  const environment = environmentOf(...args);
  if (!environment.ok) throw new Error(environment.message);
  return environment.envs;
}

describe("$(NAME)", () => {
  const values = new Map([
    ["A", "1"],
    ["B", "two"],
    ["EMPTY", ""],
  ]);
  test.each([
    ["plain", "plain"],
    ["$(A)", "1"],
    ["x$(A)y$(B)z", "x1ytwoz"],
    ["$(EMPTY)", ""],
    ["$(NONE)", "$(NONE)"],
    ["$$(A)", "$(A)"],
    ["$$$(A)", "$1"],
    ["$$$$(A)", "$$(A)"],
    ["$A $ $(", "$A $ $("],
    ["$(A", "$(A"],
    ["$()", "$()"],
  ])("%s reads %s", (text, expected) => {
    expect(expand(text, values)).toBe(expected);
  });
});

describe("the environment", () => {
  const localApi = {
    ca: () => "",
    address: ({ sharesNetwork }: { readonly sharesNetwork: boolean }) => ({
      host: sharesNetwork ? "127.0.0.1" : "fd00::1",
      port: 10443,
    }),
  };

  test("tells where the node's API is, to pods on its network and to others", () => {
    const ofOwn = envsOf(container(), { ...pod(), localApi });
    expect(Object.fromEntries(ofOwn.map(({ key, value }) => [key, value]))).toEqual({
      KUBERNETES_SERVICE_HOST: "fd00::1",
      KUBERNETES_SERVICE_PORT: "10443",
      KUBERNETES_SERVICE_PORT_HTTPS: "10443",
      KUBERNETES_PORT: "tcp://[fd00::1]:10443",
      KUBERNETES_PORT_10443_TCP: "tcp://[fd00::1]:10443",
      KUBERNETES_PORT_10443_TCP_PROTO: "tcp",
      KUBERNETES_PORT_10443_TCP_PORT: "10443",
      KUBERNETES_PORT_10443_TCP_ADDR: "fd00::1",
    });
    const ofNode = envsOf(container(), { ...pod({ hostNetwork: true }), localApi });
    expect(ofNode[0]).toEqual({ key: "KUBERNETES_SERVICE_HOST", value: "127.0.0.1" });
  });

  test("keeps what a container says itself of where the API is, and lets it refer to what the node says", () => {
    const env = [
      { name: "API", value: "https://$(KUBERNETES_SERVICE_HOST):$(KUBERNETES_SERVICE_PORT)" },
      { name: "KUBERNETES_SERVICE_HOST", value: "api.example" },
    ];
    const values = envsOf(container({ env }), { ...pod({ hostNetwork: true }), localApi });
    expect(values).toContainEqual({ key: "API", value: "https://127.0.0.1:10443" });
    const hosts = values.filter(({ key }) => key === "KUBERNETES_SERVICE_HOST");
    expect(hosts).toEqual([{ key: "KUBERNETES_SERVICE_HOST", value: "api.example" }]);
  });

  test("takes values in their order, the later seeing the earlier", () => {
    const env = [
      { name: "A", value: "1" },
      { name: "B", value: "$(A)$(C)" },
      { name: "C", value: "$(B)!" },
      { name: "A", value: "again" },
      { name: "NONE" },
    ];
    const seen = envsOf(container({ env }), pod());
    expect(seen).toEqual([
      { key: "A", value: "again" },
      { key: "B", value: "1$(C)" },
      { key: "C", value: "1$(C)!" },
      { key: "NONE", value: "" },
    ]);
  });

  test.each([
    ["metadata.name", "app-1"],
    ["metadata.namespace", "default"],
    ["metadata.uid", "uid-1"],
    ["metadata.labels['app']", "app"],
    ["metadata.labels['a/b']", "slashed"],
    ["metadata.labels['none']", ""],
    ["metadata.annotations['note']", "kept"],
    ["spec.nodeName", "node-1"],
    ["spec.serviceAccountName", "default"],
    ["status.hostIP", "192.0.2.10"],
    ["status.hostIPs", "192.0.2.10,2001:db8::1"],
    ["status.podIP", "10.1.2.3"],
  ])("knows %s", (fieldPath, value) => {
    expect(podField(fieldPath, pod())).toBe(value);
    const env = [{ name: "FIELD", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath } } }];
    expect(envsOf(container({ env }), pod())).toEqual([{ key: "FIELD", value }]);
  });

  test.each([
    ["limits.cpu", "0", "1"],
    ["limits.cpu", "1m", "500"],
    ["limits.memory", "0", "134217728"],
    ["limits.memory", "1Mi", "128"],
    ["requests.cpu", "1m", "250"],
    ["requests.memory", "1Mi", "128"],
    ["requests.ephemeral-storage", "1", "0"],
  ])("knows %s in units of %s", (resource, divisor, value) => {
    const own = container({ resources: { limits: { cpu: "500m", memory: "128Mi" }, requests: { cpu: "250m" } } });
    expect(resourceField({ resource, divisor }, own, pod())).toBe(value);
  });

  test("takes a limit that is not set for what the node can give", () => {
    expect(resourceField({ resource: "limits.cpu", divisor: "1" }, container(), pod())).toBe("4");
    expect(resourceField({ resource: "limits.memory", divisor: "1Gi" }, container(), pod())).toBe("8");
  });
});

describe("what a runtime is told", () => {
  test("of a sandbox", () => {
    const ports = [
      { containerPort: 80, hostPort: 8080, protocol: "TCP" },
      { containerPort: 81, protocol: "TCP" },
    ];
    const config = sandboxOf({ containers: [container({ ports })] });
    expect(config).toMatchObject({
      metadata: { name: "app-1", uid: "uid-1", namespace: "default", attempt: 3 },
      hostname: "app-1",
      logDirectory: "/var/log/pods/default_app-1_uid-1",
      portMappings: [{ protocol: "TCP", containerPort: 80, hostPort: 8080, hostIp: "" }],
      annotations: { note: "kept" },
    });
    expect(sandboxOf({ hostNetwork: true })).toMatchObject({
      hostname: "node-1",
      portMappings: [],
    });
  });

  test("of a container, with its command expanded", () => {
    const config = configOf({
      command: ["run", "$(A)", "$$(A)"],
      args: ["--id=$(A)$(B)"],
      env: [{ name: "A", value: "1" }],
      workingDir: "/srv",
    });
    expect(config).toMatchObject({
      metadata: { name: "main", attempt: 2 },
      command: ["run", "1", "$(A)"],
      args: ["--id=1$(B)"],
      workingDir: "/srv",
      logPath: "main/2.log",
      annotations: { [annotations.gracePeriodSeconds]: "30", [annotations.terminationMessagePolicy]: "File" },
    });
  });

  test("of a pre-stop hook, with everything looked up", () => {
    const ports = [{ name: "admin", containerPort: 9000, protocol: "TCP" }];
    const preStop = { httpGet: { path: "/stop", port: "admin", scheme: "HTTP" } };
    const noted = configOf({ ports, lifecycle: { preStop } }).annotations[annotations.preStop] ?? "";
    expect(readHook(noted)).toEqual({
      httpGet: { scheme: "HTTP", host: "10.1.2.3", port: 9000, path: "/stop", headers: [] },
    });
    expect(readHook('{"problem":"tcpSocket: no"}')).toEqual({ problem: "tcpSocket: no" });
    expect(readHook("{}")).toBeNull();
    expect(readHook("nonsense")).toBeNull();
  });

  test("of rights, the container's own before the pod's", () => {
    const securityContext = { runAsUser: 1, runAsGroup: 2, supplementalGroups: [3] };
    const own = { runAsUser: 7, allowPrivilegeEscalation: false, capabilities: { add: ["NET_ADMIN"], drop: ["ALL"] } };
    expect(configOf({ securityContext: own }, { securityContext }).linux.securityContext).toEqual({
      privileged: false,
      runAsUser: 7,
      runAsGroup: 2,
      supplementalGroups: [3],
      noNewPrivileges: true,
      addCapabilities: ["NET_ADMIN"],
      dropCapabilities: ["ALL"],
      readonlyRootfs: false,
      unmaskedProc: false,
    });
  });

  test("of SELinux, all that the container says in place of all that the pod does", () => {
    const securityContext = { seLinuxOptions: { user: "u", level: "s0:c1,c2" } };
    const labelOf = (own: Partial<Container>, spec: Partial<PodSpec>) =>
      configOf(own, spec).linux.securityContext.seLinux;
    expect(labelOf({}, {})).toBeUndefined();
    expect(labelOf({}, { securityContext })).toEqual({ user: "u", role: "", type: "", level: "s0:c1,c2" });
    const own = { securityContext: { seLinuxOptions: { type: "spc_t" } } };
    expect(labelOf(own, { securityContext })).toEqual({ user: "", role: "", type: "spc_t", level: "" });
  });

  test.each([
    ["nothing asked", {}, "BestEffort", { cpuShares: 2, oomScoreAdjust: 1000 }],
    [
      "a guarantee",
      { limits: { cpu: "500m", memory: "1Gi" } },
      "Guaranteed",
      { cpuShares: 512, cpuQuota: 50_000, memoryLimit: 1_073_741_824, oomScoreAdjust: -997 },
    ],
    [
      "a quarter of the memory",
      { requests: { cpu: "1", memory: "2Gi" } },
      "Burstable",
      { cpuShares: 1024, oomScoreAdjust: 750 },
    ],
    ["a little memory", { requests: { memory: "1Ki" } }, "Burstable", { cpuShares: 2, oomScoreAdjust: 999 }],
    ["all the memory", { requests: { memory: "8Gi" } }, "Burstable", { cpuShares: 2, oomScoreAdjust: 3 }],
    ["next to no CPU", { limits: { cpu: "1m" } }, "Burstable", { cpuShares: 2, cpuQuota: 1000, oomScoreAdjust: 999 }],
  ] as const)("of resources for %s", (_, resources, qosClass, expected) => {
    expect(linuxResources({ resources }, qosClass, node.allocatable)).toEqual(expected);
  });

  test.each([
    ["system-node-critical", -997],
    ["system-cluster-critical", 1000],
  ])("of a pod of the class %s: killed for its memory at %i", (priorityClassName, expected) => {
    expect(configOf({}, { priorityClassName }).linux.resources.oomScoreAdjust).toBe(expected);
  });
});

const appArmor = "container.apparmor.security.beta.kubernetes.io/";

test.each<[Record<string, string>, Partial<PodSpec>, Partial<Container>, object | undefined]>([
  [{}, {}, {}, undefined],
  [{ main: "runtime/default" }, {}, {}, { type: "RuntimeDefault" }],
  [{ main: "unconfined" }, {}, {}, { type: "Unconfined" }],
  [{ main: "localhost/a/b" }, {}, {}, { type: "Localhost", localhostProfile: "a/b" }],
  [{ main: "localhost/" }, {}, {}, undefined],
  [{ main: "" }, {}, {}, undefined],
  [{ other: "unconfined" }, {}, {}, undefined],
  [
    { main: "unconfined" },
    { securityContext: { appArmorProfile: { type: "RuntimeDefault" } } },
    {},
    { type: "Unconfined" },
  ],
  [
    { main: "unconfined" },
    {},
    { securityContext: { appArmorProfile: { type: "RuntimeDefault" } } },
    { type: "RuntimeDefault" },
  ],
])("AppArmor by the annotations %j in a pod with %j whose container has %j is %j", (said, spec, fields, expected) => {
  const given = Object.fromEntries(Object.entries(said).map(([name, value]) => [appArmor + name, value]));
  const containers = [container({ name: "main", ...fields })];
  const definition = definitionOf(template({ containers, ...spec }, { annotations: given }));
  const [first] = definition.containers;
  if (first === undefined) throw new Error("no container");
  const config = containerConfig({ pod: { ...pod(), definition }, container: first, attempt: 0, envs: [], mounts: [] });
  expect(config.linux.securityContext.appArmor).toEqual(expected);
});
