// What is run when containers start and before they end, and how long they may take to end.
import { expect } from "vitest";

import type { PodCase } from "./case.ts";
import { running } from "./case.ts";
import { deleteAtOnce, deleted, kept, keptLines, keptMount, statusesOf, stubborn, writtenAtMs } from "./endings.ts";
import { Listener } from "./listener.ts";
import type { RealPod } from "./real-pod.ts";

const asked = new Listener();
const note = (file: string, word: string) => `echo ${word} >>/kept/${file}`;
const command = (script: string) => ({ exec: { command: ["sh", "-c", script] } });
const volumeMounts = [keptMount];

const postStart: PodCase = {
  pod: "post-start",
  spec: async ({ directory }) => ({
    hostNetwork: true,
    volumes: [kept(directory)],
    containers: [
      {
        name: "exec",
        command: running(),
        volumeMounts,
        lifecycle: { postStart: command(`sleep 1; echo "$0 in $(cat /proc/1/comm)" >>/kept/exec`) },
      },
      {
        name: "http",
        command: running("touch /kept/http-began"),
        volumeMounts,
        lifecycle: {
          postStart: {
            httpGet: {
              host: "127.0.0.1",
              port: (await asked.start()).plain,
              path: "/started?by=http",
              httpHeaders: [{ name: "X-Word", value: "given" }],
            },
          },
        },
      },
      { name: "sleep", command: running(), volumeMounts, lifecycle: { postStart: { sleep: { seconds: 2 } } } },
      { name: "last", command: running("touch /kept/last-began"), volumeMounts },
    ],
  }),
  rows: [
    {
      row: "postStart.exec: is run in the container, and the next one starts when it is through",
      check: async (pod) => {
        await pod.untilReady();
        expect(keptLines(pod, "exec")).toEqual(["sh in sh"]);
        expect(writtenAtMs(pod, "http-began")).toBeGreaterThanOrEqual(writtenAtMs(pod, "exec"));
      },
    },
    {
      row: "postStart.httpGet: asks once, at its host and port, with its headers",
      check: async (pod) => {
        await pod.untilReady();
        expect(asked.questions.map(({ path, headers }) => [path, headers["x-word"]])).toEqual([
          ["/started?by=http", "given"],
        ]);
      },
    },
    {
      row: "postStart.sleep: holds up what comes next",
      check: async (pod) => {
        await pod.untilReady();
        const askedAtMs = asked.questions[0]?.atMs ?? Number.POSITIVE_INFINITY;
        // It may run for a moment before it has written anything.
        await pod.until(() => expect(writtenAtMs(pod, "last-began") - askedAtMs).toBeGreaterThanOrEqual(2000));
      },
    },
    {
      row: "postStart: one that goes well leaves no event, and the container is never anything but started",
      check: async (pod) => {
        await pod.untilReady();
        expect(pod.events.filter(({ type }) => type === "Warning")).toEqual([]);
        expect(pod.container("exec")).toMatchObject({ restartCount: 0, started: true, ready: true });
      },
    },
  ],
};

/** It took its grace period to be ended in, then started again and was held off. */
function startFails(name: string, message: RegExp): (pod: RealPod) => Promise<void> {
  return async (pod) => {
    await pod.until(() => {
      const container = pod.container(name);
      expect(container?.restartCount, pod.explanation()).toBeGreaterThan(0);
      expect(container?.state.waiting?.reason, pod.explanation()).toBe("CrashLoopBackOff");
      expect(container?.lastState.terminated).toMatchObject({ exitCode: 9, reason: "Error" });
    });
    // A busy agent may have tried again, and given up, before there was time to tell of the first failure.
    for (const { state } of statusesOf(pod, name)) {
      if (state.waiting?.reason === "PostStartHookError") expect(state.waiting.message).toMatch(message);
    }
    const fieldPath = `spec.containers{${name}}`;
    const events = pod.events.filter((event) => event.fieldPath === fieldPath);
    expect(events).toContainEqual(
      expect.objectContaining({
        ...{ type: "Warning", reason: "FailedPostStartHook" },
        message: expect.stringMatching(/^PostStartHook failed(: tcpSocket: .*)?$/),
      }),
    );
    expect(events).toContainEqual(
      expect.objectContaining({ type: "Normal", reason: "Killing", message: "FailedPostStartHook" }),
    );
  };
}

const ending = ["sh", "-c", "trap 'echo asked >>/kept/asked; exit 9' TERM; sleep 2147483 & wait $!"];

const failingStarts = {
  exec: { handler: command("echo whispered; exit 3"), message: /^Exec lifecycle hook .*exited with 3.*whispered/s },
  httpGet: {
    handler: { httpGet: { host: "127.0.0.1", port: 1, path: "/x" } },
    message: /^HTTP lifecycle hook \(\/x\) .*connection refused/,
  },
  tcpSocket: { handler: { tcpSocket: { port: 1 } }, message: /^Cannot run handler: tcpSocket: / },
};

