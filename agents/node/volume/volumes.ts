// What an agent needs of its host's file system for pods: volumes, and the few files that every container is given.
import type { ContainerDefinition, PodDefinition } from "../pod/definition.ts";
import type { PodSurroundings } from "../pod/environment.ts";
import type { DiskUse, DnsConfig, KeyValue, Mount, Result, RuntimeContainerStatus } from "../runtime/runtime.ts";

export type VolumeProblem = { readonly volume: string; readonly message: string };

export type SetUp = {
  /** Volumes that are not ready: no container of the pod can start. */
  readonly problems: readonly VolumeProblem[];
  /** Volumes that are ready with what they had before, or with less than they are to have. */
  readonly stale: readonly VolumeProblem[];
  /** Something in a volume has to be renewed after so long; absent: nothing gets old. */
  readonly renewAfterMs?: number;
};

export type MountInput = {
  readonly pod: PodSurroundings;
  readonly container: ContainerDefinition;
  readonly attempt: number;
  /** The container's environment. */
  readonly envs: readonly KeyValue[];
};

/** `mounts`: it will be started again; `volumes`: it has ended; `all`: nobody asks for the pod any more. */
export type TearDown = "mounts" | "volumes" | "all";

export type PodOnDisk = { readonly uid: string; readonly definition: PodDefinition };

/** `isOnDisk`: of the node, not in its memory. */
export type VolumeUse = DiskUse & { readonly name: string; readonly isOnDisk: boolean };

export type Volumes = {
  /** Makes the pod's volumes ready and brings what is in them up to date. Harmless when they are. */
  setUp(pod: PodSurroundings): Promise<SetUp>;
  /** What a container mounts, when its pod's volumes are set up. */
  mounts(input: MountInput): Promise<Result<readonly Mount[]>>;
  /** What a container that has ended left to say: its file, or the end of its log if it wants that. */
  terminationMessage(container: RuntimeContainerStatus): Promise<string>;
  /** Fails when something is still in use. */
  tearDown(podUid: string, what: TearDown): Promise<Result<null>>;
  /** Uids of pods of which something is left. */
  list(): Promise<readonly string[]>;
  /** What the pod's own volumes take; nothing of those that are not there. It reads every directory. */
  usage(pod: PodOnDisk): Promise<readonly VolumeUse[]>;
  /** How the node itself resolves names. */
  resolver(): Promise<DnsConfig>;
};

export const noResolver: DnsConfig = { servers: [], searches: [], options: [] };

/** A mount of no volume: a file that the agent makes for the container. */
export const managedFile = "";
