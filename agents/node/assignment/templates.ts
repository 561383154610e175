// Which templates an agent keeps: those that its pods name, and for a while those that they named before.
import type { PodTemplate } from "../../../src/model/pod-template.ts";
import type { AssignedPod, SyncAnswer } from "../../../src/sync/messages.ts";

type Templates = Readonly<Record<string, PodTemplate>>;

const mostUnused = 8;

/** `missing`: named by a pod, and neither sent nor known. */
export function templatesFor(
  pods: readonly AssignedPod[],
  { templates: sent }: SyncAnswer,
  known: Templates,
): { readonly templates: Templates; readonly missing: readonly string[] } {
  const templates: Record<string, PodTemplate> = {};
  const missing = new Set<string>();
  for (const { template: id } of pods) {
    // The control plane made the template from a validated pod; one that makes no sense is met when it is defined.
    const template = known[id] ?? (sent?.[id] as PodTemplate | undefined);
    if (template === undefined) missing.add(id);
    else templates[id] = template;
  }
  // What has just been used may be named again before the control plane has heard that it is gone.
  const unused = Object.entries(known).filter(([id]) => templates[id] === undefined);
  for (const [id, template] of unused.slice(0, mostUnused)) templates[id] = template;
  return { templates, missing: [...missing] };
}
