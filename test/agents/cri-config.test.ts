// What the CRI is told of a pod, where that is no plain copy; and what is refused because it cannot be told.
import { expect, test } from "vitest";
import { refusalOfContainer } from "../../agents/node/pod/refusal.ts";
import { containerMessage, sandboxMessage } from "../../agents/node/runtime/cri/config.ts";
import { imageFailure } from "../../agents/node/runtime/cri/failure.ts";
import { LinuxContainerSecurityContext, LinuxSandboxSecurityContext } from "../../agents/node/runtime/cri/messages.ts";
import { encode } from "../../agents/node/runtime/cri/protobuf.ts";
import type { LinuxSecurityContext, PodSandboxConfig } from "../../agents/node/runtime/runtime.ts";
import { fail } from "../../agents/node/runtime/runtime.ts";
import type { Container } from "../../src/model/container.ts";
import type { PodSpec } from "../../src/model/pod-spec.ts";
import { containerConfigOf, sandboxConfigOf } from "./runtime.conformance.ts";
import { container, podSpec } from "./support/pods.ts";

const context = {
  ownLabels: { "lares.dev/agent": "me" },
  seccompProfilePath: (name: string) => `/profiles/${name}`,
  cgroupParent: "/lares/pod1",
  hasUnifiedGroups: false,
};

function sandbox(fields: Partial<PodSandboxConfig>) {
  return sandboxMessage({ ...sandboxConfigOf("/log"), ...fields }, context);
}

function security(fields: Partial<LinuxSecurityContext>, imageUser = {}) {
  const config = containerConfigOf({});
  const linux = { ...config.linux, securityContext: { ...config.linux.securityContext, ...fields } };
  const message = containerMessage({ ...config, linux }, sandboxConfigOf("/log"), { ...context, imageUser });
  return message.linux?.securityContext;
}

test.each([
  [
    "all shared with the node",
    { hostNetwork: true, hostIpc: true, pidNamespace: "node" },
    { network: 2, pid: 2, ipc: 2 },
  ],
  ["all of the pod", { hostNetwork: false, hostIpc: false, pidNamespace: "pod" }, { network: 0, pid: 0, ipc: 0 }],
  ["processes of each container", { pidNamespace: "container" }, { pid: 1 }],
] as const)("namespaces: %s", (_, fields, expected) => {
  expect(sandbox(fields).linux?.securityContext?.namespaceOptions).toMatchObject(expected);
});

test("a sandbox carries the agent's mark and its group, and a name of its own only off the host's network", () => {
  expect(sandbox({}).labels).toMatchObject({ "lares.dev/agent": "me", "lares.dev/pod.uid": "uid-1" });
  expect(sandbox({}).linux?.cgroupParent).toBe("/lares/pod1");
  expect(sandbox({ hostNetwork: true, hostname: "named" }).hostname).toBe("");
  expect(sandbox({ hostNetwork: false, hostname: "named" }).hostname).toBe("named");
});

test.each([
  [undefined, { profileType: 1 }],
  [{ type: "Unconfined" }, { profileType: 1 }],
  [{ type: "RuntimeDefault" }, { profileType: 0 }],
  [
    { type: "Localhost", localhostProfile: "a/b.json" },
    { profileType: 2, localhostRef: "/profiles/a/b.json" },
  ],
] as const)("the seccomp profile %j is told as %j", (seccomp, expected) => {
  expect(security(seccomp === undefined ? {} : { seccomp })?.seccomp).toEqual(expected);
});

test.each([
  [{ type: "RuntimeDefault" }, { apparmor: { profileType: 0 }, apparmorProfile: "runtime/default" }],
  [{ type: "Unconfined" }, { apparmor: { profileType: 1 }, apparmorProfile: "unconfined" }],
  [
    { type: "Localhost", localhostProfile: "mine" },
    { apparmor: { profileType: 2, localhostRef: "mine" }, apparmorProfile: "localhost/mine" },
  ],
] as const)("the AppArmor profile %j is told to old runtimes and new ones", (appArmor, expected) => {
  expect(security({ appArmor })).toMatchObject(expected);
});

test("labels of SELinux are told of sandboxes and containers, in the fields of the CRI", () => {
  const seLinux = { user: "u", role: "r", type: "spc_t", level: "s0" };
  const { securityContext } = sandboxConfigOf("/log");
  const ofSandbox = sandbox({ securityContext: { ...securityContext, seLinux } }).linux?.securityContext;
  const label = "0a0175" + "120172" + "1a057370635f74" + "22027330";
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  expect(hex(encode(LinuxSandboxSecurityContext, { selinuxOptions: ofSandbox?.selinuxOptions }))).toBe(`1211${label}`);
  const { selinuxOptions } = security({ seLinux }) ?? {};
  expect(hex(encode(LinuxContainerSecurityContext, { selinuxOptions }))).toBe(`2211${label}`);
  expect(security({})?.selinuxOptions).toBeUndefined();
});

