// A machine's container runtime as its agent reaches it: calls may fail, and the agent may die before or after any.
import type { FakeRuntime } from "../../../agents/node/runtime/fake.ts";
import type { Runtime } from "../../../agents/node/runtime/runtime.ts";
import type { Actor } from "../engine/actor.ts";
import type { Effect, Faults } from "../engine/faults.ts";
import type { Machine, Witness } from "./machine.ts";

type Parts = {
  readonly faults: Faults;
  readonly machine: Machine;
  readonly actor: Actor;
  readonly witness: Witness;
};

/** Calls that change something, and what their answer is when they fail. */
const acts = [
  "runPodSandbox",
  "stopPodSandbox",
  "removePodSandbox",
  "pullImage",
  "createContainer",
  "startContainer",
  "stopContainer",
  "removeContainer",
] as const;
type Act = (typeof acts)[number];

const allows: readonly Effect[] = ["crash-before", "crash-after", "before", "lost"];
const failure = { ok: false, reason: "failed", message: "the runtime did not answer" } as const;

export function watchedRuntime(parts: Parts): Runtime {
  const { runtime } = parts.machine;
  const watched = Object.fromEntries(acts.map((act) => [act, watchedAct(parts, act)]));
  // Methods that are not watched are the runtime's own.
  return new Proxy(runtime, {
    get: (target, property) => {
      const value = watched[String(property)] ?? Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function watchedAct({ faults, machine, actor, witness }: Parts, act: Act) {
  return async (...parameters: unknown[]): Promise<unknown> => {
    const strike = faults.strike({ name: `runtime.${act}`, caller: actor, allows });
    if (strike === "crash-before") {
      actor.die(`crashed before ${act}`);
      return new Promise(() => {});
    }
    if (strike === "before") return failure;
    const { podUid, isRunning } = await subjectOf(machine.runtime, parameters);
    witness.acts(machine, act, podUid, isRunning);
    // Each act has parameters of its own, which the agent knows.
    const run = machine.runtime[act] as (...given: unknown[]) => Promise<unknown>;
    const result = await run.apply(machine.runtime, parameters);
    if (strike === "crash-after") actor.die(`crashed after ${act}`);
    return strike === "lost" ? failure : result;
  };
}

/** The pod's uid, empty when it is not known, and whether its last running container is meant. */
async function subjectOf(runtime: FakeRuntime, parameters: readonly unknown[]) {
  const named = parameters.map(uidIn).find((uid) => uid !== null);
  if (named !== undefined && named !== null) return { podUid: named, isRunning: false };
  const [subject] = parameters;
  const containers = await runtime.listContainers({});
  const sandboxes = await runtime.listPodSandboxes({});
  const container = containers.find(({ id }) => id === subject);
  const sandbox = sandboxes.find(({ id }) => id === (container?.podSandboxId ?? subject));
  const podUid = sandbox?.metadata.uid ?? "";
  const meant = containers.filter(({ id, podSandboxId }) => id === subject || podSandboxId === subject);
  const hitsRunning = meant.some(({ state }) => state === "running");
  return { podUid, isRunning: hitsRunning && runtime.running(podUid, "main") === 1 };
}

/** Of a sandbox's configuration; null for anything else. */
function uidIn(parameter: unknown): string | null {
  if (typeof parameter !== "object" || parameter === null || !("metadata" in parameter)) return null;
  const { metadata } = parameter;
  return typeof metadata === "object" && metadata !== null && "uid" in metadata ? String(metadata.uid) : null;
}
