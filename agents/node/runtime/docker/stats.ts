// What running containers use.
import { labels } from "../../pod/labels.ts";
import type { ContainerStats, WritableLayer } from "../runtime.ts";
import type { EngineClient } from "./engine-client.ts";
import { isStatus } from "./engine-client.ts";
import { engineLabels } from "./engine-labels.ts";
import type { EngineStats, ListedContainer } from "./engine-types.ts";

/** Engines look everything up anew for each. */
const mostAtOnce = 4;

export async function readStats(
  client: EngineClient,
  containers: readonly ListedContainer[],
): Promise<readonly ContainerStats[]> {
  const found: ContainerStats[] = [];
  for (let at = 0; at < containers.length; at += mostAtOnce) {
    const some = containers.slice(at, at + mostAtOnce).map((container) => statsOf(client, container));
    for (const stats of await Promise.all(some)) if (stats !== null) found.push(stats);
  }
  return found;
}

/** Null when it has ended meanwhile. */
async function statsOf(client: EngineClient, { Id: id, Labels }: ListedContainer): Promise<ContainerStats | null> {
  try {
    const query = { stream: "false", "one-shot": "true" };
    const { cpu_stats: cpu, memory_stats: memory } = await client.get<EngineStats>(`/containers/${id}/stats`, {
      query,
    });
    const usageBytes = memory?.usage ?? 0;
    if (usageBytes === 0 && cpu?.cpu_usage?.total_usage === undefined) return null;
    // The page cache that the kernel would give away first is not counted, as by the kubelet.
    const inactiveBytes = memory?.stats?.["total_inactive_file"] ?? memory?.stats?.["inactive_file"] ?? 0;
    return {
      podUid: Labels?.[labels.podUid] ?? "",
      name: Labels?.[labels.containerName] ?? "",
      id,
      usageCoreNanoSeconds: cpu?.cpu_usage?.total_usage ?? 0,
      workingSetBytes: Math.max(0, usageBytes - inactiveBytes),
    };
  } catch (error) {
    if (isStatus(error, 404, 409, 500)) return null;
    throw error;
  }
}

/** The engine walks through each container's layer to tell, and counts no files. `podUid` absent: of all pods. */
export async function readLayers(
  client: EngineClient,
  owner: string,
  podUid: string | undefined,
): Promise<readonly WritableLayer[]> {
  const label = [
    `${engineLabels.agent}=${owner}`,
    `${engineLabels.type}=container`,
    ...(podUid === undefined ? [] : [`${labels.podUid}=${podUid}`]),
  ];
  const query = { size: "1", filters: JSON.stringify({ label }) };
  const running = await client.get<readonly (ListedContainer & { readonly SizeRw?: number })[]>("/containers/json", {
    query,
  });
  return running.map(({ Labels, SizeRw }) => ({
    podUid: Labels?.[labels.podUid] ?? "",
    name: Labels?.[labels.containerName] ?? "",
    bytes: SizeRw ?? 0,
    inodes: 0,
  }));
}
