// The fields of probes: when, how often, how patiently and with what containers are asked.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";

import type { PodCase } from "./case.ts";
import { running } from "./case.ts";
import { follows, kept, keptLines, keptMount, writtenAtMs } from "./endings.ts";
import { HealthServer } from "./health-server.ts";
import { Listener } from "./listener.ts";
import { counting, isSecondRun, soon } from "./probed.ts";
import type { RealPod } from "./real-pod.ts";

const volumeMounts = [keptMount];
const once = { ...soon, failureThreshold: 1 };

const details = new Listener((count) => (count === 1 ? { status: 302, location: "/moved?to=here" } : { status: 200 }));

const httpDetails: PodCase = {
  pod: "probe-http",
  spec: async () => ({
    hostNetwork: true,
    containers: [
      {
        name: "main",
        command: running(),
        readinessProbe: {
          httpGet: {
            host: "127.0.0.1",
            port: (await details.start()).secure,
            scheme: "HTTPS",
            path: "/health?deep=1",
            httpHeaders: [
              { name: "Host", value: "app.example" },
              { name: "X-Word", value: "given" },
            ],
          },
          ...soon,
        },
      },
    ],
  }),
  rows: [
    {
      row: "httpGet: host, scheme HTTPS with any certificate, path with its query, headers",
      check: async (pod) => {
        await pod.untilReady();
        const { path, headers, isSecure } = details.questions[0] ?? {};
        expect({ path, isSecure }).toEqual({ path: "/health?deep=1", isSecure: true });
        expect(headers).toMatchObject({ host: "app.example", "x-word": "given", accept: "*/*" });
        expect(headers?.["user-agent"]).toMatch(/^kube-probe\/1\.\d+$/);
      },
    },
    {
      row: "httpGet: a redirect to the same host is followed",
      check: async (pod) => {
        await pod.untilReady();
        expect(details.questions[1]).toMatchObject({ path: "/moved?to=here", isSecure: true });
      },
    },
  ],
};

const delayed = new Listener();
const rare = new Listener();
const slow = new Listener(() => ({ status: 200, afterMs: 4000 }));
const doubtful = new Listener((count) => ({ status: count % 3 === 0 ? 500 : 200 }));
const forgiven = new Listener((count) => ({ status: count % 3 === 0 ? 200 : 500 }));
const silent = new HealthServer((service) => (service === "silent" ? "silence" : undefined));

const numbers: PodCase = {
  pod: "probe-numbers",
  spec: async ({ directory }) => {
    const asking = async (listener: Listener, rest: object) => ({
      httpGet: { host: "127.0.0.1", port: (await listener.start()).plain },
      ...soon,
      ...rest,
    });
    const grpcPort = await silent.start();
    return {
      hostNetwork: true,
      volumes: [kept(directory)],
      containers: [
        {
          name: "delayed",
          command: running("touch /kept/delayed"),
          volumeMounts,
          livenessProbe: await asking(delayed, { initialDelaySeconds: 4 }),
        },
        { name: "rare", command: running(), livenessProbe: await asking(rare, { periodSeconds: 3 }) },
        { name: "slow", command: running(), readinessProbe: await asking(slow, { timeoutSeconds: 1 }) },
        {
          name: "slow-exec",
          command: running(),
          readinessProbe: { exec: { command: ["sleep", "60"] }, ...soon, timeoutSeconds: 1 },
        },
        {
          name: "slow-grpc",
          command: running(),
          readinessProbe: { grpc: { port: grpcPort, service: "silent" }, ...soon, timeoutSeconds: 1 },
        },
        {
          name: "no-service",
          command: running(),
          readinessProbe: { grpc: { port: grpcPort, service: "nobody" }, ...soon },
        },
        { name: "doubtful", command: running(), readinessProbe: await asking(doubtful, { successThreshold: 3 }) },
        { name: "forgiven", command: counting("forgiven"), volumeMounts, livenessProbe: await asking(forgiven, {}) },
        {
          name: "no-port",
          command: running(),
          livenessProbe: { tcpSocket: { port: "nowhere" }, ...soon, failureThreshold: 1 },
        },
      ],
    };
  },
  rows: [
    {
      row: "initialDelaySeconds: not asked before",
      check: async (pod) => {
        await pod.until(() => expect(delayed.questions.length).toBeGreaterThan(0));
        const startedAtMs = Date.parse(pod.container("delayed")?.state.running?.startedAt ?? "");
        // The status tells whole seconds.
        expect((delayed.questions[0]?.atMs ?? 0) - startedAtMs).toBeGreaterThanOrEqual(4000);
      },
    },
    {
      row: "periodSeconds: between two questions",
      check: async () => {
        await follows(() => expect(rare.questions.length).toBeGreaterThan(4));
        const times = rare.questions.map(({ atMs }) => atMs);
        const averageMs = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / (times.length - 1);
        // One of them may come late on a machine that is busy, and the next one soon after.
        expect(averageMs).toBeGreaterThan(2400);
        expect(averageMs).toBeLessThan(6000);
      },
    },
    {
      row: "timeoutSeconds: of httpGet",
      check: async (pod) => unready(pod, "slow", /^Get "http:\/\/127.*": context deadline exceeded/),
    },
    {
      row: "timeoutSeconds: of exec",
      check: async (pod) => unready(pod, "slow-exec", /^command timed out: "sleep 60" timed out after 1s$/),
    },
    {
      row: "timeoutSeconds: of grpc",
      check: async (pod) => unready(pod, "slow-grpc", /^timeout: health rpc did not complete within 1s$/),
    },
    {
      row: "grpc.service: one that the server does not know",
      check: async (pod) => {
        await unready(
          pod,
          "no-service",
          /^error: health rpc probe failed: rpc error: code = NotFound desc = unknown service$/,
        );
        expect(silent.questions[0]?.userAgent).toMatch(/^kube-probe\/1\.\d+/);
      },
    },
    {
      row: "successThreshold: ready after as many in a row",
      check: async (pod) => {
        await pod.until(() => expect(doubtful.questions.length).toBeGreaterThanOrEqual(7));
        expect(pod.container("doubtful")?.ready).toBe(false);
        doubtful.respond(() => ({ status: 200 }));
        await follows(() => expect(pod.container("doubtful")?.ready).toBe(true));
      },
    },
    {
      row: "failureThreshold: fewer in a row change nothing",
      check: async (pod) => {
        await pod.until(() => expect(forgiven.questions.length).toBeGreaterThanOrEqual(7));
        expect(keptLines(pod, "forgiven.runs")).toEqual(["run"]);
        forgiven.respond(() => ({ status: 500 }));
        await follows(() => expect(keptLines(pod, "forgiven.runs").length).toBeGreaterThan(1));
      },
    },
    {
      row: "a probe that cannot be asked is told, and says nothing about the container",
      check: async (pod) => {
        await pod.untilEvent("Unhealthy", /^Liveness probe errored: .*nowhere/);
        expect(pod.container("no-port")).toMatchObject({ restartCount: 0, ready: true });
      },
    },
  ],
};

