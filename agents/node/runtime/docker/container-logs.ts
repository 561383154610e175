// The logs of containers where the kubelet would have them. Podman's monitors write them by themselves, in the CRI's form;
// of Docker's the agent makes a copy.
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { Clock } from "../../ports.ts";
import type { LogLimits } from "../rotating-file.ts";
import type { EngineClient } from "./engine-client.ts";
import { isStatus } from "./engine-client.ts";
import { engineLabels } from "./engine-labels.ts";
import type { EngineKind, InspectedContainer } from "./engine-types.ts";
import { LogFollower } from "./log-follower.ts";

export type ContainerLogsOptions = {
  readonly client: EngineClient;
  readonly kind: EngineKind;
  readonly clock: Clock;
  readonly limits: LogLimits;
};

/** What a container said last takes this long at most to be in its file. */
const settleMs = 2000;

export class ContainerLogs {
  readonly #options: ContainerLogsOptions;
  readonly #followers = new Map<string, LogFollower>();
  /** Copied to the end. */
  readonly #finished = new Set<string>();
  #isClosed = false;

  constructor(options: ContainerLogsOptions) {
    this.#options = options;
  }

  /** Sees to it that all that the container says, or has said, gets into its file. */
  follow(container: InspectedContainer): void {
    const { client, kind, clock, limits } = this.#options;
    const { Id: id, Config, State } = container;
    const path = Config.Labels?.[engineLabels.logPath];
    if (kind === "podman" || path === undefined || this.#isClosed || this.#followers.has(id)) return;
    if (State.Status === "created" || (!State.Running && this.#finished.has(id))) return;
    const isRunning = async () => {
      const { State: now } = await client.get<InspectedContainer>(`/containers/${id}/json`);
      return now.Running;
    };
    const follower = new LogFollower({ client, clock, id, path, isTty: Config.Tty === true, limits, isRunning });
    this.#followers.set(id, follower);
    const forget = () => {
      this.#followers.delete(id);
      this.#finished.add(id);
    };
    follower.whenDone.then(forget, forget);
  }

  isFollowed(id: string): boolean {
    return this.#followers.has(id) || this.#finished.has(id);
  }

  /** Waits for the last words of one that has ended. */
  async settle(id: string): Promise<void> {
    const follower = this.#followers.get(id);
    if (follower === undefined) return;
    let cancel = () => {};
    const tooLong = new Promise<void>((resolve) => {
      cancel = this.#options.clock.setTimer(settleMs, resolve);
    });
    await Promise.race([follower.whenDone, tooLong]);
    cancel();
  }

  async forget(id: string): Promise<void> {
    const follower = this.#followers.get(id);
    follower?.stop();
    await follower?.whenDone;
    this.#finished.delete(id);
  }

  /** Goes on in a new file. Throws when that cannot be had. */
  async reopen(id: string): Promise<void> {
    if (this.#options.kind === "docker") {
      await this.#followers.get(id)?.reopen();
      return;
    }
    try {
      const container = await this.#options.client.getLibpod<InspectedContainer>(`/containers/${id}/json`);
      if (!container.State.Running || container.OCIConfigPath === undefined) return;
      // The monitor takes orders from a pipe beside the configuration: kind 2 is to open the log anew.
      await writeFile(join(dirname(container.OCIConfigPath), "ctl"), "2 0 0\n");
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const follower of this.#followers.values()) follower.stop();
  }
}
