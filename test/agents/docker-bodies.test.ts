// What the engines are asked to make, where Docker and Podman read the same thing in different ways.
import { describe, expect, test } from "vitest";
import { noHeldObjects } from "../../agents/node/assignment/held-objects.ts";
import { containerConfig, sandboxConfig } from "../../agents/node/pod/container-config.ts";
import { definitionOf } from "../../agents/node/pod/definition.ts";
import { containerBody, sandboxBody } from "../../agents/node/runtime/docker/create-bodies.ts";
import type { EngineKind } from "../../agents/node/runtime/docker/engine-types.ts";
import type { Mount } from "../../agents/node/runtime/runtime.ts";
import { noResolver } from "../../agents/node/volume/volumes.ts";
import type { PodSpec } from "../../src/model/pod-spec.ts";
import { assignedPod, container, template } from "./support/pods.ts";

function madeOf(kind: EngineKind, spec: Partial<PodSpec> = {}, mounts: readonly Mount[] = []) {
  const definition = definitionOf(template(spec));
  const [first] = definition.containers;
  if (first === undefined) throw new Error("no container");
  const node = { name: "node-1", ips: [], allocatable: {} };
  const pod = { assigned: assignedPod(), definition, node, podIp: "", objects: noHeldObjects };
  const directories = { logs: "/var/log", pods: "/var/lib/lares/pods" };
  const sandbox = sandboxConfig({ pod, attempt: 0, directories, resolver: noResolver });
  const config = containerConfig({ pod, container: first, attempt: 0, envs: [], mounts });
  const seccompProfile = () => ({ path: "", text: "" });
  const context = { kind, owner: "node-1", lowestOomScore: 0, seccompProfile };
  return {
    sandbox: sandboxBody(sandbox, "pause", context).HostConfig,
    container: containerBody({ config, sandbox, sandboxId: "s", logPath: "l", imageUser: "" }, context).HostConfig,
  };
}

function mountedBy(kind: EngineKind, hostPath: string, containerPath = "/data") {
  const mount = { volume: "v", hostPath, containerPath, readonly: false, propagation: "private" } as const;
  const { Binds, Mounts } = madeOf(kind, {}, [mount]).container;
  return { binds: Binds, mounts: Mounts.map(({ Source }) => Source) };
}

describe("a path that is mounted", () => {
  test.each([
    ["docker", "/a", { binds: [], mounts: ["/a"] }],
    ["docker", "/a:b,ro", { binds: [], mounts: ["/a:b,ro"] }],
    ["podman", "/a,b", { binds: ["/a,b:/data:rw,rbind,rprivate"], mounts: [] }],
    ["podman", "/a:b", { binds: [], mounts: ["/a:b"] }],
  ] as const)("by %s: %s", (kind, path, expected) => {
    expect(mountedBy(kind, path)).toEqual(expected);
  });

  test.each([
    ["/a:b,ro", "/data"],
    ["/a:b", "/data,ro"],
  ])("Podman would take for something else is refused: %s at %s", (hostPath, containerPath) => {
    expect(() => mountedBy("podman", hostPath, containerPath)).toThrow(
      `volumeMounts: ${hostPath} cannot be mounted at ${containerPath}`,
    );
  });
});

describe("labels of SELinux", () => {
  const securityContext = { seLinuxOptions: { type: "spc_t" } };
  const labels = (options: readonly string[]) => options.filter((option) => option.startsWith("label="));

  test("are told of the sandbox and of the container", () => {
    const shared = { seLinuxOptions: { user: "u", role: "r", type: "t", level: "s0:c1,c2" } };
    const made = madeOf("docker", { securityContext: shared, containers: [container({ securityContext })] });
    expect(labels(made.sandbox.SecurityOpt)).toEqual([
      "label=user:u",
      "label=role:r",
      "label=type:t",
      "label=level:s0:c1,c2",
    ]);
    expect(labels(made.container.SecurityOpt)).toEqual(["label=type:spc_t"]);
  });

  test("are told of a privileged container as well", () => {
    const privileged = { ...securityContext, privileged: true };
    const made = madeOf("podman", { containers: [container({ securityContext: privileged })] });
    expect(made.container.SecurityOpt).toEqual(["label=type:spc_t"]);
  });
});
