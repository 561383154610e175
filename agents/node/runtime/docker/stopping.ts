// Ends containers. Engines can do that themselves, but not in fractions of a second, and one that waits for a container
// cannot be told to hurry.
import type { Clock } from "../../ports.ts";
import type { Result } from "../runtime.ts";
import { done, fail } from "../runtime.ts";
import type { EngineClient } from "./engine-client.ts";
import { isStatus, problemText } from "./engine-client.ts";
import type { InspectedContainer } from "./engine-types.ts";

type Stop = {
  killAtMs: number;
  cancelKill: () => void;
  /** Looks again at once. */
  wake: () => void;
  readonly whenStopped: Promise<Result<null>>;
};

/** Events say when a container has ended; whether one got lost is looked up this often. */
const lookEveryMs = 500;
/** One that does not die when it is killed is given up after this long. */
const lateMs = 20_000;

export class Stopping {
  readonly #client: EngineClient;
  readonly #clock: Clock;
  readonly #stops = new Map<string, Stop>();

  constructor(client: EngineClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Something happened to the container. */
  changed(id: string): void {
    this.#stops.get(id)?.wake();
  }

  stop(id: string, timeoutSeconds: number): Promise<Result<null>> {
    const killAtMs = this.#clock.monotonicMs() + timeoutSeconds * 1000;
    const running = this.#stops.get(id);
    if (running !== undefined) {
      if (killAtMs < running.killAtMs) this.#killAt(id, running, killAtMs);
      return running.whenStopped;
    }
    const stop: Stop = {
      killAtMs: Number.POSITIVE_INFINITY,
      cancelKill: () => {},
      wake: () => {},
      whenStopped: Promise.resolve().then(() => this.#run(id, stop)),
    };
    this.#stops.set(id, stop);
    this.#killAt(id, stop, killAtMs);
    const forget = () => {
      stop.cancelKill();
      this.#stops.delete(id);
    };
    return stop.whenStopped.finally(forget);
  }

  async #run(id: string, stop: Stop): Promise<Result<null>> {
    const before = await this.#look(id);
    if (before === null) return done;
    // What is to be killed now need not be asked before.
    if (stop.killAtMs > this.#clock.monotonicMs()) await this.#signal(id, signalOf(before));
    for (;;) {
      const overdueMs = this.#clock.monotonicMs() - stop.killAtMs;
      if (overdueMs > lateMs) return fail("failed", `container ${id} does not die`);
      // Once more: the engine may have been away.
      if (overdueMs >= 0) await this.#signal(id, "SIGKILL");
      await this.#pause(stop);
      if ((await this.#look(id)) === null) return done;
    }
  }

  /** Null when it does not run. An engine that is away is asked again: containers may outlive it. */
  async #look(id: string): Promise<InspectedContainer | null> {
    try {
      const container = await this.#client.get<InspectedContainer>(`/containers/${id}/json`);
      return container.State.Running ? container : null;
    } catch (error) {
      if (isStatus(error, 404)) return null;
      throw new Error(`cannot see whether container ${id} runs: ${problemText(error)}`, { cause: error });
    }
  }

  async #signal(id: string, signal: string): Promise<void> {
    try {
      await this.#client.post(`/containers/${id}/kill`, { query: { signal } });
    } catch {
      // It has ended meanwhile, or the engine is away: the next look tells.
    }
  }

  #killAt(id: string, stop: Stop, killAtMs: number): void {
    stop.killAtMs = killAtMs;
    stop.cancelKill();
    const delayMs = Math.max(0, killAtMs - this.#clock.monotonicMs());
    stop.cancelKill = this.#clock.setTimer(delayMs, () => {
      void this.#signal(id, "SIGKILL");
    });
  }

  #pause(stop: Stop): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimer(lookEveryMs, resolve);
      stop.wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

function signalOf({ Config: { StopSignal } }: InspectedContainer): string {
  return StopSignal === undefined || StopSignal === "" ? "SIGTERM" : String(StopSignal);
}
