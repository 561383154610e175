// Which control groups the pods of a runtime get: its own way of naming them is asked of it, once it answers.
import type { Log } from "../../ports.ts";
import type { CgroupDriver } from "./control-groups.ts";
import { PodControlGroups } from "./control-groups.ts";
import { attempt } from "./failure.ts";
import { systemdCgroups } from "./messages.ts";
import type { CriClient } from "./service.ts";
import { methods } from "./service.ts";

export type GroupsOptions = {
  readonly client: CriClient;
  /** Of the runtime. */
  readonly name: string;
  /** What the groups of all pods are below. */
  readonly controlGroup: string;
  readonly log: Log;
};

const timeoutMs = 10_000;

export class GroupsOfRuntime {
  readonly #options: GroupsOptions;
  #groups: Promise<PodControlGroups | null> | undefined;

  constructor(options: GroupsOptions) {
    this.#options = options;
  }

  /** Null where the agent may not make any, and as long as the runtime does not answer. */
  get(): Promise<PodControlGroups | null> {
    this.#groups ??= this.#open();
    return this.#groups;
  }

  async #open(): Promise<PodControlGroups | null> {
    const driver = await this.#driver();
    // A guess would be one for as long as the agent runs, and a pod in a group of the wrong kind cannot be started.
    if (driver === null) this.#groups = undefined;
    const { controlGroup: parent, log } = this.#options;
    return driver === null ? null : PodControlGroups.open({ parent, driver, log });
  }

  /** Runtimes of old tell it in their configuration alone, or not at all: then it is what CRI-O does unless told otherwise. */
  async #driver(): Promise<CgroupDriver | null> {
    const { client, name } = this.#options;
    const config = await attempt(() => client.call(methods.runtimeConfig, {}, { timeoutMs }));
    if (config.ok) return config.value.linux?.cgroupDriver === systemdCgroups ? "systemd" : "cgroupfs";
    const status = await attempt(() => client.call(methods.status, { verbose: true }, { timeoutMs }));
    if (!status.ok) return null;
    if (name === "cri-o") return "systemd";
    return /"SystemdCgroup":\s*true/i.test(status.value.info["config"] ?? "") ? "systemd" : "cgroupfs";
  }
}
