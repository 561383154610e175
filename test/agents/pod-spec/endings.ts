// How pods of the table come to their end, and what was told on the way.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, vi } from "vitest";

import type { ContainerStatus } from "../../../src/model/container-status.ts";
import type { PodStatus } from "../../../src/model/pod-status.ts";
import type { ControlPlane } from "../support/control-plane.ts";
import type { RealPod } from "./real-pod.ts";

/** A directory of the node in which containers leave what is looked at after they are gone. */
export function kept(directory: string) {
  return { name: "kept", hostPath: { path: directory } };
}

export const keptMount = { name: "kept", mountPath: "/kept" };

/** Notes that it was asked to end and goes on; how long it lived is told by the file `NAME.alive`. */
export function stubborn(name: string): readonly string[] {
  const script = `trap 'echo term >>/kept/${name}.term' TERM; while :; do touch /kept/${name}.alive; sleep 0.1; done`;
  return ["sh", "-c", script];
}

export function keptLines(pod: RealPod, file: string): readonly string[] {
  try {
    return readFileSync(join(pod.place.directory, file), "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
}

/** When a container wrote to it last. */
export function writtenAtMs(pod: RealPod, file: string): number {
  return statSync(join(pod.place.directory, file)).mtimeMs;
}

/** Every status that was told of the pod, the first one first. */
function statuses(pod: RealPod): readonly PodStatus[] {
  return pod.plane.requests
    .flatMap(({ pods = [] }) => pods)
    .filter(({ uid }) => uid === pod.uid)
    .map(({ status }) => status as PodStatus);
}

/** Every status that was told of one of its containers. */
export function statusesOf(pod: RealPod, name = "main"): readonly ContainerStatus[] {
  return statuses(pod).flatMap(({ initContainerStatuses = [], containerStatuses = [] }) =>
    [...initContainerStatuses, ...containerStatuses].filter((one) => one.name === name),
  );
}

/** For what a row sets going itself, however late it comes to its turn. */
export function follows(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 90_000, interval: 40 });
}

const deletions = new WeakMap<ControlPlane, Map<string, number>>();

/** Deletes pods, but for those that are deleted already. */
export function deleteAtOnce(plane: ControlPlane, graces: Readonly<Record<string, number>>): void {
  const known = deletions.get(plane) ?? new Map<string, number>();
  deletions.set(plane, known);
  for (const [uid, gracePeriodSeconds] of Object.entries(graces)) {
    if (known.has(uid)) continue;
    known.set(uid, Date.now());
    plane.delete(uid, gracePeriodSeconds);
  }
}

/** Deletes the pod, unless that was done, and waits for its end. When it was deleted. */
export async function deleted(pod: RealPod, gracePeriodSeconds: number): Promise<number> {
  deleteAtOnce(pod.plane, { [pod.uid]: gracePeriodSeconds });
  const isEnded = () => expect(pod.plane.reports.get(pod.uid)?.ended, pod.explanation()).toBe(true);
  await follows(isEnded);
  return deletions.get(pod.plane)?.get(pod.uid) ?? Number.NaN;
}
