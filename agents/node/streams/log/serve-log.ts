// Sends a log to the person who wants it, no further ahead of what has arrived than a window.
import type { SessionWish } from "../../../../src/sync/messages.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Line } from "../line.ts";
import type { LogSource } from "./log-source.ts";
import type { LogTarget } from "./log-target.ts";
import { LogText } from "./log-text.ts";
import { nanosOf } from "./record.ts";

/** The control plane passes on what it gets, and says how much of it has gone out. */
const windowBytes = 512 * 1024;
const messageBytes = 32 * 1024;

type LogWish = Extract<SessionWish, { kind: "log" }>;

export type LogServing = { readonly target: LogTarget; readonly logs: LogSource; readonly runtime: Runtime };

export async function serveLog(line: Line, wish: LogWish, { target, logs, runtime }: LogServing): Promise<void> {
  const ending = new AbortController();
  const window = new Window();
  void line.closed.then(() => {
    window.close();
    ending.abort();
  });
  line.receive((message) => window.arrived(Number(message.toString("latin1"))));
  const { follow, timestamps, tailLines, limitBytes } = wish;
  const sinceNanos = sinceOf(wish, Date.now());
  const text = new LogText({
    timestamps,
    ...(sinceNanos === null ? {} : { sinceNanos }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  });
  const isRunning = async () => (await runtime.containerStatus(target.containerId))?.state === "running";
  const reading = { follow, isRunning, signal: ending.signal, ...(tailLines === undefined ? {} : { tailLines }) };
  try {
    for await (const records of logs.read(target, reading, runtime)) {
      const shown = Buffer.concat(records.map((record) => text.show(record)));
      for (let at = 0; at < shown.length && line.isOpen; at += messageBytes) {
        const part = shown.subarray(at, at + messageBytes);
        await line.send(part);
        await window.spend(part.length);
      }
      if (text.isFull || !line.isOpen) break;
    }
  } catch (error) {
    // What was sent looked like all of it otherwise.
    await line.end(1011, String(error).slice(0, 100));
  }
}

function sinceOf({ sinceSeconds, sinceTime }: LogWish, nowMs: number): bigint | null {
  if (sinceSeconds !== undefined) return BigInt(Math.floor(nowMs - sinceSeconds * 1000)) * 1_000_000n;
  return sinceTime === undefined ? null : nanosOf(sinceTime);
}

class Window {
  #sent = 0;
  #arrived = 0;
  #isClosed = false;
  #wake: (() => void) | null = null;

  /** Resolves when there is room for more. */
  async spend(bytes: number): Promise<void> {
    this.#sent += bytes;
    while (!this.#isClosed && this.#sent - this.#arrived > windowBytes) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  arrived(total: number): void {
    if (total > this.#arrived) this.#arrived = total;
    this.#wake?.();
  }

  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }
}
