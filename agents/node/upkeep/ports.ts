// The machine as its upkeep meets it.

import type { PodDefinition } from "../pod/definition.ts";
import type { PodEvent } from "../pod/pod-event.ts";
import type { LogLimits } from "../runtime/rotating-file.ts";
import type { DiskUse } from "../runtime/runtime.ts";
import type { ImageRecords } from "./image-collection.ts";
import type { Reading } from "./thresholds.ts";

/** One container's log: where it is written, and how others find it. */
export type ContainerLog = {
  readonly containerId: string;
  /** Below the directory of pods' logs. */
  readonly path: string;
  /** Name of the link to it, for collectors of logs. */
  readonly link: string;
};

export type HostUpkeep = {
  /** Of the file system that a directory is on; undefined where it cannot be told. */
  disk(directory: string): Reading | undefined;
  /** Images, and what containers write beside their volumes, lie on a disk of their own. */
  hasImageDisk(): boolean;
  /** What the logs of a pod take, by container. */
  logUse(logDirectory: string): Promise<ReadonlyMap<string, DiskUse>>;
  /** How many processes each of the containers has, as far as the kernel tells. It looks at every one there is. */
  processes(containerIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Moves logs that have grown too long aside; true for those that must be opened anew. */
  rotate(log: ContainerLog, limits: LogLimits): Promise<boolean>;
  /** Makes the links that are missing, and removes those of ours that lead nowhere. */
  link(logs: readonly ContainerLog[]): Promise<void>;
  removeLogs(directory: string): Promise<void>;
  readRecords(): Promise<UpkeepRecords>;
  writeRecords(records: UpkeepRecords): Promise<void>;
};

/** What the upkeep must not forget. */
export type UpkeepRecords = {
  readonly images: ImageRecords;
  /** Directories of logs that this agent's pods had, by uid. Other agents of the machine have theirs beside them. */
  readonly logDirectories: Readonly<Record<string, string>>;
};

export const noRecords: UpkeepRecords = { images: {}, logDirectories: {} };

/** A pod that this node is to run. */
export type KeptPod = {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly definition: PodDefinition;
  /** It neither has ended nor is about to. */
  readonly isActive: boolean;
  /** Of what it wrote nothing is left that need not be. */
  readonly isCleanedUp: boolean;
  /** Ids of containers that have ended and that it does not need any more. */
  readonly deadContainers: readonly string[];
};

export type Eviction = {
  readonly message: string;
  /** Undefined: as long as the pod wants to take to end. */
  readonly graceSeconds: number | undefined;
  /** It goes for the sake of its node, and not because of something that it did. */
  readonly isDisruption: boolean;
};

/** The agent as its upkeep meets it. */
export type KeptAgent = {
  /** Undefined: nothing is known of what the node is to run, so nothing may be taken for a leftover. */
  keptPods(): readonly KeptPod[] | undefined;
  evict(podUid: string, eviction: Eviction): void;
  /** Has what it remembers on the disk, if there is room for it. */
  save(): Promise<void>;
  /** Undefined: about the node itself. */
  happened(podUid: string | undefined, event: PodEvent): void;
};

export function logDirectoryOf({ namespace, name, uid }: Pick<KeptPod, "namespace" | "name" | "uid">): string {
  return `${namespace}_${name}_${uid}`;
}