const postStartFails = Object.entries(failingStarts).map(
  ([kind, { handler, message }]): PodCase => ({
    pod: `post-start-fails-${kind.toLowerCase()}`,
    spec: ({ directory }) => ({
      hostNetwork: true,
      volumes: [kept(directory)],
      containers: [{ name: "main", command: ending, volumeMounts, lifecycle: { postStart: handler } }],
    }),
    rows: [
      {
        row: `postStart.${kind}: one that fails has the container ended and started again, and both told`,
        check: startFails("main", message),
      },
      {
        row: `postStart.${kind}: the container is asked to end before it is killed`,
        check: async (pod) => {
          await pod.until(() => expect(keptLines(pod, "asked").length).toBeGreaterThan(0));
        },
      },
    ],
  }),
);

const traps = (name: string, code: number) => [
  "sh",
  "-c",
  `trap '${note(`${name}.order`, "asked")}; exit ${code}' TERM; sleep 2147483 & wait $!`,
];

const preStop: PodCase = {
  pod: "pre-stop",
  spec: ({ directory }) => ({
    volumes: [kept(directory)],
    containers: [
      {
        name: "exec",
        command: traps("exec", 5),
        volumeMounts,
        lifecycle: { preStop: command(`${note("exec.order", "hook")}; sleep 1; ${note("exec.order", "through")}`) },
      },
      {
        name: "http",
        command: running(
          [
            "mkdir -p /www/cgi-bin",
            `printf '#!/bin/sh\\necho "$HTTP_X_WORD $QUERY_STRING" >>/kept/http.order\\nprintf "Status: 500\\\\r\\\\n\\\\r\\\\n"\\n' >/www/cgi-bin/stop`,
            "chmod +x /www/cgi-bin/stop",
            "httpd -p 8080 -h /www",
          ].join("\n"),
        ),
        ports: [{ name: "control", containerPort: 8080 }],
        volumeMounts,
        lifecycle: {
          preStop: {
            httpGet: {
              port: "control",
              path: "/cgi-bin/stop?now",
              httpHeaders: [{ name: "X-Word", value: "given" }],
            },
          },
        },
      },
      { name: "sleep", command: traps("sleep", 0), volumeMounts, lifecycle: { preStop: { sleep: { seconds: 2 } } } },
      {
        name: "fails",
        command: traps("fails", 6),
        volumeMounts,
        lifecycle: { preStop: command("echo whispered; exit 4") },
      },
      {
        name: "socket",
        command: traps("socket", 0),
        volumeMounts,
        lifecycle: { preStop: { tcpSocket: { port: 8080 } } },
      },
    ],
  }),
  rows: [
    {
      row: "preStop.exec: is through before the container is asked to end",
      check: async (pod) => {
        await pod.untilReady();
        await deleted(pod, 30);
        expect(keptLines(pod, "exec.order")).toEqual(["hook", "through", "asked"]);
        expect(pod.container("exec")?.state.terminated).toMatchObject({ exitCode: 5, reason: "Error" });
      },
    },
    {
      row: "preStop.httpGet: asks the pod's own address at a named port; any answer will do",
      check: async (pod) => {
        await deleted(pod, 30);
        expect(keptLines(pod, "http.order")).toEqual(["given now"]);
        expect(hookFailures(pod, "http")).toEqual([]);
      },
    },
    {
      row: "preStop.sleep: the container is asked to end after it",
      check: async (pod) => {
        const atMs = await deleted(pod, 30);
        expect(writtenAtMs(pod, "sleep.order") - atMs).toBeGreaterThanOrEqual(2000);
        expect(writtenAtMs(pod, "sleep.order") - atMs).toBeLessThan(20_000);
        expect(pod.container("sleep")?.state.terminated).toMatchObject({ exitCode: 0, reason: "Completed" });
      },
    },
    {
      row: "preStop: one that fails is told without what it said, and the container is asked to end all the same",
      check: async (pod) => {
        await deleted(pod, 30);
        expect(hookFailures(pod, "fails")).toEqual(["PreStopHook failed"]);
        expect(keptLines(pod, "fails.order")).toEqual(["asked"]);
        expect(pod.container("fails")?.state.terminated?.exitCode).toBe(6);
      },
    },
    {
      row: "preStop.tcpSocket: fails, as it always did",
      check: async (pod) => {
        await deleted(pod, 30);
        expect(hookFailures(pod, "socket")).toEqual([expect.stringMatching(/^PreStopHook failed: tcpSocket: /)]);
        expect(keptLines(pod, "socket.order")).toEqual(["asked"]);
      },
    },
    {
      row: "status: of a pod that was ended, every container with how it ended",
      check: async (pod) => {
        await deleted(pod, 30);
        expect(pod.status?.phase).toBe("Failed");
        for (const name of ["exec", "http", "sleep", "fails", "socket"]) {
          expect(pod.container(name)?.state.terminated?.finishedAt).toEqual(expect.any(String));
          expect(pod.events).toContainEqual(
            expect.objectContaining({
              ...{ type: "Normal", reason: "Killing", fieldPath: `spec.containers{${name}}` },
              message: `Stopping container ${name}`,
            }),
          );
        }
      },
    },
  ],
};

