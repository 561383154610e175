// The real kubectl, run as a user would.
import { execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import * as z from "zod";

import { clientsDir } from "./clients-dir.ts";

/** The release whose behaviour the stories state; others differ in a word here and there. */
const wantedMinor = 32;

/** A kubectl of release 1.`minor`. */
export type InstalledKubectl = { readonly minor: number; readonly binary: string };

const ClientVersion = z.object({ clientVersion: z.object({ minor: z.string() }) });

/** All releases that are installed as kubectl.1.NN, oldest first; where there are none, the kubectl of the path. */
export function installedKubectls(): readonly InstalledKubectl[] {
  const onPath = (process.env["PATH"] ?? "").split(delimiter).map((dir) => join(dir, "kubectl"));
  const [found] = onPath.filter(existsSync);
  if (found === undefined) throw new Error("kubectl must be installed: it is what these tests are about");
  // Where several releases are installed, they lie beside the one that the link on the path leads to.
  const dirs = new Set([...onPath.map((file) => dirname(file)), dirname(realpathSync(found)), clientsDir]);
  const byMinor = new Map<number, string>();
  for (const dir of [...dirs].filter(existsSync)) {
    for (const name of readdirSync(dir)) {
      const [, minor] = /^kubectl\.1\.(\d+)$/.exec(name) ?? [];
      if (minor !== undefined && !byMinor.has(Number(minor))) byMinor.set(Number(minor), join(dir, name));
    }
  }
  if (byMinor.size === 0) return [{ minor: minorOf(found), binary: found }];
  return [...byMinor].map(([minor, binary]) => ({ minor, binary })).sort((a, b) => a.minor - b.minor);
}

function minorOf(binary: string): number {
  const printed = execFileSync(binary, ["version", "--client", "-o", "json"], { encoding: "utf8" });
  return Number.parseInt(ClientVersion.parse(JSON.parse(printed)).clientVersion.minor, 10);
}

/** kubectl 1.32 where it is installed under that name, else whatever kubectl there is. */
export function findKubectl(): string {
  const installed = installedKubectls();
  const found = installed.find(({ minor }) => minor === wantedMinor) ?? installed.at(-1);
  if (found === undefined) throw new Error("no kubectl");
  return found.binary;
}

export type Output = { readonly code: number; readonly stdout: string; readonly stderr: string };

const timeoutMs = 60_000;

/** A command that goes on by itself. */
export type Started = {
  readonly output: () => Output;
  readonly stop: (signal?: "SIGINT" | "SIGKILL") => Promise<void>;
};

type Surroundings = { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string };

export class Kubectl {
  readonly #binary: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(kubeconfig: string, home: string, binary = findKubectl()) {
    this.#binary = binary;
    this.#env = { PATH: process.env["PATH"], HOME: home, KUBECONFIG: kubeconfig };
  }

  /** Runs a command line; words are separated by blanks, so what has blanks in it comes as an array. */
  run(command: string | readonly string[], stdin = "", { env = {}, cwd }: Surroundings = {}): Promise<Output> {
    const args = typeof command === "string" ? command.split(" ") : [...command];
    const options = { env: { ...this.#env, ...env }, cwd, timeout: timeoutMs };
    return new Promise((resolve) => {
      const child = execFile(this.#binary, args, options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      });
      // A kubectl that ends without having read its input is no trouble of ours.
      child.stdin?.on("error", () => {});
      child.stdin?.end(stdin);
    });
  }

  /** As `run`, for commands that must succeed; returns what they print. */
  async ok(command: string | readonly string[], stdin = ""): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, stdin);
    if (code !== 0) throw new Error(`kubectl ${String(command)} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** As `run`, for commands that must fail; returns what they say about it. */
  async refused(command: string | readonly string[], stdin = ""): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, stdin);
    if (code === 0) throw new Error(`kubectl ${String(command)} was to fail, but printed:\n${stdout}`);
    return stderr;
  }

  /** Starts a command that goes on by itself; tells what it has printed so far, and stops it as Ctrl-C does. */
  start(command: readonly string[], { env = {}, cwd }: Surroundings = {}): Started {
    const options = { env: { ...this.#env, ...env }, cwd };
    const child = spawn(this.#binary, command, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
    return {
      output: () => ({ code: child.exitCode ?? 0, stdout, stderr }),
      stop: async (signal = "SIGINT") => {
        child.kill(signal);
        await ended;
      },
    };
  }

  /** As `start`; returns what ends it and tells what it printed. */
  follow(command: string): { readonly stop: () => Promise<string>; readonly lines: () => readonly string[] } {
    const { output, stop } = this.start(command.split(" "));
    return {
      lines: () =>
        output()
          .stdout.split("\n")
          .filter((line) => line !== ""),
      stop: async () => {
        await stop();
        return output().stdout;
      },
    };
  }
}

/** A table as rows of cells; the columns of kubectl's tables are at least two blanks apart. */
export function cells(table: string): readonly (readonly string[])[] {
  return table
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.trim().split(/ {2,}/));
}
