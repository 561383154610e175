// Containers of all kinds, what they run, and at which ports they are reached.
import { networkInterfaces } from "node:os";
import { expect } from "vitest";

import { busyboxImage } from "../../containers/image.ts";
import type { PodCase } from "./case.ts";
import { running } from "./case.ts";
import { statusesOf } from "./endings.ts";

const shared = [{ name: "shared", mountPath: "/shared" }];
const note = (word: string) => `echo ${word} >>/shared/order`;
const sleep = "trap 'exit 0' TERM; sleep 2147483 & wait $!";
const hostPort = 20_000 + (process.pid % 10_000);
const loopbackPort = hostPort + 10_000;

const kinds: PodCase = {
  pod: "kinds",
  spec: () => ({
    volumes: [{ name: "shared", emptyDir: {} }],
    initContainers: [
      { name: "first", command: ["sh", "-c", note("first")], volumeMounts: shared },
      {
        name: "beside",
        restartPolicy: "Always",
        command: running(`sleep 0.5; ${note("beside")}; mkdir /www; echo beside >/www/name; httpd -p 8081 -h /www`),
        volumeMounts: shared,
        startupProbe: { exec: { command: ["grep", "beside", "/shared/order"] }, periodSeconds: 1, timeoutSeconds: 5 },
      },
      { name: "second", command: ["sh", "-c", note("second")], volumeMounts: shared },
    ],
    containers: [
      { name: "main", volumeMounts: shared },
      { name: "other", command: running(`mkdir /www; echo other >/www/name; httpd -p 8080 -h /www`) },
    ],
  }),
  rows: [
    {
      row: "initContainers: one after the other, a sidecar's startup probe before the next, all before the containers",
      shows: "cat /shared/order",
      is: "first\nbeside\nsecond",
    },
    {
      row: "containers: all in one network",
      shows: "until wget -qO- http://127.0.0.1:8080/name; do sleep 0.1; done; wget -qO- http://127.0.0.1:8081/name",
      is: /other\nbeside$/,
    },
    {
      row: "status: initialized, ready, each container told",
      check: async (pod) => {
        await pod.untilReady();
        expect(pod.status).toMatchObject({ phase: "Running", qosClass: "BestEffort" });
        expect(pod.condition("Initialized")).toBe("True");
        expect(pod.condition("PodReadyToStartContainers")).toBe("True");
        for (const name of ["first", "second"]) {
          const state = { terminated: { exitCode: 0, reason: "Completed" } };
          expect(pod.container(name)).toMatchObject({ ready: true, restartCount: 0, state });
        }
        for (const name of ["beside", "main", "other"]) {
          const state = { running: { startedAt: expect.any(String) } };
          expect(pod.container(name)).toMatchObject({ ready: true, started: true, restartCount: 0, state });
        }
      },
    },
  ],
};

const failingInit: PodCase = {
  pod: "failing-init",
  spec: () => ({
    initContainers: [{ name: "first", command: ["sh", "-c", "exit 4"] }],
    containers: [{ name: "main" }],
  }),
  rows: [
    {
      row: "initContainers: one that fails is tried again, and nothing else is started",
      check: async (pod) => {
        await pod.until(() => {
          const held = {
            restartCount: 1,
            state: { waiting: expect.objectContaining({ reason: "CrashLoopBackOff" }) },
            lastState: { terminated: expect.objectContaining({ exitCode: 4, reason: "Error" }) },
          };
          expect(statusesOf(pod, "first")).toContainEqual(expect.objectContaining(held));
        });
        expect(pod.container()).toMatchObject({ state: { waiting: { reason: "PodInitializing" } } });
        expect(pod.status?.phase).toBe("Pending");
        expect(pod.condition("Initialized")).toBe("False");
      },
    },
  ],
};

const words: PodCase = {
  pod: "words",
  spec: async ({ registry }) => {
    const image = await registry.push(
      "test/words:1",
      busyboxImage({ entrypoint: ["sh", "-c", `echo "$0 $*"; ${sleep}`, "image"], cmd: ["its", "words"] }),
    );
    const env = [{ name: "GREETING", value: "hello" }];
    return {
      containers: [
        { name: "neither", image },
        { name: "args", image, env, args: ["$(GREETING)", "$$(GREETING)", "$(NOWHERE)", "$(GREETING)!"] },
        { name: "command", image, env, command: ["sh", "-c", `echo "$0 [$*]"; ${sleep}`, "$(GREETING)"] },
        { name: "both", image, command: ["sh", "-c", `echo "$0 [$*]"; ${sleep}`, "own"], args: ["a b", "c"] },
        { name: "place", image, workingDir: "/var/log", command: ["sh", "-c", `pwd; ${sleep}`] },
      ],
    };
  },
  rows: Object.entries({
    neither: ["image its words", "command and args: the image's where there are none"],
    args: ["image hello $(GREETING) $(NOWHERE) hello!", "args: in place of the image's, $(VAR) replaced, $$(VAR) not"],
    command: ["hello []", "command: the image's arguments go with its entrypoint, $(VAR) replaced"],
    both: ["own [a b c]", "command and args: both"],
    place: ["/var/log", "workingDir"],
  }).map(([container, [said = "", row = ""]]) => ({
    row,
    check: async (pod) => {
      await pod.until(() => expect(pod.lines(container), pod.explanation()).toEqual([said]));
    },
  })),
};

const ports: PodCase = {
  pod: "ports",
  spec: () => ({
    containers: [
      {
        name: "main",
        command: running("mkdir /www; echo served >/www/index.html; httpd -p 8080 -h /www"),
        ports: [{ name: "web", containerPort: 8080, hostPort }],
        readinessProbe: { httpGet: { port: "web" }, periodSeconds: 1, timeoutSeconds: 5 },
      },
      {
        name: "inner",
        command: running("mkdir /www; echo inner >/www/index.html; httpd -p 8082 -h /www"),
        ports: [{ containerPort: 8082, hostPort: loopbackPort, hostIP: "127.0.0.1" }],
      },
    ],
  }),
  rows: [
    {
      row: "ports.name: a probe goes to the port of that name, at the pod's own address",
      check: async (pod) => {
        await pod.untilReady();
        const { podIP, podIPs, hostIP } = pod.status ?? {};
        expect(podIPs).toEqual([{ ip: podIP }]);
        expect(podIP).not.toBe(hostIP);
        expect(await text(`http://${podIP}:8080/`)).toBe("served\n");
      },
    },
    {
      row: "ports.hostPort: at every address of the node",
      check: async (pod) => {
        for (const host of ["127.0.0.1", outerAddress()]) {
          await pod.until(async () => expect(await text(`http://${host}:${hostPort}/`)).toBe("served\n"));
        }
      },
    },
    {
      row: "ports.hostIP: at that address of the node only",
      check: async (pod) => {
        await pod.until(async () => expect(await text(`http://127.0.0.1:${loopbackPort}/`)).toBe("inner\n"));
        await expect(text(`http://${outerAddress()}:${loopbackPort}/`)).rejects.toThrow();
      },
    },
  ],
};

async function text(url: string): Promise<string> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(3000) });
  return answer.text();
}

function outerAddress(): string {
  const found = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === "IPv4" && !one.internal);
  return found?.address ?? "";
}

export const containerCases: readonly PodCase[] = [kinds, failingInit, words, ports];
