// Does what a plan says, through the runtime; the only place from which pods are changed.
// Source of reasons and messages: kubelet kuberuntime startContainer.

import type { Failure, PodSandboxConfig, Runtime } from "../runtime/runtime.ts";
import { fail } from "../runtime/runtime.ts";
import type { Volumes } from "../volume/volumes.ts";
import type { Action, Outcome, StartStage, VolumesFound } from "./action.ts";
import type { Directories } from "./container-config.ts";
import { containerConfig, sandboxConfig } from "./container-config.ts";
import type { ContainerDefinition } from "./definition.ts";
import { dnsProblem } from "./dns.ts";
import { endContainer, runPreStop } from "./end-container.ts";
import type { PodSurroundings } from "./environment.ts";
import { environmentOf } from "./environment.ts";
import type { HookPorts } from "./hook.ts";
import { hookFailure, hookOf, hookProblemText, runHook } from "./hook.ts";
import { hostNameProblem } from "./host-name.ts";
import { nonRootProblem } from "./non-root.ts";
import type { PodEvent } from "./pod-event.ts";
import { containerFieldPath, normal, warning } from "./pod-event.ts";
import { ensureImage } from "./pull-image.ts";
import { contentVersion } from "./volume-content.ts";

export type ExecutePorts = HookPorts & { readonly volumes: Volumes };

export type ExecuteContext = {
  readonly ports: ExecutePorts;
  readonly podUid: string;
  readonly directories: Directories;
  /** Undefined for a pod that is not assigned: it can only be ended. */
  readonly pod: PodSurroundings | undefined;
  /** What is wrong with its volumes and has been told. */
  readonly toldTrouble: string | undefined;
  /** False once the pod is to end: a start is given up between two steps then. */
  isWanted(): boolean;
  setStage(stage: StartStage): void;
  /** At once: what comes next may take long. */
  tell(event: PodEvent): void;
};

/** A post-start hook has no time limit of its own; it ends with its container or its pod. */
const longestHookSeconds = 24 * 60 * 60;

const done: Outcome = { kind: "done", events: [] };
const abandoned: Outcome = { kind: "abandoned" };

export async function execute(action: Action, context: ExecuteContext): Promise<Outcome> {
  const { runtime } = context.ports;
  switch (action.kind) {
    case "run-sandbox":
      return runSandbox(action.attempt, context);
    case "start-container":
      return startContainer(action, context);
    case "kill-container":
      return endContainer({ ...action, fieldPath: fieldPathOf(action.name, context) }, context.ports);
    case "run-pre-stop":
      return {
        kind: "done",
        events: await runPreStop({ ...action, fieldPath: fieldPathOf(action.name, context) }, context.ports),
      };
    case "remove-container":
      return outcomeOf(await runtime.removeContainer(action.containerId));
    case "stop-sandbox":
      return outcomeOf(await runtime.stopPodSandbox(action.sandboxId));
    case "remove-sandbox":
      return outcomeOf(await runtime.removePodSandbox(action.sandboxId));
    case "update-volumes":
      return updateVolumes(context);
    case "tear-down":
      return outcomeOf(await context.ports.volumes.tearDown(context.podUid, action.what));
    default:
      return action satisfies never;
  }
}

function fieldPathOf(name: string, { pod }: ExecuteContext): string {
  const kind = pod?.definition.containers.find((container) => container.name === name)?.kind;
  return containerFieldPath(name, kind === "init" || kind === "sidecar");
}

function outcomeOf(result: { readonly ok: true } | Failure): Outcome {
  return result.ok ? done : { kind: "failed", reason: result.reason, message: result.message, events: [] };
}

async function runSandbox(attempt: number, context: ExecuteContext): Promise<Outcome> {
  const { ports, pod, directories } = context;
  if (pod === undefined) return abandoned;
  const { found: volumes, events, isReady } = await setUpVolumes(pod, context);
  if (!isReady) return { kind: "failed", reason: "FailedMount", message: volumes.trouble, events, volumes };
  if (!context.isWanted()) return abandoned;
  const resolver = await ports.volumes.resolver();
  const result =
    sandboxProblem(pod) ?? (await ports.runtime.runPodSandbox(sandboxConfig({ pod, attempt, directories, resolver })));
  if (result.ok) {
    const tooMuch = dnsProblem(pod.definition.spec, resolver);
    if (tooMuch !== null) events.push(warning("DNSConfigForming", tooMuch));
    return { kind: "done", events, volumes };
  }
  events.push(warning("FailedCreatePodSandBox", `Failed to create pod sandbox: ${result.message}`));
  return { kind: "failed", reason: "FailedCreatePodSandBox", message: result.message, events, volumes };
}

function sandboxProblem(pod: PodSurroundings): Failure | null {
  const problem = hostNameProblem(pod);
  return problem === null ? null : fail("invalid-config", problem);
}

async function updateVolumes(context: ExecuteContext): Promise<Outcome> {
  if (context.pod === undefined) return abandoned;
  const { found, events } = await setUpVolumes(context.pod, context);
  return { kind: "done", events, volumes: found };
}

const volumeRetryMs = 60_000;

