// Scratch space that lives and dies with its pod.
// Source: kubelet pkg/volume/emptydir.
import { chmod, lstat, mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import type { PodSpec } from "../../../src/model/pod-spec.ts";
import { quantityUnits } from "../../../src/model/quantity.ts";
import type { Volume } from "../../../src/model/volume.ts";
import { isTmpfs, mountTmpfs } from "./mount-table.ts";

type EmptyDir = NonNullable<Volume["emptyDir"]>;

const openToAll = 0o777;

export type NewEmptyDir = {
  readonly path: string;
  /** A file whose presence says that the directory has been made and filled with what belongs in it. */
  readonly readyMark: string;
  /** 0: as much as a file system in memory has by itself. */
  readonly sizeBytes: number;
  readonly inMemory: boolean;
  /** Run once, before the directory counts as made. */
  readonly finish: (path: string) => Promise<void>;
};

/** What is in it stays, unless it was in memory and the host has been down since. */
export async function makeEmptyDir({ path, readyMark, sizeBytes, inMemory, finish }: NewEmptyDir): Promise<void> {
  await mkdir(path, { recursive: true });
  const isThere = !inMemory || (await isTmpfs(path));
  if (isThere && (await lstat(readyMark).catch(() => undefined)) !== undefined) return;
  if (!isThere) await mountTmpfs(path, { sizeBytes, mode: openToAll });
  await chmod(path, openToAll);
  await finish(path);
  await mkdir(dirname(readyMark), { recursive: true });
  await writeFile(readyMark, "");
}

/** The smallest of what the volume, the pod's containers together and the node may have of memory. */
export function memoryBytes({ sizeLimit }: EmptyDir, spec: PodSpec, allocatable: string | undefined): number {
  const limits = spec.containers.map(({ resources }) => resources.limits?.["memory"]);
  const total = limits.reduce((sum, limit) => sum + quantityUnits(limit ?? "0"), 0);
  const bounds = [
    ...(sizeLimit === undefined ? [] : [quantityUnits(sizeLimit)]),
    ...(limits.includes(undefined) ? [] : [total]),
    quantityUnits(allocatable ?? "0"),
  ].filter((bytes) => bytes > 0);
  return bounds.length === 0 ? 0 : Math.min(...bounds);
}