async function unready(pod: RealPod, name: string, output: RegExp): Promise<void> {
  await pod.until(() => {
    const found = pod.events.filter(
      ({ reason, fieldPath }) => reason === "Unhealthy" && fieldPath?.includes(`{${name}}`),
    );
    const messages = found.map(({ message }) => message.replace(/^Readiness probe failed: /, ""));
    expect(messages, pod.explanation()).toContainEqual(expect.stringMatching(output));
  });
  expect(pod.container(name)).toMatchObject({ ready: false, started: true, restartCount: 0 });
}

/** A file for each run, written to as long as it lives; it does not end when it is asked to. */
const undying = [
  "sh",
  "-c",
  "trap '' TERM; i=$(ls /kept | grep -c alive); while :; do touch /kept/alive-$i; sleep 0.1; done",
];
const failsFirst = { exec: { command: ["test", "-e", "/kept/alive-1"] }, ...once, initialDelaySeconds: 1 };

type Grace = {
  readonly ofPod: number;
  readonly probes: object;
  readonly row: string;
  readonly seconds: readonly [number, number];
};

const graces: Readonly<Record<string, Grace>> = {
  "liveness-grace": {
    ofPod: 120,
    probes: { livenessProbe: { ...failsFirst, terminationGracePeriodSeconds: 3 } },
    row: "livenessProbe.terminationGracePeriodSeconds: in place of the pod's",
    seconds: [2.5, 15],
  },
  "startup-grace": {
    ofPod: 120,
    probes: { startupProbe: { ...failsFirst, terminationGracePeriodSeconds: 3 } },
    row: "startupProbe.terminationGracePeriodSeconds: in place of the pod's",
    seconds: [2.5, 15],
  },
  "pod-grace": {
    ofPod: 5,
    probes: { livenessProbe: failsFirst },
    row: "terminationGracePeriodSeconds: of a container that fails its probe",
    seconds: [4.5, 17],
  },
};

const graceful = Object.entries(graces).map(
  ([name, { ofPod, probes: own, row, seconds }]): PodCase => ({
    pod: name,
    spec: ({ directory }) => ({
      hostNetwork: true,
      terminationGracePeriodSeconds: ofPod,
      volumes: [kept(directory)],
      containers: [{ name: "main", command: undying, volumeMounts, ...own }],
    }),
    rows: [
      {
        row,
        check: async (pod) => {
          await pod.until(() => {
            const terminated = { exitCode: 137, reason: "Error" };
            expect(pod.container(), pod.explanation()).toMatchObject({ restartCount: 1, lastState: { terminated } });
          });
          const killing = await pod.untilEvent("Killing", /failed .* probe, will be restarted/);
          expect(existsSync(join(pod.place.directory, "alive-0"))).toBe(true);
          const livedMs = writtenAtMs(pod, "alive-0") - Date.parse(killing.firstAt);
          expect(livedMs).toBeGreaterThan(seconds[0] * 1000);
          expect(livedMs).toBeLessThan(seconds[1] * 1000);
        },
      },
    ],
  }),
);

const sidecar: PodCase = {
  pod: "probe-sidecar",
  spec: ({ directory }) => ({
    hostNetwork: true,
    volumes: [kept(directory)],
    initContainers: [
      {
        name: "beside",
        restartPolicy: "Always",
        command: counting("beside"),
        volumeMounts,
        livenessProbe: { exec: { command: isSecondRun("beside") }, ...once },
        readinessProbe: { exec: { command: isSecondRun("beside") }, ...once },
        lifecycle: { preStop: { exec: { command: ["sh", "-c", "echo hook >>/kept/hooks; exit 1"] } } },
      },
    ],
    containers: [{ name: "main" }],
  }),
  rows: [
    {
      row: "initContainers: a sidecar has probes and hooks as well, and its readiness is the pod's",
      check: async (pod) => {
        await pod.untilReady();
        expect(pod.container("beside")).toMatchObject({ restartCount: 1, ready: true });
        expect(pod.container()?.restartCount).toBe(0);
        expect(keptLines(pod, "hooks")).toEqual(["hook"]);
        const fieldPath = "spec.initContainers{beside}";
        for (const reason of ["Unhealthy", "Killing", "FailedPreStopHook"]) {
          expect(await pod.untilEvent(reason, /./)).toMatchObject({ fieldPath });
        }
      },
    },
  ],
};

export const probeFieldCases: readonly PodCase[] = [httpDetails, numbers, ...graceful, sidecar];
