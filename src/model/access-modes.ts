// How a volume may be mounted, and by how many.
// Source: core/v1 PersistentVolumeAccessMode; pkg/apis/core/v1/helper GetAccessModesAsString.

/** In the order in which they are told, with what tables call them. */
const shortNames = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
} as const;

export const accessModes: readonly string[] = Object.keys(shortNames).toSorted();

export function accessModesText(modes: readonly string[] | undefined): string {
  return Object.entries(shortNames)
    .filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(",");
}
