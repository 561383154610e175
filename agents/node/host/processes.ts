// Which processes are whose, by their control groups: runtimes name these after their containers.
import { readdir, readFile } from "node:fs/promises";

/** How many processes each container has. Those whose control groups say nothing of them are not there. */
export async function processesOf(containerIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  if (containerIds.length === 0) return counts;
  for (const pid of await readdir("/proc").catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue;
    const groups = await readFile(`/proc/${pid}/cgroup`, "utf8").catch(() => "");
    const owner = containerIds.find((id) => groups.includes(id));
    if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  return counts;
}
