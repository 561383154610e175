import { describe, expect, it } from "vitest";

import { clashes, podDemand } from "../../src/core/pod-demand.ts";
import { pod } from "../model/objects.ts";

const container = (name: string, fields: object = {}) => ({ name, image: "i", ...fields });
const asking = (name: string, cpu: string, fields: object = {}) =>
  container(name, { resources: { requests: { cpu } }, ...fields });

describe("what a pod asks for", () => {
  it.each([
    ["the sum of its containers", { containers: [asking("a", "100m"), asking("b", "0.2")] }, 300],
    [
      "the largest init container, when that is more",
      { containers: [asking("a", "100m")], initContainers: [asking("i", "1"), asking("j", "500m")] },
      1000,
    ],
    [
      "sidecars beside the containers",
      { containers: [asking("a", "100m")], initContainers: [asking("s", "50m", { restartPolicy: "Always" })] },
      150,
    ],
    [
      "sidecars beside the init containers after them, and not before",
      {
        containers: [asking("a", "100m")],
        initContainers: [asking("i", "350m"), asking("s", "100m", { restartPolicy: "Always" }), asking("j", "300m")],
      },
      400,
    ],
    ["the overhead on top", { containers: [asking("a", "100m")], overhead: { cpu: "10m" } }, 110],
  ])("is %s", (_rule, spec, cpu) => {
    expect(podDemand(pod({ spec }).spec).amounts).toEqual(new Map([["cpu", cpu]]));
  });

  it("is in bytes and whole units but for CPU, and nothing where it asks for none", () => {
    const resources = { requests: { memory: "1Mi", "example.com/gpu": "2", cpu: "0" } };
    expect(podDemand(pod({ spec: { containers: [container("a", { resources })] } }).spec).amounts).toEqual(
      new Map([
        ["memory", 1_048_576],
        ["example.com/gpu", 2],
      ]),
    );
  });

  it("has the host ports of containers and sidecars", () => {
    const port = (containerPort: number, fields: object = {}) => ({ ports: [{ containerPort, ...fields }] });
    const spec = {
      containers: [container("a", port(80, { hostPort: 8080, hostIP: "10.0.0.1" })), container("b", port(81))],
      initContainers: [
        container("i", port(82, { hostPort: 82 })),
        container("s", { ...port(83, { hostPort: 83, protocol: "UDP" }), restartPolicy: "Always" }),
      ],
    };
    expect(podDemand(pod({ spec }).spec).ports).toEqual([
      { ip: "0.0.0.0", protocol: "UDP", port: 83 },
      { ip: "10.0.0.1", protocol: "TCP", port: 8080 },
    ]);
  });
});

it.each([
  ["the same", { ip: "10.0.0.1", protocol: "TCP", port: 80 }, true],
  ["any address", { ip: "0.0.0.0", protocol: "TCP", port: 80 }, true],
  ["another address", { ip: "10.0.0.2", protocol: "TCP", port: 80 }, false],
  ["another protocol", { ip: "10.0.0.1", protocol: "UDP", port: 80 }, false],
  ["another port", { ip: "10.0.0.1", protocol: "TCP", port: 81 }, false],
])("a host port and %s", (_other, other, taken) => {
  const port = { ip: "10.0.0.1", protocol: "TCP", port: 80 };
  expect(clashes(port, other)).toBe(taken);
  expect(clashes(other, port)).toBe(taken);
});
