// The program that ships, with the unit's flags, and a server behind TLS that it asks.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { engineEnvironment, engineFlags } from "../agents/node/engine/lean-start.ts";
import { bundleAgent } from "../local/bundle.ts";
import { certificates } from "../local/certificates.ts";
import { assignedPod, container, template } from "../test/agents/support/pods.ts";
import { Server } from "../test/agents/support/server.ts";
import { memoryOf } from "./memory.ts";

const pods = 5;
const node = "bench";
const pollTimeoutMs = 60_000;
/** By then the agent has come to rest after its start. */
const restMs = 60_000;

export type ProgramOptions = {
  /** Node's program. */
  readonly engine: string;
  /** What the agent is told of its runtime; default: processes of this machine. */
  readonly runtime?: readonly string[];
  readonly image?: string;
  readonly connection?: "auto" | "poll";
  /** How long until the next message, in milliseconds, as the server has it; default: the server's own. */
  readonly nextSyncMs?: number;
  readonly env?: Readonly<Record<string, string>>;
};

export class AgentProgram {
  readonly server: Server;
  readonly #directory: string;
  readonly #child: ChildProcess;
  #answered = 0;

  private constructor(server: Server, directory: string, child: ChildProcess) {
    this.server = server;
    this.#directory = directory;
    this.#child = child;
  }

  /** With five idle pods, ready. */
  static async start(options: ProgramOptions): Promise<AgentProgram> {
    const { engine, runtime = ["--runtime", "process"], image = "none", connection = "auto", env = {} } = options;
    const directory = mkdtempSync(join(tmpdir(), "lares-program-"));
    const pki = await certificates(join(directory, "pki"), Date.now());
    const server = new Server({ tls: { key: pki.key, cert: pki.certificate } });
    await server.start();
    const plane = server.plane(node);
    if (options.nextSyncMs !== undefined) plane.nextSyncMs = options.nextSyncMs;
    const idle = template({
      terminationGracePeriodSeconds: 1,
      containers: [container({ name: "idle", image, command: ["sleep", "2147483"] })],
    });
    const uids = Array.from({ length: pods }, (_, n) => `idle-${n}`);
    plane.assign(
      uids.map((uid) => assignedPod({ uid, name: uid, template: "t1" })),
      { t1: idle },
    );
    const program = join(directory, "lares-agent.cjs");
    await bundleAgent("node", program);
    writeFileSync(join(directory, "token"), server.joinToken);
    const child = spawn(
      engine,
      [
        ...[...engineFlags, program, "agent", "run", "--server", server.url],
        ...["--ca-file", join(directory, "pki", "ca.crt"), "--join-token-file", join(directory, "token")],
        ...["--node", node, ...runtime, "--connection", connection, "--stop-pods-on-exit"],
        ...["--state-dir", join(directory, "state"), "--log-dir", join(directory, "log")],
      ],
      { stdio: "ignore", env: { ...process.env, ...engineEnvironment, ...env } },
    );
    const started = new AgentProgram(server, directory, child);
    await started.#until(() => uids.every((uid) => plane.isReady(uid)), "its pods do not get ready");
    return started;
  }

  get residentMib(): number {
    return memoryOf(this.#child.pid ?? 0).residentMib;
  }

  /** What it holds once it has come to rest. */
  async restMib(): Promise<number> {
    await sleep(restMs);
    return this.residentMib;
  }

  /** Until it has asked so many times more; `look` is called about twice a second. */
  async polled(count: number, look: () => void = () => {}): Promise<void> {
    const { requests } = this.server.plane(node);
    const until = this.#answered + count;
    for (let silentSinceMs = performance.now(); this.#answered < until; await sleep(500)) {
      const news = requests.splice(0).length;
      this.server.asked.length = 0;
      this.#answered += news;
      if (news > 0) silentSinceMs = performance.now();
      if (performance.now() - silentSinceMs > pollTimeoutMs) throw new Error("the agent does not ask any more");
      look();
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    if (this.#child.exitCode === null && this.#child.kill("SIGTERM")) await ended;
    await this.server.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #until(isTrue: () => boolean, complaint: string): Promise<void> {
    for (const endAtMs = performance.now() + pollTimeoutMs; !isTrue(); await sleep(50)) {
      if (this.#child.exitCode === null && performance.now() < endAtMs) continue;
      await this.stop();
      throw new Error(`the agent: ${complaint}`);
    }
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
