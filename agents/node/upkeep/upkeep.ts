// Keeps a node clean and alive: logs short, leftovers gone, images few, and pods fewer when there is no other way.
// Source: pkg/kubelet/eviction/eviction_manager.go synchronize, images/image_gc_manager.go GarbageCollect.
import { labels } from "../pod/labels.ts";
import { warning } from "../pod/pod-event.ts";
import type { Clock, Log } from "../ports.ts";
import type { LogLimits } from "../runtime/rotating-file.ts";
import { defaultLogLimits } from "../runtime/rotating-file.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Volumes } from "../volume/volumes.ts";
import { nothingOnDisk } from "./disk-use.ts";
import { evictionMessage, isCritical, rankedForEviction, resourceOf } from "./eviction.ts";
import type { ImageLimits } from "./image-collection.ts";
import { defaultImageLimits, planCollection, recordImages } from "./image-collection.ts";
import { limitsOf, storageExcess } from "./local-storage.ts";
import { diskOf, usesOf } from "./measure.ts";
import type { ContainerLog, HostUpkeep, KeptAgent, KeptPod, UpkeepRecords } from "./ports.ts";
import { logDirectoryOf, noRecords } from "./ports.ts";
import type { PressureWatch } from "./pressure.ts";
import type { Reading, Signal, Threshold } from "./thresholds.ts";

export type UpkeepOptions = {
  readonly images: ImageLimits;
  readonly logs: LogLimits;
};

export const defaultUpkeep: UpkeepOptions = {
  images: defaultImageLimits,
  logs: defaultLogLimits,
};

export type UpkeepPorts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly runtime: Runtime;
  readonly host: HostUpkeep;
  readonly agent: KeptAgent;
  readonly volumes: Pick<Volumes, "usage">;
  readonly pressure: PressureWatch;
};

const lookEveryMs = 10_000;
const collectEveryMs = 300_000;
/** An evicted pod is given so long to free what it used before the next one has to go. */
const evictionPatienceMs = 30_000;
// Source: immediateEvictionGracePeriodSeconds.
const immediatelySeconds = 1;
/** Looking through the disk must not be what keeps it busy: it is rested for so many times as long as that took. */
const restTimes = 10;
const longestRestMs = 60_000;

