// What to do next for a pod that is to run: its sandbox, its init containers in order, then its containers.
// Source: kubelet kuberuntime computePodActions, SyncPod, doBackOff.
import type { AssignedPod } from "../../../src/sync/messages.ts";
import type { RuntimeContainerStatus } from "../runtime/runtime.ts";
import { startKey } from "./action.ts";
import { durationText, heldOffUntilMs, nextBackOff } from "./back-off.ts";
import type { ContainerDefinition, PodDefinition } from "./definition.ts";
import { restartPolicyOf } from "./definition.ts";
import { annotations } from "./labels.ts";
import { containerMemory } from "./memory.ts";
import { newestContainer, readySandbox } from "./observation.ts";
import type { Draft } from "./plan.ts";
import { planEnding } from "./plan-ending.ts";
import { hasNewContent, planVolumes } from "./plan-volumes.ts";
import { warning } from "./pod-event.ts";

type Wanted = { readonly assigned: AssignedPod; readonly definition: PodDefinition };

/** What went wrong is told as such for this long, then as being held off. */
const errorShownMs = 1000;

export function planRunning(draft: Draft, wanted: Wanted): void {
  // It may have been given up before, when an assignment left it out that a later one has again.
  if (draft.memory.endingSinceMs !== undefined) {
    draft.memory = { ...draft.memory, endingSinceMs: undefined, toldToEnd: undefined, ended: undefined };
  }
  for (const container of wanted.definition.containers) noteContainer(draft, container);
  if (draft.memory.tornDown !== undefined) draft.memory = { ...draft.memory, tornDown: undefined };
  if (isPastDeadline(draft, wanted.definition)) {
    const message = "Pod was active on the node longer than the specified deadline";
    draft.memory = { ...draft.memory, failure: { reason: "DeadlineExceeded", message } };
    draft.events.push(warning("DeadlineExceeded", message));
    planEnding(draft);
    return;
  }
  planKills(draft, wanted);
  if (draft.view.awaitsObjects) return;
  const sandbox = readySandbox(draft.view.observation);
  if (sandbox === undefined) {
    planSandbox(draft, wanted);
    return;
  }
  if (!planVolumes(draft, wanted.definition)) planStarts(draft, wanted, sandbox.id);
  planTidying(draft, sandbox.id);
}

function isPastDeadline(draft: Draft, { spec }: PodDefinition): boolean {
  if (spec.activeDeadlineSeconds === undefined) return false;
  const deadlineMs = draft.memory.startedAtMs + spec.activeDeadlineSeconds * 1000;
  if (draft.nowMs >= deadlineMs) return true;
  draft.lookAgain(deadlineMs);
  return false;
}

/** Takes over into memory what the newest attempt shows for the first time. */
function noteContainer(draft: Draft, { name, hash }: ContainerDefinition): void {
  const memory = containerMemory(draft.memory, name);
  if (memory.hash !== undefined && memory.hash !== hash) {
    draft.remember(name, { hash, crashes: undefined, failures: undefined, waiting: undefined });
  }
  const newest = newestContainer(draft.view.observation, name);
  if (newest === undefined || newest.state === "created") return;
  if (newest.metadata.attempt > (memory.attempt ?? -1)) draft.remember(name, { attempt: newest.metadata.attempt });
  if (newest.state !== "exited" || memory.exit?.containerId === newest.id) return;
  // By the runtime's clock, which may have been set since: it cannot have ended before it was last started, nor later
  // than now. Without that, a clock set back would let a container crash without a pause.
  const earliestMs = memory.crashes?.updatedAtMs ?? Number.NEGATIVE_INFINITY;
  const atMs = Math.min(draft.nowMs, Math.max(newest.finishedAtMs ?? draft.nowMs, earliestMs));
  draft.remember(name, { exit: { containerId: newest.id, atMs } });
}

function planKills(draft: Draft, { definition }: Wanted): void {
  const { observation } = draft.view;
  const sandbox = readySandbox(observation);
  const alive = new Set<string>();
  for (const container of observation.containers) {
    if (container.state !== "running") continue;
    const why = reasonToKill(draft, container, sandbox?.id, alive);
    alive.add(container.metadata.name);
    if (why === null) continue;
    const { name } = container.metadata;
    const graceSeconds = probeGraceSeconds(draft, name, why) ?? definition.gracePeriodSeconds;
    draft.kill({ containerId: container.id, name, graceSeconds, why });
  }
}

