// What node monitors make of containers: since when each of them runs.
import { expect, test } from "vitest";

import type { Observed } from "../../agents/node/local-api/kubelet/metrics.ts";
import { cadvisorMetrics, resourceMetrics } from "../../agents/node/local-api/kubelet/metrics.ts";
import { summaryOf } from "../../agents/node/local-api/kubelet/summary.ts";
import type { PodStatus } from "../../src/model/pod-status.ts";
import { assignedPod, container, template } from "./support/pods.ts";

const startedAt = { main: "2026-01-01T00:01:00Z", proxy: "2026-01-01T00:00:30Z" };

function told(name: keyof typeof startedAt) {
  const state = { running: { startedAt: startedAt[name] } };
  return { name, state, lastState: {}, ready: true, restartCount: 0, image: "", imageID: "", started: true };
}

function observed(): Observed {
  const initContainers = [container({ name: "proxy", restartPolicy: "Always" })];
  const status: PodStatus = {
    startTime: "2026-01-01T00:00:00Z",
    containerStatuses: [told("main")],
    initContainerStatuses: [told("proxy")],
  };
  const used = { podUid: "uid-1", usageCoreNanoSeconds: 1, workingSetBytes: 1 };
  return {
    node: "node-1",
    pods: [{ assigned: assignedPod(), template: template({ initContainers }), status }],
    containers: [
      { ...used, id: "a", name: "main" },
      { ...used, id: "b", name: "proxy" },
    ],
    usage: { usageCoreNanoSeconds: 1, workingSetBytes: 1 },
    cores: 1,
    memoryBytes: 1,
    own: { cpuSeconds: 0, residentBytes: 0, startedAtMs: 0, numbers: {} },
  };
}

test.each([
  ["/metrics/resource", resourceMetrics],
  ["/metrics/cadvisor", cadvisorMetrics],
])("%s says of sidecars too since when they run", (_path, metrics) => {
  const text = metrics(observed());
  for (const [name, time] of Object.entries(startedAt)) {
    const sample = new RegExp(`^container_start_time_seconds\\{container="${name}",.*\\} (\\d+)$`, "m").exec(text);
    expect(Number(sample?.[1]) * 1000).toBe(Date.parse(time));
  }
});

test("/stats/summary says since when each container runs, not since when its pod is here", () => {
  const fileSystem = { capacityBytes: 1, availableBytes: 1, inodes: 1, inodesFree: 1 };
  const rates = { windowMs: 1000, node: { cpuNanoCores: 0, workingSetBytes: 0 }, containers: [] };
  const summary = summaryOf({ observed: observed(), rates, fileSystem, imageFileSystem: fileSystem, nowMs: 0 });
  expect(summary["pods"]).toMatchObject([
    {
      startTime: "2026-01-01T00:00:00Z",
      containers: [
        { name: "main", startTime: startedAt.main },
        { name: "proxy", startTime: startedAt.proxy },
      ],
    },
  ]);
});
