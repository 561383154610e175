// /stats/summary. Source: k8s.io/kubelet pkg/apis/stats/v1alpha1 Summary.
import { goTime } from "../../../../src/model/instant.ts";
import type { UsageReport } from "../../../../src/model/usage-report.ts";
import type { Json } from "../answers.ts";
import type { Observed } from "./metrics.ts";
import { startOf } from "./metrics.ts";

export type FileSystem = {
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
};

export type SummaryInput = {
  readonly observed: Observed;
  /** Rates. */
  readonly rates: UsageReport;
  readonly fileSystem: FileSystem;
  /** What images are kept on; the same where they have no disk of their own. */
  readonly imageFileSystem: FileSystem;
  readonly nowMs: number;
};

export function summaryOf({ observed, rates, fileSystem, imageFileSystem, nowMs }: SummaryInput): Json {
  const time = goTime(nowMs);
  const fs = ({ capacityBytes, availableBytes, inodes, inodesFree }: FileSystem) => ({
    time,
    availableBytes,
    capacityBytes,
    usedBytes: capacityBytes - availableBytes,
    inodes,
    inodesFree,
    inodesUsed: inodes - inodesFree,
  });
  const memory = (workingSetBytes: number) => ({ time, workingSetBytes });
  const cpu = (usageNanoCores: number, usageCoreNanoSeconds: number) => ({
    time,
    usageNanoCores,
    usageCoreNanoSeconds,
  });
  const pods = observed.pods.map(({ assigned: { uid, name, namespace }, status }) => {
    const own = observed.containers.filter(({ podUid }) => podUid === uid);
    const rateOf = (container: string) =>
      rates.containers.find((rate) => rate.podUid === uid && rate.name === container)?.cpuNanoCores ?? 0;
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    return {
      podRef: { name, namespace, uid },
      startTime: status?.startTime ?? time,
      containers: own.map((stats) => ({
        name: stats.name,
        startTime: startOf({ status }, stats.name) ?? status?.startTime ?? time,
        cpu: cpu(rateOf(stats.name), stats.usageCoreNanoSeconds),
        memory: memory(stats.workingSetBytes),
      })),
      cpu: cpu(sum(own.map((stats) => rateOf(stats.name))), sum(own.map((stats) => stats.usageCoreNanoSeconds))),
      memory: memory(sum(own.map((stats) => stats.workingSetBytes))),
    };
  });
  const { usage, memoryBytes } = observed;
  return {
    node: {
      nodeName: observed.node,
      startTime: goTime(observed.own.startedAtMs),
      cpu: cpu(rates.node.cpuNanoCores, usage.usageCoreNanoSeconds),
      memory: { ...memory(usage.workingSetBytes), availableBytes: Math.max(0, memoryBytes - usage.workingSetBytes) },
      fs: fs(fileSystem),
      runtime: { imageFs: fs(imageFileSystem) },
    },
    pods,
  };
}
