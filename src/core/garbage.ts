// What becomes of an object when its owners go.
// Source: pkg/controller/garbagecollector attemptToDeleteItem, processDeletingDependentsItem, orphanDependents.
import type { KubeObject, OwnerReference } from "../model/meta.ts";
import { foregroundFinalizer } from "./deletion.ts";

/** How an owner stands: it exists, it is gone, or it waits for its dependents to go first. */
export type OwnerState = "exists" | "gone" | "waits";

export type Verdict =
  | { readonly do: "keep" }
  /** Without the references to owners that are gone or going. */
  | { readonly do: "disown"; readonly ownerReferences: readonly OwnerReference[] }
  | { readonly do: "delete" };

export function judgeDependent(
  owners: readonly OwnerReference[],
  stateOf: (owner: OwnerReference) => OwnerState,
): Verdict {
  const solid = owners.filter((owner) => stateOf(owner) === "exists");
  if (owners.length === 0 || solid.length === owners.length) return { do: "keep" };
  return solid.length > 0 ? { do: "disown", ownerReferences: solid } : { do: "delete" };
}

/** The state of an owner that is known to be there. */
export function stateOfOwner(owner: KubeObject): OwnerState {
  const waits =
    owner.metadata.deletionTimestamp !== undefined && owner.metadata.finalizers?.includes(foregroundFinalizer) === true;
  return waits ? "waits" : "exists";
}

export function withoutOwner(owners: readonly OwnerReference[], uid: string): readonly OwnerReference[] {
  return owners.filter((owner) => owner.uid !== uid);
}

/** Whether a dependent keeps its owner from going in a foreground deletion. */
export function blocks(owners: readonly OwnerReference[], uid: string): boolean {
  return owners.some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true);
}

const soonestLookMs = 1_000;
const latestLookMs = 60_000;

/**
 * After how many milliseconds to look again at deletions that wait for others, when none has come further for `idleMs`.
 * Whoever has waited for long can wait a tenth longer, and what waits for a node that is away for weeks costs little.
 */
export function lookAgainInMs(idleMs: number): number {
  return Math.min(latestLookMs, Math.max(soonestLookMs, idleMs / 10));
}
