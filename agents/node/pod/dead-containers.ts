// Which of a pod's containers have ended and are of no use to it any more.
// Source: kubelet kuberuntime_gc.go evictContainers. A kubelet also removes the last dead container of a pod that runs,
// and with it what an init container has done and how one ended that is not to start again; here these stay.
import type { PodMemory } from "./memory.ts";
import { isFinished } from "./memory.ts";
import type { Observation } from "./observation.ts";

/** By id. The pod's status tells of all that is worth telling of them, and will go on to when they are gone. */
export function deadContainers({ containers }: Observation, memory: PodMemory): readonly string[] {
  const { initContainerStatuses = [], containerStatuses = [] } = memory.status ?? {};
  const told = new Set([...initContainerStatuses, ...containerStatuses].map(({ containerID }) => idOf(containerID)));
  const isOver = isFinished(memory);
  return containers.flatMap(({ id, state, metadata: { name } }) => {
    const newest = containers.find((one) => one.metadata.name === name && one.state !== "created");
    const isDead = state === "exited" && newest !== undefined && told.has(newest.id);
    return isDead && (isOver || newest.id !== id) ? [id] : [];
  });
}

/** Without the scheme. */
function idOf(containerID = ""): string {
  return containerID.slice(containerID.indexOf("://") + "://".length);
}
