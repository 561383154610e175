// A whole cluster of its own for a story: `npm start`'s program in a directory of its own, on a port of its own.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { unmountBelow } from "../../agents/support/mounts.ts";
import { freePort } from "../../containers/free-port.ts";
import { ownDirectory } from "../../containers/own-directory.ts";
import { Kubectl } from "./kubectl.ts";

const program = fileURLToPath(new URL("../../../local/start.ts", import.meta.url));
const startWithinMs = 60_000;

export type ClusterOptions = {
  readonly runtime?: "process" | "fake";
  readonly nodes?: number;
  readonly example?: boolean;
  readonly fleet?: number;
  /** A directory that an earlier cluster left. */
  readonly dir?: string;
  /** Where an earlier cluster was to be reached; default: any that is free. */
  readonly port?: number;
};

export class Cluster {
  readonly dir: string;
  readonly port: number;
  readonly kubectl: Kubectl;
  readonly #child: ChildProcess;
  #printed = "";

  private constructor(dir: string, port: number, child: ChildProcess) {
    this.dir = dir;
    this.port = port;
    this.#child = child;
    this.kubectl = new Kubectl(join(dir, "kubeconfig"), dir);
    child.stdout?.on("data", (data) => {
      this.#printed += data;
    });
    child.stderr?.on("data", (data) => {
      this.#printed += data;
    });
  }

  /** Resolves once everything is rolled out. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const dir = options.dir ?? ownDirectory("e2e");
    const port = options.port ?? (await freePort());
    const args = [
      ...["--port", String(port), "--state", dir, "--nodes", String(options.nodes ?? 3)],
      ...["--runtime", options.runtime ?? "fake", "--fleet", String(options.fleet ?? 0)],
      ...(options.example === true ? [] : ["--no-example"]),
    ];
    const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const cluster = new Cluster(dir, port, child);
    await until(() => cluster.printed.includes("Ctrl-C stops all of it") || child.exitCode !== null, startWithinMs);
    if (child.exitCode !== null) throw new Error(`the cluster did not start:\n${cluster.printed}`);
    return cluster;
  }

  get printed(): string {
    return this.#printed;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get token(): string {
    return readFileSync(join(this.dir, "admin-token"), "utf8").trim();
  }

  /** Ends the cluster as Ctrl-C does; resolves to its exit code. */
  async interrupt(): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => this.#child.on("exit", resolve));
    if (this.#child.exitCode !== null) return this.#child.exitCode;
    this.#child.kill("SIGINT");
    return ended;
  }

  /** Ends the cluster and forgets what it kept. */
  async remove(): Promise<void> {
    await this.interrupt();
    unmountBelow(this.dir);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Waits until `isTrue`, looking often. Throws when it takes longer than `withinMs`. */
export async function until(isTrue: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const deadlineMs = Date.now() + withinMs;
  while (!(await isTrue())) {
    if (Date.now() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${String(isTrue)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
