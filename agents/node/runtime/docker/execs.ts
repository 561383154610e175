// Runs commands in containers, for probes and hooks.
import type { Duplex } from "node:stream";

import type { Clock } from "../../ports.ts";
import { signal, withDescendants } from "../process/process-table.ts";
import type { ExecResult, Result, StreamOptions } from "../runtime.ts";
import { fail, ok } from "../runtime.ts";
import type { Frame } from "./byte-reader.ts";
import { FrameReader } from "./byte-reader.ts";
import type { EngineClient } from "./engine-client.ts";
import type { InspectedExec } from "./engine-types.ts";

const longestOutputBytes = 16 * 1024;
const lookMs = 10;
const mostLooks = 300;

export type StartedExec = { readonly id: string; readonly socket: Duplex };

/** Throws what the engine says when it cannot be done. */
export async function startExec(
  client: EngineClient,
  container: string,
  command: readonly string[],
  options: StreamOptions,
): Promise<StartedExec> {
  const { Id: id } = await client.post<{ readonly Id: string }>(`/containers/${container}/exec`, {
    content: {
      AttachStdin: options.stdin,
      AttachStdout: options.stdout,
      AttachStderr: options.stderr && !options.tty,
      Tty: options.tty,
      Cmd: command,
    },
  });
  const socket = await client.hijack(`/exec/${id}/start`, {
    content: { Detach: false, Tty: options.tty },
    timeoutMs: 0,
  });
  return { id, socket };
}

/** Once its output has ended. The engine may need a moment to notice. */
export async function exitOfExec(client: EngineClient, clock: Clock, id: string): Promise<Result<number>> {
  for (let look = 0; look < mostLooks; look++) {
    const { Running, ExitCode } = await client.get<InspectedExec>(`/exec/${id}/json`);
    if (!Running && ExitCode !== null) return ok(ExitCode);
    await new Promise<void>((resolve) => void clock.setTimer(lookMs, resolve));
  }
  return fail("failed", "the command's output has ended, and it has not");
}

export async function execSync(
  client: EngineClient,
  clock: Clock,
  {
    id: container,
    command,
    timeoutMs,
  }: { readonly id: string; readonly command: readonly string[]; readonly timeoutMs: number },
): Promise<Result<ExecResult>> {
  const options = { stdin: false, stdout: true, stderr: true, tty: false };
  const { id, socket } = await startExec(client, container, command, options);
  const output = { stdout: "", stderr: "" };
  const reader = new FrameReader();
  socket.on("data", (chunk: Buffer) => {
    for (const { stream, content } of reader.take(chunk)) append(output, stream, content);
  });
  const ended = new Promise<"ended">((resolve) => {
    for (const event of ["end", "close", "error"]) socket.on(event, () => resolve("ended"));
  });
  let cancel = () => {};
  const tooLong = new Promise<"late">((resolve) => {
    cancel = clock.setTimer(timeoutMs, () => resolve("late"));
  });
  const how = await Promise.race([ended, tooLong]);
  cancel();
  socket.destroy();
  if (how === "late") {
    await killExec(client, id);
    return fail("timeout", `command timed out after ${timeoutMs / 1000}s`);
  }
  const exit = await exitOfExec(client, clock, id);
  if (!exit.ok) return exit;
  const problem = startProblem(exit.value, output);
  return problem === null ? ok({ ...output, exitCode: exit.value }) : fail("failed", problem);
}

function append(output: Record<Frame["stream"], string>, stream: Frame["stream"], content: Buffer): void {
  if (output[stream].length < longestOutputBytes) {
    output[stream] = (output[stream] + content.toString("utf8")).slice(0, longestOutputBytes);
  }
}

/** Engines tell that there is no such command in the place of its output. */
function startProblem(exitCode: number, { stdout, stderr }: { readonly stdout: string; readonly stderr: string }) {
  if (exitCode !== 126 && exitCode !== 127) return null;
  const text = `${stdout}${stderr}`.trim();
  return /^(OCI runtime exec failed|Error: (runc|crun))/.test(text) ? text : null;
}

/** No engine can end a command that it has started; the process can, if the agent may. */
async function killExec(client: EngineClient, id: string): Promise<void> {
  try {
    const { Pid, Running } = await client.get<InspectedExec>(`/exec/${id}/json`);
    if (!Running || Pid <= 1) return;
    for (const pid of withDescendants(Pid)) signal(pid, "SIGKILL");
  } catch {
    // The container is gone, and the command with it, or the engine is: there is nothing to be done.
  }
}
