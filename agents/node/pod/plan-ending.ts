// What to do next for a pod that is to end, that has ended by itself, or that nobody asks for any more.
// Source: kubelet kuberuntime killContainersWithSyncResult, killContainer.
import type { RuntimeContainerStatus } from "../runtime/runtime.ts";
import { killKey, preStopKey } from "./action.ts";
import { annotations } from "./labels.ts";
import { containerMemory, isEvicted } from "./memory.ts";
import type { Draft } from "./plan.ts";
import { planTearDown } from "./plan-volumes.ts";

const defaultGraceSeconds = 30;
const slackMs = 1000;

export function planEnding(draft: Draft): void {
  if (draft.memory.endingSinceMs === undefined) draft.memory = { ...draft.memory, endingSinceMs: draft.nowMs };
  const { containers } = draft.view.observation;
  const alive = containers.filter(({ state }) => state === "running" || state === "unknown");
  if (alive.length > 0) {
    tellEnds(draft, alive);
    const next = nextToEnd(draft, alive);
    for (const container of next) end(draft, container);
    for (const container of alive) if (!next.includes(container)) prepareToEnd(draft, container);
    return;
  }
  if (isStarting(draft)) return;
  if (stopSandboxes(draft)) return;
  const { wanted } = draft.view;
  if (wanted === undefined) {
    // Nobody asks for its logs or its end any more.
    if (planRemoval(draft)) draft.forget = draft.view.inFlight.size === 0 && planTearDown(draft, "all");
    return;
  }
  // Source: kubelet.go cleanUpContainersInPod, which keeps no container of an evicted pod.
  if (isEvicted(draft.memory)) planRemoval(draft);
  if (wanted.assigned.deletion === undefined) planTearDown(draft, "volumes");
  else if (draft.memory.ended !== true) draft.memory = { ...draft.memory, ended: true };
}

/** Of all at once, before any hook is run: of those too that wait for their turn. */
function tellEnds(draft: Draft, alive: readonly RuntimeContainerStatus[]): void {
  const told = draft.memory.toldToEnd ?? [];
  const news = alive.filter(({ id }) => !told.includes(id) && !draft.isInFlight(killKey(id)));
  if (news.length === 0) return;
  for (const { metadata } of news) draft.tellKilling(metadata.name, "ending");
  draft.memory = { ...draft.memory, toldToEnd: [...told, ...news.map(({ id }) => id)] };
}

function end(draft: Draft, container: RuntimeContainerStatus): void {
  const { id, metadata } = container;
  const graceSeconds = remainingSeconds(draft, container);
  const hook = draft.view.inFlight.get(preStopKey(id));
  // Its hook is as long as it may be, unless there is less time than there was.
  if (hook !== undefined && (hook.deadlineMs ?? 0) <= draft.nowMs + graceSeconds * 1000 + slackMs) return;
  const hurry = hook !== undefined || containerMemory(draft.memory, metadata.name).preStopped === id;
  draft.kill({ containerId: id, name: metadata.name, graceSeconds, why: "ending", hurry });
}

/** What waits for its turn is told so at once. */
function prepareToEnd(draft: Draft, container: RuntimeContainerStatus): void {
  const { id, metadata, annotations: noted, state } = container;
  const { name } = metadata;
  const graceSeconds = remainingSeconds(draft, container);
  const isDone = containerMemory(draft.memory, name).preStopped === id || draft.isInFlight(preStopKey(id));
  if (isDone || state !== "running" || graceSeconds <= 0 || noted[annotations.preStop] === undefined) return;
  draft.act({ kind: "run-pre-stop", containerId: id, name, graceSeconds });
}

/** All at once, but for sidecars: they serve the others to the end and go one by one, the last started first. */
function nextToEnd(draft: Draft, alive: readonly RuntimeContainerStatus[]): readonly RuntimeContainerStatus[] {
  const order = draft.view.wanted?.definition.inits.filter(({ kind }) => kind === "sidecar") ?? [];
  const sidecarNames = new Set(order.map(({ name }) => name));
  const others = alive.filter(({ metadata }) => !sidecarNames.has(metadata.name));
  if (others.length > 0) return others;
  const last = order.findLast(({ name }) => alive.some(({ metadata }) => metadata.name === name));
  return alive.filter(({ metadata }) => metadata.name === last?.name);
}

/** What is left of the pod's grace period. */
function remainingSeconds(draft: Draft, container: RuntimeContainerStatus): number {
  const { wanted } = draft.view;
  // A container that nobody asks for carries its grace period with it: its template may be gone.
  const own = Number(container.annotations[annotations.gracePeriodSeconds] ?? defaultGraceSeconds);
  const given = wanted?.assigned.deletion?.gracePeriodSeconds ?? draft.memory.failure?.graceSeconds;
  // Source: pod_workers.go calculateEffectiveGracePeriod.
  const graceSeconds = Math.max(1, given ?? wanted?.definition.gracePeriodSeconds ?? own);
  const sinceMs = draft.memory.endingSinceMs ?? draft.nowMs;
  return graceSeconds - Math.floor((draft.nowMs - sinceMs) / 1000);
}

/** True while a start may still leave a container behind. One that pulls is called off by the executor. */
function isStarting(draft: Draft): boolean {
  for (const { action, stage } of draft.view.inFlight.values()) {
    if (action.kind === "run-sandbox") return true;
    if (action.kind === "start-container" && stage !== "pull") return true;
  }
  return false;
}

/** True while a sandbox is up. */
function stopSandboxes(draft: Draft): boolean {
  let isUp = false;
  for (const { id, state } of draft.view.observation.sandboxes) {
    if (state !== "ready") continue;
    isUp = true;
    if (!draft.isInFlight(`stop/${id}`)) draft.act({ kind: "stop-sandbox", sandboxId: id });
  }
  return isUp;
}

/** Removes what the runtime has of it. True when that is nothing any more. */
function planRemoval(draft: Draft): boolean {
  const { sandboxes, containers } = draft.view.observation;
  const sandboxIds = new Set(sandboxes.map(({ id }) => id));
  for (const { id } of sandboxes) {
    if (!draft.isInFlight(`remove/${id}`)) draft.act({ kind: "remove-sandbox", sandboxId: id });
  }
  for (const { id, podSandboxId } of containers) {
    if (sandboxIds.has(podSandboxId) || draft.isInFlight(`remove/${id}`)) continue;
    draft.act({ kind: "remove-container", containerId: id });
  }
  return sandboxes.length === 0 && containers.length === 0;
}
