// The real Helm, of the releases that `npm run clients` gets.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { clientsDir } from "./clients-dir.ts";
import type { Cluster } from "./cluster.ts";
import type { Output } from "./kubectl.ts";

/** 3 patches as kubectl apply does, 4 applies on the server. */
export const helmReleases = [3, 4] as const;
export type HelmRelease = (typeof helmReleases)[number];

function binaryOf(release: HelmRelease): string {
  return join(clientsDir, `helm.${release}`);
}

export function isHelmInstalled(release: HelmRelease): boolean {
  return existsSync(binaryOf(release));
}

const timeoutMs = 120_000;

export class Helm {
  readonly #binary: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(release: HelmRelease, cluster: Cluster) {
    this.#binary = binaryOf(release);
    this.#env = { PATH: process.env["PATH"], HOME: cluster.dir, KUBECONFIG: join(cluster.dir, "kubeconfig") };
  }

  run(args: readonly string[]): Promise<Output> {
    return new Promise((resolve) => {
      execFile(this.#binary, [...args], { env: this.#env, timeout: timeoutMs }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      });
    });
  }

  /** As `run`, for commands that must succeed; returns what they print. */
  async ok(args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`helm ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }
}
