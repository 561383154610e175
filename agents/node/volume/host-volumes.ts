// Volumes on the node's own file system. What there is on it says how far things have come, so that an agent can die at
// any moment and its successor goes on.
// Source of the layout: kubelet's pod directory.
import { chmod, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Volume } from "../../../src/model/volume.ts";
import type { PodSurroundings } from "../pod/environment.ts";
import { apiAccessVolume } from "../pod/service-account.ts";
import { hasContent } from "../pod/volume-content.ts";
import type { DnsConfig, Mount, Result, RuntimeContainerStatus } from "../runtime/runtime.ts";
import { done, fail, ok } from "../runtime/runtime.ts";
import { isWritten, writeAtomically } from "./atomic-writer.ts";
import { contentOf, problemText } from "./content.ts";
import { diskUseOf } from "./disk-use.ts";
import { makeEmptyDir, memoryBytes } from "./empty-dir.ts";
import { checkHostPath } from "./host-path.ts";
import { InTurn } from "./in-turn.ts";
import { isTmpfs, mountsBelow, mountTmpfs, unmount } from "./mount-table.ts";
import type { GroupChange } from "./ownership.ts";
import { setGroup } from "./ownership.ts";
import { containersOf, isMounted, volumePath } from "./paths.ts";
import { PodFiles } from "./pod-files.ts";
import { PodMounts } from "./pod-mounts.ts";
import { removeTree } from "./remove-tree.ts";
import type { Renewal, TokenClock } from "./renewal.ts";
import { TokenKeeper } from "./renewal.ts";
import type { MountInput, PodOnDisk, SetUp, TearDown, VolumeProblem, Volumes, VolumeUse } from "./volumes.ts";

export type HostVolumesOptions = {
  /** One directory per pod is below it. */
  readonly podsDirectory: string;
  readonly logsDirectory: string;
  /** It may mount. */
  readonly isRoot: boolean;
  readonly clock: TokenClock;
};

const patienceMs = 2000;

type Outcome = { readonly problem?: string; readonly stale?: string };

export class HostVolumes implements Volumes {
  readonly #options: HostVolumesOptions;
  readonly #files: PodFiles;
  readonly #mounts: PodMounts;
  readonly #tokens: TokenKeeper;
  /** One thing at a time for each pod. */
  readonly #turns = new InTurn();

  constructor(options: HostVolumesOptions) {
    this.#options = options;
    this.#files = new PodFiles(options);
    this.#mounts = new PodMounts(options);
    this.#tokens = new TokenKeeper(options.clock);
  }

  setUp(pod: PodSurroundings): Promise<SetUp> {
    return this.#turns.take(pod.assigned.uid, () => this.#setUp(pod));
  }