/** `alive`: names of which a newer attempt runs. */
function reasonToKill(
  draft: Draft,
  container: RuntimeContainerStatus,
  sandboxId: string | undefined,
  alive: ReadonlySet<string>,
) {
  const { name } = container.metadata;
  const definition = draft.definitionOf(name);
  if (definition === undefined || alive.has(name)) return "surplus";
  if (container.podSandboxId !== sandboxId) return "sandbox";
  const hash = container.annotations[annotations.hash];
  if (hash !== undefined && hash !== definition.hash && draft.view.heldBecause === undefined) return "changed";
  const { health } = containerMemory(draft.memory, name);
  return health?.containerId === container.id ? (health.unhealthy ?? null) : null;
}

function probeGraceSeconds(draft: Draft, name: string, why: string): number | undefined {
  const container = draft.definitionOf(name)?.container;
  if (why === "liveness") return container?.livenessProbe?.terminationGracePeriodSeconds;
  return why === "startup" ? container?.startupProbe?.terminationGracePeriodSeconds : undefined;
}

function planSandbox(draft: Draft, { definition }: Wanted): void {
  const { observation, inFlight } = draft.view;
  // Containers of the old sandbox go first: two live ones of one name must never be.
  if (observation.containers.some(({ state }) => state === "running")) return;
  if (inFlight.size > 0) return;
  const wantsStart = definition.containers.some((container) => isToStart(draft, definition, container));
  if (!wantsStart) return;
  const failures = draft.memory.sandboxFailures;
  const untilMs = failures === undefined ? 0 : heldOffUntilMs(failures, failures.failedAtMs);
  if (untilMs > draft.nowMs && !hasNewContent(draft)) {
    draft.lookAgain(untilMs);
    return;
  }
  const newest = observation.sandboxes[0];
  if (newest !== undefined) {
    const message = "Pod sandbox changed, it will be killed and re-created.";
    draft.events.push({ type: "Normal", reason: "SandboxChanged", message });
  }
  draft.act({ kind: "run-sandbox", attempt: newest === undefined ? 0 : newest.metadata.attempt + 1 });
}

/** By its policy and its newest attempt; back-offs are not asked. */
function isToStart(draft: Draft, pod: PodDefinition, container: ContainerDefinition): boolean {
  const newest = newestContainer(draft.view.observation, container.name);
  if (newest === undefined || newest.state === "created") return true;
  if (newest.state === "running") return false;
  switch (restartPolicyOf(pod, container)) {
    case "Always":
      return true;
    case "OnFailure":
      return newest.exitCode !== 0;
    case "Never":
      return false;
  }
}

function planStarts(draft: Draft, { definition }: Wanted, sandboxId: string): void {
  // One start at a time and in order, as post-start hooks may be what the next container waits for.
  for (const { action } of draft.view.inFlight.values()) if (action.kind === "start-container") return;
  const isInitialized = definition.regulars.some(({ name }) => currentContainer(draft, name, sandboxId) !== undefined);
  for (const container of definition.inits) {
    const standing = standingOf(draft, definition, container, sandboxId);
    if (isInitialized && (container.kind === "init" || standing !== "start")) continue;
    if (standing === "start" && tryStart(draft, container, sandboxId)) return;
    if (isInitialized || standing === "passed") continue;
    return;
  }
  for (const container of definition.regulars) {
    if (standingOf(draft, definition, container, sandboxId) !== "start") continue;
    if (tryStart(draft, container, sandboxId)) return;
  }
}

function currentContainer(draft: Draft, name: string, sandboxId: string): RuntimeContainerStatus | undefined {
  return draft.view.observation.containers.find(
    (container) => container.metadata.name === name && container.podSandboxId === sandboxId,
  );
}

/** `passed`: what comes after the container may start; `start`: it should be running and is not. */
function standingOf(draft: Draft, pod: PodDefinition, container: ContainerDefinition, sandboxId: string) {
  const current = currentContainer(draft, container.name, sandboxId);
  if (current?.state === "running") {
    if (container.kind === "init") return "waiting";
    return container.kind === "sidecar" && !hasStarted(draft, container, current.id) ? "waiting" : "passed";
  }
  // One that lives on in an old sandbox is on its way out: there must never be two.
  if (isAlive(draft, container.name)) return "waiting";
  if (current?.state === "exited" && container.kind === "init" && current.exitCode === 0) return "passed";
  // A new sandbox runs the init containers again, however they ended in the old one.
  if (current === undefined && container.kind === "init") return "start";
  return isToStart(draft, pod, container) || current?.state === "unknown" ? "start" : "waiting";
}

function isAlive(draft: Draft, name: string): boolean {
  return draft.view.observation.containers.some(({ metadata, state }) => metadata.name === name && state === "running");
}

function hasStarted(draft: Draft, { name, container }: ContainerDefinition, containerId: string): boolean {
  if (container.startupProbe === undefined) return true;
  const { health } = containerMemory(draft.memory, name);
  return health?.containerId === containerId && health.started === true;
}

