// One control group for each pod, so that pods share the processor by what they request, and all of a pod is in one place.
// Source: KEP-2254 for weights; the kubelet's cm/pod_container_manager_linux.go.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

import { setProperty, stopSlice } from "./slices.ts";

const root = "/sys/fs/cgroup";

/** Who makes groups on behalf of the runtime, which decides how they are named. */
export type CgroupDriver = "cgroupfs" | "systemd";

/** In shares of the first version of control groups, or in weights of the second. */
const versions = {
  separate: { hierarchy: "cpu", file: "cpu.shares", property: "CPUShares", whole: 1024, least: 2, most: 262_144 },
  unified: { hierarchy: "", file: "cpu.weight", property: "CPUWeight", whole: 39, least: 1, most: 10_000 },
} as const;

/** All controllers are in one tree. */
export function hasUnifiedGroups(): boolean {
  return existsSync(join(root, "cgroup.controllers"));
}

export class PodControlGroups {
  readonly #parent: string;
  readonly #driver: CgroupDriver;
  readonly #version = versions[hasUnifiedGroups() ? "unified" : "separate"];

  private constructor(parent: string, driver: CgroupDriver) {
    this.#parent = parent;
    this.#driver = driver;
  }

  /** Groups below `parent`, one name such as `lares`; null where the agent may not make any. */
  static async open(parent: string, driver: CgroupDriver): Promise<PodControlGroups | null> {
    const groups = new PodControlGroups(parent, driver);
    return (await groups.#prepare()) ? groups : null;
  }

  /** In the words of the runtime. */
  pathOf(podUid: string): string {
    if (this.#driver === "systemd") return this.#slice(podUid);
    return `/${this.#parent}/pod${podUid}`;
  }

  /** What the pod's containers weigh together is what the pod weighs among others. */
  async weigh(podUid: string): Promise<void> {
    const { hierarchy, file, least, most } = this.#version;
    const group = join(root, hierarchy, this.#directory(podUid));
    const weights = directoriesIn(group).map((name) => Number(read(join(group, name, file))));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const weight = Math.min(most, Math.max(least, sum));
    if (Number(read(join(group, file))) === weight) return;
    if (this.#driver !== "systemd" || !(await setProperty(this.#slice(podUid), this.#property(weight)))) {
      write(join(group, file), weight);
    }
  }

  /** Once nothing is left in it. Harmless when it is gone. */
  async remove(podUid: string): Promise<void> {
    if (this.#driver === "systemd") await stopSlice(this.#slice(podUid));
    for (const hierarchy of hierarchies()) {
      const group = join(root, hierarchy, this.#directory(podUid));
      // A runtime that was killed at the wrong moment leaves those of containers behind, and whatever they made in them.
      removeTree(group);
    }
  }

  /** All pods together weigh what the node's processors do, as with the kubelet. */
  async #prepare(): Promise<boolean> {
    const { hierarchy, file, whole, most } = this.#version;
    const weight = Math.min(most, whole * availableParallelism());
    if (this.#driver === "systemd") {
      await setProperty(`${this.#parent}.slice`, this.#property(weight));
      return true;
    }
    const group = join(root, hierarchy, this.#parent);
    try {
      mkdirSync(group, { recursive: true });
    } catch {
      return false;
    }
    // In one tree for all, a group has no weight before the one above says so.
    if (hierarchy === "") write(join(root, "cgroup.subtree_control"), "+cpu");
    write(join(group, file), weight);
    return true;
  }

  #property(weight: number): string {
    return `${this.#version.property}=${weight}`;
  }

  #directory(podUid: string): string {
    return this.#driver === "systemd" ? directoryOf(this.#slice(podUid)) : this.pathOf(podUid);
  }

  #slice(podUid: string): string {
    return `${this.#parent}-pod${podUid.replaceAll("-", "_")}.slice`;
  }
}

/** A dash in a slice's name leads one level down. */
function directoryOf(slice: string): string {
  const words = slice.replace(/\.slice$/, "").split("-");
  return words.map((_, index) => `${words.slice(0, index + 1).join("-")}.slice`).join("/");
}

function hierarchies(): readonly string[] {
  return hasUnifiedGroups() ? [""] : directoriesIn(root);
}

function removeTree(path: string): void {
  for (const name of directoriesIn(path)) removeTree(join(path, name));
  try {
    rmdirSync(path);
  } catch {
    // It is not there, or something is on its way out of it; an empty group does no harm.
  }
}

function directoriesIn(path: string): readonly string[] {
  try {
    return readdirSync(path).filter((name) => statSync(join(path, name), { throwIfNoEntry: false })?.isDirectory());
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "0";
  }
}

/** Where the controller is not at work, there is nothing to share. */
function write(path: string, value: number | string): void {
  try {
    writeFileSync(path, String(value));
  } catch {
    // Weights are a matter of fairness: the pod runs without.
  }
}