export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #ports: UpkeepPorts;
  #records: UpkeepRecords = noRecords;
  #keptRecords = JSON.stringify(noRecords);
  #collectAtMs = 0;
  #measureAtMs = 0;
  #evicted: { readonly uid: string; readonly untilMs: number } | undefined;
  #isStopped = false;
  #cancelTimer: (() => void) | undefined;

  constructor(options: UpkeepOptions, ports: UpkeepPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  async start(): Promise<void> {
    await this.#attempt("cannot read what is known of images", async () => {
      this.#records = await this.#ports.host.readRecords();
      this.#keptRecords = JSON.stringify(this.#records);
    });
    this.#wait();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  #wait(): void {
    if (this.#isStopped) return;
    this.#cancelTimer = this.#ports.clock.setTimer(lookEveryMs, () => void this.look().then(() => this.#wait()));
  }

  async look(): Promise<void> {
    await this.#attempt("cannot keep logs short", () => this.#keepLogs());
    await this.#attempt("cannot see to what runs out", () => this.#relieve());
    await this.#attempt("cannot see what pods have on the disk", () => this.#limitStorage());
    const nowMs = this.#ports.clock.monotonicMs();
    if (nowMs < this.#collectAtMs || this.#isStopped) return;
    this.#collectAtMs = nowMs + collectEveryMs;
    await this.#attempt("cannot remove leftovers", () => this.#removeLeftovers());
    await this.#attempt("cannot remove images", () => this.#collectImages(false));
    await this.#attempt("cannot write what is known of images", () => this.#keepRecords());
  }

  /** Whatever goes wrong here goes wrong again in a while, and stops nothing else. */
  async #attempt(what: string, run: () => Promise<void>): Promise<void> {
    try {
      if (!this.#isStopped) await run();
    } catch (error) {
      this.#ports.log.warn(what, { problem: String(error) });
    }
  }

  async #keepLogs(): Promise<void> {
    const { runtime, host } = this.#ports;
    const logs = (await runtime.listContainers({})).flatMap(logOf);
    await host.link(logs);
    for (const log of logs) {
      if (await host.rotate(log, this.#options.logs)) await runtime.reopenContainerLog(log.containerId);
    }
  }

  async #relieve(): Promise<void> {
    const { agent, pressure } = this.#ports;
    const [first] = pressure.look().due;
    if (first === undefined) return;
    agent.happened(undefined, warning("EvictionThresholdMet", `Attempting to reclaim ${resourceOf[first.signal]}`));
    if (await this.#reclaim(first.signal)) return;
    const { due, readings } = pressure.look();
    const [threshold] = due;
    const reading = threshold === undefined ? undefined : readings[threshold.signal];
    if (threshold !== undefined && reading !== undefined) await this.#evictOne(threshold, reading);
  }

  /** Frees what nobody misses. True: no pod has to go. Source: eviction_manager.go reclaimNodeLevelResources. */
  async #reclaim(signal: Signal): Promise<boolean> {
    const { host, pressure } = this.#ports;
    const resource = resourceOf[signal];
    if (resource === "memory" || resource === "pids") return false;
    await this.#removeLeftovers();
    const isOfImages = signal.startsWith("imagefs.") || !host.hasImageDisk();
    if (!isOfImages) return pressure.isRelieved();
    await this.#removeDeadContainers();
    if (pressure.isRelieved()) return true;
    await this.#collectImages(true);
    return pressure.isRelieved();
  }

  /** Their logs stay, for those who look for why they ended. Source: container_gc.go DeleteAllUnusedContainers. */
  async #removeDeadContainers(): Promise<void> {
    const { agent, runtime, log } = this.#ports;
    const dead = new Set(agent.keptPods()?.flatMap(({ deadContainers }) => deadContainers));
    const there = (await runtime.listContainers({})).filter(({ id, state }) => state === "exited" && dead.has(id));
    if (there.length === 0) return;
    // Afterwards the agent's memory alone says that these have run, and must not be lost.
    await agent.save();
    for (const { id } of there) {
      const removed = await runtime.removeContainer(id);
      if (!removed.ok) log.warn("cannot remove a container", { container: id, problem: removed.message });
    }
  }

  /** Source: eviction_manager.go localStorageEviction. */
  async #limitStorage(): Promise<void> {
    const { agent, volumes, host, clock } = this.#ports;
    const startedAtMs = clock.monotonicMs();
    if (startedAtMs < this.#measureAtMs) return;
    const disks = { hasImageDisk: host.hasImageDisk() };
    for (const pod of agent.keptPods() ?? []) {
      const limits = limitsOf(pod.definition);
      if (!pod.isActive || isCritical(pod.definition, pod.uid) || !(limits.volumes || limits.all)) continue;
      const disk = limits.all
        ? await diskOf(pod, this.#ports)
        : { ...nothingOnDisk, volumes: await volumes.usage(pod) };
      const message = storageExcess(pod.definition, disk, disks);
      if (message === null) continue;
      this.#ports.log.warn("evicting a pod", { pod: pod.uid, message });
      agent.evict(pod.uid, { message, graceSeconds: immediatelySeconds, isDisruption: false });
    }
    this.#measureAtMs = startedAtMs + Math.min(longestRestMs, (clock.monotonicMs() - startedAtMs) * restTimes);
  }

  async #evictOne(threshold: Threshold, reading: Reading): Promise<void> {
    const { agent, clock, log, host } = this.#ports;
    const { signal } = threshold;
    const pods = agent.keptPods() ?? [];
    const last = pods.find(({ uid }) => uid === this.#evicted?.uid);
    const isLeaving = last !== undefined && !last.isCleanedUp;
    if (isLeaving && clock.monotonicMs() < (this.#evicted?.untilMs ?? 0)) return;
    const active = pods.filter(({ isActive }) => isActive);
    const ranking = { signal, hasImageDisk: host.hasImageDisk() };
    const [pod] = rankedForEviction(ranking, await usesOf(active, signal, this.#ports));
    if (pod === undefined) return;
    const message = evictionMessage(threshold, reading, pod);
    log.warn("evicting a pod", { pod: pod.uid, message });
    this.#evicted = { uid: pod.uid, untilMs: clock.monotonicMs() + evictionPatienceMs };
    agent.evict(pod.uid, { message, graceSeconds: this.#graceSeconds(threshold, pod.definition), isDisruption: true });
  }

  #graceSeconds({ graceMs }: Threshold, { gracePeriodSeconds }: KeptPod["definition"]): number | undefined {
    if (graceMs === 0) return immediatelySeconds;
    const { maxPodGraceSeconds } = this.#ports.pressure.options;
    return maxPodGraceSeconds < 0 ? undefined : Math.max(1, Math.min(gracePeriodSeconds, maxPodGraceSeconds));
  }

  /** Logs of pods that neither the assignment nor the runtime knows any more, and their names. */
  async #removeLeftovers(): Promise<void> {
    const { runtime, host, agent } = this.#ports;
    const pods = agent.keptPods();
    if (pods === undefined) return;
    const known: Record<string, string> = { ...this.#records.logDirectories };
    for (const pod of pods) known[pod.uid] = logDirectoryOf(pod);
    const [sandboxes, containers] = await Promise.all([runtime.listPodSandboxes({}), runtime.listContainers({})]);
    const live = new Set([...sandboxes, ...containers].map(({ labels: given }) => given[labels.podUid]));
    for (const { uid } of pods) live.add(uid);
    for (const [uid, directory] of Object.entries(known)) {
      if (live.has(uid)) continue;
      await host.removeLogs(directory);
      delete known[uid];
    }
    this.#records = { ...this.#records, logDirectories: known };
  }

  /** `all`: whatever is not used goes, for pods would have to. */
  async #collectImages(all: boolean): Promise<void> {
    const { runtime, host, agent, clock } = this.#ports;
    const { images } = runtime;
    const pods = agent.keptPods();
    if (images === undefined || pods === undefined) return;
    const listed = await images.list();
    const inUse = await this.#imagesInUse(pods);
    const nowMs = clock.nowMs();
    const records = recordImages(this.#records.images, listed, inUse, nowMs);
    this.#records = { ...this.#records, images: records };
    const disk = host.disk(await images.directory());
    if (disk === undefined) {
      agent.happened(undefined, warning("ImageGCFailed", "failed to get the size of the images' file system"));
      return;
    }
    const limits = this.#options.images;
    const input = { images: listed, records, inUse, disk, limits, nowMs, all };
    const { candidates, goalBytes, expired } = planCollection(input);
    let freedBytes = 0;
    for (const { id, sizeBytes } of candidates) {
      if (freedBytes >= goalBytes && !expired.has(id)) continue;
      const removed = await images.remove(id);
      if (removed.ok) freedBytes += sizeBytes;
      else this.#ports.log.warn("cannot remove an image", { image: id, problem: removed.message });
    }
    if (all || freedBytes >= goalBytes) return;
    const what = `Attempted to free ${goalBytes} bytes, but only found ${freedBytes} bytes eligible to free.`;
    agent.happened(
      undefined,
      warning("FreeDiskSpaceFailed", `Failed to garbage collect required amount of images. ${what}`),
    );
  }

  /** Of containers, whether they run or not, and of the pods that are to run: without a network nothing could be pulled. */
  async #imagesInUse(pods: readonly KeptPod[]): Promise<ReadonlySet<string>> {
    const { runtime } = this.#ports;
    const inUse = new Set<string>();
    for (const { image, imageRef } of await runtime.listContainers({})) inUse.add(image).add(imageRef);
    const names = new Set(
      pods
        .filter(({ isActive }) => isActive)
        .flatMap(({ definition }) => definition.containers.map(({ container }) => container.image)),
    );
    for (const name of names) {
      const status = name === undefined ? null : await runtime.imageStatus(name);
      if (status !== null) inUse.add(status.id);
    }
    return inUse;
  }

  async #keepRecords(): Promise<void> {
    // To the hour, so that an image in use does not cost a write each time it is looked at.
    const images = Object.entries(this.#records.images).map(([id, { seenAtMs, usedAtMs }]) => [
      id,
      { seenAtMs, usedAtMs: usedAtMs - (usedAtMs % 3_600_000) },
    ]);
    const kept = { ...this.#records, images: Object.fromEntries(images) };
    const text = JSON.stringify(kept);
    if (text === this.#keptRecords) return;
    await this.#ports.host.writeRecords(kept);
    this.#keptRecords = text;
  }
}

/** None where the labels do not say whose it is. Source: kubelet kuberuntime BuildContainerLogsDirectory, LogSymlink. */
function logOf(container: Awaited<ReturnType<Runtime["listContainers"]>>[number]): readonly ContainerLog[] {
  const { id, metadata, labels: given, state } = container;
  const { [labels.podNamespace]: namespace, [labels.podName]: pod, [labels.podUid]: uid } = given;
  if (namespace === undefined || pod === undefined || uid === undefined || state !== "running") return [];
  return [
    {
      containerId: id,
      path: `${namespace}_${pod}_${uid}/${metadata.name}/${metadata.attempt}.log`,
      link: `${pod}_${namespace}_${metadata.name}-${id}.log`,
    },
  ];
}
