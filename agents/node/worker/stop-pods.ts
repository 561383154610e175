// Ends everything that runs on the node, for an agent that is not to leave it behind.
import type { ExecutePorts } from "../pod/execute.ts";
import { execute } from "../pod/execute.ts";
import { annotations } from "../pod/labels.ts";

const defaultGraceSeconds = 30;

/** Each container gets its pre-stop hook and its grace period. The pods stay assigned: a new agent starts them again. */
export async function stopPods(ports: ExecutePorts): Promise<void> {
  const { runtime } = ports;
  const containers = (await runtime.listContainers({})).filter(({ state }) => state === "running");
  const stops = containers.map(({ id, metadata, annotations: noted }) => {
    const graceSeconds = Number(noted[annotations.gracePeriodSeconds] ?? defaultGraceSeconds);
    const action = {
      kind: "kill-container",
      containerId: id,
      name: metadata.name,
      graceSeconds,
      hurry: false,
    } as const;
    const context = {
      ports,
      directories: { logs: "", pods: "" },
      podUid: "",
      pod: undefined,
      toldTrouble: undefined,
      isWanted: () => false,
      setStage: () => {},
      tell: () => {},
    };
    return execute(action, context);
  });
  await Promise.all(stops);
  for (const { id } of await runtime.listPodSandboxes({})) await runtime.stopPodSandbox(id);
  for (const podUid of await ports.volumes.list()) await ports.volumes.tearDown(podUid, "mounts");
}
