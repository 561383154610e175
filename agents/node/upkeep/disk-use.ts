// What a pod takes of the node's disks, as far as anybody can tell.
import type { DiskUse } from "../runtime/runtime.ts";
import type { VolumeUse } from "../volume/volumes.ts";

export type PodDisk = {
  /** By container: what it has written beside its volumes. */
  readonly layers: ReadonlyMap<string, DiskUse>;
  /** By container. */
  readonly logs: ReadonlyMap<string, DiskUse>;
  readonly volumes: readonly VolumeUse[];
};

export const nothingOnDisk: PodDisk = { layers: new Map(), logs: new Map(), volumes: [] };
const nothing: DiskUse = { bytes: 0, inodes: 0 };

function sumOf(uses: Iterable<DiskUse>, start = nothing): DiskUse {
  let { bytes, inodes } = start;
  for (const use of uses) {
    bytes += use.bytes;
    inodes += use.inodes;
  }
  return { bytes, inodes };
}

export function layersOf({ layers }: PodDisk, start = nothing): DiskUse {
  return sumOf(layers.values(), start);
}

export function logsOf({ logs }: PodDisk, start = nothing): DiskUse {
  return sumOf(logs.values(), start);
}

/** Those in memory take none of the disk. */
export function volumesOnDisk({ volumes }: PodDisk): DiskUse {
  return sumOf(volumes.filter(({ isOnDisk }) => isOnDisk));
}
