// Sessions of people with a container of the process runtime: another command in its surroundings, what it says from now
// on, and the ports of the host that it shares.
import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { PassThrough } from "node:stream";
import { findProgram } from "../../host/programs.ts";
import { readLog } from "../../streams/log/read-log.ts";
import type { LogRecord } from "../../streams/log/record.ts";
import { untilRoom } from "../../streams/until-room.ts";
import type { ContainerStreams, Result, StreamOptions, TerminalSize } from "../runtime.ts";
import { fail, ok } from "../runtime.ts";
import type { Launch } from "./launch.ts";
import { launchProblem } from "./launch.ts";
import { quote } from "./shim.ts";

/** A command to be run beside a container's own. */
export type Beside = {
  readonly launch: Launch;
  /** What gives it its rights. */
  readonly prefix: readonly string[];
  /** Directories to be joined. */
  readonly controlGroups: readonly string[];
  /** Who it runs as, where that is not the agent's own user. */
  readonly runAsUser: number | undefined;
};

/** How long output may be silent after the command has ended, while something else still holds it open. */
const lateOutputMs = 500;
const signalOffset = 128;

export async function execBeside(beside: Beside, options: StreamOptions): Promise<Result<ContainerStreams>> {
  const problem = launchProblem(beside.launch);
  if (problem !== null) return fail("failed", problem.message);
  if (!options.tty) return ok(withPipes(beside, options));
  const terminalProgram = findProgram("script");
  if (terminalProgram === null) return fail("failed", "a terminal needs script, of util-linux, on the node");
  return ok(withTerminal(beside, terminalProgram, options));
}

/** Joins the groups before anything else runs. */
function joined({ controlGroups }: Beside): string {
  return controlGroups.map((directory) => `echo $$ >${quote(`${directory}/cgroup.procs`)} || exit 125\n`).join("");
}

function withPipes(beside: Beside, options: StreamOptions): ContainerStreams {
  const { launch, prefix } = beside;
  const child = spawn("/bin/sh", ["-c", `${joined(beside)}exec "$@"`, "sh", ...prefix, ...launch.command], {
    cwd: launch.workingDirectory,
    env: Object.fromEntries(launch.environment),
    detached: true,
    stdio: [options.stdin ? "pipe" : "ignore", "pipe", "pipe"],
  });
  return {
    ...streamsOf(child, options),
    resize: () => {},
    exit: exitOf(child),
    close: () => hangUp(child),
  };
}

/**
 * `script` makes the terminal and passes on its input and output; its own surroundings are the command's, but for the
 * shell by which it runs it. The terminal's name comes by descriptor 3.
 */
function withTerminal(beside: Beside, program: string, options: StreamOptions): ContainerStreams {
  const { launch, prefix, runAsUser } = beside;
  const environment = new Map([["TERM", "xterm"], ...launch.environment]);
  const shell = environment.get("SHELL");
  const inner = [
    shell === undefined ? "unset SHELL" : `SHELL=${quote(shell)}`,
    ...(runAsUser === undefined ? [] : [`chown ${runAsUser} "$(tty)"`]),
    "tty >&3",
    `exec ${[...prefix, ...launch.command].map(quote).join(" ")} 3>&-`,
  ].join("\n");
  const child = spawn(
    "/bin/sh",
    ["-c", `${joined(beside)}exec "$@"`, "sh", program, "-q", "-e", "-f", "-c", inner, "/dev/null"],
    {
      cwd: launch.workingDirectory,
      env: { ...Object.fromEntries(environment), SHELL: "/bin/sh" },
      detached: true,
      // An input that is not wanted stays open: its end would be typed into the terminal.
      stdio: ["pipe", "pipe", "ignore", "pipe"],
    },
  );
  const size = new TerminalSizes(child.stdio[3] as Readable);
  return {
    ...streamsOf(child, { ...options, stderr: false }),
    resize: (wanted) => size.set(wanted),
    exit: exitOf(child),
    close: () => hangUp(child),
  };
}

