// One control group for each pod, so that pods share the processor by what they request, and all of a pod is in one place.
// Source: KEP-2254 for weights; the kubelet's cm/pod_container_manager_linux.go.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

import type { Log } from "../../ports.ts";
import { directoriesIn, directoryOf, groupsRoot, hasUnifiedGroups, removeGroup } from "./group-files.ts";
import { Slices } from "./slices.ts";

/** Who makes groups on behalf of the runtime, which decides how they are named. */
export type CgroupDriver = "cgroupfs" | "systemd";

/** In shares of the first version of control groups, or in weights of the second. */
const versions = {
  separate: { hierarchy: "cpu", file: "cpu.shares", property: "CPUShares", whole: 1024, least: 2, most: 262_144 },
  unified: { hierarchy: "", file: "cpu.weight", property: "CPUWeight", whole: 39, least: 1, most: 10_000 },
} as const;

export type PodControlGroupsOptions = {
  /** What the groups are below: one name such as `lares`. */
  readonly parent: string;
  readonly driver: CgroupDriver;
  readonly log: Log;
};

export class PodControlGroups {
  readonly #parent: string;
  /** Null: groups are made by paths. */
  readonly #slices: Slices | null;
  readonly #version = versions[hasUnifiedGroups() ? "unified" : "separate"];

  private constructor({ parent, driver, log }: PodControlGroupsOptions) {
    this.#parent = parent;
    this.#slices = driver === "systemd" ? new Slices(log) : null;
  }

  /** Null where the agent may not make any. */
  static open(options: PodControlGroupsOptions): PodControlGroups | null {
    const groups = new PodControlGroups(options);
    return groups.#prepare() ? groups : null;
  }

  /** In the words of the runtime. */
  pathOf(podUid: string): string {
    return this.#slices === null ? `/${this.#parent}/pod${podUid}` : this.#slice(podUid);
  }

  /**
   * What the pod's containers weigh together is what the pod weighs among others. By systemd it does a moment later, for
   * which no container has to wait: weights are a matter of fairness.
   */
  weigh(podUid: string): void {
    if (this.#slices === null) this.#write(this.pathOf(podUid), this.#sum(podUid));
    else {
      this.#weighSlice(this.#slices, `${this.#parent}.slice`, () => this.#whole());
      this.#weighSlice(this.#slices, this.#slice(podUid), () => this.#sum(podUid));
    }
  }

  /** Once nothing is left in it. Harmless when it is gone. */
  async remove(podUid: string): Promise<void> {
    await this.#slices?.stop(this.#slice(podUid));
    // A runtime that was killed at the wrong moment leaves those of containers behind, and whatever they made in them.
    removeGroup(this.#directory(podUid));
  }

  #prepare(): boolean {
    if (this.#slices !== null) {
      this.#weighSlice(this.#slices, `${this.#parent}.slice`, () => this.#whole());
      return true;
    }
    const { hierarchy } = this.#version;
    try {
      mkdirSync(join(groupsRoot, hierarchy, this.#parent), { recursive: true });
    } catch {
      return false;
    }
    // In one tree for all, a group has no weight before the one above says so.
    if (hierarchy === "") write(join(groupsRoot, "cgroup.subtree_control"), "+cpu");
    this.#write(this.#parent, this.#whole());
    return true;
  }

  /** All pods together weigh what the node's processors do, as with the kubelet. */
  #whole(): number {
    const { whole, most } = this.#version;
    return Math.min(most, whole * availableParallelism());
  }

  #sum(podUid: string): number {
    const { hierarchy, file, least, most } = this.#version;
    const group = join(groupsRoot, hierarchy, this.#directory(podUid));
    const weights = directoriesIn(group).map((name) => Number(read(join(group, name, file))));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return Math.min(most, Math.max(least, sum));
  }

  #weighSlice(slices: Slices, slice: string, weight: () => number): void {
    slices.set(slice, {
      property: () => `${this.#version.property}=${weight()}`,
      // It holds until systemd reads its units again.
      failed: () => this.#write(directoryOf(slice), weight()),
    });
  }

  #write(directory: string, weight: number): void {
    const { hierarchy, file } = this.#version;
    const path = join(groupsRoot, hierarchy, directory, file);
    if (Number(read(path)) !== weight) write(path, weight);
  }

  #directory(podUid: string): string {
    return this.#slices === null ? this.pathOf(podUid) : directoryOf(this.#slice(podUid));
  }

  #slice(podUid: string): string {
    return `${this.#parent}-pod${podUid.replaceAll("-", "_")}.slice`;
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
