// What a container may use, and what it says of the pod.
import { expect } from "vitest";

import { lowestOomScore } from "../../../agents/node/runtime/docker/oom-score.ts";
import type { PodCase } from "./case.ts";

/** By version of control groups. */
const group = (...paths: readonly string[]) =>
  `cat ${paths.map((path) => `/sys/fs/cgroup/${path}`).join(" ")} 2>/dev/null; true`;
const memory = group("memory/memory.limit_in_bytes", "memory.max");
const quota = group("cpu/cpu.cfs_quota_us", "cpu.max");
const shares = group("cpu/cpu.shares", "cpu.weight");
const score = "cat /proc/self/oom_score_adj";

/** As low as the machine lets anybody have it. */
function scoreOf(wanted: number): string {
  return String(Math.max(wanted, lowestOomScore()));
}

const guaranteed: PodCase = {
  pod: "guaranteed",
  spec: () => ({
    containers: [{ name: "main", resources: { limits: { cpu: "500m", memory: "64Mi" } } }],
  }),
  rows: [
    { row: "resources.limits: memory, in the control group", shows: memory, is: "67108864" },
    { row: "resources.limits: cpu, in the control group", shows: quota, is: /^50000( 100000)?$/ },
    { row: "resources.requests: cpu is the limit where there is none", shows: shares, is: /^(512|20)$/ },
    { row: "QoS class: Guaranteed has the lowest OOM score", shows: score, is: () => scoreOf(-997) },
    {
      row: "QoS class: Guaranteed in the status, and what holds for the container",
      check: async (pod) => {
        await pod.until(() => expect(pod.status?.qosClass).toBe("Guaranteed"));
        const all = { cpu: "500m", memory: "64Mi" };
        await pod.until(() => expect(pod.container()?.resources?.limits).toEqual(all));
      },
    },
  ],
};

const burstable: PodCase = {
  pod: "burstable",
  spec: () => ({
    containers: [
      { name: "main", resources: { requests: { cpu: "100m", memory: "1Mi" }, limits: { memory: "128Mi" } } },
      { name: "free" },
    ],
  }),
  rows: [
    { row: "resources.requests: cpu, as a share", shows: shares, is: /^(102|4)$/ },
    { row: "resources.limits: of memory only leaves the processor free", shows: quota, is: /^(-1|max 100000)$/ },
    { row: "QoS class: Burstable, between the others", shows: score, is: /^(9\d\d)$/ },
    {
      row: "resources: none leave everything free",
      in: "free",
      shows: `${quota}; ${shares}`,
      is: /^(-1\n2|max 100000\n1)$/,
    },
    {
      row: "QoS class: Burstable in the status",
      check: async (pod) => {
        await pod.until(() => expect(pod.status?.qosClass).toBe("Burstable"));
        await pod.until(() => {
          expect(pod.container()?.resources).toEqual({
            limits: { memory: "128Mi" },
            requests: { cpu: "100m", memory: "1Mi" },
          });
        });
      },
    },
  ],
};

const bestEffort: PodCase = {
  pod: "best-effort",
  rows: [
    { row: "QoS class: BestEffort has the highest OOM score", shows: score, is: "1000" },
    {
      row: "QoS class: BestEffort in the status",
      check: async (pod) => {
        await pod.until(() => expect(pod.status?.qosClass).toBe("BestEffort"));
      },
    },
  ],
};

const hungry: PodCase = {
  pod: "hungry",
  spec: () => ({
    containers: [
      {
        name: "main",
        command: ["sh", "-c", "exec tail /dev/zero"],
        resources: { limits: { memory: "16Mi" } },
      },
    ],
  }),
  rows: [
    {
      row: "resources.limits: who takes more memory is ended, and it is told as OOMKilled",
      check: async (pod) => {
        await pod.until(() => {
          const { state, lastState } = pod.container() ?? {};
          expect(lastState?.terminated ?? state?.terminated).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
        });
      },
    },
  ],
};

export const resourceCases: readonly PodCase[] = [guaranteed, burstable, bestEffort, hungry];
