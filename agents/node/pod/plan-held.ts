// What a pod may not do while its node is held: start for the first time, or end for another to take its place.
import type { PodDefinition } from "./definition.ts";
import { containerMemory } from "./memory.ts";
import type { Draft, PodView } from "./plan.ts";

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

function hasBegun({ observation, memory, inFlight }: PodView): boolean {
  if (observation.sandboxes.length > 0 || observation.containers.length > 0 || inFlight.size > 0) return true;
  // After a loss of power the runtime may know nothing of what ran.
  return Object.values(memory.containers).some(({ attempt }) => attempt !== undefined);
}
