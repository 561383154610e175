// Who is started again and who is not, and when a pod is over.
import { expect } from "vitest";

import type { PodCase } from "./case.ts";
import { running } from "./case.ts";
import { deleted, follows, kept, keptLines, keptMount, statusesOf, writtenAtMs } from "./endings.ts";

const volumeMounts = [keptMount];
const exits = (code: number) => ["sh", "-c", `exit ${code}`];
const ended = (exitCode: number) => ({ terminated: { exitCode, reason: exitCode === 0 ? "Completed" : "Error" } });

type Over = {
  readonly row: string;
  readonly policy: string;
  readonly codes: Readonly<Record<string, number>>;
  readonly phase: string;
};

const overs: Readonly<Record<string, Over>> = {
  "never-well": {
    row: "Never: a pod whose containers all end well has succeeded",
    policy: "Never",
    codes: { one: 0, two: 0 },
    phase: "Succeeded",
  },
  "never-ill": {
    row: "Never: a pod of whose containers one fails has failed",
    policy: "Never",
    codes: { one: 0, two: 3 },
    phase: "Failed",
  },
  "failure-well": {
    row: "OnFailure: what ends well is not started again",
    policy: "OnFailure",
    codes: { one: 0, two: 0 },
    phase: "Succeeded",
  },
};

const over = Object.entries(overs).map(
  ([name, { row, policy, codes, phase }]): PodCase => ({
    pod: `restarts-${name}`,
    spec: () => ({
      hostNetwork: true,
      restartPolicy: policy,
      containers: Object.entries(codes).map(([container, code]) => ({ name: container, command: exits(code) })),
    }),
    rows: [
      {
        row: `restartPolicy ${row}`,
        check: async (pod) => {
          await pod.until(() => expect(pod.status?.phase, pod.explanation()).toBe(phase));
          for (const [container, code] of Object.entries(codes)) {
            expect(pod.container(container)).toMatchObject({ restartCount: 0, ready: false, state: ended(code) });
          }
          expect(pod.condition("Ready")).toBe("False");
          const reason = phase === "Succeeded" ? "PodCompleted" : "PodFailed";
          expect(pod.status?.conditions?.find(({ type }) => type === "Ready")?.reason).toBe(reason);
        },
      },
    ],
  }),
);

const onFailure: PodCase = {
  pod: "restarts-failure-ill",
  spec: ({ directory }) => ({
    hostNetwork: true,
    restartPolicy: "OnFailure",
    volumes: [kept(directory)],
    containers: [
      {
        name: "main",
        command: ["sh", "-c", "echo run >>/kept/runs; test $(wc -l </kept/runs) -gt 1 || exit 4"],
        volumeMounts,
      },
    ],
  }),
  rows: [
    {
      row: "restartPolicy OnFailure: what fails is started again until it ends well",
      check: async (pod) => {
        await pod.until(() => expect(pod.status?.phase, pod.explanation()).toBe("Succeeded"));
        expect(pod.container()).toMatchObject({ restartCount: 1, state: ended(0), lastState: ended(4) });
        expect(keptLines(pod, "runs")).toEqual(["run", "run"]);
      },
    },
  ],
};

const always: PodCase = {
  pod: "restarts-always",
  spec: ({ directory }) => ({
    hostNetwork: true,
    volumes: [kept(directory)],
    containers: [
      { name: "main", command: ["sh", "-c", "n=$(ls /kept | wc -l); touch /kept/run-$n"], volumeMounts },
      { name: "other", command: running() },
    ],
  }),
  rows: [
    {
      row: "restartPolicy Always: also what ends well is started again, at once at first",
      check: async (pod) => {
        await pod.until(() => {
          expect(pod.container()?.restartCount, pod.explanation()).toBeGreaterThan(0);
          // Its first life may be over before the other one's has begun.
          expect(pod.container("other"), pod.explanation()).toMatchObject({ restartCount: 0, ready: true });
        });
        expect(pod.container()?.lastState).toMatchObject(ended(0));
        expect(pod.status?.phase).toBe("Running");
      },
    },
    {
      row: "restartPolicy Always: then it is held off for ten seconds, and that is told",
      check: async (pod) => {
        await follows(() => expect(pod.container()?.restartCount, pod.explanation()).toBeGreaterThan(1));
        // On a machine that is busy the first ten seconds may be over before they are told.
        const message = expect.stringMatching(
          /^back-off (10|20)s restarting failed container=main pod=(.+)_default\(uid-\2\)$/,
        );
        const waiting = { reason: "CrashLoopBackOff", message };
        expect(statusesOf(pod).map(({ state }) => state.waiting)).toContainEqual(waiting);
        const told = `Back-off restarting failed container main in pod ${pod.name}_default(${pod.uid})`;
        const fieldPath = "spec.containers{main}";
        expect(await pod.untilEvent("BackOff", /./)).toMatchObject({
          ...{ type: "Warning", message: told, fieldPath },
        });
        // A run may be counted before it has written anything.
        await pod.until(() => {
          expect(writtenAtMs(pod, "run-2") - writtenAtMs(pod, "run-1")).toBeGreaterThan(9500);
        });
      },
    },
  ],
};

