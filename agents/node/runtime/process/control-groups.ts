// Control groups for processes, where the host has them: they enforce limits, tell of memory that ran out, and know all
// processes of a container. Both versions are spoken; the runtime does without where neither can be had.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { LinuxResources } from "../runtime.ts";

const root = "/sys/fs/cgroup";
const quotaPeriod = 100_000;
/** Source: the conversion from shares to weights in KEP-2254. */
const fullShares = 262_142;

/** What a version of control groups calls things. */
type Version = {
  /** One directory for all controllers, or one for each. */
  readonly hierarchies: readonly string[];
  settings(resources: LinuxResources): readonly (readonly [file: string, value: string])[];
  /** Has a line `oom_kill N`. */
  readonly outOfMemoryFile: string;
};

const unified: Version = {
  hierarchies: [""],
  settings: ({ cpuShares, cpuQuota, memoryLimit }) => [
    ["cpu.weight", String(1 + Math.floor(((cpuShares - 2) * 9999) / fullShares))],
    ...(cpuQuota === undefined ? [] : [["cpu.max", `${cpuQuota} ${quotaPeriod}`] as const]),
    ...(memoryLimit === undefined ? [] : [["memory.max", String(memoryLimit)] as const]),
    // As with the kubelet: a container does not go on with some of its processes.
    ["memory.oom.group", "1"],
  ],
  outOfMemoryFile: "memory.events",
};

const separate: Version = {
  hierarchies: ["memory", "cpu"],
  settings: ({ cpuShares, cpuQuota, memoryLimit }) => [
    ["cpu.shares", String(cpuShares)],
    ...(cpuQuota === undefined ? [] : [["cpu.cfs_period_us", String(quotaPeriod)] as const]),
    ...(cpuQuota === undefined ? [] : [["cpu.cfs_quota_us", String(cpuQuota)] as const]),
    ...(memoryLimit === undefined ? [] : [["memory.limit_in_bytes", String(memoryLimit)] as const]),
  ],
  outOfMemoryFile: "memory.oom_control",
};

export class ControlGroups {
  readonly #version: Version;
  readonly #parents: readonly string[];

  private constructor(version: Version, parents: readonly string[]) {
    this.#version = version;
    this.#parents = parents;
  }

  /** Groups below `parent`, a path such as `lares`; null where there are no control groups or none may be made. */
  static open(parent: string): ControlGroups | null {
    const version = existsSync(join(root, "cgroup.controllers")) ? unified : separate;
    const parents = version.hierarchies.map((hierarchy) => join(root, hierarchy, parent));
    try {
      for (const directory of parents) mkdirSync(directory, { recursive: true });
      if (version === unified) {
        for (const directory of [root, join(root, parent)]) {
          writeFileSync(join(directory, "cgroup.subtree_control"), "+cpu +memory");
        }
      }
      return new ControlGroups(version, parents);
    } catch {
      return null;
    }
  }

  /** The directories that the container's first process must join. */
  create(id: string, resources: LinuxResources): readonly string[] {
    const directories = this.#directories(id);
    for (const directory of directories) mkdirSync(directory, { recursive: true });
    for (const [file, value] of this.#version.settings(resources)) {
      const directory = directories.find((one) => existsSync(join(one, file)));
      if (directory !== undefined) writeFileSync(join(directory, file), value);
    }
    return directories;
  }

  /** To be joined by whoever is to count as the container's. */
  directories(id: string): readonly string[] {
    return this.#directories(id).filter((directory) => existsSync(directory));
  }

  processes(id: string): readonly number[] {
    const [directory = ""] = this.#directories(id);
    return read(join(directory, "cgroup.procs"))
      .split("\n")
      .map(Number)
      .filter((pid) => pid > 0);
  }

  /** A process of the container was killed because its memory ran out. */
  ranOutOfMemory(id: string): boolean {
    const [directory = ""] = this.#directories(id);
    return Number(/^oom_kill (\d+)$/m.exec(read(join(directory, this.#version.outOfMemoryFile)))?.[1] ?? 0) > 0;
  }

  remove(id: string): void {
    for (const directory of this.#directories(id)) {
      try {
        rmdirSync(directory);
      } catch {
        // It is not there, or a process is still on its way out; an empty group does no harm.
      }
    }
  }

  #directories(id: string): readonly string[] {
    return this.#parents.map((parent) => join(parent, id));
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
