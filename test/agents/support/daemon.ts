// A daemon of a test's own: it has its own directory and leaves nothing on the machine.
import type { ChildProcess } from "node:child_process";
import { execFileSync, spawn } from "node:child_process";
import { openSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { dirname, join } from "node:path";

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
    // conmon leaves a file in the working directory when a container ran out of memory.
    const cwd = dirname(logFile);
    const child = spawn(program, args, { cwd, stdio: ["ignore", log, log], env: { ...process.env, ...env } });
    this.#child = child;
    // Not left behind when the tests themselves are ended.
    const end = () => child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
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

export function removeBridge(name: string): void {
  try {
    execFileSync("ip", ["link", "del", name], { stdio: "ignore" });
  } catch {
    // It was never made.
  }
}

/** Lets go of all that is mounted below a directory, and removes it. */
export function removeTree(directory: string): void {
  const mounted = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => path === directory || path.startsWith(`${directory}/`));
  for (const path of mounted.reverse()) execFileSync("umount", ["-l", path], { stdio: "ignore" });
  rmSync(directory, { recursive: true, force: true });
}

/** Removes a control group that a daemon made for its containers, in all hierarchies. */
export function removeControlGroup(name: string): void {
  const root = "/sys/fs/cgroup";
  const hierarchies = [root, ...readdirSync(root).map((entry) => join(root, entry))];
  for (const hierarchy of hierarchies) removeGroups(join(hierarchy, name));
}

function removeGroups(path: string): void {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeGroups(join(path, entry.name));
    }
    rmdirSync(path);
  } catch {
    // Not in this hierarchy.
  }
}