const failedInit: PodCase = {
  pod: "restarts-init",
  spec: ({ directory }) => ({
    hostNetwork: true,
    restartPolicy: "Never",
    volumes: [kept(directory)],
    initContainers: [
      { name: "first", command: exits(0) },
      { name: "second", command: exits(5) },
      { name: "third", command: ["touch", "/kept/third"], volumeMounts },
    ],
    containers: [{ name: "main", command: ["touch", "/kept/main"], volumeMounts }],
  }),
  rows: [
    {
      row: "initContainers: with restartPolicy Never one that fails fails the pod, and nothing after it is started",
      check: async (pod) => {
        await pod.until(() => expect(pod.status?.phase, pod.explanation()).toBe("Failed"));
        expect(pod.container("first")).toMatchObject({ ready: true, state: ended(0) });
        expect(pod.container("second")).toMatchObject({ ready: false, restartCount: 0, state: ended(5) });
        for (const name of ["third", "main"]) {
          expect(pod.container(name)?.state.waiting?.reason).toBe("PodInitializing");
          expect(keptLines(pod, name)).toEqual([]);
        }
        expect(pod.condition("Initialized")).toBe("False");
      },
    },
  ],
};

const leaving = (name: string, waits = "") => [
  "sh",
  "-c",
  `trap '${waits}echo ${name} >>/kept/order; exit 0' TERM; sleep 2147483 & wait $!`,
];

const sidecars: PodCase = {
  pod: "sidecars",
  spec: ({ directory }) => ({
    hostNetwork: true,
    volumes: [kept(directory)],
    initContainers: [
      {
        ...{ name: "first", restartPolicy: "Always", command: leaving("first"), volumeMounts },
        lifecycle: { preStop: { exec: { command: ["touch", "/kept/hooked"] } } },
      },
      { name: "second", restartPolicy: "Always", command: leaving("second"), volumeMounts },
    ],
    containers: [
      { name: "main", command: leaving("main", "until [ -e /kept/hooked ]; do sleep 0.1; done; "), volumeMounts },
    ],
  }),
  rows: [
    {
      row: "initContainers: sidecars are ended after the containers, the last one first, and their hooks are run at once",
      check: async (pod) => {
        await pod.untilReady();
        await deleted(pod, 30);
        expect(keptLines(pod, "order")).toEqual(["main", "second", "first"]);
      },
    },
  ],
};

const lastingSidecar: PodCase = {
  pod: "sidecar-of-work",
  spec: ({ directory }) => ({
    hostNetwork: true,
    restartPolicy: "Never",
    volumes: [kept(directory)],
    initContainers: [
      {
        name: "beside",
        restartPolicy: "Always",
        command: [
          "sh",
          "-c",
          "echo run >>/kept/runs; [ $(wc -l </kept/runs) -gt 1 ] || exit 1; sleep 2147483 & wait $!",
        ],
        volumeMounts,
      },
    ],
    containers: [
      { name: "main", command: ["sh", "-c", "until [ $(wc -l </kept/runs) -gt 1 ]; do sleep 0.1; done"], volumeMounts },
    ],
    terminationGracePeriodSeconds: 2,
  }),
  rows: [
    {
      row: "initContainers: a sidecar is started again whatever the pod's policy, and does not keep it from its end",
      check: async (pod) => {
        await pod.until(() => expect(pod.status?.phase, pod.explanation()).toBe("Succeeded"));
        expect(pod.container()).toMatchObject({ restartCount: 0, state: ended(0) });
        await follows(() => expect(pod.container("beside")?.state.terminated, pod.explanation()).toBeDefined());
        expect(pod.container("beside")?.restartCount).toBe(1);
      },
    },
  ],
};

const deadline: PodCase = {
  pod: "deadline",
  spec: () => ({
    hostNetwork: true,
    restartPolicy: "Never",
    activeDeadlineSeconds: 20,
    terminationGracePeriodSeconds: 2,
    containers: [{ name: "main" }],
  }),
  rows: [
    {
      row: "activeDeadlineSeconds: then the pod has failed, and is ended",
      check: async (pod) => {
        await follows(() => expect(pod.status?.phase, pod.explanation()).toBe("Failed"));
        const message = "Pod was active on the node longer than the specified deadline";
        expect(pod.status).toMatchObject({ reason: "DeadlineExceeded", message });
        expect(await pod.untilEvent("DeadlineExceeded", /./)).toMatchObject({ message });
        await follows(() => expect(pod.container()?.state.terminated, pod.explanation()).toBeDefined());
      },
    },
  ],
};

export const restartCases: readonly PodCase[] = [
  ...over,
  onFailure,
  always,
  failedInit,
  sidecars,
  lastingSidecar,
  deadline,
];
