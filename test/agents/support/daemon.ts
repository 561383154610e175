// A daemon of a test's own: it has its own directory and leaves nothing on the machine.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";

import { engine } from "./engine.ts";

const startWithinMs = 30_000;

export type DaemonCommand = {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where it says that it is there. */
  readonly socket: string;
  readonly logFile: string;
};

export class Daemon {
  readonly #command: DaemonCommand;
  #child: ChildProcess | null = null;

  constructor(command: DaemonCommand) {
    this.#command = command;
  }

  /** Resolves once it answers. Throws when the program is missing. */
  async start(): Promise<void> {
    const { program, args, env, socket, logFile } = this.#command;
    const log = openSync(logFile, "a");
    const child = spawn("setpriv", dyingWithUs([program, ...args]), {
      // conmon leaves a file in the working directory when a container ran out of memory.
      cwd: dirname(logFile),
      stdio: ["ignore", log, log],
      env: { ...process.env, ...env },
    });
    closeSync(log);
    this.#child = child;
    const failed = new Promise<never>((_, reject) => child.once("error", reject));
    await Promise.race([failed, this.#answering(child, socket)]);
  }

  async stop(signal: "SIGKILL" | "SIGTERM" = "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  async #answering(child: ChildProcess, socket: string): Promise<void> {
    const deadlineMs = Date.now() + startWithinMs;
    while (!(await answers(socket))) {
      if (child.exitCode !== null || Date.now() > deadlineMs) {
        const { program, logFile } = this.#command;
        throw new Error(`${program} does not answer:\n${readFileSync(logFile, "utf8")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Listening is not enough: a daemon that is still coming up may not even hear that it is to end. */
function answers(socketPath: string): Promise<boolean> {
  return engine(socketPath, "GET", "/_ping").then(
    ({ status }) => status === 200,
    () => false,
  );
}

/** For `setpriv`: a program is not left behind when the tests themselves are ended, in whatever way. */
export function dyingWithUs(command: readonly string[]): readonly string[] {
  return ["--pdeathsig", "KILL", "--", ...command];
}

/** A /24 that no interface of this machine has. */
export function freeSubnet(): string {
  const taken = new Set(
    Object.values(networkInterfaces())
      .flat()
      .map((entry) => entry?.address.split(".").slice(0, 3).join(".")),
  );
  for (;;) {
    const subnet = `10.${200 + Math.floor(Math.random() * 50)}.${Math.floor(Math.random() * 256)}`;
    if (!taken.has(subnet)) return subnet;
  }
}
