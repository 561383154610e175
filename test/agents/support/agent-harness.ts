// What the tests of the whole program have in common: the program, a control plane, and the agents that are started.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from "vitest";

import { killAll, readIdentity } from "../../../agents/node/runtime/process/process-table.ts";
import { Records } from "../../../agents/node/runtime/process/record.ts";
import type { PodSpec } from "../../../src/model/pod-spec.ts";
import type { PodStatus } from "../../../src/model/pod-status.ts";
import { ownDirectory } from "../../containers/own-directory.ts";
import { AgentProcess, bundleAgent } from "./agent-process.ts";
import { unmountBelow } from "./mounts.ts";
import { assignedPod, template } from "./pods.ts";
import { Server } from "./server.ts";

/** For what takes real programs to happen. */
export const patience = { timeout: 25_000, interval: 20 };

/** A container that says all numbers, and ends when it is told to. */
export const counting = ["sh", "-c", "trap 'exit 0' TERM; i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done"];

export class AgentHarness {
  program = "";
  /** Of one test. */
  directory = "";
  server = new Server();
  readonly #agents: AgentProcess[] = [];

  /** For all tests of the file. Hooks that a file has besides go before: it ends the agents, lets go of the rest, and this follows. */
  constructor() {
    let builds = "";
    beforeAll(async () => {
      builds = ownDirectory("build");
      this.program = await bundleAgent(builds);
    }, 30_000);
    afterAll(() => rmSync(builds, { recursive: true, force: true }));
    beforeEach(async () => {
      this.directory = ownDirectory("agent");
      this.server = new Server();
      await this.server.start();
    });
    afterEach(async () => {
      await this.killAgents();
      await this.server.stop();
      this.#endProcesses();
      unmountBelow(this.directory);
      rmSync(this.directory, { recursive: true, force: true });
    });
  }

  get stateDirectory(): string {
    return join(this.directory, "state");
  }

  /** Starts an agent, with whatever it is told besides of its runtime. */
  start(...args: readonly string[]): AgentProcess {
    const agent = new AgentProcess(this.program, [
      ...["--server", this.server.url, "--node", "node-1", "--join-token", this.server.joinToken],
      ...["--state-dir", this.stateDirectory, "--log-dir", join(this.directory, "log"), ...args],
    ]);
    this.#agents.push(agent);
    return agent;
  }

  async killAgents(): Promise<void> {
    for (const agent of this.#agents.splice(0)) await agent.kill("SIGKILL");
  }

  get plane() {
    return this.server.plane("node-1");
  }

  /** Gives the node its only pod, `uid-1`. */
  assign(spec: Partial<PodSpec>): void {
    this.plane.assign([assignedPod()], { t1: template(spec) });
  }

  get status(): PodStatus {
    // The stand-in keeps what the agent sent, which made it as a PodStatus.
    return this.plane.status("uid-1") as PodStatus;
  }

  async untilReady(uid = "uid-1"): Promise<void> {
    await vi.waitFor(() => expect(this.plane.isReady(uid)).toBe(true), patience);
  }

  /** What a container has said, by lines. */
  logged(name: string, attempt = 0): readonly string[] {
    const path = join(this.directory, `log/pods/default_app-1_uid-1/${name}/${attempt}.log`);
    return readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" ").slice(3).join(" "));
  }

  /** Of the process runtime: their ids. */
  get processContainers(): readonly string[] {
    try {
      return readdirSync(join(this.stateDirectory, "runtime/containers"));
    } catch {
      return [];
    }
  }

  /** Of the process runtime: the first process of a container; null while it has none. */
  processOf(id: string) {
    return readIdentity(readFileSync(join(this.stateDirectory, "runtime/containers", id, "pid"), "utf8"));
  }

  #endProcesses(): void {
    for (const id of this.processContainers) {
      killAll(id, null);
      new Records(join(this.stateDirectory, "runtime")).removeContainer(id);
    }
  }
}
