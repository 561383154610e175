// What a pod may have on the node's disk: who takes more has to go, and its status says what it was.
import { expect, vi } from "vitest";

import type { ContainerFields, PodCase } from "./case.ts";
import { running } from "./case.ts";

// The agent looks now and then, and less often where looking takes long.
const patience = { timeout: 85_000, interval: 100 };
const limit = (amount: string) => ({ limits: { "ephemeral-storage": amount } });
const fill = (path: string) => running(`dd if=/dev/zero of=${path} bs=1024 count=4096`);

function evicted(
  pod: string,
  given: { readonly row: string; readonly message: string; readonly volumes?: readonly object[] },
  ...containers: readonly ContainerFields[]
): PodCase {
  const { row, message, volumes } = given;
  return {
    pod,
    spec: () => ({
      ...{ hostNetwork: true, terminationGracePeriodSeconds: 1 },
      ...(volumes === undefined ? {} : { volumes }),
      containers,
    }),
    rows: [
      {
        row,
        check: async (real) => {
          await vi.waitFor(() => {
            const { phase, reason } = real.status ?? {};
            expect({ phase, reason, message: real.status?.message }, real.explanation()).toEqual({
              ...{ phase: "Failed", reason: "Evicted" },
              message,
            });
          }, patience);
          await real.until(() => {
            for (const { name } of containers) {
              expect(real.container(name)?.state.terminated, real.explanation()).toBeDefined();
            }
          });
          expect(await real.untilEvent("Evicted", /./)).toMatchObject({ type: "Warning", message });
        },
      },
      {
        row: `${row}, and what it has written goes with its containers, of which its status tells on`,
        check: async (real) => {
          const ends = () => real.status?.containerStatuses?.map(({ containerID, state }) => [containerID, state]);
          const told = ends();
          expect(told).toHaveLength(containers.length);
          for (const end of told ?? []) {
            expect(end).toEqual([expect.stringContaining("://"), { terminated: expect.anything() }]);
          }
          await real.until(async () => expect(await real.containersLeft()).toEqual([]));
          const { phase, reason } = real.status ?? {};
          expect({ phase, reason, message: real.status?.message }).toEqual({
            ...{ phase: "Failed", reason: "Evicted" },
            message,
          });
          expect(ends()).toEqual(told);
        },
      },
    ],
  };
}

const mountPath = "/v";
// Who takes too much comes last: one container is started after the other, and the pod may go as soon as it has started.
const mounting = { volumeMounts: [{ name: "v", mountPath }] };

export const storageLimitCases: readonly PodCase[] = [
  evicted(
    "layer-limit",
    {
      row: "resources.limits[ephemeral-storage]: what a container writes beside its volumes counts",
      message: 'Container main exceeded its local ephemeral storage limit "2Mi". ',
    },
    { name: "roomy", command: running(), resources: limit("1Gi") },
    { name: "main", command: fill("/tmp-file"), resources: limit("2Mi") },
  ),
  evicted(
    "log-limit",
    {
      row: "resources.limits[ephemeral-storage]: so do its logs",
      message: 'Container main exceeded its local ephemeral storage limit "1Mi". ',
    },
    { name: "roomy", command: running(), resources: limit("1Gi") },
    {
      name: "main",
      command: running("yes 'a line of some length that goes to the log' | head -n 60000"),
      resources: limit("1Mi"),
    },
  ),
  evicted(
    "pod-storage-limit",
    {
      row: "resources.limits[ephemeral-storage]: the sum of the containers' is the pod's, volumes included",
      message: "Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ",
      volumes: [{ name: "v", emptyDir: {} }],
    },
    { name: "other", command: running(), resources: limit("1Mi") },
    { name: "main", command: fill(`${mountPath}/file`), resources: limit("1Mi"), ...mounting },
  ),
  evicted(
    "empty-dir-limit",
    {
      row: "volumes.emptyDir.sizeLimit: a pod that outgrows it goes",
      message: 'Usage of EmptyDir volume "v" exceeds the limit "2Mi". ',
      volumes: [{ name: "v", emptyDir: { sizeLimit: "2Mi" } }],
    },
    { name: "main", command: fill(`${mountPath}/file`), ...mounting },
  ),
];
