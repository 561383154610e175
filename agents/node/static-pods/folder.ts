// The folder of manifests, looked at now and then and whenever the system says that something changed in it.
import { type FSWatcher, watch } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import type { Clock, Log } from "../ports.ts";
import type { ReadManifest } from "./manifest.ts";
import type { StaticPod, StaticPods } from "./static-pod.ts";

export type FolderOptions = {
  readonly directory: string;
  readonly node: string;
  readonly clock: Clock;
  readonly log: Log;
};

const lookEveryMs = 20_000;
const settleMs = 300;
const longestManifest = 1024 * 1024;

type Known = { readonly stamp: string; readonly read: ReadManifest };

export class ManifestFolder implements StaticPods {
  readonly #options: FolderOptions;
  readonly #listeners = new Set<() => void>();
  #known = new Map<string, Known>();
  #pods: readonly StaticPod[] = [];
  #watcher: FSWatcher | undefined;
  #cancelTimer: (() => void) | undefined;
  #isLooking = false;
  #isStopped = false;

  constructor(options: FolderOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    await this.#look();
    this.#lookIn(lookEveryMs);
  }

  current(): readonly StaticPod[] {
    return this.#pods;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#watcher?.close();
  }

  #lookIn(delayMs: number): void {
    this.#cancelTimer?.();
    if (this.#isStopped) return;
    this.#cancelTimer = this.#options.clock.setTimer(delayMs, () => {
      void this.#look().finally(() => this.#lookIn(lookEveryMs));
    });
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      this.#watch();
      const known = new Map<string, Known>();
      for (const path of await this.#files()) known.set(path, await this.#read(path));
      this.#known = known;
      this.#publish();
    } catch (error) {
      // What was there stays: a folder that cannot be read says nothing of its pods.
      this.#options.log.warn("cannot read the folder of manifests", { problem: String(error) });
    } finally {
      this.#isLooking = false;
    }
  }

  #publish(): void {
    const pods = new Map<string, StaticPod>();
    for (const [path, { read }] of this.#known) {
      if (!read.ok) continue;
      const key = `${read.pod.namespace}/${read.pod.name}`;
      if (pods.has(key)) this.#options.log.warn("a manifest names a pod that another has named", { path, pod: key });
      else pods.set(key, read.pod);
    }
    const now = [...pods.values()];
    if (now.length === this.#pods.length && now.every((pod, index) => pod === this.#pods[index])) return;
    this.#pods = now;
    for (const listener of this.#listeners) listener();
  }

  /** In an order of their own; hidden files are none, nor is what editors leave. */
  async #files(): Promise<readonly string[]> {
    const { directory } = this.#options;
    const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    return names
      .filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name))
      .map((name) => join(directory, name))
      .toSorted();
  }

  async #read(path: string): Promise<Known> {
    const { node, log } = this.#options;
    const { mtimeMs, size, ino } = await stat(path);
    const stamp = `${mtimeMs} ${size} ${ino}`;
    const before = this.#known.get(path);
    if (before?.stamp === stamp) return before;
    if (size > longestManifest) {
      log.warn("a manifest is too long", { path, bytes: size });
      return { stamp, read: { ok: false, problem: "too long" } };
    }
    const [text, { readManifest }] = await Promise.all([readFile(path, "utf8"), import("./manifest.ts")]);
    const read = readManifest({ node, path, text, modifiedAtMs: mtimeMs });
    if (!read.ok) log.warn("a manifest cannot be run", { path, problem: read.problem });
    else if (read.unknownFields.length > 0) {
      log.warn("a manifest has fields that nobody knows", { path, fields: read.unknownFields });
    }
    // A file that was touched is no other pod.
    const isSame = read.ok && before?.read.ok === true && before.read.pod.uid === read.pod.uid;
    return { stamp, read: isSame ? before.read : read };
  }

  /** Where there is nothing to watch, or no way to, the next look finds out. */
  #watch(): void {
    if (this.#watcher !== undefined || this.#isStopped) return;
    try {
      const watcher = watch(this.#options.directory, { persistent: false }, () => this.#lookIn(settleMs));
      watcher.on("error", () => {
        watcher.close();
        this.#watcher = undefined;
      });
      this.#watcher = watcher;
    } catch {
      this.#watcher = undefined;
    }
  }
}
