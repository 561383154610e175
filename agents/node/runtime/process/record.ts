// What the process runtime keeps on disk of its sandboxes and containers.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { ContainerConfig, PodSandboxConfig } from "../runtime.ts";
import { isAlive, killAll, readIdentity, signal } from "./process-table.ts";

export type SandboxRecord = {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly createdAtMs: number;
  /** The boot of the host that it belongs to: a sandbox does not outlive it. */
  readonly bootId: string;
  readonly isStopped: boolean;
};

export type ContainerRecord = {
  readonly id: string;
  readonly sandboxId: string;
  readonly config: ContainerConfig;
  readonly sandbox: PodSandboxConfig;
  readonly createdAtMs: number;
};

/** How a container ended. */
export type ExitRecord = {
  readonly exitCode: number;
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly atMs: number;
};

export class Records {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    for (const name of ["sandboxes", "containers"]) mkdirSync(join(root, name), { recursive: true, mode: 0o700 });
  }

  containerDirectory(id: string): string {
    return join(this.#root, "containers", id);
  }

  saveSandbox(record: SandboxRecord): void {
    writeWhole(join(this.#root, "sandboxes", `${record.id}.json`), JSON.stringify(record));
  }

  removeSandbox(id: string): void {
    rmSync(join(this.#root, "sandboxes", `${id}.json`), { force: true });
  }

  sandboxes(): readonly SandboxRecord[] {
    const directory = join(this.#root, "sandboxes");
    return readdirSync(directory).flatMap((name) => {
      const path = join(directory, name);
      // Written whole by this class or, on a disk that lost power, not readable at all.
      const record = readJson(path) as SandboxRecord | null;
      if (record === null) rmSync(path, { force: true });
      return record === null ? [] : [record];
    });
  }

  saveContainer(record: ContainerRecord): void {
    const directory = this.containerDirectory(record.id);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeWhole(join(directory, "config.json"), JSON.stringify(record));
  }

  /** A directory without a readable record belongs to nothing, and neither do its processes. */
  containers(): readonly ContainerRecord[] {
    return readdirSync(join(this.#root, "containers")).flatMap((id) => {
      // See above.
      const record = readJson(join(this.containerDirectory(id), "config.json")) as ContainerRecord | null;
      if (record !== null) return [record];
      // A command that is just becoming its program shows no environment to know it by.
      const main = readIdentity(readText(join(this.containerDirectory(id), "pid")) ?? "");
      killAll(id, main !== null && isAlive(main) ? main.pid : null);
      this.removeContainer(id);
      return [];
    });
  }

  /** A shim that waits to be told that its logs were read would wait for ever without its directory. */
  removeContainer(id: string): void {
    const directory = this.containerDirectory(id);
    const shim = readIdentity(readText(join(directory, "shim")) ?? "");
    if (shim !== null && isAlive(shim)) signal(shim.pid, "SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }

  /** Null while it has not ended, or nobody wrote it down. */
  exitOf(id: string): ExitRecord | null {
    const path = join(this.containerDirectory(id), "exit");
    if (!existsSync(path)) return null;
    const [first = "", ...rest] = readFileSync(path, "utf8").trimEnd().split("\n");
    const [code, reason] = first.split(" ");
    const message = rest.length === 0 ? undefined : rest.join("\n");
    return { exitCode: Number(code), reason, message, atMs: Math.floor(statSync(path).mtimeMs) };
  }

  /** For ends that the shim did not see. */
  saveExit(id: string, { exitCode, reason, message }: Omit<ExitRecord, "atMs">): void {
    const lines = [`${exitCode} ${reason ?? "Error"}`, ...(message === undefined ? [] : [message])];
    writeWhole(join(this.containerDirectory(id), "exit"), lines.join("\n"));
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}

export function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
