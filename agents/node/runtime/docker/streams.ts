// Sessions of people: a command, a container's own process, a port, with its ends in the agent's hands.
import type { Duplex } from "node:stream";
import { PassThrough } from "node:stream";

import type { Clock } from "../../ports.ts";
import { untilRoom } from "../../streams/until-room.ts";
import type { ContainerStreams, Result, RuntimeStreams, StreamOptions, TerminalSize } from "../runtime.ts";
import { fail, ok } from "../runtime.ts";
import { FrameReader } from "./byte-reader.ts";
import type { EngineClient } from "./engine-client.ts";
import { isStatus, problemText } from "./engine-client.ts";
import type { InspectedContainer } from "./engine-types.ts";
import { exitOfExec, startExec } from "./execs.ts";

export type EngineStreamsOptions = {
  readonly client: EngineClient;
  readonly clock: Clock;
  /** What is this agent's; null for anything else. */
  inspect(id: string): Promise<InspectedContainer | null>;
};

export class EngineStreams implements RuntimeStreams {
  readonly #options: EngineStreamsOptions;

  constructor(options: EngineStreamsOptions) {
    this.#options = options;
  }

  async exec(id: string, command: readonly string[], options: StreamOptions): Promise<Result<ContainerStreams>> {
    const { client, clock } = this.#options;
    try {
      const container = await this.#options.inspect(id);
      if (container?.State.Running !== true) return fail("not-found", `container ${id} is not running`);
      const started = await startExec(client, id, command, options);
      const exit = () => exitOfExec(client, clock, started.id);
      return ok(this.#streams(started.socket, options, { resizePath: `/exec/${started.id}/resize`, exit }));
    } catch (error) {
      return fail(isStatus(error, 404) ? "not-found" : "failed", problemText(error));
    }
  }

  /** What is asked for beyond what the container has is not there. */
  async attach(id: string, asked: StreamOptions): Promise<Result<ContainerStreams>> {
    try {
      const container = await this.#options.inspect(id);
      if (container?.State.Running !== true) return fail("not-found", `container ${id} is not running`);
      const options = { ...asked, tty: container.Config.Tty === true };
      const flag = (wanted: boolean) => (wanted ? "1" : "0");
      const query = {
        stream: "1",
        stdin: flag(options.stdin),
        stdout: flag(options.stdout),
        stderr: flag(options.stderr),
      };
      const socket = await this.#options.client.hijack(`/containers/${id}/attach`, { query, timeoutMs: 0 });
      const exit = async () => ok(0);
      return ok(this.#streams(socket, options, { resizePath: `/containers/${id}/resize`, exit }));
    } catch (error) {
      return fail(isStatus(error, 404) ? "not-found" : "failed", problemText(error));
    }
  }

  async portForward(sandboxId: string, port: number): Promise<Result<Duplex>> {
    const sandbox = await this.#options.inspect(sandboxId).catch(() => null);
    if (sandbox?.State.Running !== true) return fail("not-found", `sandbox ${sandboxId} is not running`);
    // Loaded when it is needed, which on most nodes is never.
    const { dialInPod } = await import("./pod-dial.ts");
    return dialInPod(sandbox, port);
  }

  #streams(
    socket: Duplex,
    { stdin, stdout, stderr, tty }: StreamOptions,
    { resizePath, exit }: { readonly resizePath: string; readonly exit: () => Promise<Result<number>> },
  ): ContainerStreams {
    const outputs = { stdout: new PassThrough(), stderr: new PassThrough() };
    const whenEnded = pump(socket, outputs, tty);
    const code = whenEnded.then(exit).catch((error: unknown) => fail("failed", problemText(error)));
    return {
      ...(stdin ? { stdin: socket } : {}),
      ...(stdout ? { stdout: outputs.stdout } : {}),
      ...(stderr && !tty ? { stderr: outputs.stderr } : {}),
      resize: ({ width, height }: TerminalSize) => {
        const query = { w: String(width), h: String(height) };
        // One that has ended has no size.
        this.#options.client.post(resizePath, { query }).catch(() => {});
      },
      exit: code,
      close: () => socket.destroy(),
    };
  }
}

/** Resolves when the other side has said all. Whoever reads slowly slows the command down. */
async function pump(
  socket: Duplex,
  outputs: Readonly<Record<"stdout" | "stderr", PassThrough>>,
  tty: boolean,
): Promise<void> {
  const reader = new FrameReader();
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      const frames = tty ? [{ stream: "stdout", content: chunk } as const] : reader.take(chunk);
      for (const { stream, content } of frames) {
        const output = outputs[stream];
        if (!output.write(content)) await untilRoom(output);
      }
    }
  } catch {
    // It was cut off, which ends it as well.
  } finally {
    outputs.stdout.end();
    outputs.stderr.end();
  }
}
