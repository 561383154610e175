// The upkeep's hands: what this machine has left, and its logs, links and leftovers.
import { lstatSync, statfsSync, statSync } from "node:fs";
import { mkdir, readdir, readlink, rm, stat, symlink } from "node:fs/promises";
import { join, relative } from "node:path";

import { isFields, parseJson } from "../connection/protocol.ts";
import type { LogLimits } from "../runtime/rotating-file.ts";
import { rotateLog } from "../runtime/rotating-file.ts";
import type { DiskUse } from "../runtime/runtime.ts";
import type { ContainerLog, HostUpkeep, UpkeepRecords } from "../upkeep/ports.ts";
import { noRecords } from "../upkeep/ports.ts";
import type { Reading, Readings } from "../upkeep/thresholds.ts";
import { diskUseOf } from "../volume/disk-use.ts";
import { processesOf } from "./processes.ts";
import { memoryReading, pidReading } from "./resources.ts";
import { WholeFile } from "./whole-file.ts";

export type DiskUpkeepOptions = {
  readonly stateDirectory: string;
  readonly logDirectory: string;
  /** On the file system of images; undefined: the runtime has none. */
  readonly imageDirectory: string | undefined;
};

export class DiskUpkeep implements HostUpkeep {
  readonly #options: DiskUpkeepOptions;
  readonly #records: WholeFile;
  readonly #podLogs: string;
  readonly #links: string;
  /** The links that were seen to be right. */
  #linked = new Set<string>();

  constructor(options: DiskUpkeepOptions) {
    this.#options = options;
    this.#records = new WholeFile(join(options.stateDirectory, "upkeep"));
    this.#podLogs = join(options.logDirectory, "pods");
    this.#links = join(options.logDirectory, "containers");
  }

  readings(): Readings {
    const { stateDirectory, imageDirectory } = this.#options;
    const nodefs = fileSystem(stateDirectory);
    const imagefs = imageDirectory === undefined ? undefined : fileSystem(imageDirectory);
    const memory = memoryReading();
    const pids = pidReading();
    return {
      "memory.available": memory,
      ...(nodefs === undefined ? {} : { "nodefs.available": nodefs.bytes, "nodefs.inodesFree": nodefs.inodes }),
      ...(imagefs === undefined ? {} : { "imagefs.available": imagefs.bytes, "imagefs.inodesFree": imagefs.inodes }),
      ...(pids === undefined ? {} : { "pid.available": pids }),
    };
  }

  disk(directory: string): Reading | undefined {
    return fileSystem(directory)?.bytes;
  }

  hasImageDisk(): boolean {
    const { stateDirectory, imageDirectory } = this.#options;
    if (imageDirectory === undefined) return false;
    const [node, images] = [stateDirectory, imageDirectory].map(
      (path) => statSync(path, { throwIfNoEntry: false })?.dev,
    );
    return images !== undefined && images !== node;
  }

  async logUse(logDirectory: string): Promise<ReadonlyMap<string, DiskUse>> {
    const root = join(this.#podLogs, logDirectory);
    const uses = new Map<string, DiskUse>();
    for (const entry of await readdir(root, { withFileTypes: true }).catch(() => [])) {
      const use = entry.isDirectory() ? await diskUseOf(join(root, entry.name)) : null;
      if (use !== null) uses.set(entry.name, use);
    }
    return uses;
  }

  processes(containerIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return processesOf(containerIds);
  }

  async rotate({ path: below }: ContainerLog, limits: LogLimits): Promise<boolean> {
    const path = join(this.#podLogs, below);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || found.size <= limits.maxSizeBytes) return false;
    await rotateLog(path, { limits, nowMs: Date.now });
    return true;
  }

  async link(logs: readonly ContainerLog[]): Promise<void> {
    const wanted = new Set(logs.map(({ link }) => link));
    const isKnown = logs.every(({ link }) => this.#linked.has(link));
    if (isKnown && wanted.size === this.#linked.size) return;
    await mkdir(this.#links, { recursive: true });
    for (const { path, link } of logs) {
      const target = join(this.#podLogs, path);
      // A driver may have made its own, and a log that is not there yet is linked to when it is.
      if (lstatSync(target, { throwIfNoEntry: false }) === undefined) wanted.delete(link);
      else if (lstatSync(join(this.#links, link), { throwIfNoEntry: false }) === undefined) {
        await symlink(target, join(this.#links, link)).catch(() => {});
      }
    }
    await this.#dropDeadLinks();
    this.#linked = wanted;
  }

  /** Those into our own directory of logs whose log is gone. */
  async #dropDeadLinks(): Promise<void> {
    for (const name of await readdir(this.#links)) {
      const link = join(this.#links, name);
      const target = await readlink(link).catch(() => undefined);
      if (target === undefined || relative(this.#podLogs, target).startsWith("..")) continue;
      if (lstatSync(target, { throwIfNoEntry: false }) === undefined) await rm(link, { force: true });
    }
  }

  async removeLogs(directory: string): Promise<void> {
    // Made of a namespace, a name and a uid, of which none has a slash; a record that was tampered with may.
    if (directory.includes("/") || directory.startsWith(".") || directory === "") return;
    await rm(join(this.#podLogs, directory), { recursive: true, force: true });
  }

  async readRecords(): Promise<UpkeepRecords> {
    const records = parseJson((await this.#records.read()) ?? "");
    const isWhole = isFields(records) && isFields(records["images"]) && isFields(records["logDirectories"]);
    // Its checksum says that it is as this class wrote it.
    return isWhole ? (records as unknown as UpkeepRecords) : noRecords;
  }

  writeRecords(records: UpkeepRecords): Promise<void> {
    return this.#records.write(JSON.stringify(records));
  }
}

function fileSystem(path: string): { readonly bytes: Reading; readonly inodes: Reading } | undefined {
  try {
    const { blocks, bavail, bsize, files, ffree } = statfsSync(path);
    return {
      bytes: { available: bavail * bsize, capacity: blocks * bsize },
      // Some file systems have no fixed number of them, and say 0.
      inodes: { available: ffree, capacity: files },
    };
  } catch {
    return undefined;
  }
}
