// The gRPC client against a server that does what servers may do.
import { rmSync } from "node:fs";
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { GrpcClient, grpcCodes } from "../../agents/node/runtime/cri/grpc.ts";
import { decode, encode, message } from "../../agents/node/runtime/cri/protobuf.ts";
import { ownDirectory } from "../containers/own-directory.ts";

const Text = message({ text: [1, "string"] });
const method = { path: "/test.Service/Say", request: Text, response: Text };

let directory: string;
let socketPath: string;
let server: Http2Server | undefined;
let client: GrpcClient;
const sessions = new Set<ServerHttp2Session>();

beforeEach(() => {
  directory = ownDirectory("grpc");
  socketPath = join(directory, "s.sock");
  client = new GrpcClient(socketPath);
});

afterEach(async () => {
  client.close();
  await stop();
  rmSync(directory, { recursive: true, force: true });
});

type Answer = (stream: ServerHttp2Stream, asked: string, headers: Record<string, unknown>) => void;

async function serve(answer: Answer): Promise<void> {
  const listening = createServer();
  server = listening;
  listening.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  listening.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => answer(stream, decode(Text, Buffer.concat(chunks).subarray(5)).text, headers));
  });
  await new Promise<void>((resolve) => listening.listen(socketPath, resolve));
}

async function stop(): Promise<void> {
  for (const session of sessions) session.destroy();
  const stopping = server;
  server = undefined;
  if (stopping !== undefined) await new Promise<void>((resolve) => stopping.close(() => resolve()));
}

function framed(text: string): Buffer {
  const body = encode(Text, { text });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

function respond(stream: ServerHttp2Stream, chunks: readonly Buffer[], trailers: Record<string, string>): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
}

const well = { "grpc-status": "0" };
const say = (text: string, timeoutMs = 5000) => client.call(method, { text }, { timeoutMs });

test("a call is answered, and the server knows how long it may take", async () => {
  await serve((stream, asked, headers) => {
    expect(headers["grpc-timeout"]).toBe("1500m");
    respond(stream, [framed(`${asked}!`)], well);
  });
  expect(await say("hello", 1500)).toEqual({ text: "hello!" });
});

test("an answer is put together from whatever pieces it comes in", async () => {
  const long = "0123456789".repeat(50_000);
  await serve((stream, asked) => {
    const bytes = framed(asked);
    const cuts = [0, 1, 4, 5, 6, 1000, bytes.length];
    respond(
      stream,
      cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end)),
      well,
    );
  });
  expect((await say(long)).text).toBe(long);
});

test("a failure has the server's code and words, whether they come at the end or instead of an answer", async () => {
  await serve((stream, asked) => {
    if (asked === "late") respond(stream, [], { "grpc-status": "2", "grpc-message": "broken%20%E2%82%AC" });
    else stream.respond({ ":status": 200, "grpc-status": "5", "grpc-message": "no such thing" }, { endStream: true });
  });
  await expect(say("late")).rejects.toMatchObject({ code: 2, message: "broken €" });
  await expect(say("early")).rejects.toMatchObject({ code: grpcCodes.notFound, message: "no such thing" });
});

test.each([
  ["no status", (stream: ServerHttp2Stream) => respond(stream, [framed("x")], {}), grpcCodes.unavailable],
  ["no message", (stream: ServerHttp2Stream) => respond(stream, [], well), grpcCodes.unknown],
  [
    "another HTTP status",
    (stream: ServerHttp2Stream) => stream.respond({ ":status": 404 }, { endStream: true }),
    grpcCodes.unavailable,
  ],
  ["a connection that breaks", (stream: ServerHttp2Stream) => stream.session?.destroy(), grpcCodes.unavailable],
  ["a stream that breaks", (stream: ServerHttp2Stream) => stream.close(2), grpcCodes.unavailable],
  [
    "bytes that are none",
    (stream: ServerHttp2Stream) => respond(stream, [Buffer.from("0000000002ffff", "hex")], well),
    undefined,
  ],
] as const)("%s in the answer is a failure, and the next call is none", async (_, misbehave, code) => {
  await serve((stream, asked) => {
    if (asked === "bad") misbehave(stream);
    else respond(stream, [framed("good")], well);
  });
  const failed = await say("bad").then(
    () => null,
    (error: unknown) => error,
  );
  expect(failed).toBeInstanceOf(Error);
  if (code !== undefined) expect(failed).toMatchObject({ code });
  expect(await say("good")).toEqual({ text: "good" });
});

test("a server that does not answer is given up, and one call does not stop the others", async () => {
  await serve((stream, asked) => {
    if (asked !== "silence") respond(stream, [framed(asked)], well);
  });
  const silence = say("silence", 100);
  expect(await say("speech")).toEqual({ text: "speech" });
  await expect(silence).rejects.toMatchObject({ code: grpcCodes.deadlineExceeded });
});

test("a server that was away and is back is found again", async () => {
  await expect(say("x")).rejects.toMatchObject({ code: grpcCodes.unavailable });
  await serve((stream, asked) => respond(stream, [framed(asked)], well));
  expect(await say("first")).toEqual({ text: "first" });
  await stop();
  await expect(say("x")).rejects.toMatchObject({ code: grpcCodes.unavailable });
  await serve((stream, asked) => respond(stream, [framed(asked)], well));
  expect(await say("second")).toEqual({ text: "second" });
});

test("a server that goes on telling is listened to until somebody has enough", async () => {
  let ended = 0;
  await serve((stream) => {
    stream.respond({ ":status": 200 });
    const timer = setInterval(() => stream.write(Buffer.concat([framed("one"), framed("two")])), 10);
    stream.on("close", () => {
      clearInterval(timer);
      ended += 1;
    });
  });
  const told: string[] = [];
  await new Promise<void>((resolve) => {
    const leave = client.listen(
      method,
      {},
      {
        told: ({ text }) => {
          told.push(text);
          if (told.length === 4) {
            leave();
            resolve();
          }
        },
        ended: () => told.push("ended"),
      },
    );
  });
  await expect.poll(() => ended).toBe(1);
  expect(told).toEqual(["one", "two", "one", "two"]);
});

test("who listens is told when the server is gone", async () => {
  await serve((stream) => stream.respond({ ":status": 200 }));
  const lost = new Promise((resolve) => client.listen(method, {}, { told: () => {}, ended: resolve }));
  await expect.poll(() => sessions.size).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await stop();
  expect(await lost).toMatchObject({ code: grpcCodes.unavailable });
});
