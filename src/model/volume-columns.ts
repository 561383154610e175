// What tables show alike of volumes and of claims to them.
// Source: pkg/printers/internalversion printPersistentVolume, printPersistentVolumeClaim.
import type { ObjectMeta } from "./meta.ts";
import type { Column } from "./resource.ts";

/** What volumes and claims have in common. */
type Stored = {
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly storageClassName?: string | undefined;
    readonly volumeAttributesClassName?: string | undefined;
    readonly volumeMode: string;
  };
  readonly status: { readonly phase: string };
};

export function textColumn<T>(name: string, description: string, cell: (object: T) => string): Column<T> {
  return { name, type: "string", description, cell };
}

export const statusColumn: Column<Stored> = textColumn("Status", "What became of it.", ({ metadata, status }) =>
  metadata.deletionTimestamp === undefined ? status.phase : "Terminating",
);

export const classColumns: readonly Column<Stored>[] = [
  textColumn(
    "StorageClass",
    "The class of storage that it is of.",
    ({ metadata, spec }) =>
      metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec.storageClassName ?? "",
  ),
  textColumn(
    "VolumeAttributesClass",
    "The class of attributes.",
    ({ spec }) => spec.volumeAttributesClassName ?? "<unset>",
  ),
];

export const modeColumn: Column<Stored> = {
  ...textColumn("VolumeMode", "Whether it is files or a bare device.", ({ spec }) => spec.volumeMode),
  priority: 1,
};
