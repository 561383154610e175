// A daemon that runs what it is asked to, in its container, and tells what came of it, whoever can be reached.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { until } from "./cluster.ts";
import type { EdgeNode } from "./edge-node.ts";
import type { Output } from "./kubectl.ts";

const answersWithinMs = 60_000;

export class AskingDaemon {
  readonly node: EdgeNode;
  readonly pod: string;
  readonly sharesNetwork: boolean;
  readonly #folder: string;
  #asked = 0;

  constructor(node: EdgeNode, pod: string) {
    this.node = node;
    this.pod = pod;
    this.sharesNetwork = pod.startsWith("in-its-nodes-network");
    // The machine's /var/lib.
    this.#folder = join(node.machine.dir, "lib", "asked", pod);
  }

  /** What the script says so far, and its exit code; null until it has ended. */
  begin(script: string): () => Omit<Output, "code"> & { readonly code: number | null } {
    this.#asked += 1;
    const file = (end: string) => join(this.#folder, `${this.#asked}.${end}`);
    const files = { question: file("sh"), out: file("out"), err: file("err"), code: file("code") };
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(`${files.question}.new`, script);
    renameSync(`${files.question}.new`, files.question);
    const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "");
    return () => {
      const code = read(files.code);
      return { code: code === "" ? null : Number(code), stdout: read(files.out), stderr: read(files.err) };
    };
  }

  /** Runs a script to its end. */
  async ask(script: string): Promise<Output> {
    const told = this.begin(script);
    await until(() => told().code !== null, answersWithinMs);
    const { code, ...output } = told();
    return { code: code ?? -1, ...output };
  }

  /** As `ask`, for what must succeed; returns what it prints. */
  async ok(script: string): Promise<string> {
    const { code, stdout, stderr } = await this.ask(script);
    if (code !== 0)
      throw new Error(`${script} in ${this.pod} on ${this.node.name} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** As `ask`, for what must fail; returns what it says about it. */
  async refused(script: string): Promise<string> {
    const { code, stdout, stderr } = await this.ask(script);
    if (code === 0)
      throw new Error(`${script} in ${this.pod} on ${this.node.name} was to fail, but printed:\n${stdout}`);
    return stderr;
  }
}
