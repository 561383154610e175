// What the runtime has for one pod.

import type { PodSandbox, Runtime, RuntimeContainerStatus } from "../runtime/runtime.ts";
import type { Volumes } from "../volume/volumes.ts";

type LastWords = Pick<Volumes, "terminationMessage">;
export type ObservePorts = { readonly runtime: Runtime; readonly volumes: LastWords };

export type Observation = {
  /** Newest first. */
  readonly sandboxes: readonly PodSandbox[];
  /** Newest attempt first. */
  readonly containers: readonly RuntimeContainerStatus[];
};

export const nothingObserved: Observation = { sandboxes: [], containers: [] };

/** Asks the runtime, and exited containers for their last words. What `known` says of containers that have exited is taken over: they do not change any more. */
export async function observe(
  { runtime, volumes }: ObservePorts,
  podUid: string,
  known: Observation,
): Promise<Observation> {
  const [sandboxes, listed] = await Promise.all([
    runtime.listPodSandboxes({ podUid }),
    runtime.listContainers({ podUid }),
  ]);
  const containers: RuntimeContainerStatus[] = [];
  for (const { id, state } of listed) {
    const exited = state === "exited" ? known.containers.find((c) => c.id === id && c.state === "exited") : undefined;
    const status = exited ?? (await askAfter(id, runtime, volumes));
    if (status !== null) containers.push(status);
  }
  return {
    sandboxes:
      sandboxes.length < 2 ? sandboxes : [...sandboxes].sort((a, b) => b.metadata.attempt - a.metadata.attempt),
    containers: containers.length < 2 ? containers : containers.sort(newestFirst),
  };
}

/** What the container left to say is told after what its runtime says. Source: kubelet toKubeContainerStatus. */
async function askAfter(id: string, runtime: Runtime, volumes: LastWords): Promise<RuntimeContainerStatus | null> {
  const status = await runtime.containerStatus(id);
  if (status?.state !== "exited") return status;
  const own = await volumes.terminationMessage(status);
  if (own === "") return status;
  const { message = "" } = status;
  return { ...status, message: message === "" ? own : `${message}: ${own}` };
}

function newestFirst(a: RuntimeContainerStatus, b: RuntimeContainerStatus): number {
  return b.metadata.attempt - a.metadata.attempt || b.createdAtMs - a.createdAtMs;
}

/** The sandbox that containers are started in, if it is fit for that. */
export function readySandbox(observation: Observation): PodSandbox | undefined {
  const newest = observation.sandboxes[0];
  return newest?.state === "ready" ? newest : undefined;
}

/** The newest attempt at a container, in whatever sandbox. */
export function newestContainer(observation: Observation, name: string): RuntimeContainerStatus | undefined {
  return observation.containers.find((container) => container.metadata.name === name);
}
