// The group of a pod that has one for its volumes.
// Source: kubelet pkg/volume/volume_linux.go SetVolumeOwnership.
import { chmod, lchown, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

export type GroupChange = {
  readonly group: number;
  /** Containers only read it. */
  readonly readOnly: boolean;
  /** `OnRootMismatch`: what is in it is believed to be as its root is. */
  readonly policy: "Always" | "OnRootMismatch";
};

const setGroupId = 0o2000;
const readWrite = 0o660;
const readAlone = 0o440;
const search = 0o110;

/** Gives a tree to a group; everything made in it later is the group's too. */
export async function setGroup(root: string, change: GroupChange): Promise<void> {
  if (change.policy === "OnRootMismatch" && (await isRight(root, change))) return;
  await setTree(root, change);
}

async function setTree(path: string, change: GroupChange): Promise<void> {
  const found = await lstat(path);
  await lchown(path, found.uid, change.group);
  if (found.isSymbolicLink()) return;
  const mask = maskOf(change, found.isDirectory());
  await chmod(path, (found.mode & 0o7777) | mask);
  if (!found.isDirectory()) return;
  for (const name of await readdir(path)) await setTree(join(path, name), change);
}

function maskOf({ readOnly }: GroupChange, isDirectory: boolean): number {
  const mask = readOnly ? readAlone : readWrite;
  return isDirectory ? mask | setGroupId | search : mask;
}

async function isRight(root: string, change: GroupChange): Promise<boolean> {
  const { gid, mode } = await lstat(root);
  const mask = maskOf(change, true);
  return gid === change.group && (mode & mask) === mask;
}
