// How containers are asked whether they are well, and what follows from the answers.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";

import type { ContainerFields, PodCase } from "./case.ts";
import { running } from "./case.ts";
import { follows, kept, keptLines, keptMount } from "./endings.ts";
import { HealthServer } from "./health-server.ts";
import { Listener } from "./listener.ts";
import { counting, isSecondRun, soon } from "./probed.ts";
import type { RealPod } from "./real-pod.ts";

const volumeMounts = [keptMount];
/** Serves in its second run only. */
const servesLater = (name: string, port: number) =>
  `[ $(wc -l </kept/${name}.runs) -gt 1 ] && httpd -p ${port} -h /kept`;

type Kind = {
  readonly hostNetwork: boolean;
  readonly script?: string;
  /** Fails in the first run of the container, then goes well. */
  readonly handler: () => Promise<object> | object;
  readonly output: RegExp;
};

/** Each time another server, which counts. */
const kinds: Readonly<Record<string, Kind>> = {
  exec: { hostNetwork: true, handler: () => ({ exec: { command: isSecondRun("main") } }), output: /^of 1\n$/ },
  httpGet: {
    hostNetwork: true,
    handler: async () => {
      const listener = new Listener((count) => ({ status: count <= 2 ? 500 : 200 }));
      return { httpGet: { host: "127.0.0.1", port: (await listener.start()).plain, path: "/well" } };
    },
    output: /^HTTP probe failed with statuscode: 500$/,
  },
  tcpSocket: {
    hostNetwork: false,
    script: servesLater("main", 8080),
    handler: () => ({ tcpSocket: { port: "web" } }),
    output: /^dial tcp [0-9.]+:8080: connect: connection refused$/,
  },
  grpc: {
    hostNetwork: true,
    handler: async () => {
      const server = new HealthServer((_, count) => (count <= 2 ? "NOT_SERVING" : "SERVING"));
      return { grpc: { port: await server.start() } };
    },
    output: /^service unhealthy \(responded with "NOT_SERVING"\)$/,
  },
};

const probes = { livenessProbe: "Liveness", startupProbe: "Startup" } as const;

const restarting = Object.entries(probes).flatMap(([field, shown]) =>
  Object.entries(kinds).map(([kind, { hostNetwork, script, handler, output }]): PodCase => {
    const what = shown.toLowerCase();
    return {
      pod: `${what}-${kind.toLowerCase()}`,
      spec: async ({ directory }) => ({
        hostNetwork,
        volumes: [kept(directory)],
        containers: [
          {
            name: "main",
            command: counting("main", script),
            volumeMounts,
            ports: hostNetwork ? [] : [{ name: "web", containerPort: 8080 }],
            [field]: { ...(await handler()), ...soon, failureThreshold: 2 },
          },
        ],
      }),
      rows: [
        {
          row: `${field}.${kind}: a container that fails it as often as failureThreshold says is started again`,
          check: async (pod) => {
            await pod.until(() => {
              expect(pod.container(), pod.explanation()).toMatchObject({
                ...{ restartCount: 1, started: true, ready: true },
                lastState: { terminated: { exitCode: 7, reason: "Error" } },
              });
            });
            expect(keptLines(pod, "main.runs")).toEqual(["run", "run"]);
          },
        },
        {
          row: `${field}.${kind}: what was answered, and what follows, is told`,
          check: async (pod) => {
            const fieldPath = "spec.containers{main}";
            const unhealthy = await pod.untilEvent("Unhealthy", new RegExp(`^${shown} probe failed: `));
            expect(unhealthy).toMatchObject({ type: "Warning", fieldPath });
            expect(unhealthy.message.slice(`${shown} probe failed: `.length)).toMatch(output);
            const failures = pod.events.filter(({ reason }) => reason === "Unhealthy");
            const asked = failures.reduce((sum, { count }) => sum + count, 0);
            // Its second run takes a moment until it serves, or has left its file.
            if (kind === "tcpSocket" || kind === "exec") expect(asked).toBeGreaterThanOrEqual(2);
            else expect(asked).toBe(2);
            const message = `Container main failed ${what} probe, will be restarted`;
            expect(await pod.untilEvent("Killing", /./)).toMatchObject({ type: "Normal", fieldPath, message });
          },
        },
      ],
    };
  }),
);

const readyByHttp = new Listener(() => ({ status: 503 }));
const readyByGrpc = new HealthServer(() => "NOT_SERVING");

