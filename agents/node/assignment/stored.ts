// What an agent keeps on disk.
import type { PodTemplate } from "../../../src/model/pod-template.ts";
import type { AssignedPod } from "../../../src/sync/messages.ts";
import type { PodMemory } from "../pod/memory.ts";
import type { NamedVersion } from "./held-objects.ts";

/** The desired state that was accepted last, with everything needed to act on it without a network. */
export type StoredAssignment = {
  readonly revision: number;
  readonly etag: string;
  readonly pods: readonly AssignedPod[];
  readonly templates: Readonly<Record<string, PodTemplate>>;
  /** The ConfigMaps and Secrets that the pods name. What is in them is kept apart, for it is nobody else's business. */
  readonly objects?: readonly NamedVersion[];
};

export type StoredPod = { readonly memory: PodMemory };

export type StoredMemory = {
  /** No report had a higher number when this was written. */
  readonly observation: number;
  readonly pods: Readonly<Record<string, StoredPod>>;
};

type Remembering = { readonly uid: string; readonly isWanted: boolean; readonly memory: PodMemory };

/** What is remembered of pods that are to run: those that end are known by what the runtime has of them. */
export function memoryOf(observation: number, workers: Iterable<Remembering>): StoredMemory {
  const wanted = [...workers].filter(({ isWanted }) => isWanted);
  return { observation, pods: Object.fromEntries(wanted.map(({ uid, memory }) => [uid, { memory }])) };
}
