// Where the logs of containers are, in the kubelet's layout: the directories of pods, and the links for log collectors.
import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import type { ContainerConfig, PodSandboxConfig } from "./runtime.ts";

export class LogFiles {
  readonly #pods: string;
  readonly #links: string;

  /** `directory` is what /var/log is to the kubelet. */
  constructor(directory: string) {
    this.#pods = join(directory, "pods");
    this.#links = join(directory, "containers");
  }

  /** Makes the way to a container's log, and the link by which log collectors find it. */
  make(id: string, config: ContainerConfig, sandbox: PodSandboxConfig): void {
    const path = join(sandbox.logDirectory, config.logPath);
    const { name, namespace } = sandbox.metadata;
    const link = join(this.#links, `${name}_${namespace}_${config.metadata.name}-${id}.log`);
    mkdirSync(dirname(path), { recursive: true });
    mkdirSync(this.#links, { recursive: true });
    rmSync(link, { force: true });
    symlinkSync(path, link);
  }

  /** With what rotation has left of it. Harmless when nothing is there. */
  remove(id: string): void {
    const link = namesIn(this.#links).find((name) => name.endsWith(`-${id}.log`));
    if (link === undefined) return;
    const path = targetOf(join(this.#links, link));
    for (const name of namesIn(dirname(path))) {
      if (name === basename(path) || name.startsWith(`${basename(path)}.`))
        rmSync(join(dirname(path), name), { force: true });
    }
    rmSync(join(this.#links, link), { force: true });
  }

  /** All that the pod has left. */
  removePod(uid: string): void {
    for (const name of namesIn(this.#pods).filter((one) => one.endsWith(`_${uid}`))) {
      const directory = join(this.#pods, name);
      for (const link of namesIn(this.#links).map((one) => join(this.#links, one))) {
        if (targetOf(link).startsWith(`${directory}/`)) rmSync(link, { force: true });
      }
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
