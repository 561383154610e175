// Sessions of people with containers: the runtime says where to go for one, and there it is an upgraded connection.
// Source: k8s.io/kubelet pkg/cri/streaming; v4 of remotecommand, and portforward.k8s.io.
import type { ClientRequest, IncomingMessage } from "node:http";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex, Readable } from "node:stream";
import { finished } from "node:stream";

import type { ContainerStreams, Result, RuntimeStreams, StreamOptions } from "../runtime.ts";
import { fail, ok } from "../runtime.ts";
import { attempt } from "./failure.ts";
import type { CriClient } from "./service.ts";
import { methods } from "./service.ts";
import type { SpdyStream } from "./spdy.ts";
import { SpdyConnection } from "./spdy.ts";

const remoteCommand = "v4.channel.k8s.io";
const portForwarding = "portforward.k8s.io";
const connectTimeoutMs = 30_000;
const longestStatusBytes = 64 * 1024;

export class CriStreams implements RuntimeStreams {
  readonly #client: CriClient;

  constructor(client: CriClient) {
    this.#client = client;
  }

  async exec(id: string, command: readonly string[], options: StreamOptions): Promise<Result<ContainerStreams>> {
    const wanted = withoutSecondOutput(options);
    const request = { containerId: id, cmd: command, ...wanted };
    const place = await attempt(() => this.#client.call(methods.exec, request));
    return place.ok ? openStreams(place.value.url, wanted, "the command") : place;
  }

  async attach(id: string, options: StreamOptions): Promise<Result<ContainerStreams>> {
    const wanted = withoutSecondOutput(options);
    const place = await attempt(() => this.#client.call(methods.attach, { containerId: id, ...wanted }));
    return place.ok ? openStreams(place.value.url, wanted, "the attachment") : place;
  }

  async portForward(sandboxId: string, port: number): Promise<Result<Duplex>> {
    const request = { podSandboxId: sandboxId, port: [port] };
    const place = await attempt(() => this.#client.call(methods.portForward, request));
    if (!place.ok) return place;
    const connected = await connect(place.value.url, portForwarding);
    if (!connected.ok) return connected;
    const connection = connected.value;
    const headers = { port: String(port), requestid: "0" };
    const errors = connection.open({ streamtype: "error", ...headers });
    errors.end();
    const bytes = connection.open({ streamtype: "data", ...headers });
    const told = textOf(errors).then((text) => {
      if (text !== "") bytes.destroy(new Error(text));
    });
    bytes.holdEnd(told);
    finished(bytes, () => connection.close());
    return ok(bytes);
  }
}

/** A terminal has one output. */
function withoutSecondOutput(options: StreamOptions): StreamOptions {
  return { ...options, stderr: options.stderr && !options.tty };
}

async function openStreams(url: string, options: StreamOptions, what: string): Promise<Result<ContainerStreams>> {
  const connected = await connect(url, remoteCommand);
  if (!connected.ok) return connected;
  const connection = connected.value;
  const errors = connection.open({ streamtype: "error" });
  errors.end();
  const stdin = options.stdin ? connection.open({ streamtype: "stdin" }) : undefined;
  const outputs = { stdout: output(connection, "stdout", options), stderr: output(connection, "stderr", options) };
  const sizes = options.tty ? connection.open({ streamtype: "resize" }) : undefined;
  // Nothing comes back on these two; to read it is to notice their end.
  stdin?.resume();
  sizes?.resume();
  // Lost streams are told by `exit`.
  for (const stream of [errors, stdin, sizes, outputs.stdout, outputs.stderr]) stream?.on("error", () => {});
  const read = [outputs.stdout, outputs.stderr].map((stream) => (stream === undefined ? undefined : ended(stream)));
  const exit = Promise.all([textOf(errors), ...read]).then(([text]) => {
    connection.close();
    return exitOf(text, what);
  });
  return ok({
    ...(stdin === undefined ? {} : { stdin }),
    ...(outputs.stdout === undefined ? {} : { stdout: outputs.stdout }),
    ...(outputs.stderr === undefined ? {} : { stderr: outputs.stderr }),
    resize: ({ width, height }) => void sizes?.write(`${JSON.stringify({ Width: width, Height: height })}\n`),
    exit,
    close: () => connection.close(),
  });
}

function output(connection: SpdyConnection, name: "stdout" | "stderr", options: StreamOptions) {
  if (!options[name]) return undefined;
  const stream = connection.open({ streamtype: name });
  stream.end();
  return stream;
}

function ended(stream: Readable): Promise<void> {
  return new Promise((resolve) => finished(stream, { writable: false }, () => resolve()));
}

async function textOf(stream: SpdyStream): Promise<string> {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (part: string) => {
    if (text.length < longestStatusBytes) text += part;
  });
  await ended(stream);
  return text;
}

type Status = {
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
};

function exitOf(text: string, what: string): Result<number> {
  if (text === "") return fail("failed", `the connection was lost before ${what} had ended`);
  const status = readStatus(text);
  if (status?.status === "Success") return ok(0);
  const cause = status?.details?.causes?.find(({ reason }) => reason === "ExitCode")?.message;
  if (status?.reason === "NonZeroExitCode" && cause !== undefined) return ok(Number(cause));
  return fail("failed", status?.message ?? text);
}

/** Null for what is no status. */
function readStatus(text: string): Status | null {
  try {
    // A metav1.Status of the runtime; what does not look like one is shown as it is.
    return JSON.parse(text) as Status;
  } catch {
    return null;
  }
}

/** The connection that the runtime has prepared at `url`, which is good for one use and for a minute. */
function connect(url: string, protocol: string): Promise<Result<SpdyConnection>> {
  const place = new URL(url, "http://127.0.0.1");
  return new Promise((resolve) => {
    const options = {
      method: "POST",
      agent: false,
      // It is on this very host, with a certificate that it made for itself.
      rejectUnauthorized: false,
      timeout: connectTimeoutMs,
      headers: { connection: "Upgrade", upgrade: "SPDY/3.1", "x-stream-protocol-version": protocol },
    };
    const request: ClientRequest = (place.protocol === "https:" ? httpsRequest : httpRequest)(place, options);
    request.on("upgrade", (_response, socket, head) => {
      socket.setTimeout(0);
      resolve(ok(new SpdyConnection(socket, head)));
    });
    request.on("response", (response) => void refusal(response).then(resolve));
    request.on("timeout", () => request.destroy(new Error("the runtime does not answer")));
    request.on("error", (error) => resolve(fail("failed", `cannot connect to the runtime: ${error.message}`)));
    request.end();
  });
}

async function refusal(response: IncomingMessage) {
  let text = "";
  response.setEncoding("utf8");
  response.on("data", (part: string) => {
    if (text.length < longestStatusBytes) text += part;
  });
  await ended(response);
  return fail("failed", `the runtime refuses the connection: status ${response.statusCode} ${text.trim()}`);
}
