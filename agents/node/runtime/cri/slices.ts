// Slices of systemd: it forgets what anybody else writes into their control groups, and keeps them until they are stopped.
// Source: systemctl(1), systemd.resource-control(5).
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import type { Log } from "../../ports.ts";
import type { Result } from "../runtime.ts";
import { done, fail } from "../runtime.ts";

const runFile = promisify(execFile);
const timeoutMs = 30_000;
/** Where systemd puts what it is told to remember until the next boot. */
const remembered = "/run/systemd/system.control";

/** What is asked for when it is the slice's turn, so that the last that systemd hears is what holds then. */
export type Setting = {
  /** Such as `CPUWeight=39`, until the next boot. */
  readonly property: () => string;
  /** systemd could not be told. */
  readonly failed: () => void;
};

/** Tells systemd of slices; of each one thing after another, for of two calls the first may be heard last. */
export class Slices {
  readonly #log: Log;
  readonly #turns = new Map<string, Promise<void>>();
  /** Slices with a setting that has not had its turn. */
  readonly #waiting = new Set<string>();
  readonly #told = new Map<string, string>();
  #isTrouble = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Nobody waits for it. What could not be told is told with the next call, whether it has changed or not. */
  set(slice: string, { property, failed }: Setting): void {
    // The one that waits will ask for what holds then.
    if (this.#waiting.has(slice)) return;
    this.#waiting.add(slice);
    void this.#inTurn(slice, async () => {
      this.#waiting.delete(slice);
      const wanted = property();
      if (this.#told.get(slice) === wanted) return;
      const told = await systemctl("set-property", "--runtime", slice, wanted);
      if (told.ok) this.#told.set(slice, wanted);
      else {
        this.#told.delete(slice);
        failed();
      }
      this.#note(slice, told);
    });
  }

  /** Ends what is in it. */
  stop(slice: string): Promise<void> {
    return this.#inTurn(slice, async () => {
      this.#told.delete(slice);
      this.#note(slice, await stopSlice(slice));
    });
  }

  #inTurn(slice: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(slice) ?? Promise.resolve()).then(work).finally(() => {
      if (this.#turns.get(slice) === turn) this.#turns.delete(slice);
    });
    this.#turns.set(slice, turn);
    return turn;
  }

  /** Told once, until it goes well again. */
  #note(slice: string, outcome: Result<null>): void {
    if (!outcome.ok && !this.#isTrouble) {
      this.#log.warn("systemd cannot be told of a slice", { slice, problem: outcome.message });
    }
    this.#isTrouble = !outcome.ok;
  }
}

/** Ends what is in it, and what was said of it is forgotten. Harmless when it is gone: to systemd every slice is one. */
export async function stopSlice(slice: string): Promise<Result<null>> {
  const stopped = await systemctl("stop", slice);
  try {
    await rm(join(remembered, `${slice}.d`), { recursive: true, force: true });
  } catch (error) {
    return fail("failed", String(error));
  }
  return stopped;
}

/** Fails where there is no systemd, where it refuses, and with `timeout` where it does not answer. */
async function systemctl(...args: readonly string[]): Promise<Result<null>> {
  try {
    await runFile("systemctl", ["--quiet", ...args], { timeout: timeoutMs });
    return done;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const isLate = "killed" in error && error.killed === true;
    if (isLate) return fail("timeout", `systemctl ${args.join(" ")}: no answer within ${timeoutMs / 1000}s`);
    return fail("failed", error.message.trim());
  }
}
