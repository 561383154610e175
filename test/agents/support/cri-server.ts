// A runtime that speaks the CRI and does nothing: it answers as it is told to, and says what it was asked.
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";

import type { Method } from "../../../agents/node/runtime/cri/grpc.ts";
import { grpcCodes } from "../../../agents/node/runtime/cri/grpc.ts";
import type { Encoding, Message, Of } from "../../../agents/node/runtime/cri/protobuf.ts";
import { decode, encode } from "../../../agents/node/runtime/cri/protobuf.ts";

/** A number is the gRPC code that the call fails with; `lost`: the connection breaks instead of an answer. */
type Answer<M extends Message> = Encoding<M> | number | "lost";

export class CriServer {
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #answers = new Map<string, (request: Buffer) => Buffer | number | "lost">();

  private constructor() {
    this.#server = createServer();
    this.#server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
    });
    this.#server.on("stream", (stream, { ":path": path = "" }) => {
      const chunks: Buffer[] = [];
      stream.on("error", () => {});
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => this.#answer(stream, path, Buffer.concat(chunks).subarray(headBytes)));
    });
  }

  static async start(socketPath: string): Promise<CriServer> {
    const server = new CriServer();
    await new Promise<void>((resolve) => server.#server.listen(socketPath, resolve));
    return server;
  }

  /** In place of what it answered before. Methods that nothing is said of are unimplemented. Returns what is asked from now on. */
  on<Request extends Message, Response extends Message>(
    { path, request, response }: Method<Request, Response>,
    answer: Answer<Response> | ((request: Of<Request>) => Answer<Response>),
  ): readonly Of<Request>[] {
    const asked: Of<Request>[] = [];
    this.#answers.set(path, (body) => {
      // What is decoded by a table is what the table says.
      const question = decode(request, body) as Of<Request>;
      asked.push(question);
      const given = typeof answer === "function" ? answer(question) : answer;
      return typeof given === "object" ? encode(response, given) : given;
    });
    return asked;
  }

  async stop(): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #answer(stream: ServerHttp2Stream, path: string, body: Buffer): void {
    const answer = this.#answers.get(path)?.(body) ?? grpcCodes.unimplemented;
    if (answer === "lost") {
      stream.session?.destroy();
      return;
    }
    if (typeof answer === "number") {
      const headers = { ":status": 200, "grpc-status": String(answer), "grpc-message": "as the test would have it" };
      stream.respond(headers, { endStream: true });
      return;
    }
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    const head = Buffer.alloc(headBytes);
    head.writeUInt32BE(answer.length, 1);
    stream.end(Buffer.concat([head, answer]));
  }
}

const headBytes = 5;
