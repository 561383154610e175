// A pod's status, computed as the kubelet computes it: a pure function of the same things that the plan is made from.
// Source: kubelet_pods.go generateAPIPodStatus, status/status_manager.go.
import { semanticEqual } from "../../../src/model/equality.ts";
import { goTime } from "../../../src/model/instant.ts";
import type { PodStatus } from "../../../src/model/pod-status.ts";
import type { AssignedPod } from "../../../src/sync/messages.ts";
import type { NodeView } from "../node-view.ts";
import { conditionsOf } from "./conditions.ts";
import type { Statuses } from "./container-statuses.ts";
import { containerStatusesOf } from "./container-statuses.ts";
import type { PodDefinition } from "./definition.ts";
import type { PodMemory } from "./memory.ts";
import type { Observation } from "./observation.ts";
import { readySandbox } from "./observation.ts";
import { phaseOf } from "./phase.ts";

export type ReportInput = {
  readonly assigned: AssignedPod;
  readonly definition: PodDefinition;
  readonly observation: Observation;
  readonly memory: PodMemory;
  readonly node: NodeView;
  /** Scheme of container ids. */
  readonly runtimeName: string;
  /** Wall time. */
  readonly nowMs: number;
};

/** The status to report; the very object in memory when nothing of it has changed. */
export function statusOf(input: ReportInput): PodStatus {
  const before = input.memory.status;
  const status = computeStatus(input, before);
  return before !== undefined && semanticEqual(before, status) ? before : status;
}

function computeStatus(input: ReportInput, before: PodStatus | undefined): PodStatus {
  const { definition, memory, node, nowMs } = input;
  const statuses = containerStatusesOf(input);
  const phase = phaseOf({ definition, memory, statuses, before: before?.phase });
  const podIp = podIpOf(input);
  return {
    phase,
    ...failureOf(memory),
    conditions: conditionsOf({ ...input, statuses, phase, before: before?.conditions ?? [] }),
    ...(node.ips[0] === undefined ? {} : { hostIP: node.ips[0], hostIPs: node.ips.map((ip) => ({ ip })) }),
    ...(podIp === undefined ? {} : { podIP: podIp, podIPs: [{ ip: podIp }] }),
    startTime: before?.startTime ?? goTime(nowMs),
    ...listsOf(statuses),
    qosClass: definition.qosClass,
  };
}

function listsOf({ inits, regulars }: Statuses): Pick<PodStatus, "containerStatuses" | "initContainerStatuses"> {
  const containerStatuses = [...regulars];
  return inits.length === 0 ? { containerStatuses } : { initContainerStatuses: [...inits], containerStatuses };
}

function failureOf({ failure }: PodMemory): Pick<PodStatus, "reason" | "message"> {
  return failure === undefined ? {} : { reason: failure.reason, message: failure.message };
}

/** A pod on the host's network, or in a sandbox without an address of its own, has the node's. It keeps its last one. */
export function podIpOf({ observation, memory, node }: Pick<ReportInput, "observation" | "memory" | "node">) {
  const sandbox = readySandbox(observation);
  if (sandbox === undefined) return memory.status?.podIP;
  return sandbox.ip ?? node.ips[0];
}
