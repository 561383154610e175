// The upkeep's hands: what this machine has left, and its logs, links and leftovers.
import { lstatSync, statfsSync } from "node:fs";
import { mkdir, readdir, readlink, rm, stat, symlink } from "node:fs/promises";
import { join, relative } from "node:path";

import { isFields, parseJson } from "../connection/protocol.ts";
import type { LogLimits } from "../runtime/rotating-file.ts";
import { rotateLog } from "../runtime/rotating-file.ts";
import type { Reading, Readings } from "../upkeep/eviction.ts";
import type { ContainerLog, HostUpkeep, UpkeepRecords } from "../upkeep/ports.ts";
import { noRecords } from "../upkeep/ports.ts";
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
      ...(imagefs === undefined ? {} : { "imagefs.available": imagefs.bytes }),
      ...(pids === undefined ? {} : { "pid.available": pids }),
    };
  }

  disk(directory: string): Reading | undefined {
    return fileSystem(directory)?.bytes;
  }

  async podBytes(podUid: string, logDirectory: string): Promise<number> {
    const { stateDirectory } = this.#options;
    const sizes = await Promise.all(
      [join(stateDirectory, "pods", podUid), join(this.#podLogs, logDirectory)].map((path) => bytesBelow(path)),
    );
    return sizes.reduce((sum, bytes) => sum + bytes, 0);
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

/** What is on the disk, as du counts it. */
async function bytesBelow(path: string): Promise<number> {
  const own = await stat(path).catch(() => undefined);
  if (own === undefined) return 0;
  let sum = own.blocks * 512;
  if (!own.isDirectory()) return sum;
  for (const entry of await readdir(path, { withFileTypes: true }).catch(() => [])) {
    // Links lead elsewhere, and other file systems, memory say, are not on this disk.
    if (entry.isSymbolicLink()) continue;
    const below = join(path, entry.name);
    if (entry.isDirectory() && (await isMount(below, own.dev))) continue;
    sum += await bytesBelow(below);
  }
  return sum;
}

async function isMount(path: string, device: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined || found.dev !== device;
}
