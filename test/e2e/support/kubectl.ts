// The real kubectl, run as a user would.
import { execFile, spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

/** The release whose behaviour the stories state; others differ in a word here and there. */
const wanted = "kubectl.1.32";

/** kubectl 1.32 where it is installed under that name, else whatever kubectl there is. */
function findKubectl(): string {
  const onPath = (process.env["PATH"] ?? "").split(delimiter).map((dir) => join(dir, "kubectl"));
  const [found] = onPath.filter(existsSync);
  if (found === undefined) throw new Error("kubectl must be installed: it is what these tests are about");
  // Where several releases are installed, they lie beside the one that the link on the path leads to.
  const candidates = [...onPath.map((file) => dirname(file)), dirname(realpathSync(found))].map((dir) =>
    join(dir, wanted),
  );
  return candidates.find(existsSync) ?? found;
}

export type Output = { readonly code: number; readonly stdout: string; readonly stderr: string };

const timeoutMs = 60_000;

export class Kubectl {
  readonly #binary = findKubectl();
  readonly #env: NodeJS.ProcessEnv;

  constructor(kubeconfig: string, home: string) {
    this.#env = { PATH: process.env["PATH"], HOME: home, KUBECONFIG: kubeconfig };
  }

  /** Runs a command line; words are separated by blanks, so what has blanks in it comes as an array. */
  run(command: string | readonly string[], stdin = ""): Promise<Output> {
    const args = typeof command === "string" ? command.split(" ") : [...command];
    return new Promise((resolve) => {
      const child = execFile(this.#binary, args, { env: this.#env, timeout: timeoutMs }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      });
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

  /** Starts a command that goes on by itself; returns what ends it and tells what it printed. */
  follow(command: string): { readonly stop: () => Promise<string>; readonly lines: () => readonly string[] } {
    const child = spawn(this.#binary, command.split(" "), { env: this.#env, stdio: ["ignore", "pipe", "pipe"] });
    let printed = "";
    child.stdout.on("data", (data) => {
      printed += data;
    });
    const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
    return {
      lines: () => printed.split("\n").filter((line) => line !== ""),
      stop: async () => {
        child.kill("SIGINT");
        await ended;
        return printed;
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
