// One run of a transcript: its namespace, its directory, what its steps kept and what still goes on.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Cluster } from "./cluster.ts";
import type { InstalledKubectl, Output, Started } from "./kubectl.ts";
import { Kubectl } from "./kubectl.ts";
import type { Step } from "./transcript.ts";
import { plainCommand } from "./transcript.ts";
import { compare, fillIn } from "./transcript-matching.ts";

const followedWithinMs = 10_000;
/** So long a command may take to print something, before what comes next; a watch may have nothing to print. */
const startsWithinMs = 1500;
const betweenTriesMs = 250;

export class TranscriptSession {
  readonly #kubectl: Kubectl;
  readonly #installed: InstalledKubectl;
  readonly #dir: string;
  readonly #known: Map<string, string>;
  #following: Started | null = null;

  private constructor(cluster: Cluster, installed: InstalledKubectl, namespace: string) {
    this.#dir = mkdtempSync(join(cluster.dir, `${namespace}-`));
    this.#installed = installed;
    this.#known = new Map([["ns", namespace]]);
    const kubeconfig = join(this.#dir, ".kubeconfig");
    writeFileSync(kubeconfig, readFileSync(join(cluster.dir, "kubeconfig")));
    this.#kubectl = new Kubectl(kubeconfig, this.#dir, installed.binary);
  }

  static async start(cluster: Cluster, installed: InstalledKubectl, namespace: string): Promise<TranscriptSession> {
    const session = new TranscriptSession(cluster, installed, namespace);
    await session.#kubectl.ok(
      `create -f -`,
      JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }),
    );
    await session.#kubectl.ok(`config set-context --current --namespace=${namespace}`);
    return session;
  }

  /** Leaves nothing that goes on or takes room on the nodes. */
  async end(): Promise<void> {
    await this.#following?.stop();
    await this.#kubectl.run(`delete namespace ${this.#known.get("ns")} --wait=false`);
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** Takes the step, again and again if it says so; returns what was expected and what was got the last time. */
  async take(step: Step): Promise<{ readonly expected: string; readonly got: string }> {
    const deadlineMs = Date.now() + (step.words[0] === "followed" ? followedWithinMs : step.withinMs);
    for (;;) {
      const output = await this.#run(step);
      const comparison = compare(step, output, { minor: this.#installed.minor, known: this.#known });
      if (comparison.expected === comparison.got || Date.now() >= deadlineMs) {
        if (step.words[0] === "followed") await this.#stopFollowing();
        return comparison;
      }
      await new Promise((resolve) => setTimeout(resolve, betweenTriesMs));
    }
  }

  async #run(step: Step): Promise<Output> {
    const words = step.words.map((word) => fillIn(word, this.#known));
    const stdin = fillIn(step.stdin ?? "", this.#known);
    const [verb, file = ""] = words;
    if (verb === "write") return this.#write(file, stdin);
    if (verb === "followed") return this.#following?.output() ?? failure("nothing is followed");
    const { command, env, keepAs, follow } = plainCommand(words);
    if (command === null) return failure("not a command");
    if (follow) return this.#follow(command, env);
    const output = await this.#kubectl.run(command, stdin, { env, cwd: this.#dir });
    if (keepAs === null || output.code !== 0) return output;
    this.#known.set(keepAs, output.stdout.trim());
    return { ...output, stdout: "" };
  }

  #write(file: string, text: string): Output {
    const path = join(this.#dir, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return silent;
  }

  async #follow(command: readonly string[], env: NodeJS.ProcessEnv): Promise<Output> {
    await this.#stopFollowing();
    const following = this.#kubectl.start(command, { env, cwd: this.#dir });
    this.#following = following;
    const deadlineMs = Date.now() + startsWithinMs;
    while (following.output().stdout === "" && Date.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return silent;
  }

  async #stopFollowing(): Promise<void> {
    await this.#following?.stop();
    this.#following = null;
  }
}

const silent: Output = { code: 0, stdout: "", stderr: "" };

function failure(message: string): Output {
  return { code: 1, stdout: "", stderr: `transcript: ${message}` };
}