/** What a row does to have the container well, or not. */
const switches: Readonly<Record<string, (pod: RealPod, isWell: boolean) => void>> = {
  exec: (pod, isWell) => touchIf(pod, "exec.well", isWell),
  httpget: (_, isWell) => readyByHttp.respond(() => ({ status: isWell ? 399 : 503 })),
  tcpsocket: (pod, isWell) => touchIf(pod, "tcp.well", isWell),
  grpc: (_, isWell) => readyByGrpc.respond((service) => (isWell && service === "app" ? "SERVING" : "NOT_SERVING")),
};

function touchIf({ place: { directory } }: RealPod, name: string, isWanted: boolean): void {
  if (isWanted) writeFileSync(join(directory, name), "");
  else rmSync(join(directory, name), { force: true });
}

const tcpByFile =
  "while :; do if [ -e /kept/tcp.well ]; then pidof httpd >/dev/null || httpd -p 8080; else killall -q httpd; fi; sleep 0.1; done & ";

/** Two pods, as one of them is asked at an address of its own and the other at the node's. */
function readiness(pod: string, hostNetwork: boolean, containers: () => Promise<readonly ContainerFields[]>): PodCase {
  return {
    pod,
    spec: async ({ directory }) => ({ hostNetwork, volumes: [kept(directory)], containers: await containers() }),
    rows: (hostNetwork ? ["exec", "httpget", "grpc"] : ["tcpsocket"]).map((name) => ({
      row: `readinessProbe.${name}: ready while it goes well, and never started again because of it`,
      check: async (pod) => {
        for (const isWell of [false, true, false, true]) {
          switches[name]?.(pod, isWell);
          await follows(() => {
            expect(pod.container(name), pod.explanation()).toMatchObject({ ready: isWell, started: true });
          });
          if (!isWell) expect(pod.condition("Ready")).toBe("False");
        }
        expect(pod.container(name)?.restartCount).toBe(0);
        const { fieldPath, type } = await pod.untilEvent("Unhealthy", /^Readiness probe failed: /);
        expect({ fieldPath: fieldPath?.startsWith("spec.containers{"), type }).toEqual({
          fieldPath: true,
          type: "Warning",
        });
      },
    })),
  };
}

const once = { ...soon, failureThreshold: 1 };

const ready = [
  readiness("readiness", true, async () => [
    {
      name: "exec",
      command: running(),
      volumeMounts,
      readinessProbe: { exec: { command: ["test", "-e", "/kept/exec.well"] }, ...once },
    },
    {
      name: "httpget",
      command: running(),
      readinessProbe: { httpGet: { host: "127.0.0.1", port: (await readyByHttp.start()).plain }, ...once },
    },
    {
      name: "grpc",
      command: running(),
      readinessProbe: { grpc: { port: await readyByGrpc.start(), service: "app" }, ...once },
    },
  ]),
  readiness("readiness-socket", false, async () => [
    {
      name: "tcpsocket",
      command: running(tcpByFile),
      volumeMounts,
      readinessProbe: { tcpSocket: { port: 8080 }, ...once },
    },
  ]),
];

const ordered = new Listener();
const isStarted = { now: false };

const order: PodCase = {
  pod: "probe-order",
  spec: async () => {
    ordered.respond(() => ({ status: isStarted.now ? 200 : 503 }));
    const { plain: port } = await ordered.start();
    const at = (path: string) => ({ httpGet: { host: "127.0.0.1", port, path }, ...soon });
    return {
      hostNetwork: true,
      containers: [
        {
          name: "main",
          command: running(),
          startupProbe: { ...at("/startup"), failureThreshold: 1000 },
          livenessProbe: at("/liveness"),
          readinessProbe: at("/readiness"),
        },
      ],
    };
  },
  rows: [
    {
      row: "startupProbe: until it goes well no other probe is asked, and the container has not started",
      check: async (pod) => {
        await pod.until(() => expect(ordered.questions.length).toBeGreaterThanOrEqual(3));
        expect(new Set(ordered.questions.map(({ path }) => path))).toEqual(new Set(["/startup"]));
        await pod.until(() => expect(pod.container()).toMatchObject({ started: false, ready: false }));
      },
    },
    {
      row: "startupProbe: once it went well it is not asked again, and the others are",
      check: async (pod) => {
        isStarted.now = true;
        await follows(() => expect(pod.condition("Ready"), pod.explanation()).toBe("True"));
        expect(pod.container()).toMatchObject({ started: true, restartCount: 0 });
        const seen = ordered.questions.length;
        await follows(() => {
          const later = ordered.questions.slice(seen).map(({ path }) => path);
          expect(new Set(later)).toEqual(new Set(["/liveness", "/readiness"]));
          expect(later.length).toBeGreaterThanOrEqual(4);
        });
      },
    },
  ],
};

export const probeCases: readonly PodCase[] = [...restarting, ...ready, order];
