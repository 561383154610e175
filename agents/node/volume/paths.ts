// Where a pod's volumes are, in the kubelet's layout: daemons look for other pods' volumes in it.
import type { Container } from "../../../src/model/container.ts";
import type { Volume } from "../../../src/model/volume.ts";
import type { PodSurroundings } from "../pod/environment.ts";

/** Null for a kind of volume that is kept nowhere. */
export function volumePath(podsDirectory: string, podUid: string, volume: Volume): string | null {
  if (volume.hostPath !== undefined) return volume.hostPath.path;
  const plugin = pluginOf(volume);
  return plugin === null ? null : `${podsDirectory}/${podUid}/volumes/kubernetes.io~${plugin}/${volume.name}`;
}

function pluginOf({ emptyDir, configMap, secret, projected, downwardAPI }: Volume): string | null {
  if (emptyDir !== undefined) return "empty-dir";
  if (configMap !== undefined) return "configmap";
  if (secret !== undefined) return "secret";
  if (projected !== undefined) return "projected";
  return downwardAPI === undefined ? null : "downward-api";
}

export function containersOf({ definition }: PodSurroundings): readonly Container[] {
  return definition.containers.map(({ container }) => container);
}

/** A volume that nobody mounts is not made. */
export function isMounted({ name }: Volume, containers: readonly Container[]): boolean {
  return containers.some(({ volumeMounts = [] }) => volumeMounts.some((mount) => mount.name === name));
}
