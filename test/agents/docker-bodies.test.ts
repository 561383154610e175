// What the engines are asked to make, where Docker and Podman read the same thing in different ways.
import { describe, expect, test } from "vitest";
import { noHeldObjects } from "../../agents/node/assignment/held-objects.ts";
import { containerConfig, sandboxConfig } from "../../agents/node/pod/container-config.ts";
import { definitionOf } from "../../agents/node/pod/definition.ts";
import { containerBody } from "../../agents/node/runtime/docker/create-bodies.ts";
import type { EngineKind } from "../../agents/node/runtime/docker/engine-types.ts";
import { noResolver } from "../../agents/node/volume/volumes.ts";
import { assignedPod, template } from "./support/pods.ts";

function bodyOf(kind: EngineKind, hostPath: string, containerPath = "/data") {
  const definition = definitionOf(template());
  const [container] = definition.containers;
  if (container === undefined) throw new Error("no container");
  const node = { name: "node-1", ips: [], allocatable: {} };
  const pod = { assigned: assignedPod(), definition, node, podIp: "", objects: noHeldObjects };
  const directories = { logs: "/var/log", pods: "/var/lib/lares/pods" };
  const sandbox = sandboxConfig({ pod, attempt: 0, directories, resolver: noResolver });
  const mounts = [{ volume: "v", hostPath, containerPath, readonly: false, propagation: "private" }] as const;
  const config = containerConfig({ pod, container, attempt: 0, envs: [], mounts });
  const seccompProfile = () => ({ path: "", text: "" });
  const context = { kind, owner: "node-1", lowestOomScore: 0, seccompProfile };
  const { Binds, Mounts } = containerBody({ config, sandbox, sandboxId: "s", logPath: "l", imageUser: "" }, context)
    .HostConfig as never as { Binds: string[]; Mounts: { Source: string }[] };
  return { binds: Binds, mounts: Mounts.map(({ Source }) => Source) };
}

describe("a path that is mounted", () => {
  test.each([
    ["docker", "/a", { binds: [], mounts: ["/a"] }],
    ["docker", "/a:b,ro", { binds: [], mounts: ["/a:b,ro"] }],
    ["podman", "/a,b", { binds: ["/a,b:/data:rw,rbind,rprivate"], mounts: [] }],
    ["podman", "/a:b", { binds: [], mounts: ["/a:b"] }],
  ] as const)("by %s: %s", (kind, path, expected) => {
    expect(bodyOf(kind, path)).toEqual(expected);
  });

  test.each([
    ["/a:b,ro", "/data"],
    ["/a:b", "/data,ro"],
  ])("Podman would take for something else is refused: %s at %s", (hostPath, containerPath) => {
    expect(() => bodyOf("podman", hostPath, containerPath)).toThrow(
      `volumeMounts: ${hostPath} cannot be mounted at ${containerPath}`,
    );
  });
});