/** Plans the start, or what must come before it. False: it is held off, and need hold up no other container. */
function tryStart(draft: Draft, container: ContainerDefinition, sandboxId: string): boolean {
  const { name, hash } = container;
  const newest = newestContainer(draft.view.observation, name);
  if (newest !== undefined && (newest.state === "created" || newest.state === "unknown")) {
    removeContainer(draft, newest.id);
    return true;
  }
  if (isHeldOff(draft, container)) return false;
  const memory = containerMemory(draft.memory, name);
  const exit = memory.exit?.containerId === newest?.id ? memory.exit : undefined;
  const crashes = exit === undefined ? memory.crashes : nextBackOff(memory.crashes, exit.atMs, draft.nowMs);
  draft.remember(name, { hash, crashes });
  const attempt = Math.max(newest?.metadata.attempt ?? -1, memory.attempt ?? -1) + 1;
  if (!draft.isInFlight(startKey(name))) draft.act({ kind: "start-container", name, attempt, sandboxId });
  return true;
}

function isHeldOff(draft: Draft, container: ContainerDefinition): boolean {
  const { failures, crashes, exit } = containerMemory(draft.memory, container.name);
  const failedUntilMs = failures === undefined ? 0 : heldOffUntilMs(failures, failures.failedAtMs);
  if (failures !== undefined && failedUntilMs > draft.nowMs) {
    holdAfterFailure(draft, container, failures.failedAtMs);
    draft.lookAgain(failedUntilMs);
    return true;
  }
  const crashedUntilMs = exit === undefined ? 0 : heldOffUntilMs(crashes, exit.atMs);
  if (crashes === undefined || crashedUntilMs <= draft.nowMs) return false;
  const isTold = containerMemory(draft.memory, container.name).waiting?.reason !== "PostStartHookError";
  if (!isTold && exit !== undefined && draft.nowMs < exit.atMs + errorShownMs)
    draft.lookAgain(exit.atMs + errorShownMs);
  else holdAfterCrash(draft, container, crashes.delayMs);
  draft.lookAgain(crashedUntilMs);
  return true;
}

/** A pull that failed a moment ago becomes one that is held off. */
function holdAfterFailure(draft: Draft, { name, container }: ContainerDefinition, failedAtMs: number): void {
  const { waiting } = containerMemory(draft.memory, name);
  if (waiting?.reason !== "ErrImagePull" && waiting?.reason !== "RegistryUnavailable") return;
  if (draft.nowMs < failedAtMs + errorShownMs) {
    draft.lookAgain(failedAtMs + errorShownMs);
    return;
  }
  const image = JSON.stringify(container.image ?? "");
  const message = `Back-off pulling image ${image}: ${waiting.reason}: ${waiting.message ?? ""}`;
  draft.remember(name, { waiting: { reason: "ImagePullBackOff", message } });
  const fieldPath = draft.fieldPath(name);
  draft.events.push({ type: "Normal", reason: "BackOff", message: `Back-off pulling image ${image}`, fieldPath });
  draft.events.push(warning("Failed", "Error: ImagePullBackOff", fieldPath));
}

function holdAfterCrash(draft: Draft, { name }: ContainerDefinition, delayMs: number): void {
  const { assigned } = draft.view.wanted ?? {};
  if (assigned === undefined) return;
  const pod = `${assigned.name}_${assigned.namespace}(${assigned.uid})`;
  const message = `back-off ${durationText(delayMs)} restarting failed container=${name} pod=${pod}`;
  const { waiting } = containerMemory(draft.memory, name);
  if (waiting?.reason === "CrashLoopBackOff" && waiting.message === message) return;
  draft.remember(name, { waiting: { reason: "CrashLoopBackOff", message } });
  const text = `Back-off restarting failed container ${name} in pod ${pod}`;
  draft.events.push(warning("BackOff", text, draft.fieldPath(name)));
}

/** Keeps the last dead container of each name, for its logs and last state, and removes the rest. */
function planTidying(draft: Draft, sandboxId: string): void {
  const { containers, sandboxes } = draft.view.observation;
  if (containers.length < 2 && sandboxes.length < 2) return;
  const kept = new Set<string>();
  const occupied = new Set<string>([sandboxId]);
  for (const { id, state, metadata, podSandboxId } of containers) {
    if (state === "exited" && kept.has(metadata.name)) removeContainer(draft, id);
    else occupied.add(podSandboxId);
    if (state === "exited") kept.add(metadata.name);
  }
  for (const { id } of sandboxes) {
    if (!occupied.has(id) && !draft.isInFlight(`remove/${id}`)) draft.act({ kind: "remove-sandbox", sandboxId: id });
  }
}

function removeContainer(draft: Draft, containerId: string): void {
  if (!draft.isInFlight(`remove/${containerId}`)) draft.act({ kind: "remove-container", containerId });
}
