// Copies one container's log from the engine to where the node's logs are, as it grows.
import type { IncomingMessage } from "node:http";
import type { Clock } from "../../ports.ts";
import type { LogLimits } from "../rotating-file.ts";
import type { EngineClient } from "./engine-client.ts";
import { isStatus } from "./engine-client.ts";
import { LogFile } from "./log-file.ts";
import { logLines } from "./log-lines.ts";

export type FollowOptions = {
  readonly client: EngineClient;
  readonly clock: Clock;
  readonly id: string;
  readonly path: string;
  readonly isTty: boolean;
  readonly limits: LogLimits;
  /** Whether it still runs, as the engine says. */
  isRunning(): Promise<boolean>;
};

const firstRetryMs = 200;
const longestRetryMs = 5000;

export class LogFollower {
  readonly #options: FollowOptions;
  readonly #file: LogFile;
  #stream: IncomingMessage | undefined;
  #isStopped = false;
  /** Resolves when all that the container has said is in the file, or when nobody wants it any more. */
  readonly whenDone: Promise<void>;

  constructor(options: FollowOptions) {
    this.#options = options;
    const { path, limits, clock } = options;
    this.#file = new LogFile(path, { limits, nowMs: () => clock.nowMs() });
    this.whenDone = this.#run();
  }

  reopen(): Promise<void> {
    return this.#file.reopen();
  }

  /** At once; what is missing is copied when it is followed again. */
  stop(): void {
    this.#isStopped = true;
    this.#stream?.destroy();
  }

  async #run(): Promise<void> {
    for (let retryMs = firstRetryMs; !this.#isStopped; retryMs = Math.min(2 * retryMs, longestRetryMs)) {
      try {
        const isRunning = await this.#options.isRunning();
        await this.#copy(isRunning);
        if (!isRunning) break;
        // A stream that follows may end before the last words: they are asked for when the container has ended. That of
        // one that runs ends with the engine, which gets a moment.
        if (!(await this.#options.isRunning())) continue;
      } catch (error) {
        if (isStatus(error, 404)) break;
      }
      if (!this.#isStopped) await this.#wait(retryMs);
    }
    await this.#file.reopen();
  }

  async #copy(follow: boolean): Promise<void> {
    const { client, id, isTty } = this.#options;
    const { sinceMs, known } = this.#file.resumePoint();
    const stream = await client.stream("GET", `/containers/${id}/logs`, {
      query: {
        stdout: "1",
        stderr: "1",
        timestamps: "1",
        follow: follow ? "1" : "0",
        ...(sinceMs === 0 ? {} : { since: (sinceMs / 1000).toFixed(3) }),
      },
      timeoutMs: 0,
    });
    this.#stream = stream;
    if (this.#isStopped) {
      stream.destroy();
      return;
    }
    const reader = logLines(isTty);
    for await (const chunk of stream) {
      const lines = reader.take(chunk).filter((line) => known.size === 0 || !isKnown(known, line));
      // A full disk loses lines: it must not stop the others.
      if (lines.length > 0) await this.#file.append(Buffer.concat(lines)).catch(() => {});
      if (this.#isStopped) return;
    }
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.setTimer(delayMs, resolve));
  }
}

/** True for a line that is in the file; each line of the file counts for one. */
function isKnown(known: Map<string, number>, line: Buffer): boolean {
  const text = line.subarray(0, -1).toString("latin1");
  const left = known.get(text);
  if (left === undefined) return false;
  if (left > 1) known.set(text, left - 1);
  else known.delete(text);
  return true;
}
