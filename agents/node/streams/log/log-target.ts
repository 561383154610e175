// Which run of a container a log is wanted of.
// Source: kubelet kubelet_pods.go (validateContainerLogStatus), whose words these are.
import type { ContainerStatus } from "../../../../src/model/container-status.ts";
import type { PodStatus } from "../../../../src/model/pod-status.ts";
import type { AssignedPod } from "../../../../src/sync/messages.ts";
import type { Runtime } from "../../runtime/runtime.ts";

export type LogTarget = {
  readonly pod: AssignedPod;
  readonly container: string;
  readonly attempt: number;
  /** In the runtime. It may be gone, though its log is not. */
  readonly containerId: string;
};

export type WantedLog = {
  readonly pod: AssignedPod;
  readonly status: PodStatus | undefined;
  readonly container: string;
  readonly previous: boolean;
};

type Found = { readonly ok: true; readonly value: LogTarget } | { readonly ok: false; readonly message: string };

export async function logTarget(wanted: WantedLog, runtime: Runtime): Promise<Found> {
  const { pod, status, container, previous } = wanted;
  const name = `container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.name)}`;
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const found = all.find((one) => one.name === container);
  if (found === undefined) return no(`${name} is not available`);
  const { state = {}, lastState = {} } = found;
  const last = lastState.terminated?.containerID ?? "";
  if (previous) return last === "" ? no(`previous terminated ${name} not found`) : target(last, found, wanted, runtime);
  if (state.running !== undefined) return target(found.containerID ?? "", found, wanted, runtime);
  if (state.terminated !== undefined || lastState.terminated !== undefined) {
    const ended = state.terminated?.containerID ?? "";
    const id = ended === "" ? last : ended;
    return id === "" ? no(`${name} is terminated`) : target(id, found, wanted, runtime);
  }
  return no(`${name} is waiting to start${waitingFor(state.waiting?.reason)}`);
}

function no(message: string): Found {
  return { ok: false, message };
}

function waitingFor(reason: string | undefined): string {
  if (reason === undefined) return " - no logs yet";
  if (reason === "ErrImagePull") return ": image can't be pulled";
  return reason === "ImagePullBackOff" ? ": trying and failing to pull image" : `: ${reason}`;
}

/** `id` is as statuses say it: `runtime://id`. */
async function target(id: string, status: ContainerStatus, wanted: WantedLog, runtime: Runtime): Promise<Found> {
  const containerId = id.slice(id.indexOf("://") + 3);
  const known = await runtime.containerStatus(containerId);
  const restarts = status.restartCount ?? 0;
  const isCurrent = id === status.containerID && status.state?.waiting === undefined;
  // Of one that the runtime has forgotten, the number of restarts tells which it was.
  const attempt = known?.metadata.attempt ?? (isCurrent && !wanted.previous ? restarts : Math.max(0, restarts - 1));
  return { ok: true, value: { pod: wanted.pod, container: wanted.container, attempt, containerId } };
}
