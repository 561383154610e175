// What the steps of a DaemonSet's pass work with.
import type { PodFacts, PodPhase } from "../core/daemon-pods.ts";
import type { NodeFacts } from "../core/placement.ts";
import { hashLabel, templateGenerationLabel } from "../core/revisions.ts";
import { parseTimeMs } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";
import { heldUntilMs } from "../model/node-hold.ts";
import type { PodTemplate } from "../model/pod-template.ts";
import { isWaiting } from "../model/pod-template.ts";
import type { Ledger } from "../store/ledger.ts";
import type { PodRow } from "../store/pod-rows.ts";
import type { Owner } from "../store/pods.ts";
import type { TemplateCache } from "../store/template-cache.ts";

export type Reconciling = {
  readonly db: D1Database;
  readonly storage: DurableObjectStorage;
  readonly ledger: Ledger;
  readonly templates: TemplateCache;
  /** The DaemonSet that this is about. */
  readonly owner: Owner;
};

/** The node a pod is on or meant for; null: none. */
export function targetNode(row: PodRow, template: PodTemplate): string | null {
  if (row.node !== "") return row.node;
  const required = template.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  for (const { matchFields } of required?.nodeSelectorTerms ?? []) {
    const field = matchFields?.find(({ key, operator }) => key === "metadata.name" && operator === "In");
    if (field?.values?.length === 1) return field.values[0] ?? null;
  }
  return null;
}

export function podFacts(row: PodRow, template: PodTemplate): PodFacts {
  const labels = template.metadata.labels ?? {};
  return {
    uid: row.uid,
    name: row.name,
    rv: row.rv,
    slot: row.slot,
    bound: row.node !== "" && !isWaiting(row),
    hash: labels[hashLabel] ?? "",
    templateGeneration: labels[templateGenerationLabel] ?? "",
    createdAtMs: row.createdMs,
    deleting: row.deletionMs !== null,
    // A status is decoded before it is stored.
    phase: row.phase as PodPhase,
    readySinceMs: readySinceMs(row),
  };
}

type Conditions = readonly { readonly type: string; readonly status: string; readonly lastTransitionTime?: string }[];

function readySinceMs(row: PodRow): number | null {
  // A status is decoded before it is stored.
  const conditions = (row.status?.["conditions"] ?? []) as Conditions;
  const ready = conditions.find(({ type }) => type === "Ready");
  if (ready?.status !== "True") return null;
  return parseTimeMs(ready.lastTransitionTime) ?? row.createdMs;
}

export function nodeFacts(node: KubeObject): NodeFacts {
  // Nodes are decoded before they are stored.
  const spec = node["spec"] as { readonly taints?: NodeFacts["taints"] } | undefined;
  const { name = "", labels = {}, annotations } = node.metadata;
  const held = heldUntilMs(annotations);
  return { name, labels, taints: spec?.taints ?? [], ...(held === undefined ? {} : { heldUntilMs: held }) };
}
