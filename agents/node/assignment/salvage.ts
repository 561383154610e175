// What can be used of what the disk and the control plane hold, when not all of it can be read.
import type { PodTemplate } from "../../../src/model/pod-template.ts";
import type { AssignedPod } from "../../../src/sync/messages.ts";
import type { PodDefinition } from "../pod/definition.ts";
import { definitionOf } from "../pod/definition.ts";
import type { Checkpoint, Loaded, Log } from "../ports.ts";

export async function loadedFrom(checkpoint: Checkpoint, log: Log): Promise<Loaded> {
  try {
    return await checkpoint.load();
  } catch (error) {
    log.warn("cannot read the state directory", { problem: String(error) });
    return { assignment: undefined, memory: undefined, objects: undefined };
  }
}

/** Null for a template that makes no sense; it stops nobody but its own pods. */
export function definedBy(assigned: AssignedPod, template: PodTemplate, log: Log): PodDefinition | null {
  try {
    return definitionOf(template, assigned);
  } catch (error) {
    log.warn("a template cannot be read", { template: assigned.template, problem: String(error) });
    return null;
  }
}