function hookFailures(pod: RealPod, name: string): readonly string[] {
  return pod.events
    .filter(({ reason, fieldPath }) => reason === "FailedPreStopHook" && fieldPath === `spec.containers{${name}}`)
    .map(({ message }) => message);
}

const endsItself: PodCase = {
  pod: "ends-itself",
  spec: ({ directory }) => ({
    hostNetwork: true,
    restartPolicy: "Never",
    volumes: [kept(directory)],
    containers: [
      {
        name: "main",
        command: ["sh", "-c", "exit 0"],
        volumeMounts,
        lifecycle: { preStop: command(note("hook", "run")) },
      },
    ],
  }),
  rows: [
    {
      row: "preStop: is not run for a container that ends by itself",
      check: async (pod) => {
        await pod.until(() => expect(pod.status?.phase).toBe("Succeeded"));
        await deleted(pod, 30);
        expect(keptLines(pod, "hook")).toEqual([]);
      },
    },
  ],
};

type Grace = {
  readonly seconds: number;
  readonly preStop?: object;
  readonly row: string;
  /** Of its death, after the pod was deleted. */
  readonly fromMs: number;
  readonly toMs: number;
};

/** Whoever ignores being asked is killed when the time is over; at least two seconds are left for it. */
const graces: Readonly<Record<string, Grace>> = {
  "grace-none": { seconds: 0, row: "0: two seconds all the same", fromMs: 1800, toMs: 8000 },
  "grace-one": { seconds: 1, row: "1: two seconds all the same", fromMs: 1800, toMs: 8000 },
  "grace-some": { seconds: 6, row: "who goes on after being asked is killed then", fromMs: 5800, toMs: 12_000 },
  "grace-shared": {
    seconds: 8,
    preStop: { sleep: { seconds: 6 } },
    row: "the time of preStop is part of it",
    fromMs: 7800,
    toMs: 13_000,
  },
  "grace-over": {
    seconds: 3,
    preStop: { exec: { command: ["sleep", "60"] } },
    row: "a preStop that takes longer is cut off, and two seconds are left",
    fromMs: 4800,
    toMs: 12_000,
  },
};

const gracePeriods = Object.entries(graces).map(
  ([name, { seconds, preStop: handler, row, fromMs, toMs }]): PodCase => ({
    pod: name,
    spec: ({ directory }) => ({
      hostNetwork: true,
      terminationGracePeriodSeconds: seconds,
      volumes: [kept(directory)],
      containers: [
        {
          name: "main",
          command: stubborn("main"),
          volumeMounts,
          ...(handler === undefined ? {} : { lifecycle: { preStop: handler } }),
        },
      ],
    }),
    rows: [
      {
        row: `terminationGracePeriodSeconds: ${row}`,
        check: async (pod) => {
          await deleteStubbornPods(pod);
          const atMs = await deleted(pod, seconds);
          expect(keptLines(pod, "main.term")).toEqual(["term"]);
          expect(pod.container()?.state.terminated).toMatchObject({ exitCode: 137, reason: "Error" });
          const livedMs = writtenAtMs(pod, "main.alive") - atMs;
          expect(livedMs).toBeGreaterThan(fromMs);
          expect(livedMs).toBeLessThan(toMs);
        },
      },
    ],
  }),
);

/** All together, as each takes its time. */
async function deleteStubbornPods(pod: RealPod): Promise<void> {
  const uids = Object.entries(graces).map(([name, { seconds }]) => [`uid-${name}`, seconds] as const);
  const { plane } = pod;
  await pod.until(() => {
    for (const [uid] of uids)
      expect(
        plane.everSaw(uid) &&
          (plane.isReady(uid) || plane.reports.get(uid)?.ended === true || plane.pods.get(uid)?.deletion !== undefined),
      ).toBe(true);
  });
  deleteAtOnce(plane, Object.fromEntries(uids));
}

export const lifecycleCases: readonly PodCase[] = [postStart, ...postStartFails, preStop, endsItself, ...gracePeriods];
