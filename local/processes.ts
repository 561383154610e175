// The programs a local cluster starts: kept running, and stopped in good order.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";

export type ProgramOptions = {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Where what it prints is appended. */
  readonly logFile: string;
};

/** A program that ends by itself is started again after this long. */
const restartMs = 2_000;
/** Longer than the agents give their pods. */
const stopWithinMs = 45_000;

/** One program, run by the Node that runs this. */
export class Program {
  readonly #options: ProgramOptions;
  #child: ChildProcess | null = null;
  #stopping = false;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.#start();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  #start(): void {
    const { file, args, logFile } = this.#options;
    const log = openSync(logFile, "a");
    // Its own process group: a Ctrl-C is for us, and we tell the program in good time.
    const child = spawn(process.execPath, [file, ...args], { stdio: ["ignore", log, log], detached: true });
    closeSync(log);
    this.#child = child;
    child.on("error", () => {});
    child.on("exit", () => {
      this.#child = null;
      if (!this.#stopping) setTimeout(() => this.#stopping || this.#start(), restartMs);
    });
  }

  /** Ends the program; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child === null) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => child.kill("SIGKILL"), stopWithinMs);
      child.on("exit", () => {
        clearTimeout(timer);
        resolve();
      });
      child.kill("SIGTERM");
    });
  }
}
