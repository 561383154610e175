// What keeps a pod from beginning on its node, and from ending: a hold, or a lack of something.
import { refusalUnderPressure } from "../upkeep/eviction.ts";
import type { PodDefinition } from "./definition.ts";
import { containerMemory } from "./memory.ts";
import type { Draft, PodView } from "./plan.ts";
import { warning } from "./pod-event.ts";

const reason = "NodeHeld";

/** The pod is to be deleted, and runs on until the node is released. One that is ending already ends. */
export function isEndPutOff({
  heldBecause,
  memory,
  observation,
}: Pick<PodView, "heldBecause" | "memory" | "observation">): boolean {
  if (heldBecause === undefined || memory.endingSinceMs !== undefined) return false;
  return observation.containers.some(({ state }) => state === "running");
}

/** True for a pod that has not begun on a node that is held. It says in its status what it waits for. */
export function waitsForRelease(draft: Draft, { containers }: PodDefinition): boolean {
  const { heldBecause } = draft.view;
  if (heldBecause !== undefined && !hasBegun(draft.view)) {
    const message = `the node is held: ${heldBecause}`;
    const [first] = containers;
    const isNew = first !== undefined && containerMemory(draft.memory, first.name).waiting?.message !== message;
    if (!isNew) return true;
    for (const { name } of containers) draft.remember(name, { waiting: { reason, message } });
    draft.events.push({ type: "Normal", reason, message });
    return true;
  }
  for (const { name } of containers) {
    if (containerMemory(draft.memory, name).waiting?.reason === reason) draft.remember(name, { waiting: undefined });
  }
  return false;
}

/** True for a pod that has not begun on a node that is short of something: it fails at once, and another may be made. */
export function isRefused(draft: Draft, definition: PodDefinition): boolean {
  const { conditions = [] } = draft.view;
  if (conditions.length === 0 || hasBegun(draft.view)) return false;
  const message = refusalUnderPressure(conditions, definition, draft.view.uid);
  if (message === null) return false;
  draft.memory = { ...draft.memory, failure: { reason: "Evicted", message } };
  draft.events.push(warning("Evicted", message));
  return true;
}

function hasBegun({ observation, memory, inFlight }: PodView): boolean {
  if (observation.sandboxes.length > 0 || observation.containers.length > 0 || inFlight.size > 0) return true;
  // After a loss of power the runtime may know nothing of what ran.
  return Object.values(memory.containers).some(({ attempt }) => attempt !== undefined);
}
