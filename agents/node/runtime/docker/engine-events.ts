// Hears what happens to containers, also over the engine's own restarts.
import type { IncomingMessage } from "node:http";
import type { Clock, Log } from "../../ports.ts";
import { jsonLines } from "./byte-reader.ts";
import type { EngineClient } from "./engine-client.ts";
import { problemText } from "./engine-client.ts";
import { engineLabels } from "./engine-labels.ts";
import type { EngineEvent } from "./engine-types.ts";

export type EventListener = {
  happened(event: {
    readonly id: string;
    readonly action: string;
    readonly labels: Readonly<Record<string, string>>;
  }): void;
  /** Anything may have happened before. */
  connected(): Promise<void>;
};

/** In the words of both engines. Commands run in containers, by probes say, are none of it. */
const actions = ["start", "die", "died", "oom", "destroy", "remove"];
const firstRetryMs = 250;
const longestRetryMs = 5000;

export class EngineEvents {
  readonly #client: EngineClient;
  readonly #owner: string;
  readonly #ports: { readonly clock: Clock; readonly log: Log };
  #stream: IncomingMessage | undefined;
  #cancelRetry: (() => void) | undefined;
  #isStopped = false;
  #isDown = false;

  constructor(client: EngineClient, owner: string, ports: { readonly clock: Clock; readonly log: Log }) {
    this.#client = client;
    this.#owner = owner;
    this.#ports = ports;
  }

  start(listener: EventListener): void {
    void this.#listen(listener, firstRetryMs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry?.();
    this.#stream?.destroy();
  }

  async #listen(listener: EventListener, retryMs: number): Promise<void> {
    let nextMs = Math.min(2 * retryMs, longestRetryMs);
    try {
      // One that was started anew may be another version.
      if (this.#isDown) await this.#client.negotiate();
      await this.#open();
      // It may have been let go meanwhile.
      if (this.#isStopped) {
        this.#stream?.destroy();
        return;
      }
      if (this.#isDown) this.#ports.log.info("the container engine answers again");
      this.#isDown = false;
      await listener.connected();
      nextMs = firstRetryMs;
      await this.#read(listener);
    } catch (error) {
      if (!this.#isStopped && !this.#isDown) {
        this.#ports.log.warn("the container engine is away", { problem: problemText(error) });
      }
    }
    if (this.#isStopped) return;
    this.#isDown = true;
    this.#cancelRetry = this.#ports.clock.setTimer(retryMs, () => void this.#listen(listener, nextMs));
  }

  async #open(): Promise<void> {
    const filters = { type: ["container"], label: [`${engineLabels.agent}=${this.#owner}`], event: actions };
    const query = { filters: JSON.stringify(filters) };
    this.#stream = await this.#client.stream("GET", "/events", { query, timeoutMs: 0 });
  }

  async #read(listener: EventListener): Promise<void> {
    if (this.#stream === undefined) return;
    for await (const { Action: action, Actor } of jsonLines<EngineEvent>(this.#stream)) {
      if (Actor?.ID === undefined || action === undefined || !actions.includes(action)) continue;
      listener.happened({ id: Actor.ID, action, labels: Actor.Attributes ?? {} });
    }
    throw new Error("it has ended the stream of its events");
  }
}
