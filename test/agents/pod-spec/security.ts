// As whom, and with which rights, containers run.
import { expect } from "vitest";

import { busyboxImage } from "../../containers/image.ts";
import type { PodCase, Row } from "./case.ts";

const identity: PodCase = {
  pod: "identity",
  spec: async ({ registry }) => ({
    securityContext: { runAsUser: 1234, runAsGroup: 2345, fsGroup: 3456, supplementalGroups: [4567] },
    volumes: [
      { name: "own", emptyDir: {} },
      { name: "secret", secret: { secretName: "owned", defaultMode: 0o400 } },
    ],
    containers: [
      {
        name: "main",
        volumeMounts: [
          { name: "own", mountPath: "/own" },
          { name: "secret", mountPath: "/secret" },
        ],
      },
      { name: "other", securityContext: { runAsUser: 5678, runAsGroup: 6789 } },
      {
        name: "numbered",
        image: await registry.push("test/numbered:1", busyboxImage({ user: "1000" })),
        command: ["sh", "-c", "id -u; trap 'exit 0' TERM; sleep 2147483 & wait $!"],
        securityContext: { runAsNonRoot: true },
      },
    ],
  }),
  objects: [{ kind: "Secret", name: "owned", type: "Opaque", binaryData: { word: "eA==" } }],
  rows: [
    { row: "runAsUser, runAsGroup", shows: "id -u; id -g", is: "1234\n2345" },
    {
      row: "supplementalGroups, fsGroup: further groups",
      shows: "id -G | tr ' ' '\\n' | sort",
      is: "2345\n3456\n4567",
    },
    {
      row: "fsGroup: owns the pod's volumes, and what is made in them",
      shows: "stat -c %g /own; touch /own/x && stat -c %g /own/x",
      is: "3456\n3456",
    },
    {
      row: "fsGroup: may read a secret of the pod",
      shows: "cat /secret/word; echo; stat -L -c %g /secret/word",
      is: "x\n3456",
    },
    {
      row: "runAsUser, runAsGroup: a container's own win over the pod's",
      in: "other",
      shows: "id -u; id -g",
      is: "5678\n6789",
    },
    {
      row: "runAsNonRoot: one that is not root starts",
      check: async (pod) => pod.untilSaid("1234", "numbered"),
    },
  ],
};

const nonRoot: PodCase = {
  pod: "non-root",
  spec: async ({ registry }) => ({
    securityContext: { runAsNonRoot: true },
    containers: [
      { name: "main" },
      { name: "zero", securityContext: { runAsUser: 0 } },
      { name: "named", image: await registry.push("test/named:1", busyboxImage({ user: "app" })), command: ["true"] },
    ],
  }),
  rows: Object.entries({
    main: "container has runAsNonRoot and image will run as root",
    zero: "container's runAsUser breaks non-root policy",
    named: "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root",
  }).map(
    ([name, message]): Row => ({
      row: `runAsNonRoot: ${message}`,
      check: async (pod) => {
        await pod.until(() => {
          expect(pod.container(name)?.state.waiting, pod.explanation()).toEqual({
            reason: "CreateContainerConfigError",
            message: expect.stringContaining(message),
          });
        });
      },
    }),
  ),
};

const rights = "sed -n 's/^CapEff:\\t//p' /proc/self/status";

const walls: PodCase = {
  pod: "walls",
  spec: () => ({
    volumes: [{ name: "own", emptyDir: {} }],
    containers: [
      {
        name: "main",
        securityContext: {
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ["ALL"], add: ["NET_ADMIN"] },
          seccompProfile: { type: "RuntimeDefault" },
        },
        volumeMounts: [{ name: "own", mountPath: "/own" }],
      },
      {
        name: "open",
        securityContext: { seccompProfile: { type: "Unconfined" }, capabilities: { drop: ["CHOWN"] } },
      },
      { name: "privileged", securityContext: { privileged: true } },
    ],
  }),
  rows: [
    { row: "capabilities: drop all, add one", shows: rights, is: "0000000000001000" },
    { row: "capabilities: drop one", in: "open", shows: "chown 1 /tmp || echo no", is: /not permitted\nno$/ },
    {
      row: "readOnlyRootFilesystem: but for volumes",
      shows: "touch /x || echo no; touch /own/x && echo yes",
      is: /Read-only file system\nno\nyes$/,
    },
    { row: "allowPrivilegeEscalation: false", shows: "grep NoNewPrivs /proc/self/status", is: "NoNewPrivs:\t1" },
    {
      row: "allowPrivilegeEscalation: absent",
      in: "open",
      shows: "grep NoNewPrivs /proc/self/status",
      is: "NoNewPrivs:\t0",
    },
    { row: "seccompProfile: RuntimeDefault", shows: "grep Seccomp: /proc/self/status", is: "Seccomp:\t2" },
    { row: "seccompProfile: Unconfined", in: "open", shows: "grep Seccomp: /proc/self/status", is: "Seccomp:\t0" },
    {
      row: "privileged: all rights, the host's devices, nothing read-only",
      in: "privileged",
      shows:
        "test -e /dev/kmsg && echo devices; mkdir /tmp/m && mount -t tmpfs none /tmp/m && echo mounted; grep Seccomp: /proc/self/status",
      is: "devices\nmounted\nSeccomp:\t0",
    },
  ],
};

const labelled: PodCase = {
  pod: "labelled",
  spec: () => ({
    securityContext: { seLinuxOptions: { user: "system_u", role: "system_r", type: "container_t", level: "s0:c1,c2" } },
    containers: [
      { name: "main" },
      { name: "free", securityContext: { seLinuxOptions: { type: "spc_t" } } },
      { name: "privileged", securityContext: { privileged: true, seLinuxOptions: { type: "spc_t" } } },
    ],
  }),
  rows: ["main", "free", "privileged"].map((name) => ({
    row: "seLinuxOptions: starts, whether the host has SELinux or not",
    in: name,
    shows: "echo here",
    is: "here",
  })),
};

export const securityCases: readonly PodCase[] = [identity, nonRoot, walls, labelled];
