// What the runtime has for one pod.
import type { PodSandbox, Runtime, RuntimeContainerStatus } from "../runtime/runtime.ts";

export type Observation = {
  /** Newest first. */
  readonly sandboxes: readonly PodSandbox[];
  /** Newest attempt first. */
  readonly containers: readonly RuntimeContainerStatus[];
};

export const nothingObserved: Observation = { sandboxes: [], containers: [] };

/** Asks the runtime. What `known` says of containers that have exited is taken over: they do not change any more. */
export async function observe(runtime: Runtime, podUid: string, known: Observation): Promise<Observation> {
  const [sandboxes, listed] = await Promise.all([
    runtime.listPodSandboxes({ podUid }),
    runtime.listContainers({ podUid }),
  ]);
  const containers: RuntimeContainerStatus[] = [];
  for (const { id, state } of listed) {
    const exited = state === "exited" ? known.containers.find((c) => c.id === id && c.state === "exited") : undefined;
    const status = exited ?? (await runtime.containerStatus(id));
    if (status !== null) containers.push(status);
  }
  return {
    sandboxes:
      sandboxes.length < 2 ? sandboxes : [...sandboxes].sort((a, b) => b.metadata.attempt - a.metadata.attempt),
    containers: containers.length < 2 ? containers : containers.sort(newestFirst),
  };
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
