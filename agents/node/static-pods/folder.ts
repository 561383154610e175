// The folder of manifests, looked at now and then and whenever the system says that something changed in it.
import { type FSWatcher, watch } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import type { Clock, Log } from "../ports.ts";
import type { ReadManifest } from "./manifest.ts";
import type { ManifestProblem, StaticPod, StaticPods } from "./static-pod.ts";

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
  readonly #problemListeners = new Set<(problem: ManifestProblem) => void>();
  #known = new Map<string, Known>();
  /** What is wrong and has been told. */
  #told: ReadonlySet<string> = new Set();
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

  onProblem(listener: (problem: ManifestProblem) => void): void {
    this.#problemListeners.add(listener);
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
    const problems: (ManifestProblem & { readonly stamp: string })[] = [];
    for (const [path, { read, stamp }] of this.#known) {
      const file = basename(path);
      if (!read.ok) {
        problems.push({ file, stamp, problem: read.problem });
        continue;
      }
      if (read.unknownFields.length > 0) {
        problems.push({ file, stamp, problem: `nobody knows its fields ${read.unknownFields.join(", ")}` });
      }
      const key = `${read.pod.namespace}/${read.pod.name}`;
      if (pods.has(key)) problems.push({ file, stamp, problem: `another manifest has the pod ${key}` });
      else pods.set(key, read.pod);
    }
    this.#tell(problems);
    const now = [...pods.values()];
    if (now.length === this.#pods.length && now.every((pod, index) => pod === this.#pods[index])) return;
    this.#pods = now;
    for (const listener of this.#listeners) listener();
  }

  #tell(problems: readonly (ManifestProblem & { readonly stamp: string })[]): void {
    const told = new Set<string>();
    for (const { stamp, file, problem } of problems) {
      const key = `${file}\n${stamp}\n${problem}`;
      told.add(key);
      if (this.#told.has(key)) continue;
      this.#options.log.warn("a manifest cannot be run as it is", { file, problem });
      for (const listener of this.#problemListeners) listener({ file, problem });
    }
    this.#told = told;
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
    const { node } = this.#options;
    const { mtimeMs, size, ino } = await stat(path);
    const stamp = `${mtimeMs} ${size} ${ino}`;
    const before = this.#known.get(path);
    if (before?.stamp === stamp) return before;
    if (size > longestManifest) return { stamp, read: { ok: false, problem: `${size} bytes are too many` } };
    const [text, { readManifest }] = await Promise.all([readFile(path, "utf8"), import("./manifest.ts")]);
    const read = readManifest({ node, path, text, modifiedAtMs: mtimeMs });
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
