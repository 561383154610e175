// exec and attach: the streams of a command over the channels of one connection.
// Source: apimachinery pkg/util/remotecommand, kubelet pkg/server/remotecommand; v5.channel.k8s.io, v4.channel.k8s.io.
import type { Readable, Writable } from "node:stream";

import type { SessionWish } from "../../../src/sync/messages.ts";
import type { ContainerStreams, Result, RuntimeStreams } from "../runtime/runtime.ts";
import { failedStatus, statusOfExit, succeeded } from "./exit-status.ts";
import type { Line } from "./line.ts";
import { untilRoom } from "./until-room.ts";

const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const;
const messageBytes = 32 * 1024;

type CommandWish = Extract<SessionWish, { kind: "exec" | "attach" }>;

export type CommandServing = { readonly streams: RuntimeStreams; readonly containerId: string };

export async function serveCommand(line: Line, wish: CommandWish, serving: CommandServing): Promise<void> {
  const started = await start(wish, serving);
  if (!started.ok) {
    const why = wish.kind === "exec" ? "error executing command in container" : "error attaching to container";
    await sendStatus(line, failedStatus(`${why}: ${started.message}`));
    return;
  }
  const streams = started.value;
  // A command that does not read its input to the end is no trouble of ours.
  streams.stdin?.on("error", () => {});
  void line.closed.then(() => streams.close());
  // As upstream's servers do, before anything else: clients may wait for a first word.
  if (wish.stdout) await line.send(Buffer.of(channels.stdout));
  line.receive((message) => take(message, streams));
  const outputs = Promise.all([
    copy(streams.stdout, line, channels.stdout),
    copy(streams.stderr, line, channels.stderr),
  ]);
  const exit = await Promise.race([streams.exit, line.closed.then(() => null)]);
  if (exit === null) return;
  await Promise.race([outputs, line.closed]);
  await sendStatus(line, statusOf(wish, exit));
}

function start(wish: CommandWish, { streams, containerId }: CommandServing): Promise<Result<ContainerStreams>> {
  const { stdin, stdout, stderr, tty } = wish;
  const options = { stdin, stdout, stderr, tty };
  return wish.kind === "exec" ? streams.exec(containerId, wish.command, options) : streams.attach(containerId, options);
}

function statusOf(wish: CommandWish, exit: Result<number>): object {
  if (!exit.ok) {
    return failedStatus(
      `error ${wish.kind === "exec" ? "executing command in" : "attaching to"} container: ${exit.message}`,
    );
  }
  return exit.value === 0 ? succeeded : statusOfExit(exit.value);
}

async function sendStatus(line: Line, status: object): Promise<void> {
  await line.send(Buffer.concat([Buffer.of(channels.status), Buffer.from(JSON.stringify(status))]));
}

async function copy(from: Readable | undefined, line: Line, channel: number): Promise<void> {
  if (from === undefined) return;
  try {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; at += messageBytes) {
        await line.send(Buffer.concat([Buffer.of(channel), chunk.subarray(at, at + messageBytes)]));
      }
    }
  } catch {
    // The output broke off; the exit says what is to be said.
  }
}

/** Done when there is room for more input. */
async function take(message: Buffer, streams: ContainerStreams): Promise<void> {
  const content = message.subarray(1);
  switch (message[0]) {
    case channels.stdin:
      if (content.length > 0) await write(streams.stdin, content);
      return;
    case channels.resize:
      resize(content, streams);
      return;
    case channels.close:
      if (content[0] === channels.stdin) streams.stdin?.end();
      return;
    default:
  }
}

async function write(stdin: Writable | undefined, content: Buffer): Promise<void> {
  if (stdin === undefined || stdin.writableEnded || stdin.destroyed) return;
  if (!stdin.write(content)) await untilRoom(stdin);
}

function resize(content: Buffer, streams: ContainerStreams): void {
  try {
    const { Width: width, Height: height } = JSON.parse(content.toString("utf8")) as Record<string, unknown>;
    if (isSize(width) && isSize(height)) streams.resize({ width, height });
  } catch {
    // No size: the terminal stays as it is.
  }
}

function isSize(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
}
