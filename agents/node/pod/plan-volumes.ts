// What to do next about the volumes of a pod.
import { volumesKey } from "./action.ts";
import type { PodDefinition } from "./definition.ts";
import type { Draft } from "./plan.ts";

/** Brings volumes up to date beside what runs. True while nothing can be said of them: nothing is started before that. */
export function planVolumes(draft: Draft, { contentVolumes }: PodDefinition): boolean {
  if (contentVolumes.length === 0) return false;
  const { volumes } = draft.memory;
  const { renewAtMs } = volumes ?? {};
  const isDue = renewAtMs !== undefined && renewAtMs <= draft.nowMs;
  if (volumes?.version === draft.view.contentVersion && !isDue) {
    if (renewAtMs !== undefined) draft.lookAgain(renewAtMs);
    return false;
  }
  if (!draft.isInFlight(volumesKey)) draft.act({ kind: "update-volumes" });
  return volumes === undefined;
}

/** True when what the volumes are made from has changed since they were tried to be set up. */
export function hasNewContent({ memory: { volumes }, view }: Draft): boolean {
  return volumes !== undefined && volumes.version !== view.contentVersion;
}

/** True when it is gone. */
export function planTearDown(draft: Draft, what: "volumes" | "all"): boolean {
  const { tornDown } = draft.memory;
  if (tornDown === "all" || tornDown === what) return true;
  if (!draft.isInFlight(volumesKey)) draft.act({ kind: "tear-down", what });
  return false;
}