test.each([
  [{ runAsUser: 5 }, {}, { runAsUser: { value: 5 } }],
  [{ runAsUser: 5, runAsGroup: 6 }, {}, { runAsUser: { value: 5 }, runAsGroup: { value: 6 } }],
  [{ runAsGroup: 6 }, {}, { runAsUser: { value: 0 }, runAsGroup: { value: 6 } }],
  [{ runAsGroup: 6 }, { uid: 7 }, { runAsUser: { value: 7 }, runAsGroup: { value: 6 } }],
  [{ runAsGroup: 6 }, { username: "app" }, { runAsUsername: "app", runAsGroup: { value: 6 } }],
] as const)("%j with the image's user %j is told as %j", (fields, imageUser, expected) => {
  expect(security(fields, imageUser)).toMatchObject(expected);
});

test("the kernel's secrets are masked, unless all of /proc is to be seen or all is allowed anyway", () => {
  expect(security({})?.maskedPaths).toContain("/proc/kcore");
  expect(security({})?.readonlyPaths).toContain("/proc/sys");
  for (const fields of [{ privileged: true }, { unmaskedProc: true }]) {
    expect(security(fields)).toMatchObject({ maskedPaths: [], readonlyPaths: [] });
  }
});

test("in one tree of control groups a container ends as a whole when its memory runs out", () => {
  const message = (hasUnifiedGroups: boolean) =>
    containerMessage(containerConfigOf({}), sandboxConfigOf("/log"), { ...context, hasUnifiedGroups, imageUser: {} });
  expect(message(true).linux?.resources).toMatchObject({ unified: { "memory.oom.group": "1" } });
  expect(message(false).linux?.resources).not.toHaveProperty("unified");
});

const mount = { name: "v", mountPath: "/v", recursiveReadOnly: "Enabled", readOnly: true };

test.each<[Partial<PodSpec>, Partial<Container>, string | null]>([
  [{}, {}, null],
  [{ runtimeClassName: "kata" }, {}, "spec.runtimeClassName: "],
  [{ hostUsers: false }, {}, "spec.hostUsers: "],
  [{ hostUsers: true }, {}, null],
  [{}, { image: "" }, "image: "],
  [{}, { volumeDevices: [{ name: "d", devicePath: "/dev/d" }] }, "volumeDevices: "],
  [{}, { volumeMounts: [mount] }, "volumeMounts[v].recursiveReadOnly: "],
  [{}, { resources: { limits: { cpu: "1", memory: "1Gi", "ephemeral-storage": "1Gi" } } }, null],
  [{}, { resources: { limits: { "example.com/gpu": "1" } } }, "resources.limits[example.com/gpu]: "],
  [{ securityContext: { seLinuxOptions: { level: "s0" } } }, {}, null],
  [{ securityContext: { appArmorProfile: { type: "RuntimeDefault" } } }, {}, "securityContext.appArmorProfile: "],
  [{ securityContext: { appArmorProfile: { type: "Unconfined" } } }, {}, null],
  [{ hostNetwork: true, hostPID: true, hostIPC: true, dnsPolicy: "None" }, { tty: true, stdin: true }, null],
])("a pod with %j whose container has %j is refused by %j", (spec, fields, refused) => {
  const text = refusalOfContainer(podSpec(spec), container(fields), { isRoot: true, hasAppArmor: false });
  if (refused === null) expect(text).toBeNull();
  else expect(text?.startsWith(refused)).toBe(true);
});

test("with AppArmor on the host its profiles are not refused", () => {
  const spec = podSpec({ securityContext: { appArmorProfile: { type: "RuntimeDefault" } } });
  expect(refusalOfContainer(spec, container(), { isRoot: true, hasAppArmor: true })).toBeNull();
});

test.each([
  ['failed to resolve reference "x/y:1": x/y:1: not found', "not-found"],
  ['failed to parse image reference "A b": invalid reference format', "invalid-image-name"],
  [
    'failed to do request: Head "https://r/v2": dial tcp 10.0.0.1:443: connect: connection refused',
    "registry-unavailable",
  ],
  ['failed to do request: Head "https://r/v2": dial tcp: lookup r on 1.1.1.1:53: no such host', "registry-unavailable"],
  ['failed to do request: Head "https://r/v2": dial tcp 10.0.0.1:443: i/o timeout', "registry-unavailable"],
  ["unexpected status code [manifests 1]: 503 Service Unavailable", "registry-unavailable"],
  ["unexpected status from HEAD request to https://r/v2/x: 503 Service Unavailable", "registry-unavailable"],
  [
    'failed to do request: Head "https://r/v2": dial tcp 10.0.0.1:443: connect: connection timed out',
    "registry-unavailable",
  ],
  ['failed to do request: Head "https://r/v2": context deadline exceeded', "registry-unavailable"],
  ["failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized", "failed"],
  ["unexpected status from HEAD request to https://r/v2/x: 403 Forbidden", "failed"],
  ["pull access denied, repository does not exist or may require authorization", "failed"],
  ["failed to extract layer: no space left on device", "failed"],
])("a pull that fails with %j is of the kind %s", (message, reason) => {
  expect(imageFailure(fail("failed", message))).toEqual({ ok: false, reason, message });
});
