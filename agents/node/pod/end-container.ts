// Ends one container: its pre-stop hook, then being asked to end, then being killed.
// Source: kubelet kuberuntime killContainer, executePreStopHook.
import type { Outcome } from "./action.ts";
import type { HookPorts } from "./hook.ts";
import { hookFailure, readHook, runHook } from "./hook.ts";
import { annotations } from "./labels.ts";
import type { PodEvent } from "./pod-event.ts";
import { warning } from "./pod-event.ts";

type End = {
  readonly containerId: string;
  /** From 0. */
  readonly graceSeconds: number;
  /** It is on its way out and is only to be quicker. */
  readonly hurry: boolean;
  readonly fieldPath: string;
};

const minimumGraceSeconds = 2;

/** The pre-stop hook's time is taken from the grace period, but for a last moment that is always left. */
export async function endContainer(
  { containerId, graceSeconds, hurry, fieldPath }: End,
  ports: HookPorts,
): Promise<Exclude<Outcome, { kind: "abandoned" }>> {
  const { runtime, clock } = ports;
  const startedAtMs = clock.monotonicMs();
  const events: PodEvent[] = hurry ? [] : [...(await runPreStop({ containerId, graceSeconds, fieldPath }, ports))];
  const elapsedSeconds = Math.floor((clock.monotonicMs() - startedAtMs) / 1000);
  const leftSeconds = Math.max(minimumGraceSeconds, graceSeconds - elapsedSeconds);
  const stopped = await runtime.stopContainer(containerId, leftSeconds);
  if (stopped.ok) return { kind: "done", events };
  events.push(warning("FailedKillPod", `error killing pod: ${stopped.message}`));
  return { kind: "failed", reason: "FailedKillPod", message: stopped.message, events };
}

/** What there is to tell of it. Nothing is run without time for it, and nothing in a container that has ended. */
export async function runPreStop(
  { containerId, graceSeconds, fieldPath }: Omit<End, "hurry">,
  ports: HookPorts,
): Promise<readonly PodEvent[]> {
  const status = graceSeconds > 0 ? await ports.runtime.containerStatus(containerId) : null;
  const hook = status?.state === "running" ? readHook(status.annotations[annotations.preStop] ?? "") : null;
  if (hook === null) return [];
  const problem = await runHook(hook, { containerId, timeoutSeconds: graceSeconds }, ports);
  return problem === null ? [] : [warning("FailedPreStopHook", hookFailure("PreStop", hook), fieldPath)];
}