function streamsOf(child: ChildProcess, { stdin, stdout, stderr }: StreamOptions) {
  if (!stdout) child.stdout?.resume();
  if (!stderr) child.stderr?.resume();
  child.stdin?.on("error", () => {});
  return {
    ...(stdin && child.stdin !== null ? { stdin: child.stdin } : {}),
    ...(stdout && child.stdout !== null ? { stdout: child.stdout } : {}),
    ...(stderr && child.stderr !== null ? { stderr: child.stderr } : {}),
  };
}

function exitOf(child: ChildProcess): Promise<Result<number>> {
  return new Promise((resolve) => {
    child.on("error", (error) => resolve(fail("failed", error.message)));
    child.on("close", (code, signal) => {
      resolve(ok(code ?? signalOffset + (signal === null ? 0 : (constants.signals[signal] ?? 0))));
    });
    child.on("exit", () => letGoOfOutput(child));
  });
}

/** What the command started in the background may hold its output open for ever, and is not waited for. */
function letGoOfOutput(child: ChildProcess): void {
  let before = -1;
  const timer = setInterval(() => {
    const outputs = [child.stdout, child.stderr].filter((one) => one !== null);
    const held = outputs.reduce((sum, one) => sum + one.readableLength, 0);
    const read = outputs.reduce((sum, one) => sum + ("bytesRead" in one ? Number(one.bytesRead) : 0), 0);
    // What is still to be passed on is not given up, however slowly it is read.
    if (held === 0 && read === before) for (const one of outputs) one.destroy();
    before = read;
  }, lateOutputMs);
  child.on("close", () => clearInterval(timer));
}

/** As when somebody's terminal goes away. */
function hangUp(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.stdin?.destroy();
  try {
    process.kill(-child.pid, "SIGHUP");
  } catch {
    // It has just ended.
  }
  child.stdout?.destroy();
  child.stderr?.destroy();
}

/** Sets a terminal's size, once its name is known, one after the other; the last one counts. */
class TerminalSizes {
  #device = "";
  #wanted: TerminalSize | null = null;
  #isSetting = false;

  constructor(name: Readable) {
    let heard = "";
    name.on("error", () => {});
    name.on("data", (chunk: Buffer) => {
      heard += chunk.toString("latin1");
      if (!heard.includes("\n")) return;
      this.#device = heard.trim();
      name.destroy();
      this.#apply();
    });
  }

  set(size: TerminalSize): void {
    this.#wanted = size;
    this.#apply();
  }

  #apply(): void {
    if (this.#isSetting || this.#wanted === null || !this.#device.startsWith("/dev/")) return;
    const { width, height } = this.#wanted;
    this.#wanted = null;
    this.#isSetting = true;
    execFile("stty", ["-F", this.#device, "rows", String(height), "cols", String(width)], () => {
      this.#isSetting = false;
      this.#apply();
    });
  }
}

/** What a container says from now on; nobody can say anything to it. */
export function attachToLog(
  path: string,
  options: StreamOptions,
  isRunning: () => Promise<boolean>,
): Result<ContainerStreams> {
  if (options.stdin) return fail("failed", "a container of the process runtime has no input; attach without it");
  const ending = new AbortController();
  const outputs = { stdout: new PassThrough(), stderr: new PassThrough() };
  const exit = (async (): Promise<Result<number>> => {
    try {
      for await (const records of readLog({ path, tailLines: 0, follow: true, isRunning, signal: ending.signal })) {
        for (const record of records) if (options[record.stream]) await pass(outputs[record.stream], record);
      }
      return ok(0);
    } catch (error) {
      return fail("failed", String(error));
    } finally {
      for (const output of Object.values(outputs)) output.end();
    }
  })();
  return ok({
    ...(options.stdout ? { stdout: outputs.stdout } : {}),
    ...(options.stderr ? { stderr: outputs.stderr } : {}),
    resize: () => {},
    exit,
    close: () => {
      ending.abort();
      for (const output of Object.values(outputs)) output.destroy();
    },
  });
}

async function pass(output: PassThrough, { text, isPartial }: LogRecord): Promise<void> {
  const chunk = isPartial ? text : Buffer.concat([text, Buffer.from("\n")]);
  if (!output.destroyed && !output.write(chunk)) await untilRoom(output);
}
