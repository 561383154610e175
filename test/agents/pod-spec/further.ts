// Fields that belong to none of the other subjects.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";

import { busyboxImage } from "../../containers/image.ts";
import type { PodCase } from "./case.ts";
import { running } from "./case.ts";

const terminals: PodCase = {
  pod: "terminals",
  spec: () => ({
    hostNetwork: true,
    restartPolicy: "Never",
    containers: [
      { name: "tty", tty: true, command: running("test -t 1 && echo a terminal; tty") },
      { name: "none", command: running("test -t 1 || echo none") },
      { name: "input", stdin: true, command: ["cat"] },
      { name: "no-input", command: ["sh", "-c", "cat; echo end of input"] },
    ],
  }),
  rows: [
    {
      row: "tty: the container has a terminal",
      check: async (pod) => {
        await pod.until(() => {
          const lines = pod.lines("tty").map((line) => line.replace("\r", ""));
          expect(lines).toEqual(["a terminal", expect.stringMatching(/^\/dev\/(pts\/\d+|console)$/)]);
        });
      },
    },
    { row: "tty: none unless it is asked for", check: async (pod) => pod.untilSaid("none", "none") },
    {
      row: "stdin: stays open where it is asked for, and is at its end where it is not",
      check: async (pod) => {
        await pod.untilSaid("end of input", "no-input");
        await pod.until(() => expect(pod.container("no-input")?.state.terminated).toMatchObject({ exitCode: 0 }));
        expect(pod.container("input")?.state.running, pod.explanation()).toBeDefined();
      },
    },
  ],
};

/** What is laid over parts of it. */
const covered = "grep -c ' /proc/' /proc/self/mounts";

const kernel: PodCase = {
  pod: "kernel",
  spec: ({ directory }) => {
    // Beside what tests keep: the agent's own state.
    const profiles = join(directory, "../../state/seccomp/tests");
    mkdirSync(profiles, { recursive: true });
    const profile = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
    };
    writeFileSync(join(profiles, "no-folders.json"), JSON.stringify(profile));
    return {
      securityContext: {
        sysctls: [
          { name: "net.ipv4.ip_unprivileged_port_start", value: "81" },
          { name: "net.ipv4.ping_group_range", value: "1 2" },
        ],
      },
      containers: [
        {
          name: "main",
          securityContext: { seccompProfile: { type: "Localhost", localhostProfile: "tests/no-folders.json" } },
        },
        { name: "unmasked", securityContext: { procMount: "Unmasked" } },
      ],
    };
  },
  rows: [
    {
      row: "sysctls: of the pod's own namespaces",
      shows: "cd /proc/sys/net/ipv4; cat ip_unprivileged_port_start; cat ping_group_range",
      is: "81\n1\t2",
    },
    {
      row: "seccompProfile: Localhost, a file of the node's",
      shows: "mkdir /tmp/x || echo no; touch /tmp/y && echo yes",
      is: /not permitted\nno\nyes$/,
    },
    { row: "procMount: Default, parts of it are covered", shows: covered, is: /^[1-9]\d*$/ },
    { row: "procMount: Unmasked, all of it is there", in: "unmasked", shows: covered, is: "0" },
  ],
};

const nodesServers = () =>
  readFileSync("/etc/resolv.conf", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("nameserver"))
    .join("\n");

const resolvers = ["ClusterFirst", "ClusterFirstWithHostNet", "Default"].flatMap((dnsPolicy) =>
  [true, false].map(
    (hostNetwork): PodCase => ({
      pod: `dns-${dnsPolicy.toLowerCase()}${hostNetwork ? "-host" : ""}`,
      spec: () => ({ hostNetwork, dnsPolicy, containers: [{ name: "main" }] }),
      rows: [
        {
          row: `dnsPolicy ${dnsPolicy}${hostNetwork ? " on the node's network" : ""}: the node's own servers`,
          shows: "grep ^nameserver /etc/resolv.conf",
          is: nodesServers(),
        },
      ],
    }),
  ),
);

const gated: PodCase = {
  pod: "gated",
  spec: () => ({
    hostNetwork: true,
    readinessGates: [{ conditionType: "example.com/let-in" }],
    containers: [{ name: "main" }],
  }),
  rows: [
    {
      row: "readinessGates: the containers are ready, the pod is not, and says why",
      check: async (pod) => {
        await pod.until(() => expect(pod.condition("ContainersReady")).toBe("True"));
        expect(pod.status?.conditions?.find(({ type }) => type === "Ready")).toMatchObject({
          ...{ status: "False", reason: "ReadinessGatesNotReady" },
          message: 'corresponding condition of pod readiness gate "example.com/let-in" does not exist.',
        });
      },
    },
  ],
};

const letIn: PodCase = {
  pod: "let-in",
  conditions: { "example.com/let-in": "True" },
  spec: () => ({
    hostNetwork: true,
    readinessGates: [{ conditionType: "example.com/let-in" }],
    containers: [{ name: "main" }],
  }),
  rows: [
    {
      row: "readinessGates: the pod is ready once somebody has said so",
      check: (pod) => pod.until(() => expect(pod.condition("Ready")).toBe("True")),
    },
  ],
};

const byDigest: PodCase = {
  pod: "by-digest",
  spec: async ({ registry }) => {
    const image = busyboxImage({ files: [{ path: "/version", text: "by digest\n" }] });
    await registry.push("test/digest:1", image);
    return {
      hostNetwork: true,
      containers: [
        { name: "main", image: registry.byDigest("test/digest:1", image), command: running("cat /version") },
      ],
    };
  },
  rows: [
    {
      row: "image: by its digest, which the status tells",
      check: async (pod) => {
        await pod.untilSaid("by digest");
        await pod.untilReady();
        const image = pod.container()?.image ?? "";
        expect(pod.container()?.imageID).toContain(image.slice(image.indexOf("@")));
      },
    },
  ],
};

/** Somebody else has decided on all of this before a node hears of the pod. */
const settled: PodCase = {
  pod: "settled",
  spec: () => ({
    hostNetwork: true,
    nodeSelector: { "kubernetes.io/os": "linux" },
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/os", operator: "In", values: ["linux"] }] }],
        },
      },
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: { app: "settled" } }, topologyKey: "kubernetes.io/hostname" },
        ],
      },
    },
    tolerations: [{ operator: "Exists" }],
    priorityClassName: "system-node-critical",
    priority: 2_000_001_000,
    preemptionPolicy: "PreemptLowerPriority",
    schedulerName: "default-scheduler",
    overhead: { cpu: "1m" },
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "DoNotSchedule" },
    ],
    enableServiceLinks: true,
    containers: [{ name: "main" }],
  }),
  rows: [
    {
      row: "nodeSelector, affinity, tolerations, priority, overhead, topologySpreadConstraints: keep no pod from running",
      check: async (pod) => {
        await pod.untilReady();
        expect(pod.events.filter(({ type }) => type === "Warning")).toEqual([]);
      },
    },
  ],
};

export const furtherCases: readonly PodCase[] = [terminals, kernel, ...resolvers, gated, letIn, byDigest, settled];