  async #setUp(pod: PodSurroundings): Promise<SetUp> {
    const renewal = this.#tokens.begin(pod.tokens);
    const problems: VolumeProblem[] = [];
    const stale: VolumeProblem[] = [];
    await this.#makePodDirectory(pod.assigned.uid);
    for (const volume of pod.definition.spec.volumes ?? []) {
      if (!isMounted(volume, containersOf(pod))) continue;
      const outcome = await this.#setUpOne(volume, pod, renewal).catch((error: unknown) => ({
        problem: textOf(error),
      }));
      if ("problem" in outcome && outcome.problem !== undefined) {
        problems.push({ volume: volume.name, message: outcome.problem });
      }
      if ("stale" in outcome && outcome.stale !== undefined)
        stale.push({ volume: volume.name, message: outcome.stale });
    }
    const { renewAfterMs } = renewal;
    return { problems, stale, ...(renewAfterMs === undefined ? {} : { renewAfterMs }) };
  }

  async #makePodDirectory(uid: string): Promise<void> {
    await mkdir(this.#options.podsDirectory, { recursive: true, mode: 0o750 });
    await mkdir(join(this.#options.podsDirectory, uid, "volumes"), { recursive: true, mode: 0o750 });
  }

  async #setUpOne(volume: Volume, pod: PodSurroundings, renewal: Renewal): Promise<Outcome> {
    const { hostPath, emptyDir } = volume;
    if (hostPath !== undefined) {
      const problem = await checkHostPath(hostPath.path, hostPath.type ?? "");
      return problem === null ? {} : { problem };
    }
    const path = volumePath(this.#options.podsDirectory, pod.assigned.uid, volume);
    // There is none to make of such a kind: the containers are refused, and say which field it is.
    if (path === null) return {};
    if (emptyDir !== undefined) return this.#setUpEmptyDir(volume, emptyDir, pod, path);
    if (hasContent(volume)) return this.#setUpContent(volume, { pod, path, renewal });
    return {};
  }

  async #setUpEmptyDir(
    volume: Volume,
    source: NonNullable<Volume["emptyDir"]>,
    pod: PodSurroundings,
    path: string,
  ): Promise<Outcome> {
    const group = groupOf(pod, false);
    await makeEmptyDir({
      path,
      readyMark: join(this.#podDirectory(pod.assigned.uid), "plugins/kubernetes.io~empty-dir", volume.name, "ready"),
      sizeBytes: memoryBytes(source, pod.definition.spec, pod.node.allocatable["memory"]),
      inMemory: source.medium === "Memory" && this.#options.isRoot,
      finish: async (root) => {
        if (group !== null) await setGroup(root, group);
      },
    });
    return {};
  }

  async #setUpContent(
    volume: Volume,
    { pod, path, renewal }: { pod: PodSurroundings; path: string; renewal: Renewal },
  ): Promise<Outcome> {
    await mkdir(path, { recursive: true, mode: 0o755 });
    await chmod(path, 0o755);
    if (holdsSecrets(volume, pod) && this.#options.isRoot && !(await isTmpfs(path))) {
      const sizeBytes = memoryBytes({}, pod.definition.spec, pod.node.allocatable["memory"]);
      await mountTmpfs(path, { sizeBytes, mode: 0o755 });
    }
    const isForAll = volume.name === apiAccessVolume;
    const content = await contentOf(volume, pod, (request, place) => {
      const token = renewal.token(request, join(path, place.path));
      return isForAll ? withinPatience(token) : token;
    });
    if (!content.isEnough) {
      const problem = problemText(content.problems);
      return (await isWritten(path)) ? { stale: problem } : { problem };
    }
    const group = groupOf(pod, true);
    await writeAtomically(path, content.files, async (fresh) => {
      if (group === null) return;
      await setGroup(fresh, group);
      await setGroup(path, { ...group, policy: "OnRootMismatch" });
    });
    return content.problems.length === 0 ? {} : { stale: problemText(content.problems) };
  }

  async mounts(input: MountInput): Promise<Result<readonly Mount[]>> {
    return this.#turns.take(input.pod.assigned.uid, async () => {
      try {
        const volumes = await this.#mounts.of(input);
        return volumes.ok ? ok([...volumes.value, ...(await this.#files.mounts(input))]) : volumes;
      } catch (error) {
        return fail("failed", textOf(error));
      }
    });
  }

  terminationMessage(container: RuntimeContainerStatus): Promise<string> {
    return this.#files.terminationMessage(container);
  }

  tearDown(podUid: string, what: TearDown): Promise<Result<null>> {
    return this.#turns.take(podUid, async () => {
      const root = this.#podDirectory(podUid);
      const parts =
        what !== "volumes" ? [root] : ["volumes", "volume-subpaths", "plugins"].map((name) => join(root, name));
      try {
        for (const part of parts) {
          for (const mount of await mountsBelow(part)) await unmount(mount);
          if (what !== "mounts") await removeTree(part);
          this.#tokens.forget(part);
        }
        return done;
      } catch (error) {
        return fail("failed", textOf(error));
      }
    });
  }

  async list(): Promise<readonly string[]> {
    const entries = await readdir(this.#options.podsDirectory, { withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  async usage({ uid, definition }: PodOnDisk): Promise<readonly VolumeUse[]> {
    const uses: VolumeUse[] = [];
    for (const volume of definition.spec.volumes ?? []) {
      const { name, emptyDir, configMap } = volume;
      const path = volumePath(this.#options.podsDirectory, uid, volume);
      if (path === null || (emptyDir === undefined && configMap === undefined)) continue;
      const use = await diskUseOf(path);
      if (use !== null) uses.push({ name, isOnDisk: emptyDir?.medium !== "Memory", ...use });
    }
    return uses;
  }

  resolver(): Promise<DnsConfig> {
    return this.#files.resolver();
  }

  #podDirectory(uid: string): string {
    return join(this.#options.podsDirectory, uid);
  }
}

/** A node that is cut off, and only finds out after long, starts its pods without what they may not need. */
async function withinPatience(token: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the control plane has not answered yet")), patienceMs);
  });
  try {
    return await Promise.race([token, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}

/** It must not come to lie on a disk. */
function holdsSecrets({ secret, projected }: Volume, { tokens }: PodSurroundings): boolean {
  if (secret !== undefined) return true;
  const sources = projected?.sources ?? [];
  return sources.some(
    (source) => source.secret !== undefined || (source.serviceAccountToken !== undefined && tokens !== undefined),
  );
}

/** `OnRootMismatch` is for volumes that outlive pods; these here are all made for theirs. */
function groupOf({ definition }: PodSurroundings, readOnly: boolean): GroupChange | null {
  const group = definition.spec.securityContext.fsGroup;
  return group === undefined ? null : { group, readOnly, policy: "Always" };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
