// The last words of containers.
import { expect } from "vitest";

import type { ContainerFields, PodCase } from "./case.ts";

const fails = (script: string) => ["sh", "-c", `${script}\nexit 1`];
const fallBack = { terminationMessagePolicy: "FallbackToLogsOnError" };

type Words = Omit<ContainerFields, "name"> & {
  readonly row: string;
  /** Undefined: none. */
  readonly message: string | undefined;
  readonly exitCode?: number;
};

const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}\n`).join("");

const words: Readonly<Record<string, Words>> = {
  usual: {
    row: "terminationMessagePath: /dev/termination-log unless it says otherwise",
    command: fails("echo lost >/dev/termination-log; echo chatter"),
    message: "lost\n",
  },
  elsewhere: {
    row: "terminationMessagePath: where it says",
    command: fails("echo here >/var/run/last/words; echo there >/dev/termination-log || true"),
    terminationMessagePath: "/var/run/last/words",
    message: "here\n",
  },
  well: {
    row: "terminationMessagePath: also of one that ends well",
    command: ["sh", "-c", "printf done >/dev/termination-log"],
    message: "done",
    exitCode: 0,
  },
  silent: {
    row: "terminationMessagePolicy File: the log is no message",
    command: fails("echo chatter"),
    message: undefined,
  },
  "fall-back": {
    row: "terminationMessagePolicy FallbackToLogsOnError: the end of the log where nothing was left",
    command: fails("echo first; sleep 1; echo second >&2"),
    ...fallBack,
    message: "first\nsecond\n",
  },
  "own-words": {
    row: "terminationMessagePolicy FallbackToLogsOnError: what was left goes before the log",
    command: fails("printf own >/dev/termination-log; echo chatter"),
    ...fallBack,
    message: "own",
  },
  "no-error": {
    row: "terminationMessagePolicy FallbackToLogsOnError: nothing of one that ends well",
    command: ["sh", "-c", "echo chatter"],
    ...fallBack,
    message: undefined,
    exitCode: 0,
  },
};

const messages: PodCase = {
  pod: "last-words",
  spec: () => ({
    hostNetwork: true,
    restartPolicy: "Never",
    containers: Object.entries(words).map(([name, { row: _, message: __, exitCode: ___, ...fields }]) => ({
      name,
      ...fields,
    })),
  }),
  rows: Object.entries(words).map(([name, { row, message, exitCode = 1 }]) => ({
    row,
    check: async (pod) => {
      await pod.until(() => expect(pod.container(name)?.state.terminated, pod.explanation()).toBeDefined());
      const reason = exitCode === 0 ? "Completed" : "Error";
      expect(pod.container(name)?.state.terminated).toMatchObject({ exitCode, reason });
      expect(pod.container(name)?.state.terminated?.message, pod.explanation()).toBe(message);
    },
  })),
};

/** One pod each: how much a container may say depends on how many there are. */
const sizes: Readonly<Record<string, Words>> = {
  "long-words": {
    row: "terminationMessagePath: the last 4096 bytes",
    command: fails(
      "yes a | tr -d '\\n' | head -c 1000 >/dev/termination-log; yes b | tr -d '\\n' | head -c 4096 >>/dev/termination-log",
    ),
    message: "b".repeat(4096),
  },
  "many-lines": {
    row: "FallbackToLogsOnError: the last 80 lines",
    command: fails("i=1; while [ $i -le 100 ]; do echo line $i; i=$((i+1)); done"),
    ...fallBack,
    message: lines(21, 100),
  },
  "wide-lines": {
    row: "FallbackToLogsOnError: the last 2048 bytes",
    command: fails("for c in a b c; do yes $c | tr -d '\\n' | head -c 1499; echo; done"),
    ...fallBack,
    message: `${"b".repeat(547)}\n${"c".repeat(1499)}\n`,
  },
  "one-line": {
    row: "FallbackToLogsOnError: the last 2048 bytes of one line that is longer than what a runtime writes at once",
    command: fails("yes x | tr -d '\\n' | head -c 26000; yes y | tr -d '\\n' | head -c 2000; echo"),
    ...fallBack,
    message: `${"x".repeat(47)}${"y".repeat(2000)}\n`,
  },
};

const sized = Object.entries(sizes).map(
  ([name, { row, message, exitCode: _, ...fields }]): PodCase => ({
    pod: name,
    spec: () => ({ hostNetwork: true, restartPolicy: "Never", containers: [{ name: "main", ...fields }] }),
    rows: [
      {
        row,
        check: async (pod) => {
          await pod.until(() => expect(pod.container()?.state.terminated, pod.explanation()).toBeDefined());
          expect(pod.container()?.state.terminated?.message).toBe(message);
        },
      },
    ],
  }),
);

const speakers = ["one", "two", "three", "four"];

const shared: PodCase = {
  pod: "shared-words",
  spec: () => ({
    hostNetwork: true,
    restartPolicy: "Never",
    containers: speakers.map((name) => ({
      name,
      command: fails("(yes a | tr -d '\\n' | head -c 2000; yes b | tr -d '\\n' | head -c 2096) >/dev/termination-log"),
    })),
  }),
  rows: [
    {
      row: "terminationMessagePath: all containers of a pod share 12288 bytes, each keeps the beginning of its words",
      check: async (pod) => {
        await pod.until(() => expect(pod.status?.phase, pod.explanation()).toBe("Failed"));
        for (const name of speakers) {
          const message = `${"a".repeat(2000)}${"b".repeat(1072)}`;
          expect(pod.container(name)?.state.terminated?.message, pod.explanation()).toBe(message);
        }
      },
    },
  ],
};

export const terminationCases: readonly PodCase[] = [messages, ...sized, shared];
