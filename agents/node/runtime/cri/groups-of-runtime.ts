// Which control groups the pods of a runtime get: its own way of naming them is asked of it, once it answers.
// Source: the kubelet's cmd/kubelet/app/server.go, getCgroupDriverFromCRI.
import type { Log } from "../../ports.ts";
import type { CgroupDriver } from "./control-groups.ts";
import { PodControlGroups } from "./control-groups.ts";
import { isUnimplemented } from "./failure.ts";
import { GrpcError } from "./grpc.ts";
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

  /** Null where the agent may not make any. Throws a GrpcError as long as the runtime does not answer. */
  get(): Promise<PodControlGroups | null> {
    this.#groups ??= this.#open();
    return this.#groups;
  }

  async #open(): Promise<PodControlGroups | null> {
    const { controlGroup: parent, log } = this.#options;
    try {
      return PodControlGroups.open({ parent, log, driver: await this.#driver() });
    } catch (error) {
      // A guess would be one for as long as the agent runs, and a pod in a group of the wrong kind cannot be started.
      this.#groups = undefined;
      if (!(error instanceof GrpcError)) throw error;
      throw new GrpcError(error.code, `the runtime does not say who makes control groups: ${error.message}`);
    }
  }

  async #driver(): Promise<CgroupDriver> {
    const { client } = this.#options;
    try {
      const { linux } = await client.call(methods.runtimeConfig, {}, { timeoutMs });
      return linux?.cgroupDriver === systemdCgroups ? "systemd" : "cgroupfs";
    } catch (error) {
      if (!isUnimplemented(error)) throw error;
      return this.#driverOfOld();
    }
  }

  /** Runtimes of old tell it in their configuration alone, or not at all: then it is what CRI-O does unless told otherwise. */
  async #driverOfOld(): Promise<CgroupDriver> {
    const { client, name } = this.#options;
    const { info } = await client.call(methods.status, { verbose: true }, { timeoutMs });
    if (name === "cri-o") return "systemd";
    return /"SystemdCgroup":\s*true/i.test(info["config"] ?? "") ? "systemd" : "cgroupfs";
  }
}
