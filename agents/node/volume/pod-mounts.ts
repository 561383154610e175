// Where a container's mounts come from.
// Source: kubelet_pods.go makeMounts; pkg/volume/util/subpath.
import { chmod, lstat, mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";

import type { VolumeMount } from "../../../src/model/container.ts";
import type { Volume } from "../../../src/model/volume.ts";
import { hasContent } from "../pod/volume-content.ts";
import type { KeyValue, Mount, Result } from "../runtime/runtime.ts";
import { fail, ok } from "../runtime/runtime.ts";
import type { HostVolumesOptions } from "./host-volumes.ts";
import { bindDescriptor, mountsBelow, unmount } from "./mount-table.ts";
import { volumePath } from "./paths.ts";
import { removeTree } from "./remove-tree.ts";
import { openWithin } from "./sub-path.ts";
import type { MountInput } from "./volumes.ts";

export class PodMounts {
  readonly #options: Pick<HostVolumesOptions, "podsDirectory" | "isRoot">;

  constructor(options: Pick<HostVolumesOptions, "podsDirectory" | "isRoot">) {
    this.#options = options;
  }

  async of(input: MountInput): Promise<Result<readonly Mount[]>> {
    const { pod, container } = input;
    const mounts: Mount[] = [];
    for (const [index, wanted] of (container.container.volumeMounts ?? []).entries()) {
      const volume = pod.definition.spec.volumes?.find(({ name }) => name === wanted.name);
      const path = volume === undefined ? null : volumePath(this.#options.podsDirectory, pod.assigned.uid, volume);
      if (volume === undefined || path === null) continue;
      const subPath = subPathOf(wanted, input.envs);
      if (!subPath.ok) return subPath;
      const source =
        subPath.value === "" ? ok(path) : await this.#within(path, subPath.value, { input, wanted, index });
      if (!source.ok) return source;
      mounts.push(mountOf(wanted, volume, source.value));
    }
    return ok(mounts);
  }

  async #within(
    path: string,
    subPath: string,
    { input, wanted, index }: { input: MountInput; wanted: VolumeMount; index: number },
  ): Promise<Result<string>> {
    const { pod, container } = input;
    const target = join(
      this.#options.podsDirectory,
      pod.assigned.uid,
      "volume-subpaths",
      wanted.name,
      container.name,
      String(index),
    );
    try {
      return ok(await this.#pin(path, subPath, target));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const which = `volumeMount "${wanted.name}" of container "${container.name}"`;
      return fail("invalid-config", `failed to prepare subPath for ${which}: ${why}`);
    }
  }

  /** The path at which what was found within the volume stays, whatever becomes of the names that led there. */
  async #pin(volume: string, subPath: string, target: string): Promise<string> {
    const handle = await openWithin(volume, subPath);
    try {
      const found = await handle.stat();
      // Without the right to mount there is no pinning it: the container must be trusted with what it has.
      if (!this.#options.isRoot) return join(volume, subPath);
      const there = await stat(target).catch(() => undefined);
      const isPinned = (await mountsBelow(target)).length > 0;
      if (isPinned && there?.dev === found.dev && there.ino === found.ino) return target;
      // An earlier container was given something else by that name.
      if (isPinned) for (const mount of await mountsBelow(target)) await unmount(mount);
      await makeMountPoint(target, found.isDirectory());
      await bindDescriptor(handle.fd, target);
      return target;
    } finally {
      await handle.close();
    }
  }
}

async function makeMountPoint(path: string, isDirectory: boolean): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  const there = await lstat(path).catch(() => undefined);
  if (there !== undefined && there.isDirectory() === isDirectory) return;
  if (there !== undefined) await removeTree(path);
  if (isDirectory) await mkdir(path, { mode: 0o750 });
  else await writeFile(path, "", { mode: 0o640 });
  await chmod(path, isDirectory ? 0o750 : 0o640);
}

function subPathOf({ subPath, subPathExpr }: VolumeMount, envs: readonly KeyValue[]): Result<string> {
  let path = subPath ?? "";
  if (subPathExpr !== undefined && subPathExpr !== "") {
    const values = new Map(envs.map(({ key, value }) => [key, value]));
    const missing: string[] = [];
    path = subPathExpr.replace(/\$\$|\$\(([^)]*)\)/g, (match, name: string | undefined) => {
      if (name === undefined) return "$";
      const value = values.get(name);
      if (value === undefined) missing.push(name);
      return value ?? match;
    });
    if (missing.length > 0) return fail("invalid-config", `missing value for ${JSON.stringify(missing[0])}`);
  }
  if (isAbsolute(path)) return fail("invalid-config", `error SubPath \`${path}\` must not be an absolute path`);
  return ok(path);
}

function mountOf(wanted: VolumeMount, volume: Volume, hostPath: string): Mount {
  return {
    volume: wanted.name,
    containerPath: wanted.mountPath,
    hostPath,
    // What the agent keeps up to date is not for containers to change.
    readonly: wanted.readOnly === true || hasContent(volume),
    propagation: propagationOf(wanted.mountPropagation),
  };
}

function propagationOf(mode: string | undefined): Mount["propagation"] {
  if (mode === "HostToContainer") return "host-to-container";
  return mode === "Bidirectional" ? "bidirectional" : "private";
}
