// The agent as users run it: bundled into one file, a process of its own.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { bundleAgent as bundle } from "../../../local/bundle.ts";
import { dyingWithUs } from "./daemon.ts";

const asNode20 = fileURLToPath(new URL("as-node-20.cjs", import.meta.url));

/** Builds the program as it is shipped; the path of the one file that it is. */
export async function bundleAgent(directory: string): Promise<string> {
  const file = join(directory, "agent.cjs");
  await bundle("node", file);
  return file;
}

export class AgentProcess {
  readonly #child: ChildProcess;
  output = "";
  readonly whenExited: Promise<number | null>;

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn("setpriv", dyingWithUs([process.execPath, program, ...args]), {
      stdio: ["ignore", "pipe", "pipe"],
      // By the environment: the agent takes a flag for the word of whoever started it.
      env: { ...process.env, NODE_OPTIONS: `--require=${asNode20}` },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (text: string) => {
        this.output += text;
      });
    }
    this.whenExited = new Promise((resolve) => this.#child.once("exit", (code) => resolve(code)));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async kill(signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
    this.#child.kill(signal);
    return this.whenExited;
  }
}
