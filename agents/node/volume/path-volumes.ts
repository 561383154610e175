// Volumes without files, for runtimes that run nothing: paths are handed out, and what is missing is missed.
import type { PodSurroundings } from "../pod/environment.ts";
import { hasContent } from "../pod/volume-content.ts";
import type { DnsConfig, Mount, Result } from "../runtime/runtime.ts";
import { done, ok } from "../runtime/runtime.ts";
import { contentOf, problemText } from "./content.ts";
import { containersOf, isMounted, volumePath } from "./paths.ts";
import type { MountInput, SetUp, VolumeProblem, Volumes, VolumeUse } from "./volumes.ts";
import { noResolver } from "./volumes.ts";

export class PathVolumes implements Volumes {
  readonly #podsDirectory: string;

  constructor(podsDirectory: string) {
    this.#podsDirectory = podsDirectory;
  }

  async setUp(pod: PodSurroundings): Promise<SetUp> {
    const problems: VolumeProblem[] = [];
    for (const volume of pod.definition.spec.volumes ?? []) {
      if (!hasContent(volume) || !isMounted(volume, containersOf(pod))) continue;
      const content = await contentOf(volume, pod, async () => "");
      if (!content.isEnough) problems.push({ volume: volume.name, message: problemText(content.problems) });
    }
    return { problems, stale: [] };
  }

  async mounts({ pod, container }: MountInput): Promise<Result<readonly Mount[]>> {
    const mounts: Mount[] = [];
    for (const { name, mountPath, readOnly } of container.container.volumeMounts ?? []) {
      const volume = pod.definition.spec.volumes?.find((one) => one.name === name);
      const hostPath = volume === undefined ? null : volumePath(this.#podsDirectory, pod.assigned.uid, volume);
      if (hostPath === null) continue;
      mounts.push({
        volume: name,
        containerPath: mountPath,
        hostPath,
        readonly: readOnly === true,
        propagation: "private",
      });
    }
    return ok(mounts);
  }

  async terminationMessage(): Promise<string> {
    return "";
  }

  async tearDown(): Promise<Result<null>> {
    return done;
  }

  async list(): Promise<readonly string[]> {
    return [];
  }

  async usage(): Promise<readonly VolumeUse[]> {
    return [];
  }

  async resolver(): Promise<DnsConfig> {
    return noResolver;
  }
}
