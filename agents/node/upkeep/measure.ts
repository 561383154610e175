// What pods take of their node: looked up where it decides something, for it costs time.
import { labels } from "../pod/labels.ts";
import type { DiskUse, Runtime } from "../runtime/runtime.ts";
import type { Volumes } from "../volume/volumes.ts";
import type { PodDisk } from "./disk-use.ts";
import { nothingOnDisk } from "./disk-use.ts";
import type { PodUse } from "./eviction.ts";
import { resourceOf } from "./eviction.ts";
import type { HostUpkeep, KeptPod } from "./ports.ts";
import { logDirectoryOf } from "./ports.ts";
import type { Signal } from "./thresholds.ts";

export type MeasurePorts = {
  readonly runtime: Runtime;
  readonly host: HostUpkeep;
  readonly volumes: Pick<Volumes, "usage">;
};

export async function diskOf(pod: KeptPod, { runtime, host, volumes }: MeasurePorts): Promise<PodDisk> {
  const layers = new Map<string, DiskUse>();
  for (const { name, bytes, inodes } of (await runtime.writableLayers?.({ podUid: pod.uid })) ?? []) {
    layers.set(name, { bytes, inodes });
  }
  return { layers, logs: await host.logUse(logDirectoryOf(pod)), volumes: await volumes.usage(pod) };
}

/** As far as the signal makes it matter. */
export async function usesOf(
  pods: readonly KeptPod[],
  signal: Signal,
  ports: MeasurePorts,
): Promise<readonly PodUse[]> {
  const { runtime, host } = ports;
  const [stats, sandboxes] = await Promise.all([runtime.listContainerStats(), runtime.listPodSandboxes({})]);
  const measured = new Set([
    ...stats.map(({ podUid }) => podUid),
    ...sandboxes.filter(({ state }) => state === "ready").map(({ labels: given }) => given[labels.podUid]),
  ]);
  const resource = resourceOf[signal];
  const readsDisk = resource === "ephemeral-storage" || resource === "inodes";
  const processes = resource === "pids" ? await host.processes(stats.map(({ id }) => id)) : new Map<string, number>();
  const uses: PodUse[] = [];
  for (const pod of pods) {
    const { uid, definition } = pod;
    const own = stats.filter(({ podUid }) => podUid === uid);
    uses.push({
      ...{ uid, definition },
      isMeasured: measured.has(uid),
      memoryBytes: new Map(own.map((container) => [container.name, container.workingSetBytes])),
      disk: readsDisk ? await diskOf(pod, ports) : nothingOnDisk,
      // One at least, of a container that is not found among the kernel's.
      processes: own.reduce((sum, { id }) => sum + (processes.get(id) ?? 1), 0),
    });
  }
  return uses;
}
