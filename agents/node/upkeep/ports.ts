// The machine as its upkeep meets it.

import type { PodDefinition } from "../pod/definition.ts";
import type { PodEvent } from "../pod/pod-event.ts";
import type { LogLimits } from "../runtime/rotating-file.ts";
import type { Reading, Readings } from "./eviction.ts";
import type { ImageRecords } from "./image-collection.ts";

/** One container's log: where it is written, and how others find it. */
export type ContainerLog = {
  readonly containerId: string;
  /** Below the directory of pods' logs. */
  readonly path: string;
  /** Name of the link to it, for collectors of logs. */
  readonly link: string;
};

export type HostUpkeep = {
  readings(): Readings;
  /** Of the file system that a directory is on; undefined where it cannot be told. */
  disk(directory: string): Reading | undefined;
  /** What a pod's volumes and logs take. It reads every directory. */
  podBytes(podUid: string, logDirectory: string): Promise<number>;
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
  /** Nothing of it runs any more. */
  readonly hasEnded: boolean;
};

/** The agent as its upkeep meets it. */
export type KeptAgent = {
  /** Undefined: nothing is known of what the node is to run, so nothing may be taken for a leftover. */
  keptPods(): readonly KeptPod[] | undefined;
  evict(podUid: string, message: string): void;
  /** Undefined: about the node itself. */
  happened(podUid: string | undefined, event: PodEvent): void;
};