/** What is wrong is told once, and looked at again after a while or when something of it has changed. */
async function setUpVolumes(pod: PodSurroundings, { ports, toldTrouble }: ExecuteContext) {
  const version = contentVersion(pod, pod.objects);
  const { problems, stale, renewAfterMs } = await ports.volumes.setUp(pod);
  const messages = [...problems, ...stale].map(
    ({ volume, message }) => `MountVolume.SetUp failed for volume ${JSON.stringify(volume)} : ${message}`,
  );
  const trouble = messages.join("; ");
  const isNews = problems.length > 0 || trouble !== toldTrouble;
  const isToBeRetried = trouble !== "" && renewAfterMs === undefined;
  const found: VolumesFound = { version, trouble, renewAfterMs: isToBeRetried ? volumeRetryMs : renewAfterMs };
  const events: PodEvent[] = isNews ? messages.map((message) => warning("FailedMount", message)) : [];
  return { found, events, isReady: problems.length === 0 };
}

type Failed = Extract<Outcome, { kind: "failed" }>;

type Start = Extract<Action, { kind: "start-container" }>;

type Starting = {
  readonly container: ContainerDefinition;
  readonly fieldPath: string;
  readonly pod: PodSurroundings;
  readonly sandbox: PodSandboxConfig;
  readonly events: PodEvent[];
};

async function startContainer(action: Start, context: ExecuteContext): Promise<Outcome> {
  const { pod, directories } = context;
  const container = pod?.definition.containers.find(({ name }) => name === action.name);
  if (pod === undefined || container === undefined) return abandoned;
  const start: Starting = {
    container,
    fieldPath: containerFieldPath(action.name, container.kind !== "regular"),
    pod,
    sandbox: sandboxConfig({ pod, attempt: 0, directories, resolver: await context.ports.volumes.resolver() }),
    events: [],
  };
  const refusal = context.ports.runtime.refusal(pod.definition.spec, container.container);
  if (refusal !== null) return failed(start, "CreateContainerConfigError", refusal);
  context.setStage("pull");
  const lacking = await ensureImage(start, context);
  if (lacking !== null) return { ...failed(start, lacking.reason, lacking.error), message: lacking.message };
  if (!context.isWanted()) return abandoned;
  context.setStage("create");
  return createAndStart(start, action, context);
}

function failed({ events, fieldPath }: Starting, reason: string, message: string): Failed {
  return { kind: "failed", reason, message, events: [...events, warning("Failed", `Error: ${message}`, fieldPath)] };
}

async function createAndStart(start: Starting, action: Start, context: ExecuteContext): Promise<Outcome> {
  const { runtime, volumes } = context.ports;
  const { pod, container, sandbox } = start;
  const { attempt } = action;
  const nonRoot = await nonRootProblemOf(start, runtime);
  if (nonRoot !== null) return failed(start, "CreateContainerConfigError", nonRoot);
  const environment = environmentOf(container.container, pod);
  if (!environment.ok) return failed(start, "CreateContainerConfigError", environment.message);
  start.events.push(...environment.events);
  const { envs } = environment;
  const mounts = await volumes.mounts({ pod, container, attempt, envs });
  if (!mounts.ok) return failed(start, "CreateContainerConfigError", mounts.message);
  const config = containerConfig({ pod, container, attempt, envs, mounts: mounts.value });
  const created = await runtime.createContainer(action.sandboxId, config, sandbox);
  if (!created.ok) {
    const reason = created.reason === "invalid-config" ? "CreateContainerConfigError" : "CreateContainerError";
    return failed(start, reason, created.message);
  }
  const started = await runtime.startContainer(created.value);
  if (!started.ok) return failed(start, "RunContainerError", started.message);
  const caveat = action.attempt === 0 ? runtime.caveat(pod.definition.spec, container.container) : null;
  if (caveat !== null) start.events.push(warning("NotIsolated", caveat, start.fieldPath));
  return runPostStart(start, created.value, context);
}

/** Null where images mean nothing: what runs as root there is known without one. */
async function nonRootProblemOf({ container: { container }, pod }: Starting, runtime: Runtime): Promise<string | null> {
  if (runtime.images === undefined) return null;
  const image = await runtime.imageStatus(container.image ?? "");
  return image === null ? null : nonRootProblem(container, pod, image);
}

async function runPostStart(start: Starting, containerId: string, context: ExecuteContext): Promise<Outcome> {
  const { pod, container, events, fieldPath } = start;
  const hook = hookOf(container.container.lifecycle?.postStart, container.container, pod);
  if (hook === null) return events.length === 0 ? done : { kind: "done", events };
  context.setStage("post-start");
  const { assigned, definition } = pod;
  const whose = { container: container.name, pod: `${assigned.name}_${assigned.namespace}(${assigned.uid})` };
  const problem = await runHook(hook, { containerId, timeoutSeconds: longestHookSeconds }, context.ports);
  if (problem === null) return { kind: "done", events };
  if (!context.isWanted()) return { kind: "done", events };
  events.push(warning("FailedPostStartHook", hookFailure("PostStart", hook), fieldPath));
  events.push(normal("Killing", "FailedPostStartHook", fieldPath));
  const graceSeconds = definition.gracePeriodSeconds;
  const ended = await endContainer({ containerId, graceSeconds, hurry: false, fieldPath }, context.ports);
  events.push(...ended.events);
  return { kind: "failed", reason: "PostStartHookError", message: hookProblemText(hook, whose, problem), events };
}
